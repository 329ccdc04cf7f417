"""What Python itself costs: a search of 100 rows, its filter, a get, the import, --help, each beside its budget."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import corpus, harness

BUDGET_SEARCH, BUDGET_GET, BUDGET_IMPORT, BUDGET_HELP = 20.0, 30.0, 100.0, 500.0  # µs, µs, ms beyond NumPy's, ms
BUDGET_SQL = 100.0  # µs beyond the builder's calls
BUDGET_FILTERED, BUDGET_NEW_FILTER = 40.0, 2_000.0  # µs of a search: 20 more than without, and of one never seen


def main() -> None:
    options = harness.arguments(__doc__).parse_args()
    passes = options.passes or (5 if options.short else 15)
    calls = _calls(passes, 2_000 if options.short else 20_000)
    starts = _starts(passes)

    rows = [
        ["nearest_neighbors(10, vector=v), 100 rows × 384", *_cells(calls["search"], 1e6, "µs", BUDGET_SEARCH)],
        ["the same, and its keys and distances", *_cells(calls["answered"], 1e6, "µs", BUDGET_SEARCH)],
        ["nearest_neighbors(10, key=key), 100 rows × 384", *_cells(calls["by key"], 1e6, "µs", BUDGET_SEARCH)],
        ["get(key), 100 rows × 384", *_cells(calls["get"], 1e6, "µs", BUDGET_GET)],
        ["the same search, where=\"key != 'row-5'\"", *_cells(calls["where"], 1e6, "µs", BUDGET_FILTERED)],
        ["… with params", *_cells(calls["params"], 1e6, "µs", BUDGET_FILTERED)],
        ['… as ks.col("key") != "row-5", made each time', *_cells(calls["col"], 1e6, "µs", None)],
        ['… as {"key": {"$ne": "row-5"}}', *_cells(calls["mapping"], 1e6, "µs", None)],
        ["… as a text never seen before", *_cells(calls["new"], 1e6, "µs", BUDGET_NEW_FILTER)],
        ['select("key", d="_dist").nearest(v).take(10).collect()', *_cells(calls["select"], 1e6, "µs", None)],
        ["the same as a statement, hub.sql", *_cells(calls["sql"], 1e6, "µs", calls["select"].best * 1e6 + BUDGET_SQL)],
        ["import numpy", *_cells(starts["numpy"], 1e3, "ms", None)],
        ["import kinspace", *_cells(starts["kinspace"], 1e3, "ms", BUDGET_IMPORT + starts["numpy"].best * 1e3)],
        ["kinspace --help, whole process", *_cells(starts["help"], 1e3, "ms", BUDGET_HELP)],
    ]
    harness.show("**Overhead**, best of passes", ["", "time", "spread", "budget"], rows)
    harness.keep("overhead", {what: one.json() for what, one in (calls | starts).items()})


def _cells(measured: harness.Measured, scale: float, unit: str, budget: float | None) -> list[str]:
    limit = "" if budget is None else f"{budget:.0f} {unit}: {'met' if measured.best * scale <= budget else 'MISSED'}"
    return [f"{measured.best * scale:.1f} {unit}", f"{measured.spread:.0%}", limit]


def _calls(passes: int, count: int) -> dict[str, harness.Measured]:
    """Seconds per call, in this process, warm."""
    import kinspace as ks

    vectors = corpus.random_vectors(200, 384)
    stored, queries = vectors[:100], list(vectors[100:])
    keys = [f"row-{i}" for i in range(100)]
    with harness.scratch() as folder, ks.connect(folder / "hub") as hub:
        space = hub.create_space("small", dims=384)
        space.load(keys=keys, vectors=stored)
        space.flush()

        def each(call: Callable[[int], object], fewer: int = 1) -> Callable[[], float]:
            def run() -> float:
                begin = time.perf_counter()
                for i in range(count // fewer):
                    call(i % 100)
                return (time.perf_counter() - begin) / (count // fewer)

            return run

        def answered(i: int) -> object:
            hits = space.nearest_neighbors(10, vector=queries[i])
            return hits.keys, hits.distances

        numbers = iter(range(1 << 62))

        def filtered(i: int, where: object, **params: object) -> object:
            return space.nearest_neighbors(10, vector=queries[i], where=where, params=params or None)

        def selected(i: int) -> object:
            return space.select("key", d="_dist").nearest(queries[i]).take(10).collect()

        statement = "select key, _dist as d from small order by vector <=> :q limit 10"
        contestants = {
            "select": each(selected, 5),
            "sql": each(lambda i: hub.sql(statement, {"q": queries[i]}), 5),
            "where": each(lambda i: filtered(i, "key != 'row-5'")),
            "params": each(lambda i: filtered(i, "key != :one", one="row-5")),
            "col": each(lambda i: filtered(i, ks.col("key") != "row-5")),
            "mapping": each(lambda i: filtered(i, {"key": {"$ne": "row-5"}})),
            "new": each(lambda i: filtered(i, f"key != 'row-{next(numbers)}'"), 10),
            "answered": each(answered),
            "search": each(lambda i: space.nearest_neighbors(10, vector=queries[i])),
            "by key": each(lambda i: space.nearest_neighbors(10, key=keys[i])),
            "get": each(lambda i: space.get(keys[i])),
        }
        assert np.array_equal(space.get(keys[3]), stored[3])
        return harness.in_turn(contestants, passes, more_is_better=False)


def _starts(passes: int) -> dict[str, harness.Measured]:
    """Seconds in fresh processes: the two imports by their own clock, --help from start to end."""
    command = Path(sysconfig.get_path("scripts")) / "kinspace"

    def importing(module: str) -> Callable[[], float]:
        program = f"import time; begin = time.perf_counter(); import {module}; print(time.perf_counter() - begin)"
        return lambda: float(subprocess.check_output([sys.executable, "-c", program]))

    def helping() -> float:
        begin = time.perf_counter()
        subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "100"})
        return time.perf_counter() - begin

    contestants = {"numpy": importing("numpy"), "kinspace": importing("kinspace"), "help": helping}
    return harness.in_turn(contestants, passes, more_is_better=False)


if __name__ == "__main__":
    main()
