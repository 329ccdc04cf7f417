"""After os.fork() an inherited hub works or is Closed in the child, and the parent never notices the child."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from oracle import state

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
PATIENCE = 20.0


def in_child(work: Callable[[], str], leave: Callable[[], None] = lambda: os._exit(0)) -> str:
    """Run work in a forked child; what it said, or what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = work()
        except BaseException:
            said = traceback.format_exc()
        os.write(writer, said.encode())
        os.close(writer)
        leave()
        os._exit(1)
    os.close(writer)
    try:
        if not select.select([reader], [], [], PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
            return "the child hangs"
        return os.read(reader, 100_000).decode()
    finally:
        os.close(reader)
        os.waitpid(child, 0)


def closed_or(call: Callable[[], object], right: object) -> None:
    try:
        assert call() == right
    except ks.Closed:
        pass


@pytest.fixture
def busy(space: ks.Space) -> ks.Space:
    """Used from several threads of the core's pool, with rows in a segment and in the log."""
    vectors = np.random.default_rng(2).standard_normal((20_000, 3)).astype(np.float32)
    space.load(keys=[f"k{i}" for i in range(20_000)], vectors=vectors)
    space.set("a", [1, 2, 3])
    space.nearest_neighbors(3, vectors=np.ones((32, 3)), threads=2)
    return space


def test_an_inherited_hub_works_or_is_closed(hub: ks.Hub, busy: ks.Space) -> None:
    def work() -> str:
        closed_or(lambda: len(busy), 20_001)
        closed_or(lambda: busy.get("a").tolist(), [1, 2, 3])
        closed_or(lambda: busy.set("child", [1, 1, 1]), None)
        closed_or(lambda: "docs" in hub, True)
        closed_or(lambda: hub.get_space("docs").name, "docs")
        closed_or(lambda: hub.create_space("more", dims=1).name, "more")
        hub.close()
        hub.close()
        return "fine"

    assert in_child(work) == "fine"
    busy.set("parent", [1, 1, 1])
    assert "parent" in busy
    assert busy.check().ok


def test_a_hub_opened_in_the_child_works(hub: ks.Hub, busy: ks.Space) -> None:
    def work() -> str:
        with ks.connect(hub.path) as own:
            space = own.get_space("docs")
            assert len(space) == 20_001
            hits = space.nearest_neighbors(3, vectors=np.ones((32, 3)), threads=2)
            assert len(hits) == 32
            space.set("child", [1, 1, 1])
            assert next(space.multiget(["child"])).tolist() == [1, 1, 1]
            space.delete("k0")
        return "fine"

    assert in_child(work) == "fine"
    assert "child" in busy
    assert "k0" not in busy
    busy.set("parent", [1, 1, 1])
    assert busy.check().ok


@pytest.mark.parametrize("leave", [lambda: os._exit(0), lambda: sys.exit(0)], ids=["_exit", "exit"])
def test_a_child_that_leaves_takes_nothing_with_it(hub: ks.Hub, busy: ks.Space, leave: Callable[[], None]) -> None:
    def exit_as_programs_do() -> None:
        try:
            leave()
        except SystemExit:
            for opened in (hub, busy):  # what the interpreter does to what is left at its end
                opened.__dict__.clear()
            os._exit(0)

    before = state(hub.create_space("small", dims=1))
    assert in_child(lambda: "fine", exit_as_programs_do) == "fine"
    assert state(hub.get_space("small")) == before
    busy.set("after", [1, 1, 1])
    with ks.connect(hub.path) as again:
        assert "after" in again.get_space("docs")


def test_a_memory_hub_outlives_its_children() -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1])
        space.flush()

        def work() -> str:
            hub.close()
            return "fine"

        assert in_child(work) == "fine"
        assert space.get("a").tolist() == [1]
        space.set("b", [1])
        space.compact()
        assert list(space) == ["a", "b"]
        assert Path(hub.path).exists()


def test_a_child_outliving_its_parent_s_hub_does_no_harm(tmp_path: Path) -> None:
    """The parent closes, opens again and writes while the child still has the old files open; then the child ends."""
    hub = ks.connect(tmp_path / "hub")
    space = hub.create_space("docs", dims=1)
    space.set("a", [1])
    go, gone = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(gone)
        os.read(go, 1)
        hub.__dict__.clear()
        space.__dict__.clear()
        os._exit(0)
    os.close(go)
    hub.close()
    for i in range(3):
        with ks.connect(tmp_path / "hub") as again:
            again.get_space("docs").set(f"b{i}", [i])
    with ks.connect(tmp_path / "hub") as again:
        again.get_space("docs").set("c", [1])
        os.close(gone)
        os.waitpid(child, 0)
        again.get_space("docs").set("d", [1])
        assert list(again.get_space("docs")) == ["a", "b0", "b1", "b2", "c", "d"]
    with ks.connect(tmp_path / "hub") as again:
        assert list(again.get_space("docs")) == ["a", "b0", "b1", "b2", "c", "d"]
        assert again.get_space("docs").check().ok


def test_forking_while_threads_are_at_work_leaves_no_lock_behind(hub: ks.Hub, space: ks.Space) -> None:
    stop = threading.Event()

    def work() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            space.set("a", [i, 1, 1])
            hub.get_space("docs").get("a")
            "docs" in hub  # noqa: B015  # takes the hub's lock

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        while "a" not in space:
            pass
        for _ in range(10):

            def child() -> str:
                closed_or(lambda: len(space), 1)
                closed_or(lambda: space.set("a", [1, 1, 1]), None)
                closed_or(lambda: hub.get_space("docs").name, "docs")
                closed_or(hub.list_spaces, ["docs"])
                hub.close()
                return "fine"

            assert in_child(child) == "fine"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert space.check().ok
