"""One vector from anything that holds one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import zarr
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from kinspace import InvalidInput
from kinspace.arrays import as_query, as_vector

VALUES = [1.0, -2.5, 3.0, 0.0]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", "i1", "i2", "i4", "i8", ">i4", "u1", "u8", "g"])
def test_every_numeric_dtype_is_taken_as_float32(dtype: str) -> None:
    given = np.array([1, 2, 3]).astype(dtype)
    found = as_query(given, 3)
    assert found.dtype == np.float32
    assert found.dtype.isnative
    assert found.flags.c_contiguous
    assert found.tolist() == [1, 2, 3]


KINDS = {
    "list": VALUES,
    "tuple": tuple(VALUES),
    "list of NumPy scalars": [np.float32(value) for value in VALUES],
    "float64": np.array(VALUES),
    "strided": np.repeat(np.array(VALUES, np.float32), 2)[::2],
    "negative stride": np.array(VALUES[::-1], np.float32)[::-1],
    "polars float64": pl.Series(VALUES),
    "polars float32": pl.Series(VALUES, dtype=pl.Float32),
    "polars decimal": pl.Series(VALUES).cast(pl.Decimal(10, 2)),
    "zarr": zarr.array(np.array(VALUES)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_vector_gives_the_same_numbers(kind: str) -> None:
    found = as_query(KINDS[kind], 4)
    assert found.dtype == np.float32
    assert found.tolist() == VALUES


def test_a_contiguous_float32_vector_is_not_copied() -> None:
    vector = np.array(VALUES, np.float32)
    vector.flags.writeable = False
    assert as_query(vector, 4) is vector


def test_the_callers_vector_is_never_written_to() -> None:
    for dtype in ("f4", "f8", ">f4"):
        vector = np.array(VALUES, dtype)
        before = vector.tobytes()
        as_query(vector, 4)
        assert vector.tobytes() == before


def test_an_unaligned_vector_is_copied_into_line() -> None:
    raw = np.zeros(17, np.uint8)
    vector = raw[1:].view(np.float32)
    assert not vector.flags.aligned
    assert as_query(vector, 4).flags.aligned


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_nan_and_infinity_are_errors_that_name_the_component(bad: float, dtype: str) -> None:
    with pytest.raises(InvalidInput, match=r"component 2 of the query is -?(nan|inf)"):
        as_query(np.array([1, 2, bad], dtype), 3)


def test_a_value_that_overflows_float32_is_an_error() -> None:
    for vector in ([0.0, 1e39], np.array([0, -3.5e38]), [0, 10**39], [0, 10**400], pl.Series([0.0, 1e300])):
        with pytest.raises(InvalidInput, match=r"component 1 of the query is .*beyond float32"):
            as_query(vector, 2)


def test_the_largest_and_the_smallest_floats_are_vectors() -> None:
    edge = np.array([3.4028235e38, -3.4028235e38, 1e-45, 0.0], np.float32)
    assert as_query(edge, 4) is edge
    assert np.array_equal(as_query(edge.astype(np.float64), 4), edge)


NO_VECTORS = {
    "numeric strings": ["1", "2"],
    "a string among numbers": [1.0, "2"],
    "None": [1.0, None],
    "bools": [True, False],
    "a bool among numbers": [1.0, True],
    "complex list": [1 + 2j, 0],
    "string array": np.array(["1", "2"]),
    "object array": np.array([1, 2], dtype=object),
    "complex array": np.array([1, 2], dtype=complex),
    "bool array": np.array([True, False]),
    "datetimes": np.array(["2024-01-01", "2024-01-02"], dtype="M8[D]"),
    "timedeltas": np.array([1, 2], dtype="m8[s]"),
    "bytes array": np.array([b"1", b"2"]),
    "polars strings": pl.Series(["1", "2"]),
    "polars bools": pl.Series([True, False]),
    "polars null": pl.Series([1.0, None]),
    "polars nested": pl.Series([[1.0], [2.0]]),
    "masked": np.ma.masked_array([1.0, 2.0], [False, True]),
    "2-d": np.ones((1, 2)),
    "NumPy scalar": np.float32(1),
    "0-d": np.array(1.0),
    "nested list": [[1.0, 2.0]],
    "set": {1.0, 2.0},
    "dict": {"a": 1},
    "str": "12",
    "bytes": b"12",
    "int": 12,
    "nothing": None,
    "iterator": iter([1.0, 2.0]),
    "frame": pl.DataFrame({"a": [1.0, 2.0]}),
}


@pytest.mark.parametrize("kind", NO_VECTORS)
def test_what_is_no_vector_of_numbers_is_an_error(kind: str) -> None:
    with pytest.raises(InvalidInput):
        as_query(NO_VECTORS[kind], 2)


def test_a_wrong_length_says_both_lengths() -> None:
    for vector in ([1.0, 2.0], np.zeros(2, np.float32)):
        with pytest.raises(InvalidInput, match="must have 3 dims; got 2"):
            as_query(vector, 3)


def test_an_empty_vector_is_an_error() -> None:
    for vector in ([], np.zeros(0, np.float32), pl.Series([], dtype=pl.Float32)):
        with pytest.raises(InvalidInput, match="empty"):
            as_vector(vector)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_a_float64_vector_is_rounded_to_float32_or_refused(vector: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        rounded = vector.astype(np.float32)
    if np.isfinite(rounded).all():
        assert np.array_equal(as_vector(vector), rounded)
        assert np.array_equal(as_vector(vector.tolist()), rounded)
    else:
        with pytest.raises(InvalidInput):
            as_vector(vector)
