"""Points of a sweep, the front of those that no other beats, and the rate read off it at a recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Point:
    """One setting of the knob: what it finds, and how fast, pass by pass."""

    knob: Any
    recall: float
    short: float
    survey: float  # queries per second when recall was measured: to plan by, not to publish
    passes: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        return max(self.passes, default=self.survey)

    def json(self) -> dict[str, Any]:
        return {"knob": self.knob, "recall": self.recall, "short": self.short, "passes": self.passes}


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the (recall, rate) of which none other has more of both, by rising recall."""
    kept: list[tuple[float, float]] = []
    for recall, rate in sorted(points, reverse=True):
        if not kept or rate > kept[-1][1]:
            kept.append((recall, rate))
    return kept[::-1]


def at(points: Sequence[tuple[float, float]], recall: float) -> float | None:
    """Return the rate at that recall, its logarithm interpolated on the front; None if it is never reached."""
    best = front(points)
    if not best or best[-1][0] < recall:
        return None
    return math.exp(np.interp(recall, [r for r, _ in best], [math.log(q) for _, q in best]))


def best_at(points: Sequence[Point], recall: float) -> float | None:
    """Return the rate at that recall, every point at its best pass."""
    return at([(point.recall, point.best) for point in points], recall)


def spread_at(points: Sequence[Point], recall: float) -> float | None:
    """Return how far the worst pass is from the best at that recall, as a share of the best."""
    passes = min((len(point.passes) for point in points), default=0)
    each = [at([(point.recall, point.passes[turn]) for point in points], recall) for turn in range(passes)]
    rates = [rate for rate in each if rate is not None]
    return (max(rates) - min(rates)) / max(rates) if len(rates) > 1 else None
