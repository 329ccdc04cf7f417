"""A graph used from several threads: whoever changes it, each search sees a whole graph."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core_oracle import column
from graph_oracle import assert_sound, build, clustered, rows, words
from kinspace import _core
from test_core_threads import run

N, MORE = 1500, 1000


def all_at_once(*workers):
    """Runs them to their end, each in a thread; the first error of any is raised here."""
    errors = []

    def guarded(worker):
        try:
            worker()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class Changing:
    """A graph of N rows that one thread changes for a while; rows 0…99 stay."""

    def __init__(self, metric, dims, turns=12):
        self.metric, self.turns = metric, turns
        self.rng = np.random.default_rng(11)
        self.X = clustered(self.rng, N + MORE, dims)
        self.graph = build(self.X[:N], metric)
        self.done = threading.Event()
        self.present = np.arange(N + MORE) < N

    def change(self):
        try:
            part = rows(self.X)
            for turn in range(self.turns):
                new = self.rng.choice(np.flatnonzero(~self.present), 120, False)
                self.graph.insert(part, new, threads=2, progress=(lambda *_: None) if turn % 2 else None)
                self.present[new] = True
                gone = 100 + self.rng.choice(np.flatnonzero(self.present[100:]), 150, False)
                self.graph.remove(gone, threads=2)
                self.present[gone] = False
        finally:
            self.done.set()

    def check(self, q, found, k):
        ids, distances = found
        assert len(ids) == k
        assert len(set(ids.tolist())) == k
        np.testing.assert_array_equal(distances, column(self.metric, self.X, q)[ids])
        assert (np.diff(distances) >= 0).all()

    def searching(self, search):
        def loop():
            rng = np.random.default_rng(1)
            once = False
            while not once or not self.done.is_set():
                search(self.X[rng.integers(len(self.X), size=8)])
                once = True

        return loop


@pytest.mark.parametrize(("metric", "dims"), [("l2", 8), ("cosine", 40), ("ip", 140)])
def test_one_inserts_and_removes_while_others_search(metric, dims):
    run = Changing(metric, dims)
    stays = words(np.arange(N + MORE) < 100)

    def single(Q):
        for q in Q:
            run.check(q, run.graph.search(q, 10, ef=20), 10)

    def batch(Q):
        ids, distances = run.graph.search(Q, 10, ef=20, threads=2)
        for q in range(len(Q)):
            run.check(Q[q], (ids[q], distances[q]), 10)

    def others(Q):
        run.check(Q[0], run.graph.search(Q[0], 100, mask=stays, ef=20), 100)
        run.check(Q[1], run.graph.search(Q[1], 10, exact=True), 10)
        assert N - 1000 < run.graph.n <= N + MORE
        run.graph.curve, run.graph.bytes, run.graph.layers, run.graph.ef_for(0.9, 10)

    all_at_once(run.change, *map(run.searching, (single, batch, others)))
    assert_sound(run.graph, np.flatnonzero(run.present))


def test_one_changes_while_others_store_and_merge(rng):
    run = Changing("l2", 12)

    def store(Q):
        arrays = run.graph.arrays()
        n = int(arrays["header"][3])
        again = _core.Graph.restore(rows(run.X[:n]), arrays)
        run.check(Q[0], again.search(Q[0], 10, ef=20), 10)

    def merge(Q):
        for n in (N, N + MORE):
            moved = np.full(n, -1)
            moved[:100] = np.arange(100)
            try:
                merged = run.graph.merged(rows(run.X[:120]), moved)
            except ValueError:
                continue  # the graph is over another number of rows now
            assert merged.n == 120

    all_at_once(run.change, run.searching(store), run.searching(merge))
    assert_sound(run.graph, np.flatnonzero(run.present))


def test_one_changes_while_others_search_scans_of_it():
    run = Changing("l2", 12)
    part = rows(run.X[:N])
    graph = _core.Graph.build(part, metric="l2", M=8, ef_construction=40)
    scan = _core.Scan([part], metric="l2", graphs=[graph])
    run.graph = graph

    def single(Q):
        run.check(Q[0], scan.nearest(Q[0], 10, ef=20)[:2], 10)

    def batch(Q):
        ids, distances, *_ = scan.nearest(Q, 10, ef=20, threads=2)
        for q in range(len(Q)):
            run.check(Q[q], (ids[q], distances[q]), 10)

    all_at_once(run.change, run.searching(single), run.searching(batch))


def test_several_change_the_same_graph(rng):
    X = clustered(rng, 3000, 10)
    graph, part = build(X[:2000]), rows(X)

    def changer(own):
        def change():
            for _ in range(8):
                graph.insert(part, own)
                graph.remove(own)
            graph.insert(part, own)

        return change

    all_at_once(*(changer(np.arange(2000 + i, 3000, 3)) for i in range(3)))
    assert_sound(graph, range(3000))


def test_a_graph_built_anew_while_others_search():
    run = Changing("l2", 12, turns=0)
    part = rows(run.X)

    def grow():
        try:
            for _ in range(4):
                run.graph.remove(np.arange(300, N))
                run.graph.insert(part, np.arange(300, N + MORE))
                run.graph.remove(np.arange(N, N + MORE))
        finally:
            run.done.set()

    def single(Q):
        run.check(Q[0], run.graph.search(Q[0], 10, ef=20), 10)

    def batch(Q):
        run.graph.search(Q, 10, ef=20, threads=2)

    all_at_once(grow, run.searching(single), run.searching(batch))
    assert_sound(run.graph, range(N))


def test_a_change_does_not_wait_for_ever_for_searches_that_follow_each_other(rng):
    X = clustered(rng, 6000, 24)
    graph, done = build(X[:5000]), threading.Event()

    def search():
        while not done.is_set():
            graph.search(X[:300], 10, ef=50)

    def change():
        try:
            graph.insert(rows(X), np.arange(5000, 5600))
            graph.remove(np.arange(900))
        finally:
            done.set()

    all_at_once(change, *[search] * 4)
    assert graph.n == 4700


@pytest.mark.parametrize("parts", ["[r, r]", "[r, s]"])
def test_searches_of_several_graphs_and_changes_of_each_never_wait_for_each_other(parts):
    program = run(
        f"""
        import threading
        import numpy as np
        from kinspace import _core
        Y = np.random.default_rng(0).standard_normal((1500, 8), np.float32)
        r, s = _core.Rows([Y]), _core.Rows([Y])
        graphs = {{x: _core.Graph.build(x, metric="l2", M=8, ef_construction=20) for x in (r, s)}}
        done = threading.Event()
        def search(parts):
            scan = _core.Scan(parts, metric="l2", graphs=[graphs[x] for x in parts])
            while not done.is_set():
                scan.nearest(Y[:100], 5, ef=10)
        def change(x):
            for _ in range(150):
                graphs[x].remove(np.array([3]))
                graphs[x].insert(x, np.array([3]))
        searchers = [threading.Thread(target=search, args=(p,)) for p in ({parts}, {parts}[::-1])]
        changers = [threading.Thread(target=change, args=(x,)) for x in (r, s)]
        for thread in searchers + changers: thread.start()
        for thread in changers: thread.join()
        done.set()
        for thread in searchers: thread.join()
        print("done")
        """
    )
    try:
        assert program.communicate(timeout=40) == ("done\n", "")
    finally:
        program.kill()
