"""Indexes are made in the background, used as soon as they are there, kept, and given up when nobody wants them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from indexed import clustered, files_in, index_folders, segment_folders, strangers, until, until_indexed
from kinspace.space.segments import flush as flushing, indexing
from oracle import folders

N, DIMS = 1_500, 8
X, Q = clustered(N, DIMS), clustered(40, DIMS)


@pytest.fixture(autouse=True)
def small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr(
        "kinspace.space.parts.plane.PLANE_ROWS", 100_000
    )  # or the plan preferred planes to such small indexes
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 800)


@pytest.fixture
def space(hub: ks.Hub) -> ks.Space:
    return hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that built an index, one entry a build."""
    done: list[str] = []
    build = indexing._build

    def watched(*arguments: Any, **named: Any) -> None:
        build(*arguments, **named)
        done.append(threading.current_thread().name)

    monkeypatch.setattr(indexing, "_build", watched)
    return done


class Slow:
    """Builds in the background that begin when they are let, and ask whether to go on before that."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.free = threading.Event(), threading.Event()
        build = indexing._build

        def slowly(store: Any, reader: Any, threads: int, progress: Any, meanwhile: Any = None) -> None:
            if meanwhile is not None:
                self.begun.set()
                while not self.free.wait(0.002):
                    progress(0, 1)
            build(store, reader, threads, progress, meanwhile)

        patch.setattr(indexing, "_build", slowly)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    made = Slow(monkeypatch)
    yield made
    made.free.set()


def load(space: ks.Space, rows: np.ndarray = X, first: int = 0) -> None:
    space.load(keys=range(first, first + len(rows)), vectors=rows)


def test_a_bulk_load_is_indexed_without_any_call(space: ks.Space, built: list[str]) -> None:
    load(space)
    until_indexed(space, 1)
    assert built == ["kinspace-indexing"]
    assert space.stats()["index_bytes"] == sum(
        path.stat().st_size for path in index_folders(space)[0].rglob("*") if path.is_file()
    )
    until(lambda: not space.nearest_neighbors(1, vector=Q[0], ef_search=10).exact)


def test_a_full_log_is_flushed_and_indexed_without_any_call(
    space: ks.Space, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "LOG_ROWS", 1_200)
    for start in range(0, N, 500):
        space.multiset({key: X[key] for key in range(start, start + 500)})
    until_indexed(space, 1)
    assert space.stats()["log_rows"] < N
    assert len(built) == 1


@pytest.mark.parametrize("call", ["flush", "compact"])
def test_flush_and_compact_are_followed_by_an_index(space: ks.Space, built: list[str], call: str) -> None:
    for start in range(0, N, 500):
        space.multiset({key: X[key] for key in range(start, start + 500)})
    getattr(space, call)()
    until_indexed(space, 1)
    assert built == ["kinspace-indexing"]


def test_a_segment_serves_exactly_until_its_index_is_there(space: ks.Space, slow: Slow) -> None:
    load(space)
    assert slow.begun.wait(60)
    hits = space.nearest_neighbors(10, vector=Q[0], ef_search=10)
    assert hits.exact is True
    assert hits.keys == space.nearest_neighbors(10, vector=Q[0], exact=True).keys
    assert space.stats()["indexed_segments"] == 0
    slow.free.set()
    until(lambda: not space.nearest_neighbors(10, vector=Q[0], ef_search=10).exact)
    assert space.stats()["indexed_segments"] == 1


def test_writers_are_not_kept_waiting_by_a_build(space: ks.Space, slow: Slow) -> None:
    load(space)
    assert slow.begun.wait(60)
    space.set(10_000, X[0])
    space.delete(3)
    load(space, X[:900], 20_000)
    space.flush()
    assert space.check().ok
    slow.free.set()
    until_indexed(space, 1)
    assert space.nearest_neighbors(N + 1_000, vector=Q[0]).exact is True


def test_a_reopened_hub_uses_the_index_it_finds(space: ks.Space, hub: ks.Hub, built: list[str]) -> None:
    load(space)
    assert space.index() in (0, 1)
    (folder,) = index_folders(space)
    before = {name: (folder / name).stat() for name in files_in(folder)}
    answer = list(space.nearest_neighbors(10, vector=Q[0], ef_search=10))
    hub.close()
    built.clear()
    with ks.connect(hub.path) as again:
        space = again.get_space("docs")
        hits = space.nearest_neighbors(10, vector=Q[0], ef_search=10)
        assert hits.exact is False
        assert list(hits) == answer
        assert space.index() == 0
    assert built == []
    after = {name: (folder / name).stat() for name in files_in(folder)}
    assert {name: (one.st_ino, one.st_mtime_ns) for name, one in before.items()} == {
        name: (one.st_ino, one.st_mtime_ns) for name, one in after.items()
    }


def test_a_reopened_hub_makes_what_is_missing_once_it_is_searched(space: ks.Space, hub: ks.Hub, slow: Slow) -> None:
    load(space)
    assert slow.begun.wait(60)
    hub.close()
    with ks.connect(hub.path) as again:
        space = again.get_space("docs")
        assert space.stats()["indexed_segments"] == 0
        slow.free.set()
        assert space.nearest_neighbors(3, vector=Q[0]).exact is True
        until_indexed(space, 1)


def test_index_builds_now_and_says_how_many(space: ks.Space, slow: Slow, built: list[str]) -> None:
    load(space)
    load(space, X[:1_100], 5_000)
    load(space, X[:900], 9_000)
    told: list[tuple[int, int]] = []
    assert space.index(lambda done, total: told.append((done, total))) == 2
    assert space.stats()["indexed_segments"] == 2
    assert told[-1] == (2_600, 2_600)
    assert told == sorted(told)
    assert space.index() == 0
    assert not space.nearest_neighbors(1, vector=Q[0], ef_search=10).exact


def test_what_progress_raises_ends_index_and_leaves_nothing(space: ks.Space, slow: Slow) -> None:
    load(space)

    def stop(done: int, total: int) -> None:
        raise ValueError("mine")

    for _ in range(2):
        with pytest.raises(ValueError, match="mine"):
            space.index(stop)
    assert (index_folders(space), strangers(space)) == ([], [])
    assert space.nearest_neighbors(3, vector=Q[0]).exact is True
    assert space.index() == 1


@pytest.mark.parametrize("progress", [1, "x", [print]])
def test_progress_must_be_a_function(space: ks.Space, progress: Any) -> None:
    with pytest.raises(ks.InvalidInput):
        space.index(progress)


def test_closing_ends_a_build_at_once_and_leaves_nothing(space: ks.Space, hub: ks.Hub, slow: Slow) -> None:
    load(space)
    assert slow.begun.wait(60)
    there = segment_folders(space)
    hub.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("kinspace")]
    assert [path.name for folder in there for path in folder.iterdir() if path.name.startswith((".", "index"))] == []
    with pytest.raises(ks.Closed):
        space.index()
    with pytest.raises(ks.Closed):
        space.measure_recall()


ENDS: dict[str, Callable[[ks.Hub, ks.Space], Any]] = {
    "delete_all": lambda hub, space: space.delete_all(),
    "delete_space": lambda hub, space: hub.delete_space("docs"),
    "compact": lambda hub, space: (space.delete(1), space.compact()),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_segment_that_goes_while_it_is_indexed_goes_for_good(
    space: ks.Space, hub: ks.Hub, slow: Slow, end: str
) -> None:
    load(space)
    assert slow.begun.wait(60)
    (folder,) = segment_folders(space)
    ENDS[end](hub, space)
    assert not folder.exists()
    slow.free.set()
    if end == "compact":
        until_indexed(space, 1)
        assert len(folders(hub)) == 2
    assert not folder.exists()


def test_a_folder_removed_under_a_build_is_not_made_again(
    space: ks.Space, slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    import shutil

    load(space)
    assert slow.begun.wait(60)
    (folder,) = segment_folders(space)
    shutil.rmtree(folder)
    with caplog.at_level(logging.WARNING):
        slow.free.set()
        until(lambda: not space._store.indexes._held)
    assert not folder.exists()
    assert caplog.records == []


def test_a_build_that_fails_is_told_and_harms_nothing(
    space: ks.Space, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(indexing, "_build", broken)
    with caplog.at_level(logging.WARNING, "kinspace"):
        load(space)
        until(lambda: caplog.records, "for a warning")
    assert "'docs'" in caplog.text
    assert "no room" in caplog.text
    for key in range(5):
        space.set(key, X[key])
        assert space.nearest_neighbors(3, vector=Q[0]).exact is True
    until(lambda: not space._store.indexes._held)
    assert len(caplog.records) == 1, "it is not tried again and again"
    monkeypatch.undo()
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr(
        "kinspace.space.parts.plane.PLANE_ROWS", 100_000
    )  # or the plan preferred planes to such small indexes
    assert space.index() == 1


def test_a_merge_begins_with_the_graph_of_the_larger_half(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    moved = indexing._moved

    def watched(*arguments: Any) -> Any:
        rows = moved(*arguments)
        seen.append(int((rows >= 0).sum()))
        return rows

    monkeypatch.setattr(indexing, "_moved", watched)
    load(space)
    space.index()
    space.multidelete(range(100))
    load(space, X[:900], 5_000)
    view = space._store.view()
    assert flushing.replace(
        space._store, view, view.segments
    )  # as the background does; compact() has no use for dead rows
    del view
    space._background.look_after(space._store)
    until_indexed(space, 1)
    assert seen == [N - 100]
    assert space._store.indexes.origins == {}
    true = space.nearest_neighbors(10, vector=Q[0], exact=True)
    assert len(set(space.nearest_neighbors(10, vector=Q[0], ef_search=20).keys) & set(true.keys)) >= 8
    until(lambda: len(segment_folders(space)) == 1)


def test_the_lowest_of_all_priorities_is_the_builds(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    if sys.platform != "linux":
        pytest.skip("priorities of threads are Linux's")
    seen: list[int] = []
    write = indexing.write_index

    def watched(*arguments: Any, **named: Any) -> None:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        write(*arguments, **named)

    real = indexing._core.Graph

    class Graph:
        @staticmethod
        def build(*arguments: Any, **named: Any) -> Any:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            assert named["threads"] == 1
            return real.build(*arguments, **named)

    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    monkeypatch.setattr(indexing, "write_index", watched)
    monkeypatch.setattr(indexing._core, "Graph", Graph)
    load(space)
    until(lambda: len(seen) == 2)
    monkeypatch.setattr(indexing._core, "Graph", real)
    assert seen == [19, here]
    until_indexed(space, 1)


ENDING = """
import sys, threading
import numpy as np
import kinspace as ks
from kinspace.space.parts import index
index.INDEX_ROWS = 1_000
hub = ks.connect(sys.argv[1])
space = hub.create_space("docs", dims=96)
rows = np.random.default_rng(0).standard_normal((20_000, 96)).astype(np.float32)
space.load(keys=[str(i) for i in range(len(rows))], vectors=rows)
"""


@pytest.mark.parametrize("path", ["folder", "memory"])
def test_the_end_of_the_process_does_not_wait_for_a_build(tmp_path: Path, path: str) -> None:
    place = str(tmp_path / "hub") if path == "folder" else ":memory:"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDING, place], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 90
    if path == "folder":
        with ks.connect(place) as hub:
            space = hub.get_space("docs")
            assert len(space) == 20_000
            assert space.check().ok
            assert strangers(space) == []


INTERRUPTED = (
    ENDING
    + """
import os, signal
def raise_soon(done, total):
    if done: os.kill(os.getpid(), signal.SIGINT)
try:
    space.index(raise_soon)
except KeyboardInterrupt:
    print("interrupted", space.stats()["indexed_segments"])
"""
)


def test_ctrl_c_ends_index(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "hub")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("interrupted 0\n", 0), done.stderr
    with ks.connect(tmp_path / "hub") as hub:
        assert strangers(hub.get_space("docs")) == []
