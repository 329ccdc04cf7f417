"""Several processes on one hub: a reader sees what was acknowledged, writers take turns and lose nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from oracle import state
from thorough import rounds

READER = """
import sys, kinspace as ks
space, kept = ks.connect(sys.argv[1]).get_space("docs"), {}
print("ready", flush=True)
for line in sys.stdin:
    print(repr(eval(line, {"space": space, "kept": kept})), flush=True)
"""  # the questions are this file's own
SETS = """
import sys, kinspace as ks
name, count = sys.argv[2], int(sys.argv[3])
with ks.connect(sys.argv[1]) as hub:
    space = hub.get_space("docs")
    sys.stdin.readline()
    for i in range(count):
        space.set(f"{name} {i}", [i, 1, 1], n=i)
        space.set("shared", [i, 1, 1], **{name: i})
        space.update("counter", **{name: i})
        assert space.get(f"{name} {i}").tolist() == [i, 1, 1]
"""
LOADS = """
import sys, kinspace as ks, numpy as np
from kinspace.space import space as limits
name, count = sys.argv[2], int(sys.argv[3])
limits.SEGMENT_ROWS = 200
with ks.connect(sys.argv[1]) as hub:
    space = hub.get_space("docs")
    sys.stdin.readline()
    for i in range(count):
        keys = [f"{name} {j}" for j in range(i * 250, i * 250 + 300)]
        vectors = np.full((300, 3), i + 1)
        space.load(keys=keys, vectors=vectors, columns={"n": [i] * 300})
        if i % 4 == 3:
            space.compact()
"""


class Reader:
    """Another process that has the space open and answers what it is asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def reading(hub: ks.Hub) -> Iterator[Reader]:
    with subprocess.Popen(
        [sys.executable, "-c", READER, hub.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Reader(process)


def together(hub: ks.Hub, program: str, count: int, names: str = "ab") -> None:
    """Run the program once for each name, all at the same time."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program, hub.path, name, str(count)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        assert writer.communicate()[1] == ""
        assert writer.returncode == 0


def test_a_reader_in_another_process_sees_every_acknowledged_write_at_once(hub: ks.Hub, space: ks.Space) -> None:
    with reading(hub) as reader:
        assert reader.ask("len(space)") == "0"
        for i in range(20):
            space.set(f"k{i}", [i, 1, 1], n=i)
            assert reader.ask(f"space.get('k{i}').tolist(), space.row('k{i}')") == f"([{i}.0, 1.0, 1.0], {{'n': {i}}})"
        space.update("k3", fresh="x")
        assert reader.ask("space.row('k3')") == "{'n': 3, 'fresh': 'x'}"
        space.delete("k4")
        assert reader.ask("'k4' in space, len(space)") == "(False, 19)"
        for move in (space.flush, space.compact, space.flush):
            move()
            assert reader.ask("list(space.keys())") == repr(list(space.keys()))
            space.set("k5", [9, 9, 9])
            assert reader.ask("space.get('k5').tolist()") == "[9.0, 9.0, 9.0]"
        space.load(keys=[f"x{i}" for i in range(5_000)], vectors=np.ones((5_000, 3)))
        assert reader.ask("len(space), 'x4999' in space") == "(5019, True)"
        assert space.delete_where("n > 10") == 9
        assert reader.ask("len(space), space.version") == repr((len(space), space.version))
        space.delete_all()
        assert reader.ask("list(space.scan())") == "[]"
        space.set("a", [1, 2, 3])
        assert reader.ask("space.nearest_neighbors(3, vector=[1, 2, 3]).keys") == "['a']"


def test_a_scan_in_another_process_is_not_disturbed(hub: ks.Hub, space: ks.Space) -> None:
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(50)])
    space.flush()
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(50, 100)])
    with reading(hub) as reader:
        assert reader.ask("next(kept.setdefault('scan', space.scan(7))).height") == "7"
        space.delete_all()
        space.set("new", [1, 2, 3])
        space.compact()
        assert reader.ask("len(space)") == "1"
        assert reader.ask("[key for f in kept['scan'] for key in f['key']]") == repr([f"k{i}" for i in range(7, 100)])


def test_two_writers_take_turns_and_lose_nothing(hub: ks.Hub, space: ks.Space) -> None:
    space.set("counter", [1, 2, 3])
    version = space.version
    count = rounds(100, 200)
    together(hub, SETS, count)
    assert len(space) == 2 * count + 2
    for name in "ab":
        mine = [key for key in space if key.startswith(name)]
        assert mine == [f"{name} {i}" for i in range(count)], "in the order they were written"
        assert [space.row(key)["n"] for key in mine] == list(range(count))
    assert {name: space.row("counter")[name] for name in "ab"} == {"a": count - 1, "b": count - 1}, "no update was lost"
    assert sorted(space.row("shared")[name] is None for name in "ab") == [False, True], (
        "one set replaced the other whole"
    )
    assert space.version >= version + 6 * count
    assert space.check().ok


def test_two_bulk_writers_lose_nothing_while_they_compact(hub: ks.Hub, space: ks.Space) -> None:
    count = rounds(5, 10)
    together(hub, LOADS, count)
    for name in "ab":
        mine = {key: space.row(key)["n"] for key in space if key.startswith(name)}
        assert mine == {f"{name} {j}": min(j // 250, count - 1) for j in range(250 * count + 50)}
    vectors = dict(zip(space, space.multiget(space.keys()), strict=True))
    assert all(vectors[key].tolist() == [row + 1] * 3 for key in vectors for row in [space.row(key)["n"]])
    assert space.check().ok
    before = state(space)["keys"]
    space.compact()
    assert state(space)["keys"] == before
    named = space.stats()["segments"]
    assert named == 1


def test_two_processes_making_and_deleting_spaces_meet_only_our_errors(hub: ks.Hub) -> None:
    program = """
import sys, kinspace as ks
made = 0
sys.stdin.readline()
for i in range(int(sys.argv[3])):
    with ks.connect(sys.argv[1]) as hub:
        try:
            space = hub.create_space(f"space {i % 3}", dims=1, exist_ok=i % 2 == 0)
            space.set(sys.argv[2], [i])
            space.flush()
            made += 1
            if i % 5:
                hub.delete_space(f"space {i % 3}")
        except (ks.SpaceExists, ks.SpaceNotFound):
            pass
assert made
"""
    together(hub, program, rounds(15, 30), "abc")
    for name in hub.list_spaces():
        assert hub.get_space(name).check().ok
        hub.delete_space(name)
    with ks.connect(hub.path):
        assert list((Path(hub.path) / "spaces").iterdir()) == []


def test_a_writer_that_waits_too_long_is_in_conflict_and_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from kinspace.storage.catalog import database

    monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1])
        (catalog,) = (tmp_path / "hub").glob("spaces/*/catalog.sqlite")
        other = sqlite3.connect(catalog, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        before = state(space)
        for call in (lambda: space.set("b", [1]), lambda: space.delete("a"), space.flush, space.delete_all):
            with pytest.raises(ks.Conflict, match=r"catalog\.sqlite"):
                call()
        assert state(space) == before, "readers never wait for writers"
        other.execute("ROLLBACK")
        other.close()
        space.set("b", [1])
        assert list(space) == ["a", "b"]


def test_a_writer_that_dies_holds_nobody_up(hub: ks.Hub, space: ks.Space) -> None:
    program = """
import os, sys, kinspace as ks
space = ks.connect(sys.argv[1]).get_space("docs")
space.set("kept", [1, 2, 3])
with space._store.catalog.database.write("dying") as connection:
    connection.execute("DELETE FROM log")
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, os.fspath(hub.path)], check=False)
    assert done.returncode == -9
    assert list(space) == ["kept"]
    space.set("after", [1, 2, 3])
    assert list(space) == ["kept", "after"]
