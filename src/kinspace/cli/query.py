"""kinspace query: the nearest rows of a space."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidInput
from .guard import guarded, one_of
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub, parse_key

if TYPE_CHECKING:
    from ..space.hits import Hits
    from ..space.space import Space


@guarded
def query(
    space: SpaceArgument,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS…", help="What to look for, if the space has an embedder.", show_default=False),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="The neighbours of this key's row.")] = None,
    vector: Annotated[str | None, typer.Option("--vector", metavar="JSON", help="A vector: '[0.1, 0.2, …]'.")] = None,
    vector_file: Annotated[Path | None, typer.Option("--vector-file", help="A vector in a .npy file.")] = None,
    k: Annotated[int, typer.Option("-k", min=0, help="How many rows.")] = 10,
    where: Annotated[
        str | None, typer.Option("--where", metavar="SQL", help='Only rows for which it is true: "year > 2020".')
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="Columns to show; by default those that fit.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Ask for a proven answer.")] = False,
    dims: Annotated[
        int | None, typer.Option("--dims", metavar="D", help="Compare the first D components of the vectors only.")
    ] = None,
    rerank: Annotated[
        bool | None,
        typer.Option("--rerank/--no-rerank", help="With --dims: order what that finds by all components, or not."),
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Find the rows nearest to words, a vector, or a key's row.

    By key, the key's own row is left out.
    Distances are the metric's, smaller is nearer. With --json: space, metric, exact, seconds, and hits, each with
    distance, key and the columns.
    """
    asked = one_of(words=words or None, key=key, vector=vector, vector_file=vector_file)
    with open_hub(hub) as opened:
        target = opened.get_space(space)
        shown = _columns(target, columns)
        search: dict[str, Any]
        if asked == "words":
            search = {"vector": _embedded(target, " ".join(words or ()))}
        elif asked == "key":
            search = {"key": parse_key(target, key or "")}
        else:
            search = {"vector": _parse_vector(vector) if vector is not None else _read_vector(vector_file or Path())}
        begin = perf_counter()
        hits = target.nearest_neighbors(k, where=where, exact=exact, dims=dims, rerank=rerank, **search)
        seconds = perf_counter() - begin
        _show(target, hits, shown, seconds, as_json=as_json)


def _show(space: Space, hits: Hits, columns: list[str] | None, seconds: float, *, as_json: bool) -> None:
    from . import screen

    rows = [
        {"distance": distance, **row}
        for distance, row in zip(hits.distances.tolist(), hits.rows.iter_rows(named=True), strict=True)
    ]
    names = [name for name in hits.rows.columns if name != "key"] if columns is None else columns
    if as_json:
        told = [{name: row[name] for name in ("distance", "key", *names)} for row in rows]
        about = {"space": space.name, "metric": space.metric, "exact": hits.exact, "seconds": seconds}
        screen.print_json(about | {"hits": told})
        return
    out = screen.console()
    if rows:
        out.print(screen.hits_table(rows, names, out.width, chosen=columns is not None))
    hidden = f"{len(hits)} of {len(space):,} rows, {space.metric} distance, {'exact' if hits.exact else 'approximate'}"
    out.print(f"{hidden}, {screen.duration(seconds)}", style="dim")


def _columns(space: Space, columns: str | None) -> list[str] | None:
    """Return the names asked for, or None if that is left to us."""
    if columns is None:
        return None
    names = [name.strip() for name in columns.split(",") if name.strip() not in ("", "key", "distance")]
    unknown = [name for name in names if name not in space.columns]
    if unknown:
        raise InvalidInput(
            f"space {space.name!r} has no column {unknown[0]!r}; it has: {', '.join(space.columns) or 'none'}"
        )
    return names


def _embedded(space: Space, words: str) -> Any:
    if space.embedder is None:
        raise InvalidInput(
            f"space {space.name!r} has no embedder, so it can't be asked in words; use --key or --vector"
        )
    from ..embed import query_vector

    return query_vector(space.embedder, words)


def _parse_vector(text: str) -> Any:
    try:
        vector = json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            f"--vector must be a JSON list of numbers such as '[0.1, 0.2]'; got {text!r:.60} ({error})"
        ) from None
    if not isinstance(vector, list) or not all(type(x) in (int, float) for x in vector):
        raise InvalidInput(f"--vector must be a JSON list of numbers such as '[0.1, 0.2]'; got {text!r:.60}")
    return vector


def _read_vector(path: Path) -> Any:
    from .files import open_npy

    array = open_npy(path)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1:
        raise InvalidInput(f"{path} must hold one vector; it holds an array of shape {array.shape}")
    return array
