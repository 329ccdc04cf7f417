"""How every test runs: Hypothesis repeatable by default, and at length when HYPOTHESIS_PROFILE=nightly."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import kinspace as ks
from thorough import some

collect_ignore_glob = ["*conftest.py"]  # --doctest-modules would import them all by the one name

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=25, database=None)
settings.register_profile("nightly", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # bytes
if MEMORY.is_dir() and "TMPDIR" not in os.environ and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)  # thousands of small hubs are made faster there

COMBINED = ("core", "dtypes", "hnsw")  # whose parameters are all combinations of metrics, dims and the like
ENOUGH = 8  # of them in the suite; make thorough runs all


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out most combinations, evenly, where there are many."""
    combined: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.path.parent.name in COMBINED and item.path.is_relative_to(Path(__file__).parent):
            combined[item.nodeid.partition("[")[0]].append(item)
    left = {item for every in combined.values() for item in set(every) - set(some(every, ENOUGH))}
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    """An empty hub in a folder of its own."""
    with ks.connect(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def space(hub: ks.Hub) -> ks.Space:
    """An empty space, "docs", of 3 dims under cosine."""
    return hub.create_space("docs", dims=3)
