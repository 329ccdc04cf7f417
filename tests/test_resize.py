"""resize: the first dims components, of unit length; Nomic's recipe with layer_norm."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import zarr
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from kinspace import InvalidInput, resize
from kinspace.arrays import column as blocks_of

ROWS = np.random.default_rng(4).normal(2, 1, size=(90, 16)).astype(np.float32)


def recipe(rows: np.ndarray, dims: int, layer_norm: bool) -> np.ndarray:
    """What nomic-embed-text-v1.5's page does with torch, in float64."""
    rows = np.atleast_2d(rows).astype(np.float64)
    if layer_norm:
        rows = (rows - rows.mean(axis=1, keepdims=True)) / np.sqrt(rows.var(axis=1, keepdims=True) + 1e-5)
    rows = rows[:, :dims]
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("dims", [1, 7, 16])
def test_resize_is_the_published_recipe(dims: int, layer_norm: bool) -> None:
    found = resize(ROWS, dims, layer_norm)
    assert found.dtype == np.float32
    assert np.allclose(found, recipe(ROWS, dims, layer_norm), atol=1e-7)
    wide = resize(ROWS.astype(np.float64), dims, layer_norm)
    assert wide.dtype == np.float64
    assert np.allclose(wide, recipe(ROWS, dims, layer_norm), atol=1e-15)


@given(
    hnp.arrays(np.float32, (3, 8), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)),
    st.integers(1, 8),
    st.booleans(),
)
def test_every_row_has_unit_length_or_stays_zeros(rows: np.ndarray, dims: int, layer_norm: bool) -> None:
    found = resize(rows, dims, layer_norm)
    lengths = np.linalg.norm(found.astype(np.float64), axis=1)
    assert (np.isclose(lengths, 1.0, atol=1e-6) | (lengths == 0.0)).all()
    if not layer_norm:
        assert ((lengths == 0.0) == ~rows[:, :dims].any(axis=1)).all()


def test_a_zero_prefix_stays_zeros() -> None:
    for zeros in ([0, 0, 5], np.array([0.0, 0.0, 5.0]), [0, 0, 0]):
        assert resize(zeros, 2).tolist() == [0.0, 0.0]
    assert resize([[0, 0, 5], [3, 4, 5]], 2).tolist() == [[0, 0], [np.float32(0.6), np.float32(0.8)]]


def test_a_constant_vector_layer_normed_is_zeros() -> None:
    for constant in (np.full(768, 0.1), np.full(768, 0.1, np.float32), np.full(768, 1e300), np.zeros(768)):
        assert not resize(constant, 64, layer_norm=True).any()


@pytest.mark.parametrize("value", [1e38, 3e-39, 1e-45])
def test_huge_and_tiny_components_are_normalised(value: float) -> None:
    assert np.allclose(resize([value, value, 0], 2), 0.5**0.5)
    assert np.allclose(resize(np.array([[value, -value, 0]], np.float32), 2), [[0.5**0.5, -(0.5**0.5)]])


@pytest.mark.parametrize("value", [1e300, 1e-300, 5e-324])
def test_float64_keeps_its_range(value: float) -> None:
    assert np.allclose(resize(np.array([value, value, 0]), 2), 0.5**0.5)
    assert np.allclose(resize(np.array([value, -value]), 2, layer_norm=True), [0.5**0.5, -(0.5**0.5)])


def test_the_result_is_a_new_array_and_the_argument_is_unchanged() -> None:
    unit = np.eye(3, dtype=np.float32)
    before = unit.copy()
    found = resize(unit, 3)
    assert not np.shares_memory(found, unit)
    found[:] = 7
    assert np.array_equal(unit, before)
    single = resize(unit[0], 3)
    assert not np.shares_memory(single, unit)
    single[:] = 7
    assert np.array_equal(unit, before)
    assert found.flags.writeable


def test_a_vector_gives_a_vector_and_a_column_a_column() -> None:
    assert resize(ROWS[0], 5).shape == (5,)
    assert resize(ROWS[:1], 5).shape == (1, 5)
    assert np.array_equal(resize(ROWS[0], 5), resize(ROWS, 5)[0])


def test_every_kind_of_column_is_resized_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_of, "BLOCK_BYTES", 11 * 16 * 4)
    expected = resize(ROWS, 6)
    array = zarr.create_array(zarr.storage.MemoryStore(), data=ROWS, chunks=(20, 5))
    for column in (
        ROWS.tolist(),
        pl.Series(ROWS),
        pl.Series(ROWS).cast(pl.List(pl.Float32)),
        array,
        np.asfortranarray(ROWS),
    ):
        found = resize(column, 6)
        assert found.dtype == np.float32
        assert np.array_equal(found, expected)
    for column in (pl.Series(ROWS.astype(np.float64)), zarr.array(ROWS.astype(np.float64)), ROWS.astype(">f8")):
        assert resize(column, 6).dtype == np.float64


@pytest.mark.parametrize(
    "given", [[1, 2, 3], [1.0, 2.0], np.array([1, 2]), np.array([1, 2], "f2"), [[1.0, 2.0]]], ids=repr
)
def test_all_but_float64_arrays_give_float32(given: object) -> None:
    assert resize(given, 2).dtype == np.float32


def test_more_dims_than_there_are_is_an_error() -> None:
    for column in (ROWS, ROWS[0], pl.Series(ROWS)):
        with pytest.raises(InvalidInput, match="dims must be at most 16.*got 17"):
            resize(column, 17)


@pytest.mark.parametrize("dims", [0, -1, True, 2.0, None, 65_537])
def test_dims_that_are_no_length_are_an_error(dims: object) -> None:
    with pytest.raises(InvalidInput, match="dims must be"):
        resize(ROWS, dims)


def test_layer_norm_that_is_no_bool_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="layer_norm"):
        resize(ROWS, 3, "yes")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_an_error_naming_it(bad: float) -> None:
    spoilt = ROWS.copy()
    spoilt[60, 15] = bad
    for column in (spoilt, spoilt.astype(np.float64)):
        with pytest.raises(InvalidInput, match="row 60"):
            resize(column, 3)
    with pytest.raises(InvalidInput, match="component 15"):
        resize(spoilt[60], 3)
