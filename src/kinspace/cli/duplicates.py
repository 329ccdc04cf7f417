"""kinspace duplicates: groups of rows whose vectors lie within a threshold of each other."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 20  # groups, and keys of a group


@guarded
def duplicates(
    space: SpaceArgument,
    threshold: Annotated[
        float, typer.Option("--threshold", "-t", help="Rows at most so far apart, by the space's metric.")
    ] = 0.0,
    where: Annotated[
        str | None, typer.Option("--where", metavar="SQL", help='Only rows for which it is true: "year > 2020".')
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Find rows that are near duplicates of each other, and show them as groups, largest first.

    Every pair within the threshold is found; two rows are in one group if a chain of pairs leads from one to the
    other. With --json: space, metric, threshold, seconds, and groups, each a list of keys in insertion order.
    """
    from . import screen

    with open_hub(hub) as opened:
        source = opened.get_space(space)
        begin = perf_counter()
        found = source.near_duplicates(threshold, where=where, groups=True)
        seconds = perf_counter() - begin
        rows = len(source)
    groups = _largest_first(found)
    if as_json:
        about = {"space": space, "metric": source.metric, "threshold": threshold, "seconds": seconds}
        screen.print_json(about | {"groups": groups})
        return
    out = screen.console()
    if groups:
        shown: list[dict[str, Any]] = [{"rows": len(keys), "keys": keys[:_SHOWN]} for keys in groups[:_SHOWN]]
        out.print(screen.table(shown, ["rows", "keys"], out.width))
    told = f"{found.height:,} of {rows:,} rows in {len(groups):,} groups, {found.height - len(groups):,} too many"
    out.print(f"{told}, {screen.duration(seconds)}", style="dim")


def _largest_first(found: pl.DataFrame) -> list[list[Any]]:
    """The keys of each group."""
    keys: list[list[Any]] = found.group_by("group", maintain_order=True).agg("key")["key"].to_list()
    return sorted(keys, key=len, reverse=True)
