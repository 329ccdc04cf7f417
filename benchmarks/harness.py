"""What every measurement shares: passes taken in turn, tables, the machine, results as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks" / "results"


@dataclass(frozen=True)
class Measured:
    """The figures of several passes over the same work."""

    figures: tuple[float, ...]
    more_is_better: bool

    @property
    def best(self) -> float:
        return max(self.figures) if self.more_is_better else min(self.figures)

    @property
    def spread(self) -> float:
        """How far the worst pass is from the best, as a share of the best."""
        return (max(self.figures) - min(self.figures)) / self.best

    def json(self) -> dict[str, Any]:
        return {"best": self.best, "spread": self.spread, "figures": list(self.figures)}


def in_turn(
    contestants: Mapping[str, Callable[[], float]], passes: int, *, more_is_better: bool
) -> dict[str, Measured]:
    """Run every contestant once per pass, A B A B, so that noise hits them all; the first is thrown away."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(passes + 1):
        for name, run in contestants.items():
            figure = run()
            if turn:
                figures[name].append(figure)
    return {name: Measured(tuple(values), more_is_better) for name, values in figures.items()}


def per_second(work: Callable[[], object], count: int) -> float:
    """Run work, which does count things, and return things per second."""
    begin = time.perf_counter()
    work()
    return count / (time.perf_counter() - begin)


def machine() -> dict[str, Any]:
    """What the figures depend on and a reader cannot guess."""
    import kinspace

    return {
        "cpu": _cpu_model(),
        "cpus": len(available_cpus()),
        "load_average": os.getloadavg()[0],
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kinspace": kinspace.__version__,
        "simd": kinspace.simd(),
    }


def available_cpus() -> set[int]:
    """The CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def show(title: str, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print one Markdown table, ready for docs/benchmarks.md."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    print(f"\n{title}\n\n{line(cells[0])}\n|{'|'.join('-' * (width + 2) for width in widths)}|")
    for row in cells[1:]:
        print(line(row))
    print(flush=True)


def keep(name: str, results: Mapping[str, Any], *, module: str | None = None) -> None:
    """Write the results beside the others, with the machine and the command that made them."""
    RESULTS.mkdir(exist_ok=True)
    command = " ".join(["python -m", f"benchmarks.{module or name}", *sys.argv[1:]])
    document = {"command": command, "date": time.strftime("%Y-%m-%d"), "machine": machine(), **results}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{path.relative_to(REPOSITORY)} written: {command}", flush=True)


def apart(module: str, *arguments: str, cpus: Sequence[int] | None = None) -> Any:
    """Run ``python -m benchmarks.module arguments`` in a process of its own and return what it answers with."""
    with _pinned(cpus):  # the child inherits it
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _pinned(cpus: Sequence[int] | None) -> Iterator[None]:
    if cpus is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def answer(results: Any) -> None:
    """Hand results to the process that called apart()."""
    print(json.dumps(results), flush=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on the disk under test (KINSPACE_SCRATCH, else the temporary folder), removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="kinspace-bench-", dir=os.environ.get("KINSPACE_SCRATCH")) as folder:
        yield Path(folder)


def arguments(description: str | None, passes: str = "default 5, 3 with --short") -> argparse.ArgumentParser:
    """Return a parser with the options all measurements have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--short", action="store_true", help="fewer rows and passes: a look, not a figure to publish")
    parser.add_argument("--passes", type=int, help=f"passes per contestant ({passes})")
    return parser
