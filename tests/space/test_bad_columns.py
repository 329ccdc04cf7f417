"""Columns that can't be: their names, their types, and that a refusal changes nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import kinspace as ks
from oracle import shown, unchanged

VECTOR = [1.0, 2.0, 3.0]
VALUES: dict[str, Any] = {
    "int": 1,
    "str": "x",
    "bool": True,
    "bytes": b"x",
    "date": dt.date(2020, 1, 1),
    "datetime": dt.datetime(2020, 1, 1),
    "datetime with a zone": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    "time": dt.time(1, 2, 3),
    "duration": dt.timedelta(1),
    "decimal": Decimal("1.5"),
    "list of int": [1],
    "list of str": ["x"],
    "struct": {"a": 1},
}


@pytest.mark.parametrize("name", ["key", "vector", "_dist", "_", "_anything", "", "\ud800", "*", "^a$"])
def test_a_reserved_or_impossible_column_name_is_refused(hub: ks.Hub, space: ks.Space, name: str) -> None:
    space.set("a", VECTOR, n=1)
    with unchanged(hub):
        for call in (
            lambda: space.set("b", VECTOR, **{name: 1}),
            lambda: space.update("a", **{name: 1}),
            lambda: space.multiset([("b", VECTOR, {"n": 1}), ("c", VECTOR, {name: 1})]),
            lambda: space.load(keys=["b"], vectors=[VECTOR], columns={name: [1]}),
        ):
            with pytest.raises(ks.InvalidInput):
                call()


def test_a_column_name_that_is_no_str_is_refused(hub: ks.Hub, space: ks.Space) -> None:
    space.set("a", VECTOR, n=1)
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="name"):
        space.multiset([("b", VECTOR, {1: 2})])


@pytest.mark.parametrize(
    "name", ["x", "x y", 'x"y', "x'y", "x.y", "select", "Vector", "KEY", "日本", "-", "a\nb", "^a"]
)
def test_any_other_name_is_a_column(space: ks.Space, name: str) -> None:
    space.set("a", VECTOR, **{name: 1})
    for _ in range(2):
        assert space.row("a") == {name: 1}
        assert list(space.columns) == [name]
        assert next(space.scan()).columns == ["key", name, "vector"]
        space.flush()


@pytest.mark.parametrize("have", VALUES)
@pytest.mark.parametrize("flushed", [False, True])
def test_a_value_of_another_type_is_refused_naming_column_key_and_both_types(
    hub: ks.Hub, space: ks.Space, have: str, flushed: bool
) -> None:
    space.set("a", VECTOR, c=VALUES[have])
    if flushed:
        space.flush()
    dtype = str(space.columns["c"])
    with unchanged(hub):
        for come, value in VALUES.items():
            if come == have:
                continue
            with pytest.raises(ks.InvalidInput) as caught:
                space.set("new-key", VECTOR, c=value)
            message = str(caught.value)
            assert "'c'" in message
            assert "'new-key'" in message
            assert dtype in message
            assert message.count("holds") == 1


@pytest.mark.parametrize("have", VALUES)
def test_two_types_in_one_batch_are_refused_as_they_are_one_by_one(hub: ks.Hub, space: ks.Space, have: str) -> None:
    space.set("a", VECTOR, other=1)
    with unchanged(hub):
        for come, value in VALUES.items():
            if come == have:
                continue
            rows = [("b", VECTOR, {"c": VALUES[have]}), ("bad-key", VECTOR, {"c": value})]
            with pytest.raises(ks.InvalidInput, match="'bad-key'.*'c'"):
                space.multiset(rows)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1], [1.5]),
        ([1.5], [1]),
        ({"a": 1}, {"b": 2}),
        ({"a": 1, "b": 2}, {"b": 5, "a": 6}),
        ({"a": 1}, {"a": 2.5}),
        (1, 2.5),
        (2.5, 1),
        ([], [1]),
        ([1], []),
        ([{"a": 1}], [{"b": "x"}]),
        (Decimal("1.50"), Decimal("2.125")),
        (Decimal("2.125"), Decimal("1.5")),
        (2**40, 2**70),
        (1, 2**63),
        (None, "x"),
        ("x", None),
    ],
    ids=repr,
)
def test_a_batch_keeps_what_the_same_rows_one_by_one_keep(hub: ks.Hub, first: Any, second: Any) -> None:
    """Nothing is lost because two values came together."""

    def kept(space: ks.Space, together: bool) -> Any:
        rows = [("a", [1.0], {"c": first}), ("b", [1.0], {"c": second})]
        try:
            if together:
                space.multiset(rows)
            else:
                for key, vector, columns in rows:
                    space.set(key, vector, **columns)
        except ks.InvalidInput:
            return "refused"
        return repr([space.row("a"), space.row("b"), dict(space.columns)])

    assert kept(hub.create_space("one", dims=1), together=True) == kept(hub.create_space("two", dims=1), together=False)


@pytest.mark.parametrize(
    "value", [object(), [object()], {1, 2}, 1j, Path("x"), int, {"a": object()}, lambda: 1, "\ud800"], ids=shown
)
def test_a_value_arrow_has_no_type_for_is_refused(hub: ks.Hub, space: ks.Space, value: Any) -> None:
    space.set("a", VECTOR, n=1)
    with unchanged(hub):
        with pytest.raises(ks.InvalidInput, match="'new-key'.*'c'"):
            space.set("new-key", VECTOR, c=value)
        with pytest.raises(ks.InvalidInput):
            space.multiset([("b", VECTOR, {"n": 2}), ("c", VECTOR, {"c": value})])


def test_python_objects_in_a_frame_are_refused(hub: ks.Hub, space: ks.Space) -> None:
    space.set("a", VECTOR, n=1)
    frame = pl.DataFrame({"key": ["b"], "vector": [VECTOR], "c": pl.Series([object()], dtype=pl.Object)})
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="'c'"):
        space.load(frame)


@pytest.mark.parametrize("rows", [3, 5_000], ids=["log", "segment"])
def test_a_wrong_type_in_a_table_stores_nothing(hub: ks.Hub, space: ks.Space, rows: int) -> None:
    space.set("a", VECTOR, n=1)
    frame = pl.DataFrame({"key": [f"k{i}" for i in range(rows)], "vector": [VECTOR] * rows, "n": ["x"] * rows})
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="'k0'.*'n'.*Int64.*String"):
        space.load(frame)


@pytest.mark.parametrize("columns", [{"n": [1]}, {"n": [1, 2, 3]}, pl.DataFrame({"n": [1]}), 7, "n", [1, 2]], ids=repr)
def test_columns_of_another_length_or_kind_are_refused(hub: ks.Hub, space: ks.Space, columns: Any) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        space.load(keys=["a", "b"], vectors=[VECTOR, VECTOR], columns=columns)


def test_a_table_without_the_key_or_vector_lists_the_columns_there_are(hub: ks.Hub, space: ks.Space) -> None:
    frame = pl.DataFrame({"id": ["a"], "emb": [VECTOR]})
    with unchanged(hub):
        with pytest.raises(ks.InvalidInput, match="'key'.*'id', 'emb'"):
            space.load(frame, vector="emb")
        with pytest.raises(ks.InvalidInput, match="'vector'.*'id', 'emb'"):
            space.load(frame, key="id")


def test_a_refused_column_is_not_remembered(hub: ks.Hub, space: ks.Space) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        space.set("a", [float("nan"), 0, 0], fresh=1)
    space.set("a", VECTOR, fresh="now a text")
    assert space.columns == {"fresh": pl.String}
