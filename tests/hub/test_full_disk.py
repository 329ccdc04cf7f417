"""A write the disk has no room for is Unavailable and not stored; what was there stays, here and after reopening."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from oracle import folders, state
from small_disk import mounted, stuff

WRITES: dict[str, Callable[[ks.Hub, ks.Space], Any]] = {
    "set": lambda hub, space: space.set("new", np.ones(64), t="x" * 200_000),
    "update": lambda hub, space: space.update("k1", t="x" * 200_000),
    "multiset": lambda hub, space: space.multiset({f"x{i}": np.ones(64) for i in range(2_000)}),
    "bulk load": lambda hub, space: space.load(keys=[f"x{i}" for i in range(5_000)], vectors=np.ones((5_000, 64))),
    "stream": lambda hub, space: space.load(((f"x{i}", np.ones(64)) for i in range(5_000)), batch_size=4_999),
    "flush": lambda hub, space: space.flush(),
    "create_space": lambda hub, space: hub.create_space("new", dims=1),
}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "small") as place:
        yield place


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("leave", [0, 40_000])
def test_a_write_without_room_is_unavailable_and_changes_nothing(small: Path, call: str, leave: int) -> None:
    if call == "create_space" and leave:
        leave = 8_192
    with ks.connect(small / "hub") as hub:
        space = hub.create_space("docs", dims=64)
        space.multiset([(f"k{i}", np.full(64, i + 1), {"n": i, "t": "short"}) for i in range(60)])
        space.flush()
        space.set("log", np.ones(64), t="y" * 30_000)
        before, there, names = state(space), folders(hub), hub.list_spaces()
        ballast = stuff(small, leave)
        with pytest.raises(ks.Unavailable, match="full|room|space") as caught:
            WRITES[call](hub, space)
        assert isinstance(caught.value, OSError)
        assert state(space) == before
        assert hub.list_spaces() == names
        assert folders(hub) == there
        with ks.connect(small / "hub") as second:
            assert state(second.get_space("docs")) == before
        ballast.unlink()
        WRITES[call](hub, space)  # with room again it goes through
        after = len(space), space.version
    with ks.connect(small / "hub") as again:
        space = again.get_space("docs")
        assert (len(space), space.version) == after
        assert space.check().ok


def test_what_was_acknowledged_before_the_disk_was_full_is_there(small: Path) -> None:
    done: dict[str, int] = {}
    with ks.connect(small / "hub") as hub:
        space = hub.create_space("docs", dims=64)
        with pytest.raises(ks.Unavailable):
            for i in range(100_000):
                space.set(f"k{i}", np.full(64, i + 1), n=i, t="x" * 2_000)
                done[f"k{i}"] = i
        assert {key: space.row(key)["n"] for key in space} == done
    with ks.connect(small / "hub") as hub:
        space = hub.get_space("docs")
        assert {key: space.row(key)["n"] for key in space} == done
        assert space.check().ok


def test_a_hub_opened_on_a_full_disk_answers_right_or_is_unavailable(small: Path) -> None:
    with ks.connect(small / "hub") as hub:
        space = hub.create_space("docs", dims=64)
        space.multiset([(f"k{i}", np.full(64, i + 1), {"n": i}) for i in range(300)])
        space.flush()
        space.set("log", np.ones(64))
        before = state(space)
    ballast = stuff(small)
    try:
        with ks.connect(small / "hub") as hub:
            assert state(hub.get_space("docs")) == before
    except ks.Unavailable:
        pass  # SQLite needs a few bytes beside the file to share it
    ballast.unlink()
    with ks.connect(small / "hub") as hub:
        assert state(hub.get_space("docs")) == before
        hub.get_space("docs").delete_all()
        assert len(hub.get_space("docs")) == 0


def test_a_hub_without_room_to_be_made_is_unavailable(small: Path) -> None:
    ballast = stuff(small)
    for _ in range(2):
        with pytest.raises(ks.Unavailable):
            ks.connect(small / "hub")
    ballast.unlink()
    with ks.connect(small / "hub") as hub:
        assert hub.list_spaces() == []


def test_a_file_size_limit_is_unavailable_too(tmp_path: Path) -> None:
    """What needs no privilege to be tried: a limit on the size of files, as on some servers."""
    program = """
import resource, signal, sys
import numpy as np
import kinspace as ks
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with ks.connect(sys.argv[1]) as hub:
    space = hub.create_space("docs", dims=64)
    space.multiset([(f"k{i}", np.full(64, i + 1), {"n": i}) for i in range(100)])
    before = list(space.keys()), space.version
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    big = np.ones((5_000, 64))
    for call in (
        lambda: space.load(keys=[f"x{i}" for i in range(5_000)], vectors=big),
        lambda: space.multiset({f"x{i}": big[0] for i in range(4_000)}),
        lambda: space.set("k1", big[0], t="x" * 500_000),
    ):
        try:
            call()
            print("stored")
        except ks.Unavailable:
            print("refused", (list(space.keys()), space.version) == before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "hub")], capture_output=True, text=True, check=False
    )
    assert done.stdout == "refused True\n" * 3, done.stderr
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.get_space("docs")
        assert list(space.keys()) == [f"k{i}" for i in range(100)]
        assert space.check().ok
