"""What a graph is: the same for any number of threads, all of it reached, whatever the rows are like."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import KINDS, METRICS, assert_found, nearest, vectors
from graph_oracle import (
    around,
    assert_answer,
    assert_same,
    assert_sound,
    build,
    clustered,
    falling,
    is_rotated,
    recall,
    rows,
)
from kinspace import _core


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n", "dims"), [(3000, 9), (2300, 70), (2100, 200)])
def test_the_same_graph_for_any_number_of_threads(rng, metric, n, dims):
    X = clustered(rng, n, dims)
    alone = build(X, metric)
    for threads in (2, 4):
        many = build(X, metric, threads=threads)
        assert_same(many.arrays(), alone.arrays())
        assert many.curve == alone.curve


def test_the_same_rotated_graph_for_any_number_of_threads(rng):
    X = falling(rng, 2100, 140)
    alone, many = build(X), build(X, threads=3)
    assert is_rotated(alone)
    assert_same(many.arrays(), alone.arrays())
    assert many.curve == alone.curve


def test_chunks_and_strides_change_nothing(rng):
    X = clustered(rng, 2500, 20)
    wide = np.zeros((2500, 31), np.float32)
    wide[:, 4:24] = X
    parts = [wide[i : i + 600, 4:24] for i in range(0, 2500, 600)]
    graph = _core.Graph.build(_core.Rows(parts), metric="l2", M=8, ef_construction=60)
    assert_same(graph.arrays(), build(X).arrays())


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("M", [2, 17])
def test_every_node_is_reached(rng, metric, M):
    for X in (clustered(rng, 4000, 12, 400, 0.01), clustered(rng, 2500, 150, 5, 0.05), vectors(rng, 2000, 3)):
        assert_sound(build(X, metric, M=M, efc=20), range(len(X)))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dims", [5, 200])
def test_rows_of_every_kind_of_trouble(rng, metric, kind, dims):
    X = vectors(rng, 2200, dims, kind)
    graph = build(X, metric, M=6, efc=40)
    assert_sound(graph, range(len(X)))
    for q in (*X[:3], *vectors(rng, 3, dims), *vectors(rng, 2, dims, kind), np.zeros(dims, np.float32)):
        assert_answer(metric, X, q, 10, graph.search(q, 10, ef=12))
        assert_answer(metric, X, q, 10, graph.search(q, 10))
        assert_found(graph.search(q, 10, exact=True), nearest(metric, X, q, 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["norms", "small integers", "zeros", "far from zero", "outlier", "huge"])
def test_trouble_costs_no_recall(rng, metric, kind):
    X = vectors(rng, 2200, 24, kind)
    graph = build(X, metric, M=12, efc=100)
    Q = np.concatenate([X[:30], vectors(rng, 30, 24)])
    ids, _ = graph.search(Q, 10, ef=200)
    assert recall(metric, X, Q, ids) >= 0.95


@pytest.mark.parametrize("metric", METRICS)
def test_thousands_of_equal_rows_cost_no_recall_and_trap_nobody(rng, metric):
    X = clustered(rng, 3000, 16)
    crowd = np.concatenate([X, np.repeat(X[:3], 4000, 0)])[rng.permutation(15_000)]
    graph = build(crowd, metric)
    assert_sound(graph, range(15_000))
    assert graph.nodes == 3000
    Q = around(rng, X, 50)
    ids, _ = graph.search(Q, 10, ef=100)
    assert recall(metric, crowd, Q, ids) >= 0.97


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_are_scaled_copies_of_each_other(rng, metric):
    X = np.repeat(clustered(rng, 60, 20), 50, 0) * rng.uniform(0.5, 4, (3000, 1)).astype(np.float32)
    graph = build(X, metric)
    assert_sound(graph, range(3000))
    ids, _ = graph.search(np.ascontiguousarray(X[::61]), 10, ef=200)
    assert recall(metric, X, X[::61], ids) >= 0.9


@pytest.mark.parametrize("metric", METRICS)
def test_plus_and_minus_zero_are_as_far(rng, metric):
    X = np.zeros((300, 4), np.float32)
    X[::2] *= np.float32(-1)
    graph = build(X, metric)
    assert graph.search(X[1], 20, ef=30)[0].tolist() == list(range(20))


@pytest.mark.parametrize("dims", [1, 6, 40])
@pytest.mark.parametrize("metric", METRICS)
def test_dims_that_never_change(rng, metric, dims):
    X = np.full((2500, dims), 3.0, np.float32)
    X[:, 0] = rng.standard_normal(2500)
    graph = build(X, metric)
    assert_sound(graph, range(2500))
    for q in X[:10]:
        assert_answer(metric, X, q, 5, graph.search(q, 5, ef=30))


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 17, 127, 128, 129])
def test_small_graphs(rng, n):
    X = clustered(rng, n, 7)
    for M in (2, 16):
        graph = build(X, M=M, efc=1)
        assert_sound(graph, range(n))
        assert_answer("l2", X, X[0], 3, graph.search(X[0], 3, ef=3))


def test_bytes_are_those_of_codes_and_links(rng):
    X = clustered(rng, 4000, 768)
    graph = build(X, "cosine", M=16, efc=30)
    assert 0 < graph.bytes / 4000 < 768


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(rng, metric, bad):
    for dims in (3, 50, 130):
        X = clustered(rng, 500, dims)
        X[[433, 77, 499], dims - 1] = bad
        for threads in (1, 2):
            with pytest.raises(ValueError, match="row 77 is not finite"):
                _core.Graph.build(rows(X), metric=metric, M=8, ef_construction=20, threads=threads)
