"""What tests of publishing share: a space of every kind of row, places to publish to, a store that is watched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from stores import Watched, watched


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    """An empty hub; what is published of it is what is looked at, so the disk isn't waited for."""
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        yield hub


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place nobody has published to."""
    if request.param == "file":
        return f"file://{tmp_path}/a place/deeper".replace(" ", "%20")
    return f"memory://{tmp_path.name}"


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    """The store behind memory://watched."""
    return watched("memory://watched")


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache of the user"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def full(space: ks.Space) -> ks.Space:
    """Two segments, one of them with dead rows, and a log with one."""
    vectors = np.random.default_rng(3).standard_normal((300, 3)).astype(np.float32)
    space.load(keys=[f"a{i}" for i in range(200)], vectors=vectors[:200], columns={"n": list(range(200))})
    space.flush()
    space.load(keys=[f"b{i}" for i in range(100)], vectors=vectors[200:], columns={"text": ["é"] * 100})
    space.flush()
    space.multiset([("c1", [1.0, 0.0, 0.0], {"n": 7}), ("c2", [0.0, 0.0, 0.0]), ("c3", [1.0, 1.0, 0.0])])
    space.delete("c3")
    space.multidelete(["b3", "b4"])
    space.set("b5", [2.0, 2.0, 2.0], n=1)
    return space
