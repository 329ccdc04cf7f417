"""Every type a column may have comes back as it was, through the log, a segment, compaction and reopening."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

import kinspace as ks

MOMENT = dt.datetime(2020, 2, 29, 23, 59, 59, 123_456)
TYPES: dict[str, tuple[pl.DataType, list[Any]]] = {
    "bool": (pl.Boolean(), [True, False]),
    "int8": (pl.Int8(), [-128, 127]),
    "int16": (pl.Int16(), [-(2**15), 5]),
    "int32": (pl.Int32(), [-(2**31), 5]),
    "int64": (pl.Int64(), [-(2**63), 2**63 - 1]),
    "int128": (pl.Int128(), [2**100, -5]),
    "uint8": (pl.UInt8(), [0, 255]),
    "uint16": (pl.UInt16(), [0, 65_535]),
    "uint32": (pl.UInt32(), [0, 2**32 - 1]),
    "uint64": (pl.UInt64(), [0, 2**64 - 1]),
    "float32": (pl.Float32(), [0.5, float("inf")]),
    "float64": (pl.Float64(), [0.1, -0.0]),
    "str": (pl.String(), ["", "naïve 日本 😀\0"]),
    "binary": (pl.Binary(), [b"", b"\x00\xff"]),
    "date": (pl.Date(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "time": (pl.Time(), [dt.time(0), dt.time(23, 59, 59, 999_999)]),
    "datetime ms": (pl.Datetime("ms"), [MOMENT.replace(microsecond=123_000), dt.datetime(1900, 1, 1)]),
    "datetime us": (pl.Datetime("us"), [MOMENT, dt.datetime(1, 1, 1)]),
    "datetime ns": (pl.Datetime("ns"), [MOMENT, dt.datetime(1900, 1, 1)]),
    "datetime utc": (pl.Datetime("us", "UTC"), [MOMENT.replace(tzinfo=dt.UTC), None]),
    "datetime zone": (pl.Datetime("ms", "Asia/Tokyo"), [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None]),
    "duration us": (pl.Duration("us"), [dt.timedelta(-1, 5, 7), dt.timedelta(0)]),
    "duration ns": (pl.Duration("ns"), [dt.timedelta(1), dt.timedelta(-1)]),
    "decimal": (pl.Decimal(10, 2), [Decimal("12345678.90"), Decimal("-0.01")]),
    "list": (pl.List(pl.Int32()), [[1, None, 3], []]),
    "list of list": (pl.List(pl.List(pl.String())), [[["a"], [], None], []]),
    "list of date": (pl.List(pl.Date()), [[dt.date(2020, 1, 1)], [None]]),
    "array": (pl.Array(pl.Int16(), 2), [[1, 2], [3, None]]),
    "array of float": (pl.Array(pl.Float32(), 3), [[1.0, 2.0, 3.0], [0.5, 0.0, 0.0]]),
    "struct": (pl.Struct({"a": pl.Int8(), "b": pl.String()}), [{"a": 1, "b": "x"}, {"a": None, "b": None}]),
    "nested": (
        pl.List(pl.Struct({"at": pl.Datetime("us"), "tags": pl.List(pl.String())})),
        [[{"at": MOMENT, "tags": ["a"]}], []],
    ),
}


def frame(name: str) -> pl.DataFrame:
    """Three rows: two values and a null."""
    dtype, values = TYPES[name]
    column = pl.Series("c", [*values, None], dtype=dtype, strict=True)
    return pl.DataFrame({"key": ["a", "b", "null"], "vector": [[1.0], [2.0], [3.0]]}).with_columns(column)


def read(space: ks.Space) -> pl.Series:
    whole = pl.concat(list(space.scan(2)))
    rows = pl.Series("c", [space.row(key)["c"] for key in whole["key"]], dtype=whole.schema["c"])
    assert rows.equals(whole["c"], check_dtypes=True)
    hits = space.nearest_neighbors(3, vector=[1.0]).rows
    assert hits["c"].equals(whole["c"], check_dtypes=True)
    return whole["c"]


@pytest.mark.parametrize("name", TYPES)
def test_a_column_comes_back_as_it_was(hub: ks.Hub, name: str) -> None:
    given = frame(name)
    space = hub.create_space("typed", dims=1)
    space.load(given)
    assert space.columns == {"c": TYPES[name][0]}
    assert read(space).equals(given["c"], check_dtypes=True), "in the log"
    space.flush()
    assert read(space).equals(given["c"], check_dtypes=True), "in a segment"
    space.set("gone", [0.0])
    space.flush()
    space.delete("gone")
    space.compact()
    assert read(space).equals(given["c"], check_dtypes=True), "compacted"
    with ks.connect(hub.path) as again:
        space = again.get_space("typed")
        assert space.columns == {"c": TYPES[name][0]}
        assert read(space).equals(given["c"], check_dtypes=True), "reopened"


@pytest.mark.parametrize("name", TYPES)
def test_updating_another_column_leaves_a_column_of_any_type_alone(hub: ks.Hub, name: str) -> None:
    given = frame(name)
    space = hub.create_space("typed", dims=1)
    space.load(given)
    for key in given["key"]:
        space.update(key, other=1)
    assert space.columns == {"c": TYPES[name][0], "other": pl.Int64}
    assert read(space).equals(given["c"], check_dtypes=True)


@pytest.mark.parametrize("name", TYPES)
def test_a_column_of_nulls_keeps_its_type(hub: ks.Hub, name: str) -> None:
    space = hub.create_space("typed", dims=1)
    space.load(frame(name).tail(1))
    space.flush()
    assert space.columns == {"c": TYPES[name][0]}
    assert space.row("null") == {"c": None}
    space.load(frame(name))
    assert read(space).null_count() == frame(name)["c"].null_count()


@pytest.mark.parametrize("dtype", [pl.Categorical(), pl.Enum(["x", "y"])], ids=str)
def test_categories_are_kept_as_text(hub: ks.Hub, dtype: pl.DataType) -> None:
    space = hub.create_space("typed", dims=1)
    column = pl.Series("c", ["y", "x", None], dtype=dtype)
    space.load(pl.DataFrame({"key": ["a", "b", "c"], "vector": [[1.0]] * 3}).with_columns(column))
    space.flush()
    assert space.columns == {"c": pl.String}
    assert [space.row(key)["c"] for key in "abc"] == ["y", "x", None]
    space.set("d", [1.0], c="z")
    assert space.row("d") == {"c": "z"}


def test_whole_numbers_widen_among_themselves(hub: ks.Hub) -> None:
    space = hub.create_space("typed", dims=1)
    for key, dtype, number in [
        ("a", pl.Int8, -5),
        ("b", pl.UInt8, 255),
        ("c", pl.Int32, 70_000),
        ("d", pl.Int64, 2**40),
    ]:
        space.load(pl.DataFrame({"key": [key], "vector": [[1.0]], "c": pl.Series([number], dtype=dtype)}))
        space.flush()
    assert [space.row(key)["c"] for key in "abcd"] == [-5, 255, 70_000, 2**40]
    space.load(pl.DataFrame({"key": ["e"], "vector": [[1.0]], "c": pl.Series([0.5], dtype=pl.Float32)}))
    assert space.columns == {"c": pl.Float64}
    assert [space.row(key)["c"] for key in "abcde"] == [-5, 255, 70_000, 2**40, 0.5]


def test_a_value_s_python_type_is_the_column_s(space: ks.Space) -> None:
    """What set() infers for the types Python has."""
    values = {
        "i": 1,
        "f": 1.5,
        "b": True,
        "t": "x",
        "raw": b"x",
        "d": dt.date(2020, 1, 1),
        "at": MOMENT,
        "took": dt.timedelta(1),
        "clock": dt.time(1),
        "items": ["x", None],
        "place": {"x": 1, "y": [1.5]},
    }
    space.set("a", [1, 2, 3], **values)
    for _ in range(2):
        assert space.row("a") == values
        assert {name: type(value) for name, value in space.row("a").items()} == {n: type(v) for n, v in values.items()}
        space.flush()
