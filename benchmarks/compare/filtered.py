"""Search under a filter: the highest rate at recall .95, and how many answers are short of min(k, rows allowed)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import harness
from . import masks
from .front import Point
from .process import Failed, Running
from .sets import HELD, Prepared
from .sweep import build, sweep

ENGINES = ("kinspace", "kinspace-ids", "hnswlib", "faiss-hnsw", "faiss-flat", "numpy")
RECALL = 0.95
NOTE = """\
Without a filter by row in their Python APIs: USearch, rabitqlib, ScaNN, LoRANN, SVS, VSAG, zvec.
NumPy's rows are gathered and hnswlib's list of bools is made beforehand.
*random*: rows drawn at random; *near*, *far*: a ball about one query, asked by the queries nearest to it and by those
farthest from it."""


def measure(
    prepared: Prepared, engines: Sequence[str], names: Sequence[str], passes: int, clock: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return by mask and engine what was reached, and by engine why some could not be measured."""
    for name in names:
        masks.prepare(prepared, name)
    reached: dict[str, dict[str, Any]] = {name: {} for name in names}
    failures: dict[str, str] = {}
    for engine in engines:
        try:
            with Running(engine, prepared, clock) as running:
                built = build(running)
                for name in names:
                    failed = sweep({engine: built}, HELD, passes, mask=name)
                    if failed:
                        failures[f"{engine}, {name}"] = failed[engine]
                    else:
                        reached[name][engine] = _reached(built.points[name])
                print(f"  {engine} done", flush=True)
        except Failed as failed_to_build:
            failures[engine] = str(failed_to_build)
    return reached, failures


def _reached(points: Sequence[Point]) -> dict[str, Any]:
    """The fastest setting of those with enough recall; without any, the one that found most."""
    enough = [point for point in points if point.recall >= RECALL]
    best = max(enough, key=lambda p: p.best) if enough else max(points, key=lambda p: p.recall)
    spread = (max(best.passes) - min(best.passes)) / max(best.passes) if best.passes else 0.0
    return {**best.json(), "enough": bool(enough), "rate": best.best, "spread": spread}


def show(title: str, reached: dict[str, Any]) -> None:
    engines = list(dict.fromkeys(engine for each in reached.values() for engine in each))
    rows = []
    for name, each in reached.items():
        kind, share = name.split("-")
        rows.append([f"{float(share):.1%} {kind}", *(_cell(each.get(engine)) for engine in engines)])
    harness.show(
        f"**{title}**, filtered, k = 10: queries/s at recall ≥ {RECALL}, one query at a time, one thread",
        ["rows allowed", *engines],
        rows,
    )
    print(NOTE, flush=True)


def _cell(reached: dict[str, Any] | None) -> str:
    if reached is None:
        return "–"
    text = f"{reached['rate']:,.0f}" if reached["enough"] else f"never ({reached['recall']:.2f})"
    return text + (f", {reached['short']:.1%} short" if reached["short"] else "")
