"""After delete and compact no byte of a deleted row is in any file, unless a snapshot or a fork has the row."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.storage.catalog.database import WAIT_SECONDS

SECRET = "the-text-that-was-deleted"
MARK = np.array([1234.5678, -8765.4321, 3.1415927], np.float32)


def found(folder: Path) -> set[str]:
    """What of the deleted row is still readable, in any file."""
    needles = {"key": b"secret-key-name", "text": SECRET.encode(), "vector": MARK.tobytes()}
    return {
        what
        for path in folder.rglob("*")
        if path.is_file()
        for what, needle in needles.items()
        if needle in path.read_bytes()
    }


def fill(space: ks.Space, flushed: bool) -> None:
    space.multiset([(f"k{i}", [i, 1, 0], {"text": f"row {i}"}) for i in range(50)])
    space.set("secret-key-name", MARK, text=SECRET)
    if flushed:
        space.flush()
    space.multiset([(f"l{i}", [i, 0, 1], {"text": f"row {i}"}) for i in range(50)])


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("how", ["deleted", "replaced", "deleted by a filter", "all deleted"])
def test_compact_leaves_nothing_of_a_deleted_row(hub: ks.Hub, space: ks.Space, flushed: bool, how: str) -> None:
    fill(space, flushed)
    assert found(Path(hub.path)) == {"key", "text", "vector"}
    if how == "deleted":
        space.delete("secret-key-name")
    elif how == "replaced":
        space.set("secret-key-name", [0, 0, 1], text="other")
    elif how == "all deleted":
        space.delete_all()
    else:
        space.delete_where(f"text = '{SECRET}'")
    assert space.compact().erased
    assert found(Path(hub.path)) == ({"key"} if how == "replaced" else set())


def test_compact_says_when_somebody_reads_what_is_gone(hub: ks.Hub, space: ks.Space) -> None:
    fill(space, flushed=True)
    with ks.connect(hub.path) as other:
        reading = other.get_space("docs").scan(1)
        next(reading)
        space.delete("secret-key-name")
        assert not space.compact().erased
        reading.close()
        del reading
        len(other.get_space("docs"))  # sees that the segments have changed, and lets go of the old ones
    assert space.compact().erased
    assert found(Path(hub.path)) == set()


def test_a_snapshot_keeps_a_row_until_it_is_dropped(hub: ks.Hub, space: ks.Space) -> None:
    fill(space, flushed=True)
    space.snapshot("monday")
    space.delete("secret-key-name")
    space.compact()
    assert found(Path(hub.path)) == {"key", "text", "vector"}
    assert space.at("monday").row("secret-key-name") == {"text": SECRET}
    space.drop_snapshot("monday")
    space.compact()
    assert found(Path(hub.path)) == set()


def test_a_fork_has_to_be_compacted_as_well(hub: ks.Hub, space: ks.Space) -> None:
    fill(space, flushed=True)
    fork = space.fork("fork")
    space.delete("secret-key-name")
    space.compact()
    assert found(Path(hub.path)) == {"key", "text", "vector"}
    fork.delete("secret-key-name")
    fork.compact()
    assert found(Path(hub.path)) == set()


def test_an_index_made_after_compact_knows_no_dead_rows(hub: ks.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 64)
    space = hub.create_space("indexed", dims=3)
    space.multiset({f"k{i}": [i, i % 7, 1] for i in range(400)})
    space.flush()
    space.index()
    space.delete("k7")
    space.compact()
    space.index()
    [part] = space._store.view().parts[:-1]
    graph = space._store.indexes.find(part.source)  # type: ignore[arg-type]
    assert graph is not None
    assert len(graph.arrays()["row"]) == 399


def test_compaction_keeps_no_writer_waiting_for_a_reader(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.storage.catalog.database._TRIES", 1)
    space.set("a", [1, 1, 1])
    database = space._store.catalog.database
    with contextlib.closing(sqlite3.connect(database.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM log").fetchall()
        space.delete("a")
        space.compact()
    assert database._writer is not None
    assert database._writer.execute("PRAGMA busy_timeout").fetchone()[0] == WAIT_SECONDS * 1_000
