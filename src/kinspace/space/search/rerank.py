"""Searching on the first components of vectors, and ordering what that finds by all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...explain import UNTRACED, Trace
from ...length import Length
from ..parts.bits import Words
from ..parts.effort import DEFAULT, EXACT, Effort
from ..parts.expand import enough
from ..parts.meta import Meta
from ..state.view import Answer, View

_FEWEST = 100  # candidates of an index, unless the caller says how many


def nearest(
    view: View,
    queries: NDArray[np.float32],
    k: int,
    effort: Effort,
    length: Length,
    *,
    masks: Sequence[Words | None] | None = None,
    exclude: int = -1,
    threads: int = 0,
    trace: Trace = UNTRACED,
) -> Answer:
    """The k nearest to one query or to each of many.

    Distances are those of the components compared, or of all of them after a rerank, which is proven only if every
    row that may match was a candidate.
    """
    dims, whole = length.dims, length.dims == length.full
    if whole:
        if effort.exact or view.meta.index_dims is None or not any(view.graphs):
            return view.nearest(queries, k, effort, masks=masks, exclude=exclude, threads=threads, trace=trace)
        dims = view.meta.index_dims
        effort, length = _aimed(view, k, effort, length)
    if view.meta.rotate is not None:
        check_answerable(view.meta, length, queries.shape[-1])
        wanted = min(length.candidates(k), view.starts[-1])
        found, distances, _, visited = view.nearest(
            queries, wanted + 1, EXACT, dims, masks=masks, exclude=exclude, threads=threads, trace=trace
        )
        return Answer(found[..., :k], distances[..., :k], found.shape[-1] <= wanted or k == 0, visited)
    short = np.ascontiguousarray(queries[..., :dims])
    if not (whole or length.reranks(queries.shape[-1])):
        return view.nearest(short, k, effort, dims, masks=masks, exclude=exclude, threads=threads, trace=trace)
    wanted = min(length.candidates(k), view.starts[-1])
    # one more tells whether there are rows that are no candidates
    found, _, _, visited = view.nearest(
        short, wanted + 1, effort, dims, masks=masks, exclude=exclude, threads=threads, trace=trace
    )
    proven = found.shape[-1] <= wanted or k == 0
    candidates = found[..., :wanted]
    with trace.stage("rerank", candidates=candidates.size, dims=length.full):
        return Answer(*ordered(view, queries, candidates, k), proven, visited)


def check_answerable(meta: Meta, length: Length, components: int) -> None:
    """InvalidInput if queries of so many components ask for what a space whose vectors are rotated can't tell."""
    if meta.rotate is not None and length.dims < length.full and not length.reranks(components):
        raise InvalidInput(
            f"the first {length.dims} components of this space are along axes of its own (rotate='pca'): they find "
            f"candidates, which are ordered by all {length.full}; give whole queries and leave rerank out"
        )


def _aimed(view: View, k: int, effort: Effort, length: Length) -> tuple[Effort, Length]:
    """How to search indexes over first components so that their candidates, ordered by all, have the recall asked for.

    What is near by all components and no candidate by the first is half of what may be missed. The rest is for what an
    index does not find: of many candidates it misses far ones, which matter little, so they are many, found at ease.
    """
    if effort.ef or length.expand is not None:
        return effort, length
    curves = view.indexes.curves(view.parts)
    expand = max([-(-_FEWEST // max(1, k)), *(enough(curve, k, (1.0 + effort.recall) / 2) for curve in curves)])
    return effort._replace(recall=min(effort.recall, DEFAULT.recall)), length._replace(expand=expand)


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
