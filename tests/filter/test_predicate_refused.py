"""What is no filter is an error that says why."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from kinspace import InvalidInput
from kinspace.filter import compile_predicate
from rows import FRAME

NO_PREDICATES = {
    "": "empty",
    " \n": "empty",
    "nope > 1": "no column 'nope'; the columns are: 'key', 'kib', 'title'",
    "Kib > 1": "no column 'Kib'",
    'title = "it"': "no column 'it'",
    "docs.kib > 1": "no column 'docs'",
    "kib": r"true or false .* Int64",
    "title": r"true or false .* String",
    "1": "true or false",
    "NULL": "true or false",
    "'x'": "true or false",
    "kib + 1": "true or false",
    "kib > 'x'": "cannot compare numeric with string",
    "title = 1": "cannot compare string with numeric",
    "title > 1.5": "cannot compare string with numeric",
    "free = 'true'": "cannot compare boolean with string",
    "free = 1": "cannot compare boolean with numeric: column 'free' is Boolean, 1 is Int64; give TRUE or FALSE",
    "day > '2024-01-01'": "cannot compare date with string: column 'day' is Date, .*write DATE",
    "day = 19000": "cannot compare date with numeric",
    "kib > DATE '2024-01-01'": "cannot compare numeric with date",
    "made = 1": "cannot compare struct with numeric",
    "kib BETWEEN 'a' AND 'b'": "cannot compare numeric with string",
    "kib IN ('a')": "cannot compare numeric with string",
    "kib IN (1, 'a')": "cannot compare numeric with string",
    "kib LIKE 'a%'": "LIKE takes a string; column 'kib' is Int64",
    "kib AND free": "true or false; column 'kib' is Int64",
    "NOT title": "true or false; column 'title' is String",
    "kib + 'x' > 1": "takes numbers; 'x' is String",
    "lower(kib) = 'a'": "lower.. takes a string as argument 1; column 'kib' is Int64",
    "lower() = 'a'": "takes 1 arguments; got 0",
    "CAST(tags AS INTEGER) = 1": "cannot cast list to integer",
    "CAST(kib AS BLOB) = 1": "cannot cast to BLOB; the types are: boolean",
    "CASE WHEN kib > 1 THEN 'a' ELSE 2 END = 'a'": "cannot return string with numeric",
    "CASE WHEN kib > 1 WHEN free THEN true END": "WHEN after WHEN of CASE",
    "CASE WHEN kib > 1 THEN true": "CASE without END",
    "tags = 'x'": "cannot compare list with string",
    "array_contains(tags, 1)": "cannot compare string with numeric: an element of column 'tags'",
    "kib = ANY(tags)": "one value, the same for every row",
    "kib = ANY(kib)": "one value, the same for every row",
    "1 = ANY(kib)": "take a list; column 'kib' is Int64",
    "ANY(tags)": "stands beside a comparison",
    "made.nope = 1": "column 'made' has no field 'nope'; the fields are: 'by'",
    "kib.nope = 1": "column 'kib' is Int64, which has no field 'nope'",
    "regexp_like(title, '(')": "is no regular expression",
    "title ~ '('": "cannot be read",
    "kib >": "not a SQL predicate",
    "kib > 5,": "more than a predicate",
    "kib > 5, free": "more than a predicate",
    "*": "not a SQL predicate",
    "kib IN ()": "not a SQL predicate",
    "nosuch(kib) > 1": r"no function nosuch\(\); the functions are: abs",
    "day > DATE '2024-13-45'": "not a SQL predicate",
    "kib > 5 ORDER BY kib": "more than a predicate",
    "kib > 5 LIMIT 1": "more than a predicate",
    "DELETE": "no column",
    "kib > 5 garbage": "more than a predicate",
    "kib > 5 AS free": "more than a predicate",
    "(kib > 5) garbage": "more than a predicate",
    "title = 'x'\n'y'": "two strings|more than a predicate",
    "kib > 5)": "never opened",
    "kib > 5) OR (free": "never opened",
    "(kib > 5": "not a SQL predicate",
    "title = 'it's'": "not a SQL predicate",
    "kib > 5; DROP TABLE docs": "cannot be read",
    "kib > 5;": "cannot be read",
    "kib > $1": "cannot be read",
    "kib > $name": "cannot be read",
    "kib > :": "colon without the name",
    "kib > : name": "colon without the name",
    "kib > :1": "colon without the name",
    "kib > :name": "uses :name, which params does not give; it gives: none",
    "kib > ?": "cannot be read",
    "title = $$x$$": "cannot be read",
    "kib > 5 \0": "cannot be read",
    "title = \u2018x\u2019": "cannot be read",
    "kib > 5 -- comment": "comment",
    "kib > 5 /* comment */": "comment",
    "title = E'x'": "prefixed string",
    "title = N'x'": "prefixed string",
    "title = U&'x'": "cannot be read",
    "title = X'41'": "prefixed string",
    "SELECT 1": "subquery",
    "kib > 5 UNION SELECT 1": "subquery",
    "(select 1) > 2": "subquery",
    "kib IN (SELECT kib FROM self)": "subquery",
    "kib IN (FROM read_csv('x'))": "subquery",
    "EXISTS (FROM read_csv('x'))": "subquery",
    "kib IN (VALUES (1))": "subquery",
    "EXTRACT(year FROM (FROM read_csv('x'))) = 1": "subquery",
    "max(kib) > 3": "depends on other rows",
    "kib > avg(kib)": "depends on other rows",
    "count(*) > 1": "depends on other rows",
    "count(kib) > 1": "depends on other rows",
    "sum(kib) OVER () > 3": "depends on other rows",
    "row_number() OVER (ORDER BY kib) > 1": "depends on other rows",
    "first(kib) > 1": "depends on other rows",
    "unnest(tags) = 'x'": "no function unnest",
    "COLUMNS('kib|score') > 1": "no function columns",
}


@pytest.mark.parametrize("where", NO_PREDICATES)
def test_what_is_no_predicate_is_an_error_that_says_why(where: str) -> None:
    with pytest.raises(InvalidInput, match=f"(?s){NO_PREDICATES[where]}"):
        compile_predicate(where, FRAME.schema)


NO_EXPRESSIONS = {
    "aggregate": pl.col("kib").sum() > 3,
    "compared with an aggregate": pl.col("kib") > pl.col("kib").mean(),
    "shift": pl.col("kib").shift(1) > 3,
    "difference": pl.col("kib").diff() > 3,
    "running sum": pl.col("kib").cum_sum() > 3,
    "rank": pl.col("kib").rank() > 3,
    "window": pl.col("kib").max().over("free") > 3,
    "rolling": pl.col("kib").rolling_mean(2) > 3,
    "duplicates": pl.col("kib").is_duplicated(),
    "first of each": pl.col("kib").is_first_distinct(),
    "forward fill": pl.col("kib").forward_fill() > 3,
    "sort": pl.col("kib").sort() > 3,
    "reverse": pl.col("kib").reverse() > 3,
    "shuffle": pl.col("kib").shuffle() > 3,
    "head": pl.col("kib").head(1) > 3,
    "filter": pl.col("kib").filter(pl.col("free")) > 3,
    "gather": pl.col("kib").gather([0]) > 3,
    "unique": pl.col("kib").unique() > 3,
    "explode": pl.col("tags").explode() == "x",
    "row count": pl.len() > 3,
    "a range": pl.int_range(pl.len()) > 3,
    "a mask": pl.lit(pl.Series([True, False, True, False, True])),
    "a column beside": pl.col("kib") > pl.Series([1, 2, 3, 4, 5]),
    "several outputs": pl.all() == 1,
    "several named": pl.col("kib", "score") > 1,
    "a pattern": pl.col("^k.*$") > 1,
    "unknown": pl.col("nope") > 1,
    "not boolean": pl.col("kib") + 1,
    "kinds": pl.col("kib") == "x",
    "date and text": pl.col("day").is_between(pl.lit("a"), pl.lit("b")),
}


@pytest.mark.parametrize("kind", NO_EXPRESSIONS)
def test_an_expression_that_is_no_predicate_is_an_error(kind: str) -> None:
    with pytest.raises(InvalidInput):
        compile_predicate(NO_EXPRESSIONS[kind], FRAME.schema)


def test_a_function_that_changes_the_number_of_rows_is_an_error() -> None:
    few = pl.col("kib").map_batches(lambda all_: all_.drop_nulls() > 0, return_dtype=pl.Boolean)
    one = pl.col("kib").map_batches(lambda all_: pl.Series([True]), return_dtype=pl.Boolean)
    for expr in (few, one):
        with pytest.raises(InvalidInput):
            compile_predicate(expr, FRAME.schema).evaluate(FRAME)


@pytest.mark.parametrize(
    "where", [None, True, 5, b"kib > 1", ["kib > 1"], np.ones(5, bool), pl.Series([True] * 5), {1, 2}]
)
def test_a_filter_of_no_kind_there_is_is_an_error(where: object) -> None:
    with pytest.raises(InvalidInput, match="SQL predicate .*or a Polars expression"):
        compile_predicate(where, FRAME.schema)


def test_a_value_that_cannot_be_cast_is_an_error_when_it_is_met() -> None:
    for text in ("CAST(title AS INTEGER) > 1", "title::date > DATE '2024-01-01'"):
        predicate = compile_predicate(text, FRAME.schema)
        with pytest.raises(InvalidInput, match="cannot be evaluated"):
            predicate.evaluate(FRAME)
