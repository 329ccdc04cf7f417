"""A vector that can't be stored: an error that names the key and the reason, and the space is as it was."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from oracle import unchanged

NAN, INF = float("nan"), float("inf")

BAD = {
    "too short": [1.0, 2.0],
    "too long": [1.0, 2.0, 3.0, 4.0],
    "empty": [],
    "empty array": np.empty(0, np.float32),
    "NaN": [1.0, NAN, 3.0],
    "NaN in an array": np.array([1, NAN, 3], np.float32),
    "infinity": [1.0, INF, 3.0],
    "minus infinity": np.array([1, -INF, 3], np.float64),
    "too large for float32": [1.0, 1e39, 3.0],
    "too large in an array": np.array([1, -1e39, 3]),
    "far too large": [1, 10**400, 3],
    "ragged": [[1.0], 2.0, 3.0],
    "two-dimensional": np.ones((1, 3), np.float32),
    "nested list": [[1.0, 2.0, 3.0]],
    "zero-dimensional": np.float32(1),
    "a number": 1.0,
    "None": None,
    "a str": "1.0",
    "a str of three": "abc",
    "bytes": b"abc",
    "numeric strings": ["1.0", "2.0", "3.0"],
    "an array of strings": np.array(["1", "2", "3"]),
    "a null": [1.0, None, 3.0],
    "a null in a series": pl.Series([1.0, None, 3.0]),
    "complex": [1.0, 2j, 3.0],
    "a complex array": np.ones(3, np.complex64),
    "bools": [True, False, True],
    "a bool array": np.ones(3, np.bool_),
    "datetimes": np.array(["2020", "2021", "2022"], "datetime64[Y]"),
    "a datetime": [dt.datetime(2020, 1, 1), 2, 3],
    "objects": np.array([1.0, 2.0, 3.0], object),
    "a mapping": {0: 1.0, 1: 2.0, 2: 3.0},
    "a set": {1.0, 2.0, 3.0},
    "masked": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
    "a structured array": np.zeros(3, [("x", np.float32)]),
}


@pytest.fixture
def kept(hub: ks.Hub, space: ks.Space) -> ks.Space:
    space.multiset([("a", [1, 0, 0], {"n": 1}), ("b", [0, 1, 0], {"n": 2})])
    space.flush()
    space.set("c", [0, 0, 1], n=3)
    return space


@pytest.mark.parametrize("vector", BAD.values(), ids=BAD)
def test_a_bad_vector_is_refused_naming_the_key_and_the_reason(kept: ks.Space, hub: ks.Hub, vector: Any) -> None:
    with unchanged(hub):
        with pytest.raises(ks.InvalidInput, match="'bad-key'.{10}") as caught:
            kept.set("bad-key", vector, n=4)
        assert isinstance(caught.value, ValueError)
        with pytest.raises(ks.InvalidInput, match="'a'"):
            kept["a"] = vector
        with pytest.raises(ks.InvalidInput, match="'bad-key'"):
            kept.multiset({"a": [9, 9, 9], "bad-key": vector, "z": [9, 9, 9]})
        with pytest.raises(ks.InvalidInput, match="'bad-key'"):
            kept.multiset([("a", [9, 9, 9], {"new": 1}), ("bad-key", vector, {"n": 1})])
        with pytest.raises(ks.InvalidInput):
            kept.nearest_neighbors(3, vector=vector)


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (np.ones((2, 4), np.float32), "3"),
        (np.ones((3, 3), np.float32), "keys"),
        (np.ones(3, np.float32), "vector|number|dims|2-d"),
        (np.ones((2, 3, 1), np.float32), "vector|number|dims|2-d"),
        (np.array([[1, 2, 3], [1, NAN, 3]]), "'k2'"),
        (np.array([[1, 2, 3], [1, 1e300, 3]]), "'k2'"),
        ([[1, 2, 3], [1, 2]], "'k2'"),
        (pl.Series([[1.0, 2.0, 3.0], [1.0, 2.0]]), "'k2'"),
        (pl.Series([[1.0, 2.0, 3.0], None]), "'k2'"),
        (pl.Series([[1.0, 2.0, 3.0], [1.0, None, 3.0]]), "'k2'"),
        (pl.Series([["1", "2", "3"], ["1", "2", "3"]]), "vector|number|dims|2-d"),
        (pl.Series([1.0, 2.0]), "vector|number|dims|2-d"),
        (np.array([["1", "2", "3"]] * 2), "vector|number|dims|2-d"),
        (np.ones((2, 3), np.complex64), "vector|number|dims|2-d"),
        (np.ones((2, 3), np.bool_), "vector|number|dims|2-d"),
        (np.ones((2, 3), object), "vector|number|dims|2-d"),
        (np.ones((2, 3), "datetime64[s]"), "vector|number|dims|2-d"),
        ("abc", "abc"),
        (7, "int"),
    ],
)
def test_bad_vectors_in_a_load_store_nothing(kept: ks.Space, hub: ks.Hub, vectors: Any, reason: str) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput, match=reason):
        kept.load(keys=["k1", "k2"], vectors=vectors)


def test_a_null_vector_in_a_table_is_an_error_that_names_its_key(kept: ks.Space, hub: ks.Hub) -> None:
    table = pl.DataFrame({"key": ["x", "y"], "vector": [[1.0, 2.0, 3.0], None]})
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="'y'.*null"):
        kept.load(table)


@pytest.mark.parametrize("rows", [300, 5_000], ids=["log", "segment"])
def test_a_bad_vector_late_in_a_large_table_stores_nothing(kept: ks.Space, hub: ks.Hub, rows: int) -> None:
    vectors = np.ones((rows, 3), np.float32)
    vectors[rows - 2, 1] = NAN
    with unchanged(hub), pytest.raises(ks.InvalidInput, match=f"'k{rows - 2}'"):
        kept.load(keys=[f"k{i}" for i in range(rows)], vectors=vectors)


def test_a_refused_array_is_not_written_to(kept: ks.Space) -> None:
    vectors = np.array([[1, 2, 3], [1, NAN, 3]], np.float64)
    before = vectors.tobytes()
    with pytest.raises(ks.InvalidInput):
        kept.load(keys=["x", "y"], vectors=vectors)
    assert vectors.tobytes() == before


def test_a_refused_write_leaves_the_space_writable(kept: ks.Space) -> None:
    with pytest.raises(ks.InvalidInput):
        kept.set("d", [NAN, 0, 0])
    kept.set("d", [1, 0, 0])
    assert list(kept.keys()) == ["a", "b", "c", "d"]


def test_the_message_says_what_was_expected_and_what_came(kept: ks.Space) -> None:
    with pytest.raises(ks.InvalidInput, match=r"3 dims.*4"):
        kept.set("d", [1, 2, 3, 4])
    with pytest.raises(ks.InvalidInput, match="nan"):
        kept.set("d", [1, NAN, 3])
