"""Searching on the first components of vectors, and ordering what that finds by all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..length import EXPAND, Length
from .bits import Words
from .effort import Effort
from .expand import enough
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
        if effort.exact or view.meta.index_dims is None or not any(view.graphs):
            return view.nearest(queries, k, effort, masks=masks, exclude=exclude, threads=threads)
        dims = view.meta.index_dims
        effort, length = _aimed(view, k, effort, length)
    short = np.ascontiguousarray(queries[..., :dims])
    if not (whole or length.reranks(queries)):
        return view.nearest(short, k, effort, dims, masks=masks, exclude=exclude, threads=threads)
    wanted = min(length.candidates(k), view.starts[-1])
    # one more tells whether there are rows that are no candidates
    found, _, _ = view.nearest(short, wanted + 1, effort, dims, masks=masks, exclude=exclude, threads=threads)
    proven = found.shape[-1] <= wanted or k == 0
    return (*ordered(view, queries, found[..., :wanted], k), proven)


def _aimed(view: View, k: int, effort: Effort, length: Length) -> tuple[Effort, Length]:
    """How to search indexes over first components so that their candidates, ordered by all, have the recall asked for.

    What is missed may be no candidate by the first components, or one that the index does not find: half of it each.
    """
    if effort.ef or length.expand is not None:
        return effort, length
    recall = (1.0 + effort.recall) / 2
    curves = view.indexes.curves(view.parts)
    expand = max((enough(curve, k, recall) for curve in curves), default=EXPAND)
    return effort._replace(recall=recall), length._replace(expand=expand)


def ordered(
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
        positions[place], distances[place] = ordered(view, query, candidates, k)
    return positions, distances
