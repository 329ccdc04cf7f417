"""Which rows are considered, in what order they rank, and what is said of rows that are not numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, bitmap, chunked, column, nearest, scan, vectors
from kinspace import _core


@pytest.mark.parametrize("density", [0, 0.0005, 0.01, 0.1, 0.5, 0.9, 1])
@pytest.mark.parametrize("m", [1, 40])
def test_only_rows_live_and_in_the_mask_come_back(isa, rng, density, m):
    X, Q = vectors(rng, 5000, 20), vectors(rng, m, 20)
    live, mask = rng.random(5000) < 0.9, rng.random(5000) < density
    rows = _core.Scan([_core.Rows([X])], live=[bitmap(live)], metric="cosine")
    positions, found = rows.search(Q, 10, masks=[bitmap(mask)])
    assert positions.shape[1] == min(10, (live & mask).sum())
    for q in range(m):
        assert_found((positions[q], found[q]), nearest("cosine", X, Q[q], 10, live & mask))


def test_bits_past_the_last_row_are_not_rows(isa, rng):
    X = vectors(rng, 70, 4)
    words = np.full(5, 2**64 - 1, np.uint64)
    rows = _core.Scan([_core.Rows([X])], live=[words], metric="l2")
    assert_found(rows.search(X[0], 100, masks=[words]), nearest("l2", X, X[0], 100))


@pytest.mark.parametrize("k", [3, 69, 70])
def test_the_excluded_row_is_left_out_and_nothing_else(isa, rng, k):
    X = vectors(rng, 70, 4)
    rows = _core.Scan([_core.Rows([X[:30]]), _core.Rows([X[30:]])], metric="l2")
    for row in range(70):
        allowed = np.arange(70) != row
        assert_found(rows.search(X[row], k, exclude=row), nearest("l2", X, X[row], k, allowed))
    assert_found(rows.search(X[0], k, exclude=70), nearest("l2", X, X[0], k))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("m", [1, 64])
def test_equal_distances_go_by_position(isa, metric, m):
    X = np.ones((20_000, 6), np.float32)
    positions, _ = scan(X, metric).search(np.ones((m, 6), np.float32), 100)
    assert (positions == np.arange(100)).all()


def test_equal_distances_go_by_order_across_parts(isa):
    ones = np.ones((4, 3), np.float32)
    late = _core.Rows([ones], order=np.array([0, 2, 4, 6], np.uint64), order_base=101)
    early = _core.Rows([ones], order=np.array([0, 3, 4, 200], np.uint64), order_base=100)
    positions, _ = _core.Scan([late, early], metric="l2").search(ones[0], 8)
    assert positions.tolist() == [4, 0, 1, 5, 6, 2, 3, 7]  # ranks 100 101 103 103 104 105 107 300


def test_a_part_without_order_ranks_from_its_base_where_others_have_one(isa):
    ones = np.ones((3, 3), np.float32)
    rows = _core.Scan([_core.Rows([ones], order_base=10), _core.Rows([ones])], metric="ip")
    assert rows.search(ones[0], 6)[0].tolist() == [3, 4, 5, 0, 1, 2]
    rows = _core.Scan([_core.Rows([ones]), _core.Rows([ones])], metric="ip")
    assert rows.search(ones[0], 6)[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_orders_may_use_all_of_uint64(isa):
    ones = np.ones((2, 3), np.float32)
    high = _core.Rows([ones], order=np.array([2**64 - 2, 2**64 - 1], np.uint64))
    low = _core.Rows([ones], order=np.array([5, 6], np.uint64))
    assert _core.Scan([high, low], metric="l2").search(ones[0], 4)[0].tolist() == [2, 3, 0, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("m", [1, 30])
def test_a_row_that_is_not_finite_is_an_error_wherever_it_is(isa, rng, bad, metric, m):
    clean = vectors(rng, 700, 19)
    for k, row, dim in [(5, 0, 0), (5, 699, 18), (5, 333, 7), (700, 64, 16), (1, 5, 18)]:
        X = clean.copy()
        X[row, dim] = bad
        for norms in (None, _core.norms(clean).astype(np.float32)):
            rows = scan(X, metric, norms=norms)
            with pytest.raises(ValueError, match=f"^row {row} is not finite$"):
                rows.search(clean[:m], k, threads=2)


def test_the_first_of_many_bad_rows_is_named(isa, rng):
    X = vectors(rng, 9000, 8)
    X[2000:] = np.nan
    rows = _core.Scan([_core.Rows([X[:1000]]), _core.Rows([X[1000:]])], metric="l2")
    with pytest.raises(ValueError, match="^row 2000 is not finite$"):
        rows.search(X[:30], 3, threads=4)
    with pytest.raises(ValueError, match="^row 2001 is not finite$"):
        rows.search(X[0], 3, exclude=2000)


def test_a_bad_row_that_is_not_considered_is_no_error(isa, rng):
    X = vectors(rng, 100, 8)
    mask = np.arange(100) != 50
    wanted = nearest("ip", X, X[0], 5, mask)
    X[50] = np.nan
    assert_found(scan(X, "ip").search(X[0], 5, masks=[bitmap(mask)]), wanted)
    assert_found(scan(X, "ip").search(X[0], 5, exclude=50), wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_the_largest_floats_are_not_taken_for_infinity(isa, rng, metric):
    X = np.where(rng.random((200, 40)) < 0.5, -1, 1).astype(np.float32) * np.finfo(np.float32).max
    for q in (X[3], vectors(rng, 1, 40)[0]):
        assert_found(scan(X, metric).search(q, 7), nearest(metric, X, q, 7))
        found = [array[0] for array in scan(X, metric).search(np.stack([q] * 20), 7)]
        assert_found(found, nearest(metric, X, q, 7))


@pytest.mark.parametrize("metric", METRICS)
def test_distances_at_positions_are_those_of_the_search(isa, rng, metric):
    X, q = vectors(rng, 500, 9), vectors(rng, 1, 9)[0]
    parts = [_core.Rows(chunked(X[:200], 64)), _core.Rows([], dims=9), _core.Rows(chunked(X[200:], 100))]
    rows = _core.Scan(parts, metric=metric)
    positions = rng.integers(0, 500, 1000)
    np.testing.assert_array_equal(rows.distances(q, positions), column(metric, X, q)[positions])
    for wrong in (-1, 500):
        with pytest.raises(IndexError, match=re.escape(f"position {wrong} is out of range: there are 500")):
            rows.distances(q, np.array([wrong]))
    X[7] = np.nan
    with pytest.raises(ValueError, match="^row 7 is not finite$"):
        scan(X, metric).distances(q, np.array([3, 7]))


def test_gathered_rows_are_copies_of_the_rows_asked_for(rng):
    X = vectors(rng, 500, 9)
    rows = _core.Rows(chunked(X, 64, gap=3, offset=1))
    which = rng.integers(0, 500, 77)
    taken = rows.gather(which)
    np.testing.assert_array_equal(taken, X[which])
    taken[:] = 0
    np.testing.assert_array_equal(rows.gather(which), X[which])
    assert rows.gather(which[:0]).shape == (0, 9)
    for wrong in (-1, 500):
        with pytest.raises(IndexError, match=f"row {wrong} is out of range: there are 500"):
            rows.gather(np.array([1, wrong]))


def test_rows_and_scans_keep_their_memory_alive(rng):
    X = vectors(rng, 1000, 16)
    rows = _core.Scan(
        [_core.Rows([X.copy()], norms=_core.norms(X).astype(np.float32))],
        live=[bitmap(np.ones(1000, bool))],
        metric="l2",
    )
    trash = [np.full((1000, 16), np.nan, np.float32) for _ in range(20)]
    assert_found(rows.search(X[0], 5), nearest("l2", X, X[0], 5))
    assert len(trash) == 20
