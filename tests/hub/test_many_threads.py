"""Threads share a hub and its spaces: no update is lost, and every answer is of one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.space import space as limits
from kinspace.space.segments import compact as compaction, flush as flushing

PATIENCE = 60.0


def at_once(*jobs: Callable[[], None]) -> None:
    """Run every job in a thread of its own, all from one moment; raise the first error."""
    errors: list[BaseException] = []
    ready = threading.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        try:
            ready.wait(PATIENCE)
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]


def test_four_writers_and_four_readers_lose_no_update_and_see_whole_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every commit sets a pair of rows alike, in both spaces' log and segments; a reader must never see them differ."""
    small = {flushing: ("LOG_ROWS", 40), compaction: ("TIER_BASE", 60), limits: ("SEGMENT_ROWS", 30)}
    for module, (name, value) in small.items():
        monkeypatch.setattr(module, name, value)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=2, metric="l2")
        rounds, running = 30, threading.Event()
        space.multiset([(key, [0, 1], {"n": 0}) for key in ("left", "right")])
        left = [4]

        def write(name: str) -> Callable[[], None]:
            def job() -> None:
                try:
                    for i in range(rounds):
                        space.set(f"{name} {i}", [i, 2], n=i)
                        assert space.get(f"{name} {i}").tolist() == [i, 2], "its own write is there at once"
                        pair = [i * 10 + int(name), 1]
                        space.multiset([(key, pair, {"n": pair[0]}) for key in ("left", "right")])
                        if i % 10 == 9:
                            space.load(keys=[f"{name} bulk {i} {j}" for j in range(40)], vectors=np.full((40, 2), 3.0))
                            space.delete(f"{name} bulk {i} 7")
                finally:
                    left[0] -= 1
                    if not left[0]:
                        running.set()

            return job

        def read() -> None:
            newest = 0
            while not running.is_set():
                one, other = space.multiget(["left", "right"])
                assert one.tolist() == other.tolist(), "two commits in one answer"
                version = space.version
                assert version >= newest
                newest = version
                frames = list(space.scan(16))
                rows = {row["key"]: row for frame in frames for row in frame.rows(named=True)}
                assert rows["left"]["n"] == rows["right"]["n"]
                assert sum(frame.height for frame in frames) == len(rows), "a key twice in a scan"
                hits = space.nearest_neighbors(5, vector=[1.0, 1.0], where="n IS NOT NULL")
                assert len(hits) == len(hits.rows) == len(set(hits.keys)) == min(5, len(hits))
                named = dict(hits.rows.select("key", "n").iter_rows())
                if "left" in named and "right" in named:
                    assert named["left"] == named["right"]

        def maintain() -> None:
            while not running.is_set():
                space.flush()
                space.compact()

        at_once(*(write(str(i)) for i in range(4)), *(read for _ in range(4)), maintain)
        expected = {f"{name} {i}" for name in range(4) for i in range(rounds)} | {"left", "right"}
        expected |= {f"{n} bulk {i} {j}" for n in range(4) for i in range(9, rounds, 10) for j in range(40) if j != 7}
        assert set(space) == expected
        assert len(space) == len(expected)
        assert all(space.row(f"{name} {i}")["n"] == i for name in range(4) for i in range(rounds))
        assert space.check().ok
    with ks.connect(tmp_path / "hub") as again:
        assert set(again.get_space("docs")) == expected


def test_updates_of_one_row_from_many_threads_are_all_there(space: ks.Space) -> None:
    space.set("a", [1, 2, 3])
    at_once(*(lambda i=i: [space.update("a", **{f"c{i}": j}) for j in range(30)] for i in range(4)))  # type: ignore[misc]
    assert space.row("a") == {f"c{i}": 29 for i in range(4)}
    assert space.get("a").tolist() == [1, 2, 3]


def test_only_one_of_many_deletes_says_true(space: ks.Space) -> None:
    for i in range(20):
        space.set("a", [i, 1, 1])
        said: list[bool] = []
        at_once(*(partial(lambda told: told.append(space.delete("a")), said) for _ in range(4)))
        assert sorted(said) == [False, False, False, True]


def test_only_one_of_many_threads_makes_a_space(hub: ks.Hub) -> None:
    made: list[str] = []

    def make() -> None:
        try:
            hub.create_space("docs", dims=1)
            made.append("made")
        except ks.SpaceExists:
            made.append("there")

    at_once(*(make for _ in range(4)))
    assert sorted(made) == ["made", "there", "there", "there"]
    at_once(*(lambda i=i: hub.create_space(f"s{i}", dims=1).set("a", [i]) for i in range(6)))  # type: ignore[misc]
    assert len(hub.list_spaces()) == 7
    assert len(list((Path(hub.path) / "spaces").iterdir())) == 7


def test_one_scan_each_in_many_threads_while_everything_is_rewritten(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(100)])
    space.flush()
    scans = [space.scan(3) for _ in range(4)]

    def finish(scan: object) -> Callable[[], None]:
        def job() -> None:
            rows = [row["n"] for frame in scan for row in frame.rows(named=True)]
            assert rows == list(range(100))

        return job

    def rewrite() -> None:
        for i in range(10):
            space.multiset([(f"k{j}", [0, 0, 1], {"n": -1, f"new {i}": 0.5}) for j in range(0, 100, 2)])
            space.delete_where("n >= 0 AND n < 50")
            space.compact()
        space.delete_all()

    at_once(rewrite, *(finish(scan) for scan in scans))
    assert len(space) == 0
