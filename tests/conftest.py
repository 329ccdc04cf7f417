"""How every test runs: Hypothesis repeatable by default, and at length when HYPOTHESIS_PROFILE=nightly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import kinspace as ks

collect_ignore_glob = ["*conftest.py"]  # --doctest-modules would import them all by the one name

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=25, database=None)
settings.register_profile("nightly", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    """An empty hub in a folder of its own."""
    with ks.connect(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def space(hub: ks.Hub) -> ks.Space:
    """An empty space, "docs", of 3 dims under cosine."""
    return hub.create_space("docs", dims=3)
