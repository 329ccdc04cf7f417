"""Rows that lie within a threshold of each other: every pair of them, or the groups that the pairs join up to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..parts.bits import Words, cleared, unpack
from ..parts.effort import EXACT
from ..state.view import View
from .join import BATCH_ROWS, HITS, key_column

if TYPE_CHECKING:
    import polars as pl

FIRST, GROWTH = 16, 4  # neighbours asked for at first, and how many times more where that was not all
Places = NDArray[np.int64]  # of rows in `order`, which holds positions in insertion order


def in_pairs(view: View, threshold: float, masks: list[Words] | None, threads: int) -> Iterator[pl.DataFrame]:
    """Frames of key, neighbor and _dist, at most HITS rows at a time unless one row alone has more."""
    import polars as pl

    order = _order(view, masks)
    found = _pairs(view, order, threshold, threads)
    none = np.empty(0, np.int64)
    for earlier, later, distances in chain([next(found, (none, none, np.empty(0)))], found):
        yield pl.DataFrame(
            [
                key_column("key", view, order[earlier]),
                key_column("neighbor", view, order[later]),
                pl.Series("_dist", distances),
            ]
        )


def in_groups(view: View, threshold: float, masks: list[Words] | None, threads: int) -> pl.DataFrame:
    """A frame of group and key, of rows that have a near duplicate; the pairs are not kept."""
    import polars as pl

    order = _order(view, masks)
    root = np.arange(len(order))
    for earlier, later, _ in _pairs(view, order, threshold, threads):
        _unite(root, earlier, later)
    _find(root, np.arange(len(order)))
    members = np.flatnonzero(np.bincount(root, minlength=len(order))[root] > 1)
    _, groups = np.unique(root[members], return_inverse=True)
    sorting = np.argsort(groups, kind="stable")
    return pl.DataFrame(
        [
            pl.Series("group", groups[sorting], dtype=pl.Int64),
            key_column("key", view, order[members[sorting]]),
        ]
    )


def _order(view: View, masks: list[Words] | None) -> NDArray[np.int64]:
    """The positions of the live rows that match, in insertion order."""
    order = np.concatenate([np.empty(0, np.int64), *view.in_order()])
    if masks is None:
        return order
    matches = np.concatenate([unpack(words, part.rows) for words, part in zip(masks, view.parts, strict=True)])
    matching: NDArray[np.int64] = order[matches[order]]
    return matching


def _pairs(
    view: View, order: NDArray[np.int64], threshold: float, threads: int
) -> Iterator[tuple[Places, Places, NDArray[np.float64]]]:
    """Places of the earlier and of the later row of every pair, and the distance; a row's pairs come together.

    A row is compared with those after it alone: a batch that has been asked is looked at no more.
    """
    place = np.empty(view.starts[-1], np.int64)
    place[order] = np.arange(len(order))
    left = _bitmaps(view, order)
    for start in range(0, len(order), BATCH_ROWS):
        here = np.arange(start, min(start + BATCH_ROWS, len(order)))
        asked, k = here, FIRST
        while len(asked):
            again = []
            step = max(1, HITS // k)
            for some in (asked[first : first + step] for first in range(0, len(asked), step)):
                found, distances, whole = _within(view, view.vectors(order[some]), threshold, k, left, threads)
                again.append(some[~whole])
                others = place[found]
                near = (distances <= threshold) & (others > some[:, None]) & whole[:, None]
                if near.any():
                    yield np.repeat(some, near.sum(axis=1)), others[near], distances[near]
            asked, k = np.concatenate(again), GROWTH * k
        left = _without(view, left, order[here])


def _within(
    view: View, queries: NDArray[np.float32], threshold: float, k: int, masks: list[Words], threads: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Positions and distances (m, up to k) of the nearest rows, and whether none within the threshold is missing.

    The only place that asks for rows by distance: a search that stops at the threshold belongs here.
    """
    found, distances, *_ = view.nearest(queries, k, EXACT, masks=masks, threads=threads)
    if distances.shape[1] < k:  # those are all there are
        return found, distances, np.ones(len(queries), np.bool_)
    return found, distances, distances[:, -1] > threshold


def _bitmaps(view: View, positions: NDArray[np.int64]) -> list[Words]:
    """For each part a bitmap of those rows."""
    from ...filter import pack_bits

    chosen = np.zeros(view.starts[-1], np.bool_)
    chosen[positions] = True
    return [pack_bits(rows) for rows in np.split(chosen, view.starts[1:-1])]


def _without(view: View, bitmaps: list[Words], positions: NDArray[np.int64]) -> list[Words]:
    """The bitmaps with those rows cleared."""
    out = []
    for bitmap, start, stop in zip(bitmaps, view.starts, view.starts[1:], strict=False):
        rows = positions[(positions >= start) & (positions < stop)] - start
        out.append(cleared(bitmap, rows) if len(rows) else bitmap)
    return out


def _unite(root: Places, some: Places, others: Places) -> None:
    """Union of two places of each pair: root[i] leads to the first of i's group."""
    while True:
        some, others = _find(root, some), _find(root, others)
        apart = some != others
        if not apart.any():
            return
        some, others = some[apart], others[apart]
        np.minimum.at(root, np.maximum(some, others), np.minimum(some, others))


def _find(root: Places, places: Places) -> Places:
    """The first of each one's group, which they then lead to at once."""
    found = root[places]
    while not np.array_equal(found, above := root[found]):
        found = above
    root[places] = found
    return found
