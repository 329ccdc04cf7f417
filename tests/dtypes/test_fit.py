"""What fits a dtype is stored, rounded to the nearest where that is a float; what does not is refused by name."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, strategies as st
from stored import DTYPES, rows_for

import kinspace as ks
from kinspace.space.parts.fit import fit
from oracle import unchanged

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
HALF_STEP = float(np.float32(65520))  # halfway between the largest float16 and what would be the next
BFLOAT16_MAX = float(np.uint32(0x7F7F0000).view(np.float32))
BFLOAT16_OVER = float(np.uint32(0x7F7F8000).view(np.float32))  # halfway likewise


def fitted(dtype: str, value: float) -> float:
    return float(fit(np.array([[value]], np.float32), dtype, ["k"])[0, 0])


@given(FLOATS)
@example(65504.0)
@example(float(np.nextafter(np.float32(HALF_STEP), np.float32(0))))
@example(2.0**-24)
@example(2.0**-25)
@example(float(np.nextafter(np.float32(2.0**-25), np.float32(1))))
@example(2.0**-14 - 2.0**-25)
@example(2049.0)
@example(-0.0)
def test_a_float16_is_the_nearest_there_is_ties_to_even(value: float) -> None:
    if abs(value) >= HALF_STEP:
        with pytest.raises(ks.InvalidInput, match=r"key 'k': component 0 of the vector is .*65,504"):
            fitted("float16", value)
        return
    found = np.float32(fitted("float16", value))
    assert found.view(np.uint32) == np.float16(value).astype(np.float32).view(np.uint32)


@given(FLOATS)
@example(BFLOAT16_MAX)
@example(float(np.nextafter(np.float32(BFLOAT16_OVER), np.float32(0))))
@example(1.00390625)  # halfway, to even below
@example(1.01171875)  # halfway, to even above
@example(1e-45)
@example(1e-40)
@example(-0.0)
def test_a_bfloat16_is_the_nearest_there_is_ties_to_even(value: float) -> None:
    if abs(value) >= BFLOAT16_OVER:
        with pytest.raises(ks.InvalidInput, match=r"key 'k': component 0 of the vector is .*3\.39e38"):
            fitted("bfloat16", value)
        return
    found = np.float32(fitted("bfloat16", value))
    bits = int(found.view(np.uint32))
    assert bits & 0xFFFF == 0
    gap = abs(float(found) - value)
    for near in (bits - 0x10000, bits + 0x10000):
        if near >= 0 and near & 0x7FFFFFFF < 0x7F800000:
            other = abs(float(np.uint32(near & 0xFFFFFFFF).view(np.float32)) - value)
            assert gap < other or (gap == other and bits >> 16 & 1 == 0)
    assert np.signbit(found) == np.signbit(np.float32(value))


@given(st.one_of(FLOATS, st.integers(-300, 300).map(float), st.integers(-600, 600).map(lambda n: n / 2)))
@example(-128.0)
@example(127.0)
@example(-128.5)
@example(127.5)
@example(128.0)
@example(256.0)
@example(2.0**32)
@example(3e38)
def test_an_int8_is_a_whole_number_in_range_and_nothing_else(value: float) -> None:
    if value == int(value) and -128 <= value <= 127:
        assert fitted("int8", value) == value
        assert not np.signbit(fitted("int8", 0.0 * value))
        return
    with pytest.raises(ks.InvalidInput, match="key 'k': component 0 of the vector is .*-128…127"):
        fitted("int8", value)


@given(FLOATS)
@example(0.0)
@example(-0.0)
@example(1.0)
@example(-1.0)
@example(1e-45)
def test_a_bit_is_0_or_1_and_nothing_else(value: float) -> None:
    if value in (0, 1):
        assert fitted("bit", value) == value
        return
    with pytest.raises(ks.InvalidInput, match="key 'k': component 0 of the vector is .*0 or 1"):
        fitted("bit", value)


BAD = [
    ("float16", 70_000.0, "component 2 of the vector is 70000.0"),
    ("float16", -65520.0, "component 2 of the vector is -65520.0"),
    ("bfloat16", 3.4e38, "component 2 of the vector is 3.4"),
    ("float16", 1e39, "beyond float32"),
    ("int8", 0.5, "component 2 of the vector is 0.5"),
    ("int8", 128, "component 2 of the vector is 128"),
    ("bit", 2, "component 2 of the vector is 2"),
    ("bit", -1, "component 2 of the vector is -1"),
]


@pytest.mark.parametrize(("dtype", "value", "said"), BAD)
def test_what_does_not_fit_leaves_the_space_as_it_was_and_names_the_key(
    hub: ks.Hub, dtype: str, value: float, said: str
) -> None:
    space = hub.create_space("docs", dims=3, dtype=dtype)
    good, bad = [1, 0, 1], [1, 0, value]
    space.multiset({"old": good, "older": [0, 1, 1]})
    with unchanged(hub):
        for store in (
            lambda: space.set("the key", bad),
            lambda: space.set("the key", np.array(bad, np.float64)),
            lambda: space.multiset({"good": good, "the key": bad}),
            lambda: space.load(keys=["good", "the key"], vectors=np.array([good, bad], np.float64)),
            lambda: space.load(pl.DataFrame({"key": ["good", "the key"], "vector": [good, bad]}, strict=False)),
        ):
            with pytest.raises(ks.InvalidInput, match=r"'the key'") as error:
                store()
            assert said in str(error.value) or "beyond float32" in str(error.value)


def test_bools_are_bits_however_they_come(hub: ks.Hub) -> None:
    space = hub.create_space("bits", dims=3, dtype="bit")
    space.set("array", np.array([True, False, True]))
    space.set("list", [True, False, True])
    space.set("numbers", [1, 0.0, True])
    space.set("polars", pl.Series([True, False, True]))
    space.load(keys=["rows", "more"], vectors=np.array([[True, False, True], [False, False, False]]))
    frame = pl.DataFrame({"key": ["table"], "vector": [[True, False, True]]})
    space.load(frame)
    space.load(frame.with_columns(pl.col("vector").cast(pl.Array(pl.Boolean, 3)), key=pl.lit("fixed")))
    for key in ("array", "list", "numbers", "polars", "rows", "table", "fixed"):
        assert space.get(key).tolist() == [1, 0, 1]
    space.load(keys=["lists"], vectors=[[True, False, True]])
    assert space.get("lists").tolist() == [1, 0, 1]
    space.delete("lists")
    for query in (np.array([True, False, True]), [True, False, True], [1, 0, 1]):
        assert space.nearest_neighbors(7, vector=query).distances.tolist() == [0] * 7
    (hits,) = space.nearest_neighbors(1, vectors=np.array([[False, False, False]]))
    assert hits.keys == ["more"]
    assert space.select("key").nearest([False, False, False]).take(1).collect()["key"].to_list() == ["more"]


def test_a_query_of_bits_is_bits(hub: ks.Hub) -> None:
    space = hub.create_space("bits", dims=3, dtype="bit")
    space.set("a", [1, 0, 1])
    for query in ([0.5, 0, 1], np.array([2, 0, 1], np.float32), [-1, 0, 0]):
        with pytest.raises(ks.InvalidInput, match="0 and 1 alone"):
            space.nearest_neighbors(1, vector=query)
        with pytest.raises(ks.InvalidInput, match="0 and 1 alone"):
            space.nearest_neighbors(1, vectors=[query])
        with pytest.raises(ks.InvalidInput, match="0 and 1 alone"):
            space.select("key").nearest(query).collect()


def test_bools_are_no_numbers_elsewhere(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=3, dtype="int8")
    for vector in (np.array([True, False, True]), [True, False, True]):
        with pytest.raises(ks.InvalidInput, match="number"):
            space.set("a", vector)


def test_a_metric_goes_with_its_dtype(hub: ks.Hub) -> None:
    for dtype in ("float32", "float16", "bfloat16", "int8"):
        for metric in ("hamming", "jaccard"):
            with pytest.raises(ks.InvalidInput, match=f"metric of dtype '{dtype}' must be one of 'cosine'"):
                hub.create_space("no", dims=3, dtype=dtype, metric=metric)
        assert hub.create_space(dtype, dims=3, dtype=dtype).metric == "cosine"
    for metric in ("cosine", "l2", "ip", "", None.__class__):
        with pytest.raises(ks.InvalidInput, match="metric of dtype 'bit' must be one of 'hamming', 'jaccard'"):
            hub.create_space("no", dims=3, dtype="bit", metric=metric)
    assert hub.create_space("bit", dims=3, dtype="bit").metric == "hamming"
    for wrong in ("float64", "uint8", "", None, 16):
        with pytest.raises(ks.InvalidInput, match="dtype must be one of"):
            hub.create_space("no", dims=3, dtype=wrong)
    assert "no" not in hub
    with pytest.raises(ks.SpaceExists, match="other parameters"):
        hub.create_space("bit", dims=3, dtype="int8", exist_ok=True)


def test_both_empty_are_alike_and_one_empty_is_far_by_jaccard(hub: ks.Hub) -> None:
    space = hub.create_space("bits", dims=3, dtype="bit", metric="jaccard")
    space.multiset({"none": [0, 0, 0], "one": [1, 0, 0], "two": [1, 1, 0]})
    assert space.nearest_neighbors(3, vector=[0, 0, 0]).distances.tolist() == [0, 1, 1]
    assert space.nearest_neighbors(3, vector=[1, 1, 0]).distances.tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_callers_arrays_are_never_written_to_nor_aliased(hub: ks.Hub, dtype: str) -> None:
    given = rows_for(dtype, 60, 5)
    before = given.copy()
    space = hub.create_space("docs", dims=5, dtype=dtype)
    space.load(keys=list(map(str, range(60))), vectors=given)
    np.testing.assert_array_equal(given, before)
    stored = space.get("0")
    given[:] = 0
    np.testing.assert_array_equal(space.get("0"), stored)
