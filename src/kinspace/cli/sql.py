"""kinspace sql: the answer of a SELECT statement."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Annotated, Any

import typer

from ..errors import InvalidInput
from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, open_hub


@guarded
def sql(
    statement: Annotated[
        str,
        typer.Argument(
            metavar="SQL",
            help="\"select key, title, _dist from docs where year > 2020 order by vector <=> '[…]' limit 10\"",
            show_default=False,
        ),
    ],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="What :name stands for: JSON, or else plain text."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Ask for a proven answer.")] = False,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Answer one SELECT from one space, with pgvector's operators.

    <-> is l2, <=> cosine, <#> the negative inner product, <~> hamming and <%> jaccard: the space's own.
    With --json: seconds, and rows, each with its columns by name.
    """
    from . import screen

    params = dict(map(_parameter, param or ()))
    with open_hub(hub) as opened:
        begin = perf_counter()
        frame = opened.sql(statement, params or None, exact=exact)
        seconds = perf_counter() - begin
    rows: list[dict[str, Any]] = frame.to_dicts()
    if as_json:
        screen.print_json({"seconds": seconds, "rows": rows})
        return
    out = screen.console()
    if rows:
        out.print(screen.table(rows, frame.columns, out.width))
    out.print(f"{len(rows):,} rows, {screen.duration(seconds)}", style="dim")


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InvalidInput(f"--param takes NAME=VALUE; got {text!r:.60}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
