"""Rows by what they are nearest to: something liked, or something not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .searched import Found, Searched

_FEWEST = 100  # rows looked at first
_GROWTH = 4  # times as many, when they weren't enough


def best(rows: Searched, positive: NDArray[np.float32], negative: NDArray[np.float32], k: int) -> Found:
    """Return the k best rows, their distances, and whether it is proven that they are.

    Parameters
    ----------
    rows : Searched
    positive, negative : float32, shapes (p, dims) and (n, dims)
        One of them at least is not empty.
    k : int

    Returns
    -------
    ids, distances, proven
        First the rows nearer to something positive than to anything negative, by their distance to the nearest
        positive; then the others, farthest from the nearest negative first. Ties by order. With nothing positive there
        are only the others. Distances are to the nearest positive, and with nothing positive to the nearest negative.
    """
    if not len(positive):
        ids = rows.every()
        away = _to_nearest(rows, negative, ids)
        first = np.lexsort((rows.order(ids), -away))[:k]
        return ids[first], away[first], True
    size = min(max(_FEWEST, 2 * k), rows.most)
    while True:
        found, _, proven = rows.nearest(positive, size)
        ids = np.unique(found)
        near = _to_nearest(rows, positive, ids)
        # of the rows nearest to any, so many are all there: each is among as many nearest to one
        first = np.lexsort((rows.order(ids), near))[: found.shape[1]]
        ids, near = ids[first], near[first]
        away = _to_nearest(rows, negative, ids)
        liked = near < away
        if found.shape[1] < size or size >= rows.most:
            proven = True  # every row was compared
            break
        if int(liked.sum()) >= k:
            ids, near, away, liked = ids[liked], near[liked], away[liked], liked[liked]
            break
        size = min(size * _GROWTH, rows.most)
    rank = np.lexsort((rows.order(ids), np.where(liked, near, -away), ~liked))[:k]
    return ids[rank], near[rank], proven


def _to_nearest(rows: Searched, examples: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each row is from the nearest of the examples."""
    nearest = np.full(len(ids), np.inf)
    for one in examples:
        np.minimum(nearest, rows.distances(one, ids), out=nearest)
    return nearest
