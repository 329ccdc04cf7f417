"""close: twice is fine, afterwards everything is Closed, and what was acknowledged is stored."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks

SPACE_CALLS: dict[str, Callable[[ks.Space], Any]] = {
    "set": lambda space: space.set("b", [1, 2, 3]),
    "setitem": lambda space: space.__setitem__("b", [1, 2, 3]),
    "update": lambda space: space.update("a", n=1),
    "multiset": lambda space: space.multiset({"b": [1, 2, 3]}),
    "bulk load": lambda space: space.load(keys=[f"k{i}" for i in range(5_000)], vectors=[[1, 2, 3]] * 5_000),
    "get": lambda space: space.get("a"),
    "row": lambda space: space.row("a"),
    "len": len,
    "in": lambda space: "a" in space,
    "keys": lambda space: list(space.keys()),
    "scan": lambda space: list(space.scan()),
    "multiget": lambda space: list(space.multiget(["a"])),
    "nearest": lambda space: space.nearest_neighbors(1, vector=[1, 2, 3]),
    "where": lambda space: space.nearest_neighbors(1, vector=[1, 2, 3], where="n = 1"),
    "select": lambda space: space.select().collect(),
    "delete": lambda space: space.delete("a"),
    "multidelete": lambda space: space.multidelete(["a"]),
    "delete_where": lambda space: space.delete_where("n = 1"),
    "delete_all": lambda space: space.delete_all(),
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
    "version": lambda space: space.version,
    "columns": lambda space: space.columns,
    "stats": lambda space: space.stats(),
    "check": lambda space: space.check(),
}
HUB_CALLS: dict[str, Callable[[ks.Hub], Any]] = {
    "create_space": lambda hub: hub.create_space("new", dims=1),
    "exist_ok": lambda hub: hub.create_space("docs", dims=3, exist_ok=True),
    "get_space": lambda hub: hub.get_space("docs"),
    "list_spaces": lambda hub: hub.list_spaces(),
    "delete_space": lambda hub: hub.delete_space("docs"),
    "in": lambda hub: "docs" in hub,
    "len": len,
    "iter": list,
}


@pytest.mark.parametrize("path", ["memory", "folder"])
def test_every_call_after_close_is_closed(tmp_path: Path, path: str) -> None:
    hub = ks.connect(":memory:" if path == "memory" else tmp_path / "hub")
    space = hub.create_space("docs", dims=3)
    space.set("a", [1, 2, 3], n=1)
    space.flush()
    hub.close()
    for name, call in SPACE_CALLS.items():
        with pytest.raises(ks.Closed):
            print(name, call(space))
    for name, call in HUB_CALLS.items():
        with pytest.raises(ks.Closed):
            print(name, call(hub))


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    hub = ks.connect(tmp_path / "hub")
    hub.close()
    hub.close()
    with hub:
        pass
    hub.close()


def test_a_hub_is_a_context_manager_and_closes_on_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1])
        raise RuntimeError("mine")
    with pytest.raises(ks.Closed):
        space.get("a")
    with ks.connect(tmp_path / "hub") as again:
        assert list(again.get_space("docs")) == ["a"]


def test_closing_one_hub_leaves_another_of_the_same_folder_open(tmp_path: Path) -> None:
    one, two = ks.connect(tmp_path / "hub"), ks.connect(tmp_path / "hub")
    here = one.create_space("docs", dims=1)
    there = two.get_space("docs")
    here.set("a", [1])
    one.close()
    there.set("b", [2])
    assert list(there) == ["a", "b"]
    two.close()
    with ks.connect(tmp_path / "hub") as again:
        assert list(again.get_space("docs")) == ["a", "b"]


def test_hits_taken_before_close_are_right_or_closed_never_corrupt() -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        space.multiset([("a", [1], {"t": "x"}), ("b", [2], {"t": "y"})])
        space.flush()
        hits = space.nearest_neighbors(2, vector=[1])
        scan = space.scan(1)
        begun = next(scan)
    assert hits.keys == ["a", "b"]
    try:
        assert hits.rows["t"].to_list() == ["x", "y"]
    except ks.Closed:
        pass
    try:
        assert [begun["key"][0], *(frame["key"][0] for frame in scan)] == ["a", "b"]
    except ks.Closed:
        pass


def test_closing_leaves_no_sqlite_side_files_and_no_threads(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=1)
        space.load(keys=[str(i) for i in range(9_000)], vectors=[[1]] * 9_000)
        space.delete("1")
    assert {path.name for path in (tmp_path / "hub").rglob("*.sqlite*")} == {"hub.sqlite", "catalog.sqlite"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("kinspace")]


def test_threads_at_work_while_the_hub_closes_get_closed_and_nothing_else(tmp_path: Path) -> None:
    hub = ks.connect(tmp_path / "hub")
    space = hub.create_space("docs", dims=3)
    space.set("a", [1, 2, 3])
    done: list[str] = []
    wrong: list[BaseException] = []
    ready = threading.Barrier(5)

    def write(name: str) -> None:
        ready.wait()
        try:
            for i in range(100_000):
                space.set(f"{name} {i}", [i, 1, 1])
                done.append(f"{name} {i}")
        except ks.Closed:
            pass
        except BaseException as error:
            wrong.append(error)

    def read(_: str) -> None:
        ready.wait()
        try:
            while True:
                space.nearest_neighbors(2, vector=[1, 2, 3])
                space.get("a")
                list(space.keys())
                space.flush()
        except ks.Closed:
            pass
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=job, args=(str(i),)) for i, job in enumerate((write, write, read, read))]
    for thread in threads:
        thread.start()
    ready.wait()
    while len(done) < 20:
        assert any(thread.is_alive() for thread in threads), wrong
    hub.close()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)
    with ks.connect(tmp_path / "hub") as again:
        assert set(done) <= set(again.get_space("docs"))
        assert again.get_space("docs").check().ok


def test_a_hub_that_nobody_closes_is_closed_at_exit(tmp_path: Path) -> None:
    program = (
        "import sys, kinspace as ks\n"
        "space = ks.connect(sys.argv[1]).create_space('docs', dims=1)\n"
        "space.set('a', [1])\n"
        "space.load(keys=[str(i) for i in range(9000)], vectors=[[1]] * 9000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / "hub")], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    with ks.connect(tmp_path / "hub") as hub:
        assert len(hub.get_space("docs")) == 9_001


def test_a_flush_under_way_when_the_process_ends_is_finished_and_says_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, threading, kinspace as ks\n"
        "from kinspace.space.segments import flush\n"
        "write, begun, ending = flush.write_segment, threading.Event(), threading.Event()\n"
        "def once_the_end_has_begun(*args, **options):\n"
        "    begun.set()\n"
        "    assert ending.wait(60)\n"
        "    return write(*args, **options)\n"
        "flush.write_segment, flush.LOG_ROWS = once_the_end_has_begun, 10\n"
        "space = ks.connect(sys.argv[1]).create_space('docs', dims=1)\n"
        "space.multiset({str(i): [1] for i in range(10)})\n"
        "assert begun.wait(60)\n"
        "threading._register_atexit(ending.set)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "hub")], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    with ks.connect(tmp_path / "hub") as hub:
        assert len(hub.get_space("docs")) == 10
        assert hub.get_space("docs").stats()["segments"] == 1


def test_a_space_keeps_its_hub_alive(tmp_path: Path) -> None:
    for path in (":memory:", str(tmp_path / "hub")):
        space = ks.connect(path).create_space("docs", dims=1)
        gc.collect()
        with ks.connect(":memory:") as other:
            other.create_space("docs", dims=1)
        space.set("a", [1], n=1)
        space.flush()
        assert space.row("a") == {"n": 1}
        assert space.get("a").tolist() == [1]
