"""Recall, measured: what searches find of what there is to find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...length import Length
from ..parts.bits import Words
from ..parts.effort import Effort
from ..state.view import View
from .rerank import nearest

SEED = 20_251_120
_AT_ONCE = 64  # queries of one exact search


def measure(
    view: View, k: int, asked: int | NDArray[np.float32], effort: Effort, length: Length, masks: list[Words] | None
) -> float:
    """The share of the true k nearest that these searches find: of so many rows, drawn at random, or of queries."""
    rows = sample_rows(view, asked) if isinstance(asked, int) else np.full(len(asked), -1)  # -1: none to leave out
    found = wanted = 0
    for start in range(0, len(rows), _AT_ONCE):
        here = rows[start : start + _AT_ONCE]
        queries = view.vectors(here) if isinstance(asked, int) else asked[start : start + _AT_ONCE]
        positions, distances = view.scan.search(queries, k + 1, masks=masks)
        for row, query, near, far in zip(here.tolist(), queries, positions, distances, strict=True):
            truth = far[near != row][:k]
            if len(truth):
                places, got, *_ = nearest(view, query, k, effort, length, masks=masks, exclude=row)
                if length.dims < length.full and length.rerank is False:
                    got = view.distances(query, places)
                wanted += len(truth)
                found += int((got <= truth[-1]).sum())
    return found / wanted if wanted else 1.0


def sample_rows(view: View, sample: int) -> NDArray[np.int64]:
    """Positions of so many live rows, drawn at random, the same ones for the same rows; all if there are fewer."""
    live = np.concatenate([part.live_rows() + start for part, start in zip(view.parts, view.starts, strict=False)])
    if sample >= len(live):
        return live
    return np.sort(np.random.default_rng(SEED).choice(live, sample, replace=False))
