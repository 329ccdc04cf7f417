"""Rows come and go: the graph answers as if it had been built of what is there."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, nearest, vectors
from graph_oracle import around, assert_answer, assert_same, assert_sound, build, clustered, recall, rows, words
from kinspace import _core


def check(graph, metric, X, present, Q, least=0.95):
    """All that must hold of a graph over these rows of X."""
    allowed = np.isin(np.arange(len(X)), present)
    assert_sound(graph, present)
    for q in Q[:5]:
        assert_answer(metric, X, q, 10, graph.search(q, 10, ef=20), allowed)
        assert_found(graph.search(q, 10, exact=True), nearest(metric, X, q, 10, allowed))
        half = np.arange(len(X)) % 2 == 0
        assert_answer(metric, X, q, 10, graph.search(q, 10, ef=20, mask=words(half)), allowed & half)
    ids, _ = graph.search(Q, 10, ef=100)
    assert recall(metric, X, Q, ids, allowed) >= least


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", [4, 40, 130])
@pytest.mark.parametrize("more", [1, 10, 300, 900, 2500])
def test_insert(rng, metric, dims, more):
    X = clustered(rng, 1500 + more, dims)
    graph = build(X[:1500], metric)
    graph.insert(rows(X), np.arange(1500, 1500 + more))
    check(graph, metric, X, np.arange(1500 + more), around(rng, X, 30))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("less", [1, 100, 400, 1300, 1499, 1500])
def test_remove_and_put_back(rng, metric, less):
    X = clustered(rng, 1500, 20)
    graph = build(X, metric)
    gone = rng.choice(1500, less, False)
    graph.remove(gone)
    left = np.setdiff1d(np.arange(1500), gone)
    Q = around(rng, X, 30)
    check(graph, metric, X, left, Q)
    graph.insert(rows(X), gone)
    check(graph, metric, X, np.arange(1500), Q)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["mixed", "norms", "small integers", "normal"])
@pytest.mark.parametrize("M", [2, 3, 8])
def test_every_node_is_reached_after_each_of_many_small_changes(rng, metric, kind, M):
    X, present = vectors(rng, 900, 8, kind), np.arange(900) < 700
    graph = build(X[:700], metric, M=M, efc=20)
    for _ in range(6):
        fresh = rng.choice(np.flatnonzero(~present), 50, False)
        graph.insert(rows(X), fresh)
        present[fresh] = True
        assert_sound(graph, np.flatnonzero(present))
        gone = rng.choice(np.flatnonzero(present), 60, False)
        graph.remove(gone)
        present[gone] = False
        assert_sound(graph, np.flatnonzero(present))


def test_everything_goes_row_by_row_and_comes_back(rng):
    X = clustered(rng, 200, 6)
    graph = build(X, M=3, efc=10)
    for i, row in enumerate(rng.permutation(200)):
        graph.remove(np.array([row]))
        assert graph.n == 199 - i
        assert len(graph.search(X[0], 5)[0]) == min(5, graph.n)
    assert_sound(graph, [])
    for i, row in enumerate(rng.permutation(200)):
        graph.insert(rows(X), np.array([row]))
        assert graph.n == i + 1
    check(graph, "l2", X, np.arange(200), X[:20])


@pytest.mark.parametrize("metric", METRICS)
def test_recall_after_the_rows_were_replaced_ten_times(rng, metric):
    X = clustered(rng, 3000, 16)
    present = np.arange(1000)
    graph = _core.Graph.build(rows(X[:1000]), metric=metric, M=8, ef_construction=60)
    graph.insert(rows(X), np.array([1000]))
    graph.remove(np.array([1000]))
    for _ in range(50):
        gone = rng.choice(present, 200, False)
        fresh = rng.choice(np.setdiff1d(np.arange(3000), present), 200, False)
        graph.remove(gone)
        graph.insert(rows(X), fresh)
        present = np.concatenate([np.setdiff1d(present, gone), fresh])
    check(graph, metric, X, present, around(rng, X, 60), least=0.97)


def test_changes_are_the_same_for_any_number_of_threads(rng):
    X, gone = clustered(rng, 2500, 140), rng.choice(1500, 700, False)
    made = []
    for threads in (1, 2, 4):
        graph = build(X[:1500], threads=threads)
        graph.insert(rows(X[:2000]), np.arange(1500, 2000), threads=threads)
        graph.remove(gone, threads=threads)
        graph.insert(rows(X[:2000]), gone[:300], threads=threads)
        moved = np.arange(2000)
        moved[gone[300:]] = -1
        made.append((graph.arrays(), graph.merged(rows(X), moved, threads=threads).arrays()))
    for changed, merged in made[1:]:
        assert_same(changed, made[0][0])
        assert_same(merged, made[0][1])


def test_equal_rows_come_and_go_in_the_order_of_their_ids(rng):
    X = np.repeat(clustered(rng, 300, 5), 10, 0)
    order = rng.permutation(3000)
    graph = build(X, order=order.astype(np.uint64))
    row_of, present = np.argsort(order), np.ones(3000, bool)
    for _ in range(12):
        gone = rng.choice(np.flatnonzero(present), 500, False)
        graph.remove(gone)
        present[gone] = False
        back = rng.choice(np.flatnonzero(~present), 300, False)
        graph.insert(rows(X, order=order.astype(np.uint64)), back)
        present[back] = True
        for q in X[:200:10]:
            ids, distances = graph.search(q, 3, ef=40)
            assert_found((row_of[ids], distances), nearest("l2", X, q, 3, present, rank=order))
    assert_sound(graph, np.flatnonzero(present))


def test_nothing_to_insert_but_more_rows_to_come(rng):
    X = clustered(rng, 5000, 8)
    graph = build(X[:1000])
    graph.insert(rows(X), np.array([], np.int64))
    check(graph, "l2", X, np.arange(1000), X[:20])
    graph.insert(rows(X), np.array([4999]))
    check(graph, "l2", X, np.array([*range(1000), 4999]), X[:20])


@pytest.mark.parametrize("metric", METRICS)
def test_rows_far_larger_than_those_the_graph_was_built_of(rng, metric):
    X = clustered(rng, 2500, 8)
    X[:2000] *= np.float32(1e-20)
    X[2000:] *= np.float32(1e30)
    graph = build(X[:2000], metric)
    graph.insert(rows(X), np.arange(2000, 2500))
    assert_sound(graph, range(2500))
    for q in X[::250]:
        assert_answer(metric, X, q, 10, graph.search(q, 10, ef=20))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("gone", [0, 30, 700])
@pytest.mark.parametrize("more", [0, 5, 500, 3000])
def test_merged_into_other_rows(rng, metric, gone, more):
    X = clustered(rng, 2000 + more, 24)
    graph = build(X[:2000], metric)
    before = graph.arrays()
    places = rng.permutation(2000 - gone + more)
    moved = np.full(2000, -1)
    moved[rng.permutation(2000)[: 2000 - gone]] = places[: 2000 - gone]
    Y = np.empty((2000 - gone + more, 24), np.float32)
    Y[moved[moved >= 0]] = X[:2000][moved >= 0]
    Y[places[2000 - gone :]] = X[2000:]
    merged = graph.merged(rows(Y), moved)
    check(merged, metric, Y, np.arange(len(Y)), around(rng, Y, 30))
    assert_same(graph.arrays(), before)
    merged.remove(np.arange(50))
    check(merged, metric, Y, np.arange(50, len(Y)), around(rng, Y, 30))


def test_a_merged_graph_of_nothing_and_of_nothing_left(rng):
    X = clustered(rng, 300, 5)
    empty = build(X[:0])
    check(empty.merged(rows(X), np.empty(0, np.int64)), "l2", X, np.arange(300), X[:20])
    full = build(X)
    check(full.merged(rows(X[:100]), np.full(300, -1)), "l2", X[:100], np.arange(100), X[:20])
    assert full.merged(rows(X[:0]), np.full(300, -1)).n == 0


def test_a_restored_graph_changes_as_the_first_would(rng):
    X = clustered(rng, 2000, 30)
    graph = build(X[:1500])
    graph.remove(np.arange(0, 1500, 3))
    again = _core.Graph.restore(rows(X[:1500]), graph.arrays())
    for one in (graph, again):
        one.insert(rows(X), np.arange(1500, 2000))
        one.remove(np.arange(1, 1500, 3))
        check(one, "l2", X, [*range(2, 1500, 3), *range(1500, 2000)], X[:20])
