"""ks.col: what its expressions are, and what they refuse before any row is seen."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

import kinspace as ks
from kinspace import InvalidInput, col
from kinspace.filter import compile_predicate, value_expression
from rows import FRAME, keys

SAME: list[tuple[Any, str]] = [
    (col("kib") > 50, "kib > 50"),
    (col("kib") > 50, "kib > 50"),
    ((col("kib") > 0) & col("free"), "kib > 0 AND free"),
    (col("free") | (col("kib") == -7), "free OR kib = -7"),
    (~(col("kib") == 0), "NOT kib = 0"),
    (col("kib").is_in([0, 100]), "kib IN (0, 100)"),
    (col("kib").between(0, 100), "kib BETWEEN 0 AND 100"),
    (col("kib").is_not_null(), "kib IS NOT NULL"),
    (col("free").is_true(), "free IS TRUE"),
    (col("title").like("Gnu%"), "title LIKE 'Gnu%'"),
    (col("title").ilike("gnu%"), "title ILIKE 'gnu%'"),
    (col("title").starts_with("Gnu"), "starts_with(title, 'Gnu')"),
    (col("title").lower().ends_with("chess"), "ends_with(lower(title), 'chess')"),
    (col("title").contains("ss"), "contains(title, 'ss')"),
    (col("tags").contains("y"), "array_contains(tags, 'y')"),
    (col("tags").any() == "x", "'x' = ANY(tags)"),
    (col("tags").all() != "x", "'x' <> ALL(tags)"),
    (col("tags").length() == 0, "array_length(tags) = 0"),
    (col("made").field("by") == "me", "made.by = 'me'"),
    (col("made.by") == "me", "made.by = 'me'"),
    (col("kib") * 2 + 1 > 100, "kib * 2 + 1 > 100"),
    (1 - col("kib") / 2 < 0, "1 - kib / 2 < 0"),
    (-col("kib") > 5, "-kib > 5"),
    (col("kib") % 2 == 1, "kib % 2 = 1"),
    (col("kib").coalesce(1) == 1, "COALESCE(kib, 1) = 1"),
    (col("kib").cast("string") == "100", "kib::text = '100'"),
    (col("kib").abs().round() == 7, "round(abs(kib)) = 7"),
    (col("day") >= dt.date(2024, 1, 1), "day >= DATE '2024-01-01'"),
    (col("day").year() == 2024, "EXTRACT(year FROM day) = 2024"),
    (col("kib") == col("Odd name"), 'kib = "Odd name"'),
]


@pytest.mark.parametrize(("given", "text"), SAME, ids=[f"{number} {text}" for number, (_, text) in enumerate(SAME)])
def test_an_expression_is_the_sql_it_stands_for(given: Any, text: str) -> None:
    assert compile_predicate(given, FRAME.schema).key == compile_predicate(text, FRAME.schema).key
    assert keys(given) == keys(text)


REFUSED = {
    "and": (lambda: col("kib") > 1 and col("free"), r"& \| ~"),
    "or": (lambda: (col("kib") > 1) or col("free"), r"& \| ~"),
    "not": (lambda: not col("free"), r"& \| ~"),
    "chained": (lambda: 0 < col("kib") < 5, r"\.between\(a, b\)"),
    "if": (lambda: [1 for _ in range(1) if col("free")], r"& \| ~"),
    "any without a value": (lambda: bool(col("tags").any()), r"& \| ~"),
    "in": (lambda: "x" in col("tags"), r"write \.contains"),
    "iteration": (lambda: list(col("tags")), "no elements to go through"),
    "None": (lambda: col("kib") == None, "is_null"),  # noqa: E711
    "a list": (lambda: col("kib") == [1], "must be a number"),
    "a Polars expression": (lambda: col("kib") > pl.col("x"), "must be a number"),
    "any alone": (lambda: col("free") & col("tags").any(), "compared with a value first"),
    "is_in of a string": (lambda: col("title").is_in("abc"), "takes a list of values"),
    "is_in of no list": (lambda: col("kib").is_in(5), "takes a list of values"),
    "a number joined": (lambda: (col("kib") + 1) & col("free"), "this is a number"),
    "no name": (lambda: col(5), "takes a column's name"),
    "like a number": (lambda: col("title").like(5), "takes a pattern"),
    "cast to nothing there is": (lambda: col("kib").cast("blob"), "the types are: boolean"),
    "a field of a number": (lambda: (col("kib") + 1).field("x"), "field of a column that is a struct"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_expression_is_refused_where_it_is_written(kind: str) -> None:
    make, why = REFUSED[kind]
    with pytest.raises(InvalidInput, match=why):
        make()


def test_a_name_or_type_that_is_wrong_is_reported_where_it_is_used() -> None:
    for given, why in (
        (col("nope") > 1, "no column 'nope'; the columns are: 'key'"),
        (col("kib") > "x", "cannot compare numeric with string: column 'kib' is Int64, 'x' is String"),
        (col("kib"), "true or false for each row; column 'kib' is Int64"),
        (col("kib").any() == 1, "take a list; column 'kib' is Int64"),
        (col("tags").contains(5), "cannot compare string with numeric: an element of column 'tags'"),
    ):
        with pytest.raises(InvalidInput, match=why):
            compile_predicate(given, FRAME.schema)


def test_a_column_whose_name_has_dots_comes_before_a_path() -> None:
    frame = pl.DataFrame({"key": ["a", "b"], "made": [{"by": "x"}, {"by": "y"}], "made.by": ["y", "x"]})
    assert keys(col("made.by") == "y", frame) == "a"
    assert keys({"made.by": "y"}, frame) == "a"
    assert keys("\"made.by\" = 'y'", frame) == "a"
    assert keys("made.by = 'y'", frame) == "b"
    assert keys(col("made").field("by") == "y", frame) == "b"
    assert keys("meta.x = 1", pl.DataFrame({"key": ["a", "b"], "meta.x": [1, 2]})) == "a"


def test_a_struct_in_a_struct_is_reached_by_its_path() -> None:
    frame = pl.DataFrame({"key": ["a", "b"], "a": [{"b": {"c d": 1}}, {"b": None}]})
    for given in (col("a.b.c d") == 1, {"a.b.c d": 1}, 'a.b."c d" = 1', col("a").field("b").field("c d") == 1):
        assert keys(given, frame) == "a"
    assert keys({"a.b.c d": None}, frame) == "b"


def test_expressions_grown_without_end_are_refused() -> None:
    wide: Any = col("kib") == 0
    for number in range(900):
        wide = wide | (col("kib") == number)
    assert keys(wide) == "ad"
    with pytest.raises(InvalidInput, match="nested deeper"):
        for number in range(10_000):
            wide = wide | (col("kib") == number)
    for grow in (lambda e: ~e, lambda e: e & e, lambda e: (e & e) | (e & e)):
        one: Any = col("kib") == 1
        with pytest.raises(InvalidInput, match="nested deeper"):
            for _ in range(10_000):
                one = grow(one)
    value: Any = col("kib")
    with pytest.raises(InvalidInput, match="nested deeper"):
        for _ in range(10_000):
            value = value + 1


def test_values_of_a_row_are_computed_in_python_and_sql_alike() -> None:
    for given, text in ((col("kib") / 1024, "kib / 1024"), (col("kib") * 2, "kib * 2"), (col("made.by"), "made.by")):
        both = FRAME.select(a=value_expression(given, FRAME.schema), b=value_expression(text, FRAME.schema))
        assert both["a"].equals(both["b"], null_equal=True)
    assert FRAME.select(value_expression("kib * 2", FRAME.schema)).dtypes == [pl.Int64]
    assert value_expression(pl.col("x"), {}).meta.eq(pl.col("x"))
    for given in (col("nope"), "nope + 1", "max(kib)", "kib + 'x'", 5, None):
        with pytest.raises(InvalidInput):
            value_expression(given, FRAME.schema)


def test_col_is_loaded_when_it_is_first_used() -> None:
    assert ks.col is col
    assert repr(col("kib") > 1).startswith("<kinspace expression: Compare(")
