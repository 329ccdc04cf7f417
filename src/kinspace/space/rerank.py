"""Searching on the first components of vectors, and ordering what that finds by all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..length import Length
from .bits import Words
from .effort import Effort
from .view import View


def nearest(
    view: View,
    queries: NDArray[np.float32],
    k: int,
    effort: Effort,
    length: Length,
    *,
    masks: list[Words] | None = None,
    exclude: int = -1,
    threads: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.float64], bool]:
    """Positions and distances of the k nearest to one query or to each of many; whether they are proven exact.

    Distances are those of the components compared, or of all of them after a rerank, which is proven only if every
    row that may match was a candidate.
    """
    dims, whole = length.dims, length.dims == length.full
    if whole:
        dims = _candidates_at(view, effort)
        if dims == length.full:
            return view.nearest(queries, k, effort, masks=masks, exclude=exclude, threads=threads)
    short = np.ascontiguousarray(queries[..., :dims])
    if not (whole or length.reranks(queries)):
        return view.nearest(short, k, effort, dims, masks=masks, exclude=exclude, threads=threads)
    wanted = min(k * length.expand, view.starts[-1])
    # one more tells whether there are rows that are no candidates
    found, _, _ = view.nearest(short, wanted + 1, effort, dims, masks=masks, exclude=exclude, threads=threads)
    proven = found.shape[-1] <= wanted or k == 0
    return (*_reranked(view, queries, found[..., :wanted], k), proven)


def _candidates_at(view: View, effort: Effort) -> int:
    """The components that candidates of a whole search are found by: fewer than all if there are indexes over them."""
    dims = view.meta.index_dims
    return view.meta.dims if dims is None or effort.exact or not any(view.graphs) else dims


def _reranked(
    view: View, queries: NDArray[np.float32], found: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest of those candidates by all components, for one query or for each of many."""
    if queries.ndim == 1:
        distances = view.distances(queries, found)
        order = np.argsort(distances, kind="stable")
        ascending = distances[order]
        if bool((ascending[1:] == ascending[:-1]).any()):
            order = np.lexsort((view.seqs(found), distances))
        order = order[:k]
        return found[order], distances[order]
    kept = min(k, found.shape[1])
    positions, distances = np.empty((len(found), kept), np.int64), np.empty((len(found), kept), np.float64)
    for place, (query, candidates) in enumerate(zip(queries, found, strict=True)):
        positions[place], distances[place] = _reranked(view, query, candidates, k)
    return positions, distances
