"""How build and search grow with the rows: the same set at three sizes, and the exponents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import harness
from . import sets
from .front import best_at
from .process import Failed, Running
from .sets import HELD
from .sweep import build, sweep

ENGINES = ("kinspace", "hnswlib")
SIZES = {"million": (62_500, 250_000, 1_000_000), "minilm": (7_700, 15_400, 30_800, 61_600)}
SHORT_SIZES = {"million": (5_000, 20_000, 80_000), "minilm": (7_700, 30_800)}
TITLES = {"million": "synthetic clusters", "minilm": "Debian packages, the first of them in random order"}
RECALL = 0.95


def measure(
    name: str, engines: Sequence[str], sizes: Sequence[int], passes: int, clock: str, *, thin: int = 1
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return by engine the build seconds and the rate at each size, with their exponents; and what failed, why."""
    grown: dict[str, dict[str, Any]] = {engine: {"sizes": list(sizes), "build": [], "rate": []} for engine in engines}
    failures: dict[str, str] = {}
    for size in sizes:
        prepared = sets.prepare(name, None if size == 1_000_000 else size)
        for engine in engines:
            try:
                with Running(engine, prepared, clock) as running:
                    built = build(running)
                    failures.update(sweep({engine: built}, HELD, passes, thin=thin))
                    grown[engine]["build"].append(built.build["seconds"])
                    grown[engine]["rate"].append(best_at(built.points.get(HELD, []), RECALL))
                print(f"  {engine}, {size:,} rows done", flush=True)
            except Failed as failed:
                failures[engine] = str(failed)
    for engine, each in grown.items():
        if engine not in failures and None not in each["rate"]:
            each["build exponent"] = _exponent(sizes, each["build"])
            each["search exponent"] = _exponent(sizes, [1 / rate for rate in each["rate"]])
    return {engine: each for engine, each in grown.items() if engine not in failures}, failures


def _exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return x of seconds ~ rows to the x, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def show(name: str, grown: dict[str, Any]) -> None:
    sizes = next(iter(grown.values()))["sizes"] if grown else []
    rows = []
    for engine, each in grown.items():
        build_x, search_x = each.get("build exponent"), each.get("search exponent")
        rows.append([f"{engine}: build, s", *(f"{s:,.1f}" for s in each["build"]), _power(build_x)])
        rates = ("never" if rate is None else f"{rate:,.0f}" for rate in each["rate"])
        rows.append([f"{engine}: queries/s at {RECALL}", *rates, _power(search_x)])
    harness.show(
        f"**Growth**, {TITLES[name]} × 384, cosine, k = 10",
        ["", *(f"{size:,} rows" for size in sizes), "time grows as"],
        rows,
    )
    log = [
        f"n^{np.polyfit(np.log(sizes), y, 1)[0]:.2f}"
        for y in (np.log(np.array(sizes) * np.log(sizes)), np.log(np.log(sizes)))
    ]
    print(f"Over these sizes n log n is {log[0]} and log n is {log[1]}.", flush=True)


def _power(exponent: float | None) -> str:
    return "" if exponent is None else f"n^{exponent:.2f}"
