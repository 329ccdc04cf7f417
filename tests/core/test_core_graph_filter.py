"""Filtered searches: min(k, allowed) rows, all of them allowed, near the brute force at every selectivity."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, nearest
from graph_oracle import around, assert_answer, build, clustered, recall, words
from kinspace import _core

N = 6000
SHARES = (0, 1 / N, 5 / N, 0.003, 0.01, 0.1, 0.5, 0.89, 0.91, 0.999, 1)


@pytest.fixture(scope="module", params=METRICS)
def made(request):
    X = clustered(np.random.default_rng(3), N, 24)
    return request.param, X, build(X, request.param, M=10, efc=80)


@pytest.mark.parametrize("share", SHARES)
def test_any_share_of_the_rows(rng, made, share):
    metric, X, graph = made
    allowed = rng.random(N) < share if share > 0.01 else np.isin(np.arange(N), rng.choice(N, int(share * N), False))
    Q = around(rng, X, 25)
    for q in Q:
        for k in (1, 10, 300):
            assert_answer(metric, X, q, k, graph.search(q, k, ef=k + 10, mask=words(allowed)), allowed)
        assert_found(graph.search(q, 10, exact=True, mask=words(allowed)), nearest(metric, X, q, 10, allowed))
    ids, _ = graph.search(Q, 10, ef=80, mask=words(allowed))
    assert recall(metric, X, Q, ids, allowed) >= 0.9


@pytest.mark.parametrize("share", [0.002, 0.02, 0.2, 0.5])
@pytest.mark.parametrize("sign", [1, -1])
def test_rows_near_the_query_only_or_far_from_it_only(rng, made, share, sign):
    metric, X, graph = made
    Q, right = X[rng.choice(N, 20, False)], []
    for q in Q:
        by_distance = np.argsort(sign * ((X - q) ** 2).sum(axis=1))
        allowed = np.zeros(N, bool)
        allowed[by_distance[: int(N * share)]] = True
        found = graph.search(q, 10, ef=80, mask=words(allowed))
        assert_answer(metric, X, q, 10, found, allowed)
        right.append(recall(metric, X, q[None], found[0][None], allowed))
    assert np.mean(right) >= 0.85


def test_one_cluster_allowed_and_the_query_in_another(rng):
    X = clustered(rng, 5000, 16, clusters=2, spread=0.05)
    graph = build(X)
    near = ((X - X[0]) ** 2).sum(axis=1) < 1
    for allowed in (near, ~near):
        for q in (X[near][1], X[~near][1]):
            assert_answer("l2", X, q, 20, graph.search(q, 20, ef=30, mask=words(allowed)), allowed)


@pytest.mark.parametrize("dims", [16, 128])
def test_filters_over_equal_rows_name_each_row_once(rng, dims):
    X = np.repeat(clustered(rng, 300, dims), 60, 0)[rng.permutation(18_000)]
    graph = build(X)
    for share in (0.001, 0.01, 0.03, 0.05, 0.1, 0.5):
        allowed = rng.random(18_000) < share
        for q in X[:60]:
            assert_answer("l2", X, q, 20, graph.search(q, 20, ef=30, mask=words(allowed)), allowed)


def test_twins_of_which_only_the_last_is_allowed(rng):
    X = np.repeat(clustered(rng, 800, 12), 4, 0)
    graph = build(X)
    allowed = np.arange(3200) % 4 == 3
    for q in X[::97]:
        assert_found(graph.search(q, 1, ef=30, mask=words(allowed)), nearest("l2", X, q, 1, allowed))


def test_a_short_mask_allows_nothing_beyond_it_and_a_long_one_nothing_that_is_not_there(rng, made):
    metric, X, graph = made
    for length in (0, 1, 30, 93, 94, 95, 200):
        mask = np.full(length, 2**64 - 1, np.uint64)
        allowed = np.arange(N) < 64 * length
        for q in X[:4]:
            assert_answer(metric, X, q, 10, graph.search(q, 10, ef=20, mask=mask), allowed)
            assert_found(graph.search(q, 10, exact=True, mask=mask), nearest(metric, X, q, 10, allowed))


def test_the_smallest_ef_comes_to_an_end_where_the_nearest_are_not_allowed(rng, made):
    metric, X, graph = made
    for share in (0.3, 0.6, 0.8):
        allowed = rng.random(N) < share
        for q in X[:500]:
            found = graph.search(q, 1, ef=1, mask=words(allowed))
            assert_answer(metric, X, q, 1, found, allowed)


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_a_filtered_batch_is_its_queries_one_by_one(rng, made, share):
    _, X, graph = made
    mask = words(rng.random(N) < share)
    ids, distances = graph.search(X[:20], 7, ef=30, mask=mask, threads=2)
    for q in range(20):
        assert_found((ids[q], distances[q]), graph.search(X[q], 7, ef=30, mask=mask))


@pytest.mark.parametrize("share", [0, 0.0003, 0.01, 0.1, 0.6, 1])
@pytest.mark.parametrize("way", ["random", "near", "far"])
def test_masks_and_the_excluded_row_in_a_scan(rng, made, share, way):
    metric, X, graph = made
    part = _core.Rows([X])
    scan = _core.Scan([part], metric=metric, graphs=[_core.Graph.restore(part, graph.arrays())])
    for row in rng.choice(N, 12, False):
        rank = rng.permutation(N) if way == "random" else np.argsort(((X - X[row]) ** 2).sum(axis=1))
        chosen = rank[: int(N * share)] if way != "far" else rank[N - int(N * share) :]
        allowed = np.zeros(N, bool)
        allowed[chosen] = True
        mask = words(allowed)
        allowed[row] = False
        for k in (1, 10):
            ids, distances, *_ = scan.nearest(X[row], k, masks=[mask], exclude=int(row), ef=30)
            assert_answer(metric, X, X[row], k, (ids, distances), allowed)
