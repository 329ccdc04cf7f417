"""Columns appear on first use; their type is that of their first value; whole numbers widen; null is allowed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks

V = [1.0, 2.0, 3.0]
MOVES = [(), ("flush",), ("compact",), ("flush", "compact")]


def moved(space: ks.Space, moves: tuple[str, ...]) -> ks.Space:
    for move in moves:
        getattr(space, move)()
    return space


@pytest.mark.parametrize("moves", MOVES, ids=str)
def test_a_column_that_appears_later_is_null_in_earlier_rows(space: ks.Space, moves: tuple[str, ...]) -> None:
    space.set("a", V)
    moved(space, moves)
    space.set("b", V, title="x")
    moved(space, moves)
    space.set("c", V, score=1.5)
    assert space.columns == {"title": pl.String, "score": pl.Float64}
    for _ in range(2):
        assert space.row("a") == {"title": None, "score": None}
        assert space.row("b") == {"title": "x", "score": None}
        assert space.row("c") == {"title": None, "score": 1.5}
        space.compact()


@pytest.mark.parametrize("moves", MOVES, ids=str)
def test_an_int_column_widens_when_a_float_comes(space: ks.Space, moves: tuple[str, ...]) -> None:
    space.set("a", V, n=1)
    assert space.columns == {"n": pl.Int64}
    moved(space, moves)
    space.set("b", V, n=2.5)
    moved(space, moves)
    space.set("c", V, n=3)
    assert space.columns == {"n": pl.Float64}
    for _ in range(2):
        assert [space.row(key)["n"] for key in "abc"] == [1.0, 2.5, 3.0]
        assert {type(space.row(key)["n"]) for key in "abc"} == {float}
        assert {frame.schema["n"] for frame in space.scan(1)} == {pl.Float64()}
        space.compact()


def test_a_float_column_takes_whole_numbers(space: ks.Space) -> None:
    space.set("a", V, n=0.5)
    space.set("b", V, n=2)
    assert space.columns == {"n": pl.Float64}
    assert space.row("b") == {"n": 2.0}


@pytest.mark.parametrize("flushed", [False, True])
def test_a_column_s_type_is_that_of_its_first_value_that_is_not_null(space: ks.Space, flushed: bool) -> None:
    space.set("a", V, note=None)
    assert "note" not in space.columns
    if flushed:
        space.flush()
    space.set("b", V, note="x")
    assert space.columns == {"note": pl.String}
    with pytest.raises(ks.InvalidInput, match="'note'"):
        space.set("c", V, note=1)
    assert [space.row(key) for key in "ab"] == [{"note": None}, {"note": "x"}]


def test_a_null_is_allowed_in_a_column_of_any_type(space: ks.Space) -> None:
    space.set("a", V, n=1, t="x", d=dt.date(2020, 1, 1), items=[1])
    space.set("b", V, n=None, t=None, d=None, items=None)
    space.flush()
    assert space.row("b") == {"n": None, "t": None, "d": None, "items": None}


def test_a_frame_s_null_column_takes_its_type_later(space: ks.Space) -> None:
    space.load(pl.DataFrame({"key": ["a"], "vector": [V], "note": pl.Series([None], dtype=pl.Null)}))
    space.flush()
    space.load(pl.DataFrame({"key": ["b"], "vector": [V], "note": [3]}))
    assert space.columns == {"note": pl.Int64}
    assert space.row("a") == {"note": None}
    space.compact()
    assert space.row("a") == {"note": None}


def test_rows_of_one_batch_may_have_different_columns(space: ks.Space) -> None:
    space.multiset([("a", V, {"n": 1}), ("b", V), ("c", V, {"t": "x"}), ("d", V, {"n": 2.5, "t": None})])
    assert [space.row(key) for key in "abcd"] == [
        {"n": 1.0, "t": None},
        {"n": None, "t": None},
        {"n": None, "t": "x"},
        {"n": 2.5, "t": None},
    ]


def test_nan_in_a_column_is_a_value(space: ks.Space) -> None:
    space.set("a", V, n=float("nan"))
    space.set("b", V, n=float("-inf"))
    space.flush()
    assert np.isnan(space.row("a")["n"])
    assert space.row("b")["n"] == float("-inf")


def test_columns_outlive_their_rows(space: ks.Space) -> None:
    space.set("a", V, n=1)
    space.delete_all()
    assert space.columns == {"n": pl.Int64}
    with pytest.raises(ks.InvalidInput, match="'n'"):
        space.set("a", V, n="x")


def test_columns_keep_the_order_they_came_in(space: ks.Space) -> None:
    space.set("a", V, z=1, a=1)
    space.set("b", V, m=1, a=1)
    assert list(space.columns) == ["z", "a", "m"]
    assert next(space.scan()).columns == ["key", "z", "a", "m", "vector"]


def test_lists_and_structs_widen_within(space: ks.Space) -> None:
    space.set("a", V, items=[1], place={"x": 1})
    space.flush()
    space.set("b", V, items=[1.5], place={"x": 2.5, "y": "new"})
    for _ in range(2):
        assert space.row("a") == {"items": [1.0], "place": {"x": 1.0, "y": None}}
        assert space.row("b") == {"items": [1.5], "place": {"x": 2.5, "y": "new"}}
        space.compact()


def test_lists_of_any_length_share_a_column(space: ks.Space) -> None:
    values: list[Any] = [np.array([1, 2]), [1, 2, 3], [], np.array([], np.int64), (4,)]
    for i, value in enumerate(values):
        space.set(f"k{i}", V, items=value)
    space.flush()
    assert [space.row(f"k{i}")["items"] for i in range(5)] == [[1, 2], [1, 2, 3], [], [], [4]]


def test_decimals_keep_every_digit(space: ks.Space) -> None:
    values = [Decimal("1.50"), Decimal("2.125"), Decimal(-7), Decimal("0.1")]
    for i, value in enumerate(values):
        space.set(f"k{i}", V, price=value)
    space.compact()
    assert [space.row(f"k{i}")["price"] for i in range(4)] == values


@pytest.mark.parametrize(
    ("value", "dtype", "plain"),
    [
        (np.float32(0.5), pl.Float64, 0.5),
        (np.float64(0.5), pl.Float64, 0.5),
        (np.int8(3), pl.Int64, 3),
        (np.uint64(3), pl.Int64, 3),
        (np.bool_(True), pl.Boolean, True),
        (np.str_("x"), pl.String, "x"),
        (np.array(7), pl.Int64, 7),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numpy_scalars_are_what_they_hold(space: ks.Space, value: Any, dtype: Any, plain: Any) -> None:
    space.set("a", V, c=value)
    assert space.columns == {"c": dtype}
    assert space.row("a") == {"c": plain}


@pytest.mark.parametrize("unit", ["D", "s", "ms", "us", "ns"])
def test_numpy_dates_are_dates_whatever_their_unit(space: ks.Space, unit: str) -> None:
    space.set(
        "a", V, when=np.datetime64("2020-02-03", unit), took=np.timedelta64(2, "D").astype(f"timedelta64[{unit}]")
    )
    assert not any(dtype.is_numeric() for dtype in space.columns.values())
    when = space.row("a")["when"]
    assert (when.year, when.month, when.day) == (2020, 2, 3)
    assert space.row("a")["took"] == dt.timedelta(2)


def test_a_datetime_keeps_its_moment(space: ks.Space) -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    moment = dt.datetime(2020, 1, 1, 12, tzinfo=zone)
    space.set("a", V, when=moment)
    space.set("b", V, when=moment.astimezone(dt.UTC))
    space.flush()
    assert space.row("a")["when"] == moment == space.row("b")["when"]


def test_a_surprise_of_many_columns(space: ks.Space) -> None:
    space.set("a", V, **{f"c{i}": i for i in range(300)})
    space.flush()
    space.set("b", V, c7=8)
    assert space.row("a") == {f"c{i}": i for i in range(300)}
    assert space.row("b") == {f"c{i}": 8 if i == 7 else None for i in range(300)}
