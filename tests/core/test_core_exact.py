"""Plain distances in double: right, and the same bits on every instruction set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core_oracle import KINDS, distances, vectors
from kinspace import _core

DIMS = (1, 2, 3, 7, 8, 9, 15, 16, 17, 65, 384, 1536, 4096)


def in_lanes(terms):
    """The documented order of summation."""
    lane = [0.0] * 8
    for i, term in enumerate(terms):
        lane[i % 8] += term
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))


@pytest.mark.parametrize("dims", DIMS)
def test_sums_are_in_eight_lanes_on_every_instruction_set(isa, rng, dims):
    a, b = vectors(rng, 2, dims).astype(np.float64)
    dot, ss_a, ss_b = in_lanes(a * b), in_lanes(a * a), in_lanes(b * b)
    a32, b32 = a.astype(np.float32), b.astype(np.float32)
    assert _core.pair("dot", a32, b32) == dot
    assert _core.norm(a32) == math.sqrt(ss_a)
    assert _core.pair("l2", a32, b32) == math.sqrt(in_lanes((a - b) ** 2))
    assert _core.pair("cosine", a32, b32) == min(max(1 - dot / math.sqrt(ss_a * ss_b), 0), 2)


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_those_of_numpy(isa, rng, kind):
    X = vectors(rng, 50, 33, kind)
    for metric in ("cosine", "l2"):
        np.testing.assert_allclose(_core.column(metric, X, X[3]), distances(metric, X, X[3]), rtol=1e-12, atol=1e-12)
    scale = np.linalg.norm(X.astype(np.float64), axis=1) * np.linalg.norm(X[3].astype(np.float64))
    assert (np.abs(_core.column("dot", X, X[3]) + distances("ip", X, X[3])) <= 1e-14 * scale).all()


@pytest.mark.parametrize("metric", ["cosine", "l2", "dot"])
def test_a_column_has_the_bits_of_its_pairs(isa, rng, metric):
    X = vectors(rng, 40, 37)
    whole = _core.column(metric, X, X[5])
    assert whole.tolist() == [_core.pair(metric, X[5], row) for row in X]
    assert whole.tolist() == [_core.pair(metric, row, X[5]) for row in X]  # symmetric
    assert _core.column(metric, X[::-3], X[5]).tolist() == whole[::-3].tolist()
    assert _core.column(metric, X, X[5], threads=4).tolist() == whole.tolist()
    assert _core.norms(X).tolist() == [_core.norm(row) for row in X]


def test_a_vector_is_at_no_distance_from_itself_and_at_two_from_its_opposite(isa, rng):
    for kind in KINDS:
        for row in vectors(rng, 20, 129, kind):
            if row.any():
                assert _core.pair("cosine", row, row) == 0.0
                assert _core.pair("cosine", row, -row) == 2.0
            assert _core.pair("l2", row, row) == 0.0


def test_cosine_with_a_zero_vector_is_one(isa):
    zero, one = np.zeros(5, np.float32), np.ones(5, np.float32)
    assert _core.pair("cosine", zero, one) == _core.pair("cosine", one, zero) == _core.pair("cosine", zero, zero) == 1.0


def test_extreme_components_keep_their_norm(isa):
    for size in (1e38, 1e-45):
        a = np.full(100, size, np.float32)
        assert math.isclose(_core.norm(a), float(a[0]) * 10, rel_tol=1e-12)


@pytest.mark.parametrize("dims", [1, 15, 16, 17, 65, 300])
def test_the_first_row_that_is_not_finite_is_found_wherever_it_is(isa, rng, dims):
    X = vectors(rng, 70, dims)
    assert _core.first_nonfinite(X) == -1
    X[0] = np.finfo(np.float32).max
    assert _core.first_nonfinite(X) == -1
    for row in (69, 40, 3, 0):
        X[row, rng.integers(dims)] = rng.choice([np.nan, np.inf, -np.inf])
        assert _core.first_nonfinite(X) == row
        assert _core.first_nonfinite(X[::-1]) >= 0


def test_no_rows_and_no_dims_are_no_trouble(isa):
    empty = np.empty((0, 4), np.float32)
    query = np.ones(4, np.float32)
    assert _core.column("l2", empty, query).shape == _core.norms(empty).shape == (0,)
    assert _core.first_nonfinite(empty) == -1
    assert _core.norms(np.empty((3, 0), np.float32)).tolist() == [0, 0, 0]
