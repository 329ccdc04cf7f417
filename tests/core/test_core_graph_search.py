"""Searching a graph: near the brute force in recall, equal to it in every distance, and exact where it says so."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, nearest
from graph_oracle import assert_answer, build, clustered, recall, rows
from kinspace import _core

DIMS = (1, 2, 3, 15, 16, 17, 33, 65, 127, 129, 384, 784)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", DIMS)
def test_recall_on_clusters_and_the_bits_of_every_distance(rng, metric, dims):
    X = clustered(rng, 2050, dims)
    X, Q = X[:2000], X[2000:]
    graph = build(X, metric)
    ids, _ = graph.search(Q, 10, ef=100)
    assert recall(metric, X, Q, ids) >= 0.97
    ids, _ = graph.search(Q, 10)
    assert recall(metric, X, Q, ids) >= 0.9
    for q in (*X[:5], *Q[:10]):
        for ef in (1, 10, 50):
            assert_answer(metric, X, q, 10, graph.search(q, 10, ef=ef))
        assert_found(graph.search(q, 10, exact=True), nearest(metric, X, q, 10))
        assert_found(graph.search(q, 10, recall=1.0), nearest(metric, X, q, 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", [7, 96, 160])
def test_every_instruction_set_finds_and_builds(isa, rng, metric, dims):
    X = clustered(rng, 1550, dims)
    X, Q = X[:1500], X[1500:]
    graph = build(X, metric)
    ids, _ = graph.search(Q, 10, ef=60)
    assert recall(metric, X, Q, ids) >= 0.97
    for q in Q[:5]:
        assert_answer(metric, X, q, 10, graph.search(q, 10, ef=20))


@pytest.mark.parametrize("metric", METRICS)
def test_a_row_finds_itself(rng, metric):
    X = clustered(rng, 3000, 48)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    graph = build(X, metric)
    ids, _ = graph.search(X, 1, ef=40, threads=2)
    assert (ids[:, 0] == np.arange(3000)).mean() > 0.98


@pytest.mark.parametrize("metric", METRICS)
def test_a_batch_is_its_queries_one_by_one_for_any_number_of_threads(rng, metric):
    X, Q = clustered(rng, 2500, 40), clustered(rng, 33, 40)
    graph = build(X, metric)
    found = [graph.search(q, 7, ef=30) for q in Q]
    for threads in (0, 1, 2, 4, 1000):
        ids, distances = graph.search(Q, 7, ef=30, threads=threads)
        for q in range(33):
            assert_found((ids[q], distances[q]), found[q])


@pytest.mark.parametrize("n", [0, 1, 2, 9, 10, 11, 40])
@pytest.mark.parametrize("metric", METRICS)
def test_k_rows_or_all_there_are(rng, n, metric):
    X, q = clustered(rng, n, 20), clustered(rng, 1, 20)[0]
    graph = build(X, metric)
    assert graph.n == n
    for k in (0, 1, 9, 10, 11, 10**30):
        for ef in (0, 1, 65_536):
            assert_answer(metric, X, q, k, graph.search(q, k, ef=ef))
    ids, distances = graph.search(np.stack([q, q]), 12)
    assert ids.shape == distances.shape == (2, 12)
    assert (ids[:, min(n, 12) :] == -1).all()
    assert np.isposinf(distances[:, min(n, 12) :]).all()
    for one in (0, 1):
        assert_answer(metric, X, q, 12, (ids[one, : min(n, 12)], distances[one, : min(n, 12)]))


def test_no_query_gives_no_answer(rng):
    graph = build(clustered(rng, 100, 8))
    ids, distances = graph.search(np.empty((0, 8), np.float32), 5)
    assert ids.shape == distances.shape == (0, 5)
    assert (ids.dtype, distances.dtype) == (np.int64, np.float64)


def test_a_large_k_is_met(rng):
    X = clustered(rng, 5000, 24)
    graph = build(X)
    for k in (500, 2500, 4999, 5000, 5001):
        assert_answer("l2", X, X[3], k, graph.search(X[3], k, ef=1))


@pytest.mark.parametrize("metric", METRICS)
def test_ids_are_the_order_and_ties_go_by_it(rng, metric):
    X = np.repeat(clustered(rng, 400, 6), 8, 0)[rng.permutation(3200)]
    order = rng.permutation(2 * 3200)[:3200].astype(np.uint64)
    graph = build(X, metric, order=order, order_base=5)
    by_id = np.full(2 * 3200 + 5, -1)
    by_id[order.astype(int) + 5] = np.arange(3200)
    for q in X[:40]:
        wanted = nearest(metric, X, q, 4, rank=order)
        for kwargs in ({"exact": True}, {"ef": 40}):
            ids, distances = graph.search(q, 4, **kwargs)
            assert_found((by_id[ids], distances), wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_come_in_order_of_their_numbers(metric):
    graph = build(np.ones((5000, 12), np.float32), metric)
    ids, _ = graph.search(np.ones((3, 12), np.float32), 50, ef=60)
    assert (ids == np.arange(50)).all()


def test_graphs_of_other_dims_and_sizes_take_turns_on_one_thread(rng):
    made = []
    for n, dims in ((3000, 8), (200, 130), (5000, 8), (1000, 384), (50, 384)):
        X = clustered(rng, n, dims)
        made.append((X, build(X, efc=30)))
    for turn in range(300):
        X, graph = made[int(rng.integers(len(made)))]
        assert_answer("l2", X, X[turn % len(X)], 10, graph.search(X[turn % len(X)], 10, ef=12))


@pytest.mark.parametrize("M", [2, 3, 16, 17, 512])
@pytest.mark.parametrize("metric", METRICS)
def test_any_m(rng, M, metric):
    X = clustered(rng, 1500, 24)
    graph = build(X, metric, M=M, efc=40)
    assert (graph.M, graph.ef_construction, graph.metric, graph.dims) == (M, 40, metric, 24)
    for q in X[:20]:
        assert_answer(metric, X, q, 5, graph.search(q, 5, ef=20))
    ids, _ = graph.search(X[:100], 5, ef=400)
    assert recall(metric, X, X[:100], ids) >= 0.9


def test_the_curve_says_what_ef_reaches_which_recall(rng):
    X = clustered(rng, 6000, 32)
    graph = build(X[:5600])
    assert {k for k, _, _ in graph.curve} == {1, 10, 100}
    assert all(1 <= ef <= 65_536 and 0 <= reached <= 1 for _, ef, reached in graph.curve)
    wanted = [graph.ef_for(r, 10) for r in (0.5, 0.8, 0.9, 0.95, 0.99)]
    assert wanted == sorted(wanted)
    for target in (0.8, 0.95, 0.99):
        ids, _ = graph.search(X[5600:], 10, recall=target)
        assert recall("l2", X[:5600], X[5600:], ids) >= target - 0.02


def test_an_empty_graph(rng):
    graph = _core.Graph.build(rows(np.empty((0, 5), np.float32)), metric="ip", M=16, ef_construction=9)
    assert (graph.n, graph.layers, graph.curve) == (0, 0, [])
    assert len(graph.search(np.ones(5, np.float32), 3)[0]) == 0
