"""What kinspace query shows of a search by words: scores, and extracts with the words marked."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import screen

if TYPE_CHECKING:
    from ..space.space import Space


def show_by_text(
    space: Space, words: str, k: int, how: dict[str, Any], columns: list[str] | None, *, as_json: bool
) -> None:
    """Search, and print the hits; by vector alone they have distances and no extracts."""
    begin = perf_counter()
    hits = space.search(words, k, **how)
    seconds = perf_counter() - begin
    scored = hits.mode != "vector"
    values = {"distance": hits.distances.tolist()} | ({"_score": hits.scores.tolist()} if scored else {})
    measured = [dict(zip(values, each, strict=True)) for each in zip(*values.values(), strict=True)]
    rows = [one | row for one, row in zip(measured, hits.rows.iter_rows(named=True), strict=True)]
    names = [name for name in hits.rows.columns if name != "key"] if columns is None else columns
    if as_json:
        told = [{name: row[name] for name in (*values, "key", *names)} for row in rows]
        if scored:
            told = [row | {"snippet": found} for row, found in zip(told, hits.snippets(), strict=True)]
        about = {"space": space.name, "metric": space.metric, "exact": hits.exact, "seconds": seconds}
        screen.print_json(about | {"hits": told})
        return
    out = screen.console()
    if rows:
        out.print(screen.hits_table(rows, names, out.width, chosen=columns is not None))
    if scored:
        extracts = hits.snippets(before=screen.MARK, after=screen.MARK, escape=False)
        for key, extract in zip(hits.keys, extracts, strict=True):
            out.print(screen.marked(key, extract))
    by = "by text, a higher score is better" if scored else f"{space.metric} distance"
    told_of = f"{len(hits)} of {len(space):,} rows, {by}, {'exact' if hits.exact else 'approximate'}"
    out.print(f"{told_of}, {screen.duration(seconds)}", style="dim")
