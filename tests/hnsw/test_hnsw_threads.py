"""Threads share an index: searches run while rows come and go, and Ctrl-C stops a build."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from brute import distances
from sets import clustered
from thorough import rounds

PATIENCE = 60.0


def at_once(*jobs: Callable[[], None]) -> None:
    """Run every job in a thread of its own; raise the first error."""
    errors: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
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


def test_one_adds_and_removes_while_two_search_with_and_without_a_filter() -> None:
    """Every row's first component is its id, so that a hit of another row than its id says would show."""
    rng = np.random.default_rng(91)

    def rows(first: int, count: int) -> np.ndarray:
        out = rng.normal(size=(count, 8)).astype(np.float32)
        out[:, 0] = np.arange(first, first + count)
        return out

    last = rounds(2_500, 6_000)
    every = rows(0, last)
    index = ks.Hnsw.build(every[:500], "l2", M=8, ef_construction=40)
    done = threading.Event()
    gone_before = [0]  # every id below has been removed

    def write() -> None:
        try:
            for first in range(500, last, 50):
                assert index.add(every[first : first + 50]).tolist() == list(range(first, first + 50))
                assert index.remove(range(first - 500, first - 450)) == 50
                gone_before[0] = first - 450
        finally:
            done.set()

    def check(ids: np.ndarray, found: np.ndarray, query: np.ndarray, least: int) -> None:
        assert (ids >= least).all(), "what was removed before the search began is not found"
        assert np.allclose(found, distances(every[ids], query, "l2")), "each id with its own row's distance"

    def search() -> None:
        query = every[17]
        while not done.is_set():
            least = gone_before[0]
            ids, found = index.search(query, 10)
            assert len(ids) == 10
            check(ids, found, query, least)

    def search_filtered() -> None:
        query = every[23]
        turn = 0
        while not done.is_set():
            turn += 1
            least = gone_before[0]
            where = np.arange(
                least + 200, least + 400, 1 + turn % 7
            )  # live when the search began, if not all at its end
            ids, found = index.search(query, 10, where=where)
            assert np.isin(ids, where).all()
            there = where >= gone_before[0] + 50  # all the while, whatever was being removed
            assert len(ids) >= min(10, there.sum())
            check(ids, found, query, least)

    at_once(write, search, search_filtered)
    assert set(index.search(every[0], 600)[0].tolist()) == set(range(last - 500, last))


def test_searches_of_one_index_by_many_threads_agree() -> None:
    rows, queries = clustered(2_000, 16, 92), clustered(50, 16, 92)
    index = ks.Hnsw.build(rows)
    expected = [index.search(query, 10)[0].tolist() for query in queries]

    def search() -> None:
        for query, ids in zip(queries, expected, strict=True):
            assert index.search(query, 10)[0].tolist() == ids
            assert index.search(query, 10, where=np.ones(2_000, bool))[0].shape == (10,)

    at_once(search, search, search, search)


def test_an_index_freed_while_others_search_is_closed_to_them() -> None:
    rows = clustered(500, 8, 93)
    index = ks.Hnsw.build(rows)
    found = threading.Barrier(3)

    def search(where: object) -> None:
        for turn in range(100_000):
            try:
                assert len(index.search(rows[0], 10, where=where)[0]) == 10
            except ks.Closed:
                return
            if turn == 3:
                found.wait(PATIENCE)
        raise AssertionError("the index was never closed")

    def free() -> None:
        found.wait(PATIENCE)
        index.free()

    at_once(lambda: search(None), lambda: search(range(100)), free)


def test_saving_while_others_change_it_saves_one_moment(tmp_path: Path) -> None:
    last = rounds(800, 2_000)
    rows = clustered(last, 8, 94)
    index = ks.Hnsw.build(rows[:200], "l2", M=4, ef_construction=20)
    done = threading.Event()

    def write() -> None:
        try:
            for first in range(200, last, 20):
                index.add(rows[first : first + 20])
                index.remove(range(first - 200, first - 180))
        finally:
            done.set()

    def save() -> None:
        while not done.is_set():
            index.save(tmp_path / "index")
            again = ks.Hnsw.load(tmp_path / "index")
            ids = np.sort(again.search(rows[0], 1_000)[0])
            assert len(ids) in (200, 220)
            assert ids.tolist() == list(range(int(ids[0]), int(ids[0]) + len(ids)))

    at_once(write, save)


HANDLER = """
import signal, sys, threading, os
import numpy as np
import kinspace as ks
rows = np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32)
index = ks.Hnsw.build(rows[:100])
tried = []

def handler(*_):
    for use in (lambda: index.add(rows[:1]), lambda: index.remove([0]), lambda: index.save("/nowhere")):
        try:
            tried.append(use())
        except ks.Conflict:
            tried.append("refused")

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
index.add(rows)
print(tried, len(index))
"""


def test_a_signal_s_handler_cannot_change_what_its_thread_is_changing_and_does_not_hang() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANDLER], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.stdout == "['refused', 'refused', 'refused'] 20100\n", done.stdout + done.stderr


CTRL_C = """
import os, signal, sys, threading
import numpy as np
import kinspace as ks
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
rows = np.random.default_rng(0).normal(size=(60_000, 96)).astype(np.float32)
small = ks.Hnsw.build(rows[:500])
for call in (lambda: ks.Hnsw.build(rows, threads=int(sys.argv[1])), lambda: small.add(rows)):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        call()
        print("finished")
    except KeyboardInterrupt:
        print("interrupted")
    timer.join()
print(len(small), small.search(rows[3], 1)[0].tolist(), small.add(rows[:2]).tolist(), small.remove(range(400)))
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_stops_a_build_and_an_add_which_then_has_added_nothing(threads: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C, threads], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.stdout == "interrupted\ninterrupted\n500 [3] [500, 501] 400\n", done.stdout + done.stderr
