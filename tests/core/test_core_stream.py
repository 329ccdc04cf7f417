"""TopK: blocks in any order, from any thread, give what one search over all rows gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core_oracle import KINDS, METRICS, assert_found, nearest, vectors
from kinspace import _core


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_in_any_order_give_the_whole(isa, rng, metric, kind):
    X = vectors(rng, 1000, 21, kind)
    for m, k, size in ((1, 10, 100), (20, 3, 333), (3, 1000, 64), (2, 2000, 999)):
        Q = np.concatenate([X[:1], vectors(rng, m, 21)])
        stream = _core.TopK(Q, k, metric)
        for first in rng.permutation(np.arange(0, 1000, size)):
            stream.scan(X[first : first + size], int(first))
        positions, found = stream.result()
        assert positions.shape == (m + 1, min(k, 1000))
        for q in range(m + 1):
            assert_found((positions[q], found[q]), nearest(metric, X, Q[q], k))


def test_blocks_may_be_scanned_from_many_threads(rng):
    X, Q = vectors(rng, 20_000, 24), vectors(rng, 5, 24)
    stream = _core.TopK(Q, 10, "cosine")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda first: stream.scan(X[first : first + 500], first, threads=2), range(0, 20_000, 500)))
    positions, found = stream.result()
    for q in range(5):
        assert_found((positions[q], found[q]), nearest("cosine", X, Q[q], 10))


@pytest.mark.parametrize("density", [0, 0.01, 0.5, 1])
def test_masked_rows_are_left_out(isa, rng, density):
    X, Q = vectors(rng, 900, 8), vectors(rng, 2, 8)
    mask = rng.random(900) < density
    stream = _core.TopK(Q, 5, "ip")
    for first in (600, 0, 300):
        stream.scan(X[first : first + 300], first, mask[first : first + 300])
    positions, found = stream.result()
    for q in range(2):
        assert_found((positions[q], found[q]), nearest("ip", X, Q[q], 5, mask))


def test_blocks_may_be_strided_and_results_read_between_them(rng):
    X = vectors(rng, 300, 40)
    stream = _core.TopK(X[:1, :17].copy(), 300, "l2")
    assert stream.result()[0].shape == (1, 0)
    stream.scan(X[100:200:2, :17], 0)
    assert stream.result()[0].shape == (1, 50)
    stream.scan(X[::-1, :17][:50], 50)
    rows = np.ascontiguousarray(np.concatenate([X[100:200:2], X[::-1][:50]])[:, :17])
    positions, found = stream.result()
    assert_found((positions[0], found[0]), nearest("l2", rows, X[0, :17].copy(), 300))


def test_a_bad_row_is_named_by_its_id_and_changes_nothing(isa, rng):
    X = vectors(rng, 200, 8)
    stream = _core.TopK(X[:3].copy(), 5, "cosine")
    stream.scan(X, 1000)
    before = stream.result()
    block = X.copy()
    block[50:60, 3] = np.inf
    with pytest.raises(ValueError, match="^row 100050 is not finite$"):
        stream.scan(block, 100_000)
    assert_found(stream.result(), before)
    stream.scan(block, 100_000, ~np.isinf(block).any(axis=1))


def test_queries_are_copied(rng):
    X, Q = vectors(rng, 50, 8), vectors(rng, 2, 8)
    mine = Q.copy()
    stream = _core.TopK(mine, 5, "l2")
    mine[:] = np.nan
    stream.scan(X, 0)
    assert_found([found[0] for found in stream.result()], nearest("l2", X, Q[0], 5))


def test_no_k_and_no_query_give_nothing(rng):
    X = vectors(rng, 50, 8)
    for queries, k in ((X[:2].copy(), 0), (X[:0].copy(), 5)):
        stream = _core.TopK(queries, k, "l2")
        stream.scan(X, 0)
        assert stream.result()[0].shape == (len(queries), 0)
