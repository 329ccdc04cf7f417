"""How many components a space's searches can do with: measured, length by length."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...length import Length, parse_length
from ...storage.dtypes import row_bytes
from ...types import parse_count
from ..parts.effort import EXACT
from ..parts.fit import space_queries
from ..state.view import View
from .recall import sample_rows
from .recommendation import Recommendation, Row
from .rerank import ordered

SAMPLE = 100  # rows that ask, unless the caller has queries
_FEWEST = 32  # the shortest length tried is about this part of all


def recommend(view: View, queries: Any, k: object, recall: object, expand: object) -> Recommendation:
    """Measure each length on the same questions; the shortest that reaches the recall is recommended."""
    hits, target = parse_count(k, "k"), _parse_recall(recall)
    every = parse_length(view.meta.dims, None, None, expand)
    asked, rows = _questions(view, queries)
    truth = [_truth(view, query, hits, row) for query, row in zip(asked, rows, strict=True)]
    if not any(len(keys) for keys, _ in truth):
        raise InvalidInput("there is no row to be found in the space; recommend_dims needs some")
    table = [_measured(view, every._replace(dims=dims), asked, rows, hits, truth) for dims in lengths(view)]
    best = next(row for row in table if row.recall_reranked >= target)  # all components find all there is
    return Recommendation(best.dims, target, hits, every.candidates(1), len(asked), tuple(table))


def lengths(view: View) -> list[int]:
    """The lengths to choose from, ascending: those the model was trained for, or powers of two; and all components."""
    dims = view.meta.dims
    powers = [1 << power for power in range(dims.bit_length()) if (1 << power) * _FEWEST >= dims]
    return sorted({*(view.meta.matryoshka or powers), dims})


def _parse_recall(recall: object) -> float:
    if isinstance(recall, bool) or not isinstance(recall, (int, float, np.integer, np.floating)) or not 0 < recall <= 1:
        raise InvalidInput(f"recall must be a number above 0 and at most 1; got {recall!r}")
    return float(recall)


def _questions(view: View, queries: Any) -> tuple[NDArray[np.float32], list[int]]:
    """Queries, and of each the position of the row that asks and is left out of its answer, -1 if none is."""
    if queries is not None and not (isinstance(queries, (int, np.integer)) and not isinstance(queries, bool)):
        asked = space_queries(view.meta, queries, parse_length(view.meta.dims, None, None, None))
        if not len(asked):
            raise InvalidInput("there are no queries; give some, or how many rows of the space are to ask")
        return asked, [-1] * len(asked)
    sample = SAMPLE if queries is None else int(queries)
    if sample < 1:
        raise InvalidInput(f"as a number, queries says how many rows are to ask: at least 1; got {sample}")
    rows = sample_rows(view, sample)
    return view.vectors(rows), rows.tolist()


def _truth(view: View, query: NDArray[np.float32], k: int, row: int) -> tuple[NDArray[np.int64], float]:
    """Positions of the k nearest, and the distance of the last."""
    positions, distances, *_ = view.nearest(query, k, EXACT, exclude=row)
    return positions, float(distances[-1]) if len(distances) else -np.inf


def _measured(
    view: View,
    length: Length,
    queries: NDArray[np.float32],
    rows: list[int],
    k: int,
    truth: list[tuple[NDArray[np.int64], float]],
) -> Row:
    """What searches at one length find, and how fast one after another is answered."""
    whole, rotated = length.dims == length.full, view.meta.rotate is not None
    dims, wanted = (None, k) if whole else (length.dims, min(length.candidates(k), view.starts[-1]))
    shorts = queries if rotated else np.ascontiguousarray(queries[:, : length.dims])
    view.nearest(shorts[0], wanted, EXACT, dims)  # what is made once is not timed
    found = reranked = common = 0
    seconds = 0.0
    for query, short, row, (positions, farthest) in zip(queries, shorts, rows, truth, strict=True):
        begin = perf_counter()
        candidates, distances, *_ = view.nearest(short, wanted, EXACT, dims, exclude=row)
        places, distances = candidates[:k], distances[:k]
        if not whole and not rotated:
            places, distances = ordered(view, query, candidates, k)
        seconds += perf_counter() - begin
        near = distances
        if not whole:
            near = (
                view.nearest(short, k, EXACT, dims, exclude=row)[1]
                if rotated
                else view.distances(query, candidates[:k])
            )
        found += int((near <= farthest).sum())
        reranked += int((distances <= farthest).sum())
        common += len(np.intersect1d(places, positions, assume_unique=True))
    total = sum(len(positions) for positions, _ in truth)
    speed = len(queries) / max(seconds, 1e-9)
    return Row(
        length.dims, found / total, reranked / total, common / total, speed, row_bytes(view.meta.dtype, length.dims)
    )
