"""Sweep the knob of every engine: once to see what each setting finds, then in passes, engine by engine, A B A B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .engines.base import FILTER_EFS
from .front import Point, front
from .process import THREADS, Failed, Running

ENOUGH = 0.997  # recall past which there is nothing to compare
FLAT = 0.0015  # a gain in recall, over four settings, that is none
NEAR = 0.75  # of the front's rate: settings slower than that at their recall are not timed


@dataclass
class Swept:
    """An engine and what was measured of it."""

    running: Running
    build: dict[str, Any]
    points: dict[str, list[Point]] = field(default_factory=dict)  # by kind of queries, or by mask


def build(running: Running) -> Swept:
    """Build the engine's index."""
    return Swept(running, running.ask("build", threads=THREADS))


def sweep(
    engines: Mapping[str, Swept], kind: str, passes: int, *, mask: str | None = None, thin: int = 1
) -> dict[str, str]:
    """Measure all of them in turn and return, by name, why some could not be.

    Parameters
    ----------
    engines
        Built, by name; each gets its points under the kind, or the mask.
    kind
        Which queries.
    passes
        Timings of each setting, the engines in turn.
    mask
        Search only the rows of this mask, by its own queries.
    thin
        Take every so manyth setting only.
    """
    asked = {"kind": kind, **({} if mask is None else {"mask": mask})}
    failures: dict[str, str] = {}
    what = mask or kind
    for name, engine in engines.items():
        try:
            engine.points[what] = _survey(engine, asked, thin)
        except Failed as failed:
            failures[name] = str(failed)
    for _ in range(passes):
        for name, engine in engines.items():
            if name in failures:
                continue
            try:
                for point in engine.points[what]:
                    answer = engine.running.ask("time", knob=point.knob, rate=point.survey, **asked)
                    point.passes.append(answer["rate"])
            except Failed as failed:
                failures[name] = str(failed)
                del engine.points[what]
    return failures


def _survey(engine: Swept, asked: Mapping[str, Any], thin: int) -> list[Point]:
    """Raise the knob until nothing more is found, and keep the settings worth timing."""
    points: list[Point] = []
    knobs = engine.build["knobs"]
    if "mask" in asked and len(knobs) > 1:
        knobs = FILTER_EFS
    for knob in knobs[::thin]:
        answer = engine.running.ask("survey", knob=knob, **asked)
        points.append(Point(knob, answer["recall"], answer["short"], answer["rate"]))
        best = [max(point.recall for point in points[: i + 1]) for i in range(len(points))]
        stuck = len(best) > 8 and best[-1] - best[-5] < FLAT and best[-1] > 0.5
        if not isinstance(knob, list) and (points[-1].recall >= ENOUGH or stuck):
            break
    return _worth_timing(points)


def _worth_timing(points: Sequence[Point]) -> list[Point]:
    """Leave out what is far behind the front, and all but the first that is past ENOUGH."""
    best = front([(point.recall, point.survey) for point in points])
    past = min((recall for recall, _ in best if recall >= ENOUGH), default=1.0)

    def rival(recall: float) -> float:
        return max(rate for other, rate in best if other >= recall)

    return [point for point in points if point.recall <= past and point.survey >= NEAR * rival(point.recall)]
