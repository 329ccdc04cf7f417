"""The rows of a select in their order, as far as they are wanted: by distance, by columns, or as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from .cursor import Cursor
from .grouping import first_of_each
from .plan import Plan, Sort
from .projection import check_orderable
from .source import Rows, Search

_FIRST, _GROWTH = 1_000, 16  # rows ranked at first where nobody knows how many, and how many times more after that
_WRITTEN = 64  # rows that may have come before a page since the one before
_EVERY = 2**62  # more than there are


class Ordered(NamedTuple):
    """Rows in order, without those that come before the place asked for."""

    handles: NDArray[np.int64]
    distances: NDArray[np.float64] | None = None


def ordered(
    rows: Rows,
    plan: Plan,
    search: Search | None,
    wanted: int | None,
    after: Cursor | None = None,
    *,
    paged: bool = False,
) -> Ordered:
    """Return the first rows of the order that come after a place in it: at least so many if there are, None for all.

    With ``paged`` the order must be the same however many are wanted, so that it is that of an exact search.
    """
    if search is None:
        return Ordered(_listed(rows, plan, after))
    if plan.within is not None or plan.group is not None or paged:
        check_one_order(search, "within" if plan.within is not None else "group" if plan.group is not None else "page")
        return _ranked(rows, plan, search, _EVERY if wanted is None else wanted, after)
    return Ordered(*search.nearest(_EVERY if wanted is None else wanted, exact=False))


def check_one_order(search: Search, part: str) -> None:
    """InvalidInput if the order of the search depends on how many rows are asked for."""
    if search.by_candidates:
        raise InvalidInput(
            f"{part} needs the order of all rows by one distance, and this nearest ranks no more than some candidates, "
            f"or by more than that: leave dims out or give rerank=False; leave out diversity, boost and strategy='best'"
        )


def _ranked(rows: Rows, plan: Plan, search: Search, wanted: int, after: Cursor | None) -> Ordered:
    """Rank more and more rows until those wanted are among them, or there are no more.

    Ranking a thousand rows costs little more than ranking ten, and ranking all of them not ten times as much.
    """
    k = wanted  # enough where each row that is ranked is one of those wanted
    if after is not None:
        k += after.given + (plan.offset or 0) + _WRITTEN
    if plan.group is not None:
        k += _FIRST
    elif plan.within is not None:
        k = min(k, _FIRST)
    while True:
        k = min(k, _EVERY)
        handles, distances = search.nearest(k, exact=True)
        whole = len(handles) < k
        if plan.within is not None:
            near = int(np.searchsorted(distances, plan.within, "right"))
            whole = whole or near < len(handles)
            handles, distances = handles[:near], distances[:near]
        start = 0 if after is None else after.place_by_distance(rows, handles, distances)
        if plan.group is not None and len(handles):
            kept = np.flatnonzero(first_of_each(rows, handles, plan.group))
            start = int(np.searchsorted(kept, start))
            handles, distances = handles[kept], distances[kept]
        if whole or len(handles) - start >= wanted:
            return Ordered(handles[start:], distances[start:])
        k *= _GROWTH


def _listed(rows: Rows, plan: Plan, after: Cursor | None) -> NDArray[np.int64]:
    """The rows by the columns of sort, or in row order."""
    handles = rows.matching(plan.predicate(rows))
    start = 0 if after is None else after.place_by_seq(rows, handles)
    if plan.sort is not None:
        handles, start = _sorted(rows, plan.sort, handles, after, start)
    if plan.group is not None:
        kept = np.flatnonzero(first_of_each(rows, handles, plan.group))
        handles, start = handles[kept], int(np.searchsorted(kept, start))
    return handles[start:]


def _sorted(
    rows: Rows, sort: Sort, handles: NDArray[np.int64], after: Cursor | None, start: int
) -> tuple[NDArray[np.int64], int]:
    """The rows by columns, ties as they came, and how many of them come before the cursor.

    The cursor's values are sorted along with the rows', just where a row of its seq would stand: so there is one
    way to compare values, whatever they are.
    """
    check_orderable(sort.columns, rows.schema, "sort by")
    frame = rows.take(handles, sort.columns)
    if after is not None:
        frame = pl.concat([frame[:start], after.row(frame.schema), frame[start:]])
    order = pl.arg_sort_by(sort.columns, descending=list(sort.descending), nulls_last=True, maintain_order=True)
    try:
        places = frame.select(order).to_series().to_numpy().astype(np.int64)
    except pl.exceptions.PolarsError as error:
        types = ", ".join(f"{name!r} ({rows.schema[name]})" for name in sort.columns)
        raise InvalidInput(f"cannot sort by {types}: {error}") from error
    if after is None:
        return handles[places], 0
    at = int(np.flatnonzero(places == start)[0])
    places = np.delete(places, at)
    return handles[places - (places > start)], at
