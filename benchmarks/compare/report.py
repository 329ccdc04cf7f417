"""Tables of what was measured, and the file of results: what a run did not measure stays as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import harness
from .front import Point, best_at, spread_at
from .sets import HELD, QUESTIONS
from .sweep import Swept

RECALLS = (0.90, 0.95, 0.99)
OURS = "kinspace"
ASKED = {HELD: "held-out rows as queries", QUESTIONS: "100 questions in plain English as queries"}


def measured(engine: Swept) -> dict[str, Any]:
    """Return what is kept of an engine: its build, and every point of its sweeps with the rates read off them."""
    build = {key: value for key, value in engine.build.items() if key != "knobs"}
    return {**build, "queries": {kind: _summary(points) for kind, points in engine.points.items()}}


def _summary(points: list[Point]) -> dict[str, Any]:
    return {
        "rates": {str(recall): best_at(points, recall) for recall in RECALLS},
        "spreads": {str(recall): spread_at(points, recall) for recall in RECALLS},
        "points": [point.json() for point in points],
    }


def show(title: str, engines: Mapping[str, Any], failures: Mapping[str, str]) -> None:
    """Print a table for each kind of queries, the fastest at .95 first, and why the others are missing."""
    kinds = list(dict.fromkeys(kind for each in engines.values() for kind in each["queries"]))
    for kind in kinds:
        asked = {name: each["queries"][kind] for name, each in engines.items() if kind in each["queries"]}
        ours = asked.get(OURS, {}).get("rates", {})
        rows = []
        for name in sorted(asked, key=lambda name: -(asked[name]["rates"]["0.95"] or 0)):
            rates, spread = asked[name]["rates"], asked[name]["spreads"]["0.95"]
            build, memory = engines[name]["seconds"], engines[name]["memory"]
            row = [name, engines[name]["setting"], f"{build:,.1f}", f"{memory / 2**20:,.0f}"]
            row += [_rate(rates[str(recall)]) for recall in RECALLS]
            row += ["" if spread is None else f"{spread:.0%}"]
            row += [_ratio(ours.get(str(recall)), rates[str(recall)]) for recall in RECALLS[1:]]
            rows.append(row)
        recalls = [f"q/s at {recall:.2f}" for recall in RECALLS]
        headers = ["", "built with", "build s", "MiB", *recalls, "spread at .95", f"{OURS} × at .95", "× at .99"]
        harness.show(f"**{title}**, {ASKED[kind]}, recall@10, one query at a time, one thread", headers, rows)
    missing(failures)


def missing(failures: Mapping[str, str]) -> None:
    for name, why in failures.items():
        print(f"not measured: {name}: {why}", flush=True)


def _rate(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:,.0f}"


def _ratio(ours: float | None, theirs: float | None) -> str:
    return "" if not ours or not theirs else f"{ours / theirs:.2f}"


def kept(name: str) -> dict[str, Any]:
    """Return the results file as it is."""
    path = harness.RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    results: dict[str, Any] = json.loads(path.read_text())
    return {part: results[part] for part in ("sets", "filtered", "growth") if part in results}


def keep(name: str, part: str, key: str, results: Mapping[str, Any]) -> None:
    """Put results in their place in the file; of a set, engines that were not measured this time stay."""
    document = kept(name)
    before = document.setdefault(part, {}).get(key, {})
    engines = {**before.get("engines", {}), **results.get("engines", {})}
    document[part][key] = {**before, **results, **({"engines": engines} if engines else {})}
    harness.keep(name, document, module="compare")
