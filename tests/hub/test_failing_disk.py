"""A disk or system that fails half-way: Unavailable, and the space is as it was, or the error says it is in doubt."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.space import space as space_module
from kinspace.space.segments import flush
from kinspace.storage import files
from kinspace.storage.catalog.database import translate
from oracle import folders, state, unchanged

SEGMENT_WRITES: dict[str, Callable[[ks.Space], Any]] = {
    "bulk load": lambda space: space.load(keys=[f"x{i}" for i in range(5_000)], vectors=np.ones((5_000, 3))),
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
}


@pytest.fixture
def kept(space: ks.Space) -> ks.Space:
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(10)])
    space.flush()
    space.multiset([(f"m{i}", [i, 1, 1], {"n": i}) for i in range(10)])
    space.flush()
    space.set("log", [1, 2, 3])
    return space


class Failing:
    """A call of the system that works `good` times and then fails."""

    def __init__(self, call: Callable[..., Any], good: int, number: int) -> None:
        self._call = call
        self._good = good
        self._number = number
        self.failed = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._good == 0:
            self.failed += 1
            raise OSError(self._number, os.strerror(self._number))
        self._good -= 1
        return self._call(*arguments, **named)


@pytest.mark.parametrize("call", SEGMENT_WRITES)
@pytest.mark.parametrize("good", [0, 1, 7, 20])
def test_a_failing_fsync_of_a_segment_is_unavailable_and_stores_nothing(
    hub: ks.Hub, kept: ks.Space, monkeypatch: pytest.MonkeyPatch, call: str, good: int
) -> None:
    failing = Failing(os.fsync, good, errno.EIO)
    before, there = state(kept)["keys"], folders(hub)
    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", failing)
        with pytest.raises(ks.Unavailable):
            SEGMENT_WRITES[call](kept)
    assert failing.failed
    assert state(kept)["keys"] == before
    if call != "compact":  # it flushes first, which may have gone well
        assert folders(hub) == there
    with ks.connect(hub.path) as again:
        assert state(again.get_space("docs"))["keys"] == before
    SEGMENT_WRITES[call](kept)
    assert kept.check().ok


def test_a_failing_fsync_of_a_new_space_makes_none(
    hub: ks.Hub, kept: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unchanged(hub):
        for good in (0, 1, 2):
            with monkeypatch.context() as patched:
                patched.setattr(files.os, "fsync", Failing(os.fsync, good, errno.EIO))
                with pytest.raises(ks.Unavailable):
                    hub.create_space("new", dims=1)
            assert hub.list_spaces() == ["docs"]
    hub.create_space("new", dims=1)


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.ESTALE])
def test_a_file_that_can_t_be_opened_is_unavailable_and_tried_again(
    hub: ks.Hub, kept: ks.Space, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = state(kept)
    for good in range(12):
        with ks.connect(hub.path) as again:
            with monkeypatch.context() as patched:
                patched.setattr(files.os, "open", Failing(os.open, good, number))
                with suppress(ks.Unavailable):
                    assert state(again.get_space("docs")) == before
            assert state(again.get_space("docs")) == before, "once the disk is back, so is the space"


CHILD = """
import resource, sys
import numpy as np
import kinspace as ks
from kinspace.storage import segment
"""


def child(program: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHILD + program, str(path)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr[-2_000:]


def test_a_space_of_many_shards_needs_few_file_descriptors(tmp_path: Path) -> None:
    program = """
segment._SHARD_BYTES = 1 << 12
with ks.connect(sys.argv[1]) as hub:
    space = hub.create_space("docs", dims=1)
    rows = 400_000
    space.load(keys=map(str, range(rows)), vectors=np.arange(rows, dtype=np.float32).reshape(-1, 1))
"""
    assert child(program, tmp_path / "hub") == ""
    program = """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
with ks.connect(sys.argv[1]) as hub:
    space = hub.get_space("docs")
    print(space.get("399999"), len(space.nearest_neighbors(3, vector=[1])))
"""
    assert child(program, tmp_path / "hub") == "[399999.] 3\n"


def test_running_out_of_file_descriptors_is_unavailable(tmp_path: Path) -> None:
    program = """
import os
hub = ks.connect(sys.argv[1])
space = hub.create_space("docs", dims=1)
space.multiset([(f"k{i}", [i], {"n": i}) for i in range(10)])
used = len(os.listdir("/proc/self/fd"))
held = []
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, used + 40))
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
for room in range(8):
    for call in (space.flush, lambda: hub.create_space("new", dims=1), lambda: ks.connect(hub.path).get_space("docs")):
        try:
            call()
        except (ks.Unavailable, ks.SpaceExists):
            pass
    os.close(held.pop())
for one in held:
    os.close(one)
print(len(space), space.check().ok, list(space) == [f"k{i}" for i in range(10)])
"""
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here")
    assert child(program, tmp_path / "hub") == "10 True True\n"


def test_an_index_of_a_shard_that_can_t_be_read_is_unavailable(
    hub: ks.Hub, kept: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def failing(path: Path, *arguments: Any, **named: Any) -> Any:
        if "vectors/c" in str(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *arguments, **named)

    before = state(kept)
    with ks.connect(hub.path) as again:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", failing)
            with pytest.raises(ks.Unavailable, match="vectors"):
                again.get_space("docs")
        assert state(again.get_space("docs")) == before


@pytest.mark.parametrize("error", [ks.Unavailable, ks.Conflict])
def test_a_write_is_stored_though_the_flush_that_was_due_then_fails(
    hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch, error: type[ks.KinspaceError]
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise error("the disk failed")

    monkeypatch.setattr(flush, "LOG_ROWS", 1)
    monkeypatch.setattr(space_module, "flush", failing)
    for i in range(8):
        space.set(f"k{i}", [i, 1, 1])
    assert list(space) == [f"k{i}" for i in range(8)]
    with pytest.raises(error):
        space.flush()


def test_all_rows_are_deleted_though_their_folders_can_t_be_swept(
    hub: ks.Hub, kept: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise ks.Unavailable("the disk failed")

    monkeypatch.setattr(kept._store, "sweep", failing)
    assert kept.delete_all() == 21
    assert list(kept) == []


def test_a_space_that_was_made_and_can_t_be_opened_is_in_doubt(hub: ks.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> Any:
        raise ks.Unavailable("the disk failed")

    with monkeypatch.context() as patched:
        patched.setattr(hub, "_store", failing)
        with pytest.raises(ks.Unavailable, match="'new' was made.*in doubt: the disk failed"):
            hub.create_space("new", dims=1)
    assert len(hub.create_space("new", dims=1, exist_ok=True)) == 0


def test_what_sqlite_calls_damage_is_unavailable_if_the_file_can_t_be_read(tmp_path: Path) -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    (tmp_path / "read").write_bytes(b"x")
    (tmp_path / "not read").mkdir()
    assert isinstance(translate(error, tmp_path / "read", "reading"), ks.Corrupt)
    assert isinstance(translate(error, tmp_path / "not read", "reading"), ks.Unavailable)
