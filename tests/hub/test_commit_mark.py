"""Reads go by the mark beside a space's catalog, and miss nothing when it is missing, unfinished, old or in doubt."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from oracle import state
from thorough import rounds


def bulk_load(space: ks.Space) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
        space.load(keys=[f"x{i}" for i in range(200)], vectors=np.ones((200, 3)))


WRITES: dict[str, Callable[[ks.Space], Any]] = {
    "set": lambda space: space.set("new", [1, 2, 3]),
    "replace": lambda space: space.set("k1", [9, 9, 9]),
    "delete": lambda space: space.delete("k2"),
    "bulk load": lambda space: bulk_load(space),
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
    "delete_all": lambda space: space.delete_all(),
}
DIES = """
import os, signal, sys, kinspace as ks
from kinspace.storage.catalog.mark import Mark
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
hub = ks.connect(sys.argv[1])
space = hub.get_space("docs")
space.set("before", [1, 2, 3])
print("ready", flush=True)
sys.stdin.readline()
setattr(Mark, sys.argv[2], die)
space.set("in doubt", [1, 2, 3])
"""


def fill(space: ks.Space) -> ks.Space:
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(10)])
    space.flush()
    space.set("log", [1, 2, 3])
    return space


def mark_of(hub: ks.Hub) -> Path:
    (catalog,) = Path(hub.path).glob("spaces/*/catalog.sqlite")
    return catalog.with_suffix(".mark")


@contextmanager
def asked(space: ks.Space) -> Iterator[list[str]]:
    """The statements SQLite is given by reads of the space."""
    said: list[str] = []
    reader = space._store.catalog.database._reader
    reader.set_trace_callback(said.append)
    yield said
    reader.set_trace_callback(None)


def read(space: ks.Space) -> None:
    space.get("log")
    len(space)
    space.nearest_neighbors(3, vector=[1, 2, 3])


def settle(space: ks.Space) -> None:
    """Reads of the space find that nothing has changed."""
    for _ in range(2):
        len(space)


def test_a_read_without_a_write_before_it_asks_sqlite_nothing(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    with ks.connect(hub.path) as other:
        there = other.get_space("docs")
        for reader in (space, there):
            settle(reader)
            with asked(reader) as said:
                read(reader)
            assert said == []
        space.set("more", [1, 1, 1])
        with asked(space) as said:
            read(space)
        assert said == [], "what it wrote itself it knows"
        with asked(there) as said:
            assert "more" in there
        assert said


@pytest.mark.parametrize("write", WRITES)
def test_a_read_in_another_hub_sees_the_write_before_it(hub: ks.Hub, space: ks.Space, write: str) -> None:
    fill(space)
    with ks.connect(hub.path) as other:
        there = other.get_space("docs")
        for writer, reader in ((space, there), (there, space)):
            settle(reader)
            WRITES[write](writer)
            assert state(reader) == state(writer)


@pytest.mark.parametrize("body", [None, b"", bytes(15), bytes(16), b"\x07" * 16, bytes(range(16)), bytes(5_000)])
def test_whatever_the_file_holds_when_it_is_opened_reads_are_right(tmp_path: Path, body: bytes | None) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        before = state(fill(hub.create_space("docs", dims=3)))
        mark = mark_of(hub)
        assert mark.stat().st_size == 16
    mark.unlink()
    if body is not None:
        mark.write_bytes(body)
    with ks.connect(tmp_path / "hub") as one, ks.connect(tmp_path / "hub") as two:
        here, there = one.get_space("docs"), two.get_space("docs")
        assert state(here) == state(there) == before
        for writer, reader in ((here, there), (there, here)):
            for i in range(3):
                writer.set(f"{id(writer)} {i}", [i, 1, 1])
                assert f"{id(writer)} {i}" in reader
                assert len(reader) == len(writer)
        assert mark.stat().st_size >= 16
        for reader in (here, there):
            settle(reader)
            with asked(reader) as said:
                read(reader)
            assert said == [], "once somebody has made it, all go by it"


def test_reading_a_hub_makes_no_mark(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        before = state(fill(hub.create_space("docs", dims=3)))
        mark = mark_of(hub)
    mark.unlink()
    with ks.connect(tmp_path / "hub") as hub:
        assert state(hub.get_space("docs")) == before
    assert not mark.exists()


@pytest.mark.parametrize(("step", "stored"), [("begin", False), ("done", True)])
def test_a_writer_killed_on_either_side_of_its_commit_misleads_no_reader(
    hub: ks.Hub, space: ks.Space, step: str, stored: bool
) -> None:
    fill(space)
    with ks.connect(hub.path) as other:
        there = other.get_space("docs")
        with subprocess.Popen(
            [sys.executable, "-c", DIES, hub.path, step], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            for reader in (space, there):
                settle(reader)
            writer.communicate("go\n")
        assert writer.returncode == -9
        for reader in (space, there):
            for _ in range(3):
                assert "before" in reader
                assert ("in doubt" in reader) is stored, "readers of one hub agree"
        space.set("after", [1, 2, 3])
        assert "after" in there
        assert state(there) == state(space)
        settle(there)
        with asked(there) as said:
            read(there)
        assert said == [], "the next commit settles it"


def test_a_commit_that_fails_leaves_reads_right(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    before = state(space)
    database = space._store.catalog.database
    with pytest.raises(ks.KinspaceError), database.write("failing") as connection:
        connection.execute("DELETE FROM log")
        database.mark.begin()
        connection.execute("INSERT INTO nothing VALUES (1)")
    assert database.mark.settled() is None
    with ks.connect(hub.path) as other:
        for reader in (space, other.get_space("docs")):
            assert state(reader) == before
        other.get_space("docs").set("after", [1, 2, 3])
        assert "after" in space


def test_a_write_that_can_t_be_marked_is_unavailable_and_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        fill(hub.create_space("docs", dims=3))

    real = os.open

    def refused(path: Any, *arguments: Any, **named: Any) -> int:
        if str(path).endswith(".mark"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *arguments, **named)

    with ks.connect(tmp_path / "hub") as reading:
        reader = reading.get_space("docs")
        before = state(reader)
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", refused)
            with ks.connect(tmp_path / "hub") as hub:
                space = hub.get_space("docs")
                assert state(space) == before, "to be read it needs no mark"
                for call in (lambda: space.set("new", [1, 1, 1]), lambda: space.delete("log"), space.flush):
                    with pytest.raises(ks.Unavailable, match=r"catalog\.mark.*nothing was stored"):
                        call()
                    assert state(space) == before
                    assert state(reader) == before
        reader.set("new", [1, 1, 1])
        assert "new" in reader


def test_a_copy_of_a_hub_goes_its_own_way(hub: ks.Hub, space: ks.Space, tmp_path: Path) -> None:
    fill(space)
    space._store.catalog.database.checkpoint()
    shutil.copytree(hub.path, tmp_path / "copy")
    with ks.connect(tmp_path / "copy") as copied:
        twin = copied.get_space("docs")
        assert list(twin) == list(space)
        space.set("here", [1, 1, 1])
        twin.set("there", [1, 1, 1])
        assert "here" in space
        assert "there" not in space
        assert "there" in twin
        assert "here" not in twin


def test_a_backup_put_back_while_nobody_has_the_hub_open_is_read(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        space = fill(hub.create_space("docs", dims=3))
        before, mark = state(space), mark_of(hub)
    kept = {path: path.read_bytes() for path in (mark, mark.with_suffix(".sqlite"))}
    with ks.connect(tmp_path / "hub") as hub:
        hub.get_space("docs").set("later", [1, 1, 1])
    for path, body in kept.items():
        path.write_bytes(body)
    with ks.connect(tmp_path / "hub") as hub, ks.connect(tmp_path / "hub") as other:
        assert state(hub.get_space("docs")) == before
        other.get_space("docs").set("new", [1, 1, 1])
        assert "new" in hub.get_space("docs")


@pytest.mark.parametrize("durability", ["full", "normal", "off"])
def test_every_durability_has_it(tmp_path: Path, durability: Any) -> None:
    with ks.connect(tmp_path / "hub", durability=durability) as hub, ks.connect(tmp_path / "hub") as other:
        space = hub.create_space("docs", dims=3)
        there = other.get_space("docs")
        for i in range(5):
            space.set(f"k{i}", [i, 1, 1])
            assert len(there) == i + 1
        settle(there)
        with asked(there) as said:
            len(there)
        assert said == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
def test_a_forked_child_never_answers_from_the_view_it_inherited(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    settle(space)
    go, written = os.pipe()
    said, answer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(written)
        os.read(go, 1)
        try:
            outcome = str("parent" in space)
        except ks.Closed:
            outcome = "closed"
        os.write(answer, outcome.encode())
        os._exit(0)
    os.close(go)
    space.set("parent", [1, 2, 3])
    os.close(written)
    os.waitpid(child, 0)
    assert os.read(said, 100).decode() in ("True", "closed")
    os.close(said)
    os.close(answer)
    assert "parent" in space


def test_threads_that_share_a_space_see_each_write_once_it_has_returned(hub: ks.Hub, space: ks.Space) -> None:
    with ks.connect(hub.path) as other:
        there = other.get_space("docs")
        count = rounds(50, 150)
        written = [-1, -1]
        wrong: list[str] = []
        stop = threading.Event()

        def write(number: int, writer: ks.Space) -> None:
            for i in range(count):
                writer.set(f"{number} {i}", [i, 1, 1])
                written[number] = i
                if i % 25 == 24:
                    writer.flush()

        def look(reader: ks.Space) -> None:
            while not stop.is_set():
                for number in (0, 1):
                    last = written[number]
                    if last >= 0 and f"{number} {last}" not in reader:
                        wrong.append(f"{number} {last}")

        readers = [threading.Thread(target=look, args=(one,)) for one in (space, there)]
        writers = [threading.Thread(target=write, args=(i, one)) for i, one in enumerate((space, there))]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()
        assert wrong == []
        assert len(space) == len(there) == 2 * count
