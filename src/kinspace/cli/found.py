"""What a query found, as a table and extracts for people, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import polars as pl

    from ..explain import Explanation
    from ..space.space import Space
    from ..space.text.hits import TextHits


class Found(NamedTuple):
    """Rows with what they were ordered by, by name; of a search by text, its hits, and how many come before these."""

    rows: list[dict[str, Any]]
    measures: tuple[str, ...]
    columns: list[str]
    exact: bool
    text: TextHits | None = None
    offset: int = 0


def of_rows(rows: pl.DataFrame, distances: list[float], *, exact: bool) -> Found:
    """Rows and their distances."""
    measured = [
        {"distance": distance, **row} for distance, row in zip(distances, rows.iter_rows(named=True), strict=True)
    ]
    return Found(measured, ("distance",), [name for name in rows.columns if name != "key"], exact)


def of_text(hits: TextHits, offset: int) -> Found:
    """What a search by words found, without the first so many."""
    found = of_rows(hits.rows[offset:], hits.distances[offset:].tolist(), exact=hits.exact)
    if hits.mode == "vector":
        return found
    scored = [{"_score": score, **row} for score, row in zip(hits.scores[offset:].tolist(), found.rows, strict=True)]
    return found._replace(rows=scored, measures=("distance", "_score"), text=hits, offset=offset)


def show(
    space: Space, found: Found, columns: list[str] | None, seconds: float, how: Explanation | None, *, as_json: bool
) -> None:
    """Print it, with these columns or with those that fit."""
    from . import screen

    names = found.columns if columns is None else columns
    if as_json:
        told = [{name: row[name] for name in (*found.measures, "key", *names)} for row in found.rows]
        if found.text is not None:
            told = [
                row | {"snippet": one} for row, one in zip(told, found.text.snippets()[found.offset :], strict=True)
            ]
        about = {"space": space.name, "metric": space.metric, "exact": found.exact, "seconds": seconds}
        screen.print_json(about | {"hits": told} | ({} if how is None else {"explanation": how.to_dict()}))
        return
    out = screen.console()
    if found.rows:
        out.print(screen.hits_table(found.rows, names, out.width, chosen=columns is not None))
    by = f"{space.metric} distance"
    if found.text is not None:
        by = "by words and vectors" if found.text.mode == "hybrid" else "by words"
        by += ", a higher score is better"
        extracts = found.text.snippets(before=screen.MARK, after=screen.MARK, escape=False)
        for key, one in list(zip(found.text.keys, extracts, strict=True))[found.offset :]:
            out.print(screen.marked(key, one))
    hidden = f"{len(found.rows)} of {len(space):,} rows, {by}, {'exact' if found.exact else 'approximate'}"
    out.print(f"{hidden}, {screen.duration(seconds)}", style="dim")
    if how is not None:
        out.print()
        out.print(str(how), markup=False, highlight=False, soft_wrap=True)
