"""Scan.nearest: several parts, some with a graph, as one answer."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, bitmap, nearest
from graph_oracle import around, assert_answer, clustered, recall
from kinspace import _core


def scan(X, sizes, metric, with_graph, live=None, orders=None):
    """Consecutive rows of X as parts of these sizes, some with a graph."""
    parts, graphs, bitmaps, first = [], [], [], 0
    for p, size in enumerate(sizes):
        order = None if orders is None else orders[first : first + size]
        part = _core.Rows([np.ascontiguousarray(X[first : first + size])], order=order)
        parts.append(part)
        graphs.append(
            _core.Graph.build(part, metric=metric, M=8, ef_construction=60) if with_graph[p % len(with_graph)] else None
        )
        bitmaps.append(None if live is None else bitmap(live[first : first + size]))
        first += size
    return _core.Scan(parts, live=bitmaps, metric=metric, graphs=graphs)


def cut(mask, sizes):
    ends = np.cumsum(sizes)
    return [bitmap(mask[end - size : end]) for size, end in zip(sizes, ends)]


WITH = ([True], [True, False], [False, True], [False])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("with_graph", WITH, ids=str)
@pytest.mark.parametrize("sizes", [(2500,), (1500, 1500), (3000, 40, 0, 900, 1)], ids=str)
def test_the_parts_are_one_set_of_rows(rng, metric, with_graph, sizes):
    n = sum(sizes)
    X = clustered(rng, n, 30)
    one = scan(X, sizes, metric, with_graph)
    Q = around(rng, X, 24)
    ids, distances, exact, _ = one.nearest(Q, 10, ef=60)
    asked = any(size >= 1500 and with_graph[p % len(with_graph)] for p, size in enumerate(sizes))
    assert exact is not asked
    assert recall(metric, X, Q, ids) >= 0.97
    for q in range(24):
        assert_answer(metric, X, Q[q], 10, (ids[q], distances[q]))
        if q % 6 == 0:
            found = one.nearest(Q[q], 10, ef=60)
            assert_found(found[:2], (ids[q], distances[q]))
            assert_found(one.nearest(Q[q], 10, recall=1.0)[:2], nearest(metric, X, Q[q], 10))
    assert one.nearest(Q, 10, recall=1.0)[2] is True


@pytest.mark.parametrize("metric", METRICS)
def test_it_says_when_a_graph_was_asked_and_when_the_answer_is_proven(rng, metric):
    X = clustered(rng, 4000, 30)
    one = scan(X, (4000,), metric, [True])
    assert one.nearest(X[0], 10, ef=20)[2] is False
    for kwargs in ({"recall": 1.0}, {"ef": 65_536}, {"masks": [bitmap(np.arange(4000) < 20)], "ef": 20}):
        ids, distances, exact, _ = one.nearest(X[0], 10, **kwargs)
        assert exact is True
        assert_found((ids, distances), one.search(X[0], 10, masks=kwargs.get("masks")))


@pytest.mark.parametrize("with_graph", WITH[:3], ids=str)
@pytest.mark.parametrize("ordered", [True, False])
def test_ties_across_parts_go_as_in_an_exact_search(rng, with_graph, ordered):
    X = np.repeat(clustered(rng, 600, 8), 8, 0)[rng.permutation(4800)]
    orders = rng.permutation(4800).astype(np.uint64) if ordered else None
    one = scan(X, (1600, 1600, 1600), "l2", with_graph, orders=orders)
    for q in X[:60]:
        assert_found(one.nearest(q, 5, ef=60)[:2], one.search(q, 5))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0, 0.001, 0.03, 0.3, 0.9])
def test_live_rows_masks_and_the_excluded_one(rng, metric, share):
    sizes = (2000, 1500, 70)
    X = clustered(rng, 3570, 20)
    live, mask = rng.random(3570) < 0.9, rng.random(3570) < share
    one = scan(X, sizes, metric, [True, True, False], live)
    for row in rng.choice(3570, 15, False):
        for given, allowed in ((None, live.copy()), (cut(mask, sizes), live & mask), ([None] * 3, live.copy())):
            allowed[row] = False
            ids, distances, *_ = one.nearest(X[row], 10, masks=given, exclude=int(row), ef=30)
            assert_answer(metric, X, X[row], 10, (ids, distances), allowed)
            ids, distances, *_ = one.nearest(X[row : row + 1], 3570, masks=given, exclude=int(row), ef=30)
            assert_found((ids[0], distances[0]), nearest(metric, X, X[row], 3570, allowed))


def test_the_excluded_row_among_many_like_it(rng):
    X = np.repeat(clustered(rng, 500, 6), 6, 0)
    one = scan(X, (3000,), "l2", [True])
    for row in range(0, 3000, 71):
        allowed = np.arange(3000) != row
        assert_found(one.nearest(X[row], 4, exclude=row, ef=60)[:2], nearest("l2", X, X[row], 4, allowed))


@pytest.mark.parametrize("k", [0, 1, 69, 3000, 3071, 10**30])
def test_k_rows_or_all_there_are(rng, k):
    X = clustered(rng, 3070, 12)
    one = scan(X, (3000, 70), "ip", [True, False])
    for ef in (0, 1, 300):
        assert_answer("ip", X, X[5], k, one.nearest(X[5], k, ef=ef)[:2])
        ids, distances, *_ = one.nearest(X[:2], k, ef=ef)
        assert ids.shape == distances.shape == (2, min(k, 3070))


def test_any_number_of_threads_gives_the_same_bits(rng):
    X = clustered(rng, 6000, 64)
    one, Q = scan(X, (3000, 3000), "cosine", [True, False]), around(rng, X, 60)
    alone = one.nearest(Q, 10, ef=40, threads=1)
    for threads in (0, 2, 4, 1000):
        assert_found(one.nearest(Q, 10, ef=40, threads=threads)[:2], alone[:2])


def test_no_query_gives_no_answer(rng):
    one = scan(clustered(rng, 3000, 5), (3000,), "l2", [True])
    assert one.nearest(np.empty((0, 5), np.float32), 3, ef=10)[0].shape[0] == 0


@pytest.mark.parametrize("more", [1, 200, 3000])
def test_a_graph_that_changed_under_a_scan_is_not_asked_for_rows_it_does_not_have(rng, more):
    X = clustered(rng, 5000, 8)
    part = _core.Rows([X[:2000]])
    graph = _core.Graph.build(part, metric="l2", M=8, ef_construction=40)
    one = _core.Scan([part], metric="l2", graphs=[graph])
    graph.insert(_core.Rows([X]), np.arange(2000, 2000 + more))
    for q in X[::250]:
        assert_answer("l2", X[:2000], q, 10, one.nearest(q, 10, ef=20)[:2])
    graph.remove(np.arange(0, 2000, 2))
    for q in X[::250]:
        assert_answer("l2", X[:2000], q, 10, one.nearest(q, 10, ef=20)[:2])
    del graph
    assert_answer("l2", X[:2000], X[1], 10, one.nearest(X[1], 10, ef=20)[:2])
