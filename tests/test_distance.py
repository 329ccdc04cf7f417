"""Distances and norms of arrays: in double, one rule for every kind of argument."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import zarr
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from brute import distances
from kinspace import InvalidInput, cos_dist, inner_prod, knn, l2_dist, norm
from kinspace.arrays import column as blocks_of

RNG = np.random.default_rng(5)
COLUMN = RNG.normal(size=(200, 17)).astype(np.float32)
VECTOR = RNG.normal(size=17).astype(np.float32)
FUNCTIONS = {"cosine": cos_dist, "l2": l2_dist, "ip": lambda a, b: np.negative(inner_prod(a, b))}
finite = st.floats(-(2.0**100), 2.0**100, width=32)
vectors = st.integers(1, 40).flatmap(lambda dims: hnp.arrays(np.float32, (2, dims), elements=finite))


@pytest.mark.parametrize("metric", FUNCTIONS)
def test_two_vectors_give_a_python_float(metric: str) -> None:
    found = FUNCTIONS[metric](COLUMN[0], VECTOR)
    assert isinstance(found, float)
    assert found == pytest.approx(distances(COLUMN[:1], VECTOR, metric)[0], rel=1e-12)


@pytest.mark.parametrize("metric", FUNCTIONS)
def test_a_column_and_a_vector_give_float64_in_either_order(metric: str) -> None:
    found = FUNCTIONS[metric](COLUMN, VECTOR)
    assert found.dtype == np.float64
    assert found.shape == (200,)
    assert np.allclose(found, distances(COLUMN, VECTOR, metric), rtol=1e-12, atol=1e-12)
    assert np.array_equal(found, FUNCTIONS[metric](VECTOR, COLUMN))


@pytest.mark.parametrize("metric", FUNCTIONS)
def test_the_same_pair_has_the_same_distance_on_every_path(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FUNCTIONS[metric](COLUMN, VECTOR)
    pairs = [FUNCTIONS[metric](row, VECTOR) for row in COLUMN]
    ranked = knn(COLUMN, VECTOR, 200, metric).sort("_rowid")["_dist"]
    monkeypatch.setattr(blocks_of, "BLOCK_BYTES", 13 * 17 * 4)
    array = zarr.create_array(zarr.storage.MemoryStore(), data=COLUMN, chunks=(13, 5))
    for other in (pairs, ranked, FUNCTIONS[metric](array, VECTOR), FUNCTIONS[metric](pl.Series(COLUMN), VECTOR)):
        assert np.array_equal(whole, other)


@given(vectors)
def test_distances_are_within_their_ranges_and_symmetric(pair: np.ndarray) -> None:
    a, b = pair
    assert 0.0 <= cos_dist(a, b) <= 2.0
    assert l2_dist(a, b) >= 0.0
    for function in (cos_dist, l2_dist, inner_prod):
        assert function(a, b) == function(b, a)


@given(vectors)
def test_distances_equal_those_of_exact_arithmetic(pair: np.ndarray) -> None:
    a, b = pair.astype(np.longdouble)
    size = float(np.sqrt((a * a).sum()) * np.sqrt((b * b).sum()))
    assert inner_prod(*pair) == pytest.approx(float((a * b).sum()), rel=1e-12, abs=1e-12 * size)
    assert l2_dist(*pair) == pytest.approx(float(np.sqrt(((a - b) ** 2).sum())), rel=1e-12)
    assert norm(pair[0]) == pytest.approx(float(np.sqrt((a * a).sum())), rel=1e-12)
    if size:
        assert cos_dist(*pair) == pytest.approx(1 - float((a * b).sum()) / size, abs=1e-9)


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=finite))
def test_a_vector_is_at_distance_zero_from_itself(vector: np.ndarray) -> None:
    assert l2_dist(vector, vector) == 0.0
    assert cos_dist(vector, vector) == (0.0 if vector.any() else 1.0)


def test_the_cosine_with_a_zero_vector_is_one_both_zero_included() -> None:
    zero = np.zeros(17)
    assert cos_dist(zero, VECTOR) == cos_dist(VECTOR, zero) == cos_dist(zero, zero) == 1.0
    assert cos_dist(COLUMN, zero).tolist() == [1.0] * 200
    assert cos_dist(np.zeros((3, 17)), VECTOR).tolist() == [1.0] * 3


def test_norms_of_huge_and_of_tiny_components_are_right() -> None:
    assert norm([3e38, 4e38 * 0.5]) == pytest.approx(math.hypot(float(np.float32(3e38)), float(np.float32(2e38))))
    tiny = float(np.float32(1e-45))
    assert norm([1e-45, 1e-45]) == pytest.approx(tiny * math.sqrt(2))
    assert norm(np.array([[1e-45, 0], [3e38, 3e38]]))[0] == tiny
    assert cos_dist([1e-45, 0], [1e38, 1e38]) == pytest.approx(1 - math.sqrt(0.5))
    assert l2_dist([3e38], [-3e38]) == 2 * float(np.float32(3e38))


def test_inner_prod_is_the_plain_product_and_the_metric_its_negative() -> None:
    assert inner_prod([1, 2], [3, 4]) == 11.0
    assert knn([[1, 2]], [3, 4], 1, "ip")["_dist"].to_list() == [-11.0]


def test_l2_is_not_squared() -> None:
    assert l2_dist([0, 0], [3, 4]) == 5.0


def test_two_columns_are_an_error() -> None:
    with pytest.raises(InvalidInput, match="both arguments are columns"):
        cos_dist(COLUMN, COLUMN)
    with pytest.raises(InvalidInput, match="both arguments are columns"):
        l2_dist(COLUMN.tolist(), pl.Series(COLUMN))


def test_unequal_lengths_are_an_error() -> None:
    with pytest.raises(InvalidInput, match="2 and 3 dims"):
        l2_dist([1, 2], [1, 2, 3])
    with pytest.raises(InvalidInput, match="the vector has 3 dims and the column has 17"):
        l2_dist(COLUMN, [1, 2, 3])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("other", [VECTOR, np.zeros(17)], ids=["vector", "zero vector"])
def test_a_row_that_is_not_finite_is_an_error_naming_it(bad: float, other: np.ndarray) -> None:
    spoilt = COLUMN.copy()
    spoilt[150, 16] = bad
    for function in (cos_dist, l2_dist, inner_prod):
        with pytest.raises(InvalidInput, match="row 150"):
            function(spoilt, other)
    with pytest.raises(InvalidInput, match="row 150"):
        norm(spoilt)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_vector_that_is_not_finite_is_an_error_naming_the_component(bad: float) -> None:
    for call in (lambda: cos_dist([1, bad], [1, 1]), lambda: l2_dist([[1, 1]], [1, bad]), lambda: norm([1, bad])):
        with pytest.raises(InvalidInput, match="component 1 of the"):
            call()


def test_one_row_is_still_a_column() -> None:
    assert l2_dist([[0, 0]], [3, 4]).tolist() == [5.0]
    assert norm([[3, 4]]).tolist() == [5.0]


def test_norms_of_a_column_are_its_rows_norms() -> None:
    found = norm(COLUMN)
    assert found.dtype == np.float64
    assert found.tolist() == [norm(row) for row in COLUMN]
    assert norm(COLUMN.astype(">f8")).tolist() == found.tolist()


def test_arguments_are_not_changed() -> None:
    before = COLUMN.tobytes(), VECTOR.tobytes()
    cos_dist(COLUMN, VECTOR)
    norm(COLUMN)
    assert (COLUMN.tobytes(), VECTOR.tobytes()) == before
