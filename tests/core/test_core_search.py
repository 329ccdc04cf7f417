"""Exact search: the answer is the float64 brute force, on every instruction set, however the rows lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from core_oracle import KINDS, METRICS, assert_found, bitmap, chunked, distances, float_norms, nearest, scan, vectors
from kinspace import _core


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", [1, 2, 3, 15, 16, 17, 65, 384, 1536, 4096])
def test_one_query_finds_the_k_nearest_at_any_dims(isa, rng, metric, dims):
    X = vectors(rng, 300, dims)
    for q in (X[7], vectors(rng, 1, dims)[0]):
        for norms in (None, float_norms(X)):
            assert_found(scan(X, metric, norms=norms).search(q, 10), nearest(metric, X, q, 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("m", [1, 2, 7, 16, 24, 49, 100, 130])
def test_many_queries_find_what_each_finds_alone(isa, rng, metric, m):
    X, Q = vectors(rng, 500, 37), vectors(rng, m, 37)
    positions, found = scan(X, metric).search(Q, 9)
    assert positions.shape == found.shape == (m, 9)
    for q in range(m):
        assert_found((positions[q], found[q]), scan(X, metric).search(Q[q], 9))
        assert_found((positions[q], found[q]), nearest(metric, X, Q[q], 9))


@pytest.mark.parametrize("metric", METRICS)
def test_many_queries_of_many_dims(isa, rng, metric):
    X, Q = vectors(rng, 90, 5000), vectors(rng, 100, 5000)
    positions, found = scan(X, metric).search(Q, 5)
    for q in range(0, 100, 9):
        assert_found((positions[q], found[q]), nearest(metric, X, Q[q], 5))


@pytest.mark.parametrize("metric", METRICS)
def test_the_most_dims_there_are(isa, rng, metric):
    X = vectors(rng, 12, 65_536)
    assert_found(scan(X, metric).search(X[3], 4), nearest(metric, X, X[3], 4))
    positions, found = scan(X, metric).search(np.repeat(X, 2, 0), 4)
    assert_found((positions[6], found[6]), nearest(metric, X, X[3], 4))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_near_ties_and_extreme_values_change_nothing(isa, rng, metric, kind):
    for dims in (5, 40, 200):
        X = vectors(rng, 1500, dims, kind)
        queries = np.concatenate([X[:3], vectors(rng, 40, dims), vectors(rng, 3, dims, kind), np.zeros_like(X[:1])])
        for norms in (None, float_norms(X)):
            rows = scan(X, metric, norms=norms)
            positions, found = rows.search(queries, 10)
            for q in (0, 2, 20, 43, 45, 46):
                wanted = nearest(metric, X, queries[q], 10)
                assert_found((positions[q], found[q]), wanted)
                assert_found(rows.search(queries[q], 10), wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_answers_agree_with_numpy(isa, rng, metric):
    X, Q = vectors(rng, 2000, 48), vectors(rng, 20, 48)
    positions, found = scan(X, metric).search(Q, 10)
    for q in range(20):
        all_distances = distances(metric, X, Q[q])
        np.testing.assert_allclose(found[q], all_distances[positions[q]], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found[q], np.sort(all_distances)[:10], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [0, 1, 9, 10, 11, 49, 50, 51, 10**9, 10**30])
def test_k_rows_or_all_there_are(isa, rng, metric, k):
    for n in (0, 1, 9, 10, 11, 50):
        X, q = vectors(rng, n, 12, "small integers"), vectors(rng, 1, 12)[0]
        found = scan(X, metric).search(q, k)
        assert len(found[0]) == len(found[1]) == min(k, n)
        assert_found(found, nearest(metric, X, q, k))


@pytest.mark.parametrize("metric", METRICS)
def test_the_first_k_of_a_larger_k_are_the_answer_for_k(isa, rng, metric):
    X, q = vectors(rng, 3000, 6, "small integers"), vectors(rng, 1, 6, "small integers")[0]
    positions, found = scan(X, metric).search(q, 3000)
    for k in (1, 2, 10, 100, 999, 2999):
        assert_found(scan(X, metric).search(q, k), (positions[:k], found[:k]))


def test_no_part_has_a_row(isa):
    empty = _core.Rows([], dims=4)
    assert (empty.n, empty.dims) == (0, 4)
    positions, found = _core.Scan([empty, empty], metric="l2").search(np.ones((3, 4), np.float32), 5)
    assert positions.shape == found.shape == (3, 0)
    assert positions.dtype == np.int64
    assert found.dtype == np.float64


def test_no_query_gives_no_answer(isa, rng):
    positions, _ = scan(vectors(rng, 5, 4), "l2").search(np.empty((0, 4), np.float32), 3)
    assert positions.shape[0] == 0


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_parts_chunks_strides_masks_and_orders_are_all_the_same_brute_force(data, seed):
    rng = np.random.default_rng(seed)
    before = _core.isa()
    _core.force_isa(data.draw(st.sampled_from(_core.isas())))
    try:
        check_any_search(data, rng)
    finally:
        _core.force_isa(before)


def check_any_search(data, rng):
    def draw(*choices):
        return data.draw(st.sampled_from(choices))

    dims, kind, metric, k = draw(1, 3, 8, 17, 40), draw(*KINDS), draw(*METRICS), draw(1, 3, 10, 200)
    sizes = [draw(0, 1, 63, 64, 65, 300, 1000) for _ in range(draw(1, 2, 3))]
    X, n = vectors(rng, sum(sizes), dims, kind), sum(sizes)
    allowed, parts, live, masks, ranks = np.ones(n, bool), [], [], [], []
    ordered = draw(True, False)
    for first, size in zip(np.cumsum([0, *sizes]), sizes):
        mine = X[first : first + size]
        base, order = int(rng.integers(100)), np.sort(rng.choice(2 * size + 1, size, replace=False)).astype(np.uint64)
        parts.append(
            _core.Rows(
                chunked(mine, draw(1, 5, 64, 100, 4096), gap=draw(0, 1, 9), offset=draw(0, 1, 4)),
                norms=draw(None, float_norms(mine)),
                order=order if ordered else None,
                order_base=base if ordered else 0,
            )
        )
        ranks.append(base + order.astype(np.int64))
        for bitmaps in (live, masks):
            mask = rng.random(size) < draw(0, 0.01, 0.3, 0.9, 1)
            given = draw(True, False)
            bitmaps.append(bitmap(mask) if given else None)
            allowed[first : first + size] &= mask | (not given)
    exclude = int(rng.integers(-1, n + 2))
    if 0 <= exclude < n:
        allowed[exclude] = False
    Q = np.concatenate([X[: draw(0, 1)], vectors(rng, draw(1, 5, 48), dims)])
    rows = _core.Scan(parts, live=live, metric=metric)
    assert (rows.n, rows.dims) == (n, dims)
    positions, found = rows.search(Q, k, masks=masks, exclude=exclude, threads=draw(0, 1, 2))
    for q in range(len(Q)):
        rank = np.concatenate(ranks) if ordered else None
        assert_found((positions[q], found[q]), nearest(metric, X, Q[q], k, allowed, rank))
