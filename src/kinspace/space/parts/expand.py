"""How many candidates an index over first components needs for a recall: measured once it is built, kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ... import _core
from ...errors import Corrupt
from ...types import Metric

EXPANDS = (1, 2, 3, 4, 6, 8, 10, 14, 20, 30, 50, 100, 200, 500)
_KS = (1, 10, 100)
_DEEPEST = 2_000  # candidates looked at
_SAMPLE = 64  # rows that ask
_AT_ONCE = 8
_SEED = 20_251_120


class Measured(NamedTuple):
    """Of the true k nearest, `recall` are among the k · expand nearest by the first components."""

    k: int
    expand: int
    recall: float


Curve = tuple[Measured, ...]


def measure_expand(whole: _core.Rows, first: _core.Rows, metric: Metric, check: Callable[[], object]) -> Curve:
    """Measure it on rows of a segment: all their components, and the first. `check` may raise, to end it."""
    n = whole.n
    scan, short = _core.Scan([whole], metric=metric), _core.Scan([first], metric=metric)
    asked = np.sort(np.random.default_rng(_SEED).choice(n, min(n, _SAMPLE), replace=False))
    depth, deepest = min(n - 1, _KS[-1]), min(n - 1, _DEEPEST)
    ranks = np.empty((len(asked), depth), np.int64)
    rank = np.full(n, n, np.int64)
    for start in range(0, len(asked), _AT_ONCE):
        check()
        here = asked[start : start + _AT_ONCE]
        queries = whole.gather(here)
        true = scan.search(queries, depth + 1, threads=1)[0]
        near = short.search(np.ascontiguousarray(queries[:, : first.dims]), deepest + 1, threads=1)[0]
        for place, (row, best, candidates) in enumerate(zip(here, true, near, strict=True), start):
            candidates = candidates[candidates != row]
            rank[candidates] = np.arange(len(candidates))
            ranks[place] = rank[best[best != row][:depth]]
            rank[candidates] = n
    return tuple(
        Measured(k, expand, float((ranks[:, :k] < k * expand).mean()))
        for k in _KS
        for expand in EXPANDS
        if k <= depth and k * expand <= _DEEPEST
    )


def enough(curve: Curve, k: int, recall: float) -> int:
    """The least expand that reached the recall, at the next lower k that was measured; the greatest if none did."""
    below = max((one.k for one in curve if one.k <= k), default=1)
    reached = [one for one in curve if one.k == below]
    return next((one.expand for one in reached if one.recall >= recall), reached[-1].expand if reached else EXPANDS[-1])


def parse_curve(stored: object) -> Curve:
    """What was stored of it; Corrupt if that can't be one."""
    try:
        return tuple(Measured(int(k), int(expand), float(recall)) for k, expand, recall in stored)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise Corrupt(
            f"an index over first components says nothing of how many candidates it needs: {error}"
        ) from error
