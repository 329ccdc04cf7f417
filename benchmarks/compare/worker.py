"""The process of one engine: ``python -m benchmarks.compare.worker ENGINE FOLDER CLOCK``, asked in lines of JSON."""

from __future__ import annotations

import ctypes
import gc
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..harness import available_cpus
from . import engines, masks
from .engines.base import Search
from .sets import Prepared
from .truth import Truth

LEAST = 1_000  # searches timed together; fewer queries are asked again
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
LONGEST = 8.0  # seconds of one timing; slow engines are timed on fewer queries


class Worker:
    """One engine over one set."""

    def __init__(self, engine: str, folder: Path, clock: str) -> None:
        self.clock = CLOCKS[clock]
        self.engine = engines.make(engine)
        self.set = Prepared(folder)
        cosine = self.set.metric == "cosine"
        self.metric = self.engine.for_cosine if cosine else self.set.metric
        self.unit = cosine and self.metric != "cosine"
        self.queries: dict[str, list[Any]] = {}
        self.searches: tuple[Any, Search] | None = None

    def build(self, threads: int) -> dict[str, Any]:
        """Build on so many threads, then stay on one CPU; memory is what that added to the process."""
        _trim()
        before = _resident()
        rows = self.set.rows()
        if self.unit:
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        n = len(rows)
        begin = time.perf_counter()
        self.engine.build(rows, self.metric, threads)
        seconds = time.perf_counter() - begin
        del rows
        _trim()
        memory = _resident() - before
        _pin(max(available_cpus()))
        return {
            "seconds": seconds,
            "memory": memory,
            "setting": self.engine.setting,
            "version": importlib.metadata.version(self.engine.library),
            "knobs": list(self.engine.knobs(n)),
        }

    def survey(self, kind: str, knob: Any, mask: str | None = None) -> dict[str, Any]:
        """Ask everything once: recall, the share of short answers, and a rate to plan by."""
        search, queries, truth = self._asked(kind, knob, mask)
        rate = self._rate(search, queries[:20])
        some = queries[: max(100, int(rate * LONGEST))]
        begin = self.clock()
        answers = [np.asarray(search(query)).astype(np.int64) for query in some]
        rate = len(some) / (self.clock() - begin)
        truth = truth.head(len(some))
        return {"recall": truth.recall(answers), "short": truth.short(answers), "rate": rate}

    def time(self, kind: str, knob: Any, rate: float, mask: str | None = None) -> dict[str, Any]:
        """Ask once more and return queries per second."""
        search, queries, _ = self._asked(kind, knob, mask)
        some = queries[: max(20, int(rate * LONGEST))]
        return {"rate": self._rate(search, some * -(-LEAST // len(some)) if rate > LEAST / LONGEST else some)}

    def _asked(self, kind: str, knob: Any, mask: str | None) -> tuple[Search, list[Any], Truth]:
        if mask is not None:
            filtered = masks.load(self.set, mask)
            search = self._kept((mask, knob), lambda: self.engine.filtered(knob, filtered.allowed))
            return search, self._prepared(mask, filtered.queries), filtered.truth
        search = self._kept((None, knob), lambda: self.engine.search(knob))
        return search, self._prepared(kind, self.set.queries(kind)), self.set.truth(kind)

    def _kept(self, what: Any, make: Callable[[], Search]) -> Search:
        """Make a search only when another one was asked for: some engines hold its knob themselves."""
        if self.searches is None or self.searches[0] != what:
            self.searches = (what, make())
        return self.searches[1]

    def _prepared(self, name: str, queries: NDArray[np.float32]) -> list[Any]:
        if name not in self.queries:
            if self.unit:
                queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
            self.queries[name] = [self.engine.query(np.ascontiguousarray(query)) for query in queries]
        return self.queries[name]

    def _rate(self, search: Search, queries: Sequence[Any]) -> float:
        gc.collect()
        gc.disable()
        begin = self.clock()
        for query in queries:
            search(query)
        seconds = self.clock() - begin
        gc.enable()
        return len(queries) / seconds


def _resident() -> int:
    """Bytes of this process that are in memory; 0 where /proc does not say (not Linux)."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if path.exists() else 0


def _trim() -> None:
    """Give back what was freed: it is not the engine's."""
    gc.collect()
    with suppress(AttributeError):  # glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _pin(cpu: int) -> None:
    """Put every thread there is, and so every one to come, on one CPU."""
    if not hasattr(os, "sched_setaffinity"):
        return
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cpu})


def main() -> None:
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    engine, folder, clock = sys.argv[1:]
    worker: Worker | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or Worker(engine, Path(folder), clock)
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as failed:  # told to whoever asked, who goes on with the next engine
            answer = {"error": f"{type(failed).__name__}: {failed}"}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


if __name__ == "__main__":
    main()
