"""A filter is one predicate over a row's columns, in SQL or Polars, with SQL's three values."""

from __future__ import annotations

import datetime as dt
import functools
import operator
import subprocess
import sys

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, strategies as st

from kinspace import InvalidInput
from kinspace.filter import compile_predicate

FRAME = pl.DataFrame(
    {
        "key": ["a", "b", "c", "d", "e"],
        "kib": [100, 5000, None, 0, -7],
        "title": ["Gnu Chess", "100% pure_x", None, "it's", "a\nb"],
        "score": [0.5, float("nan"), None, -1.0, float("inf")],
        "free": [True, False, None, True, False],
        "day": [dt.date(2024, 1, 1), None, dt.date(2023, 12, 31), dt.date(2024, 6, 1), dt.date(1969, 7, 20)],
        "when": [
            dt.datetime(2024, 1, 1, 12),
            None,
            dt.datetime(2023, 1, 1),
            dt.datetime(2024, 1, 2),
            dt.datetime(1969, 1, 1),
        ],
        "tags": [["x", "y"], [], None, ["y"], [None]],
        "kind": pl.Series(["u", "v", None, "u", "w"], dtype=pl.Categorical),
        "made": [{"by": "me"}, None, {"by": None}, {"by": "you"}, {"by": "me"}],
        "Odd name": [1, 2, 3, 4, 5],
        'quote"d': [1, 2, 3, 4, 5],
        "select": [1, 2, 3, 4, 5],
        "from": [1, 2, 3, 4, 5],
        "größe": [1, 2, 3, 4, 5],
    }
)

TRUE_FOR = {
    "kib > 50": "ab",
    "kib >= 0 AND kib <= 100": "ad",
    "kib BETWEEN 0 AND 100": "ad",
    "kib NOT BETWEEN 0 AND 100": "be",
    "kib IN (0, 100, 7)": "ad",
    "kib NOT IN (0, 100)": "be",
    "kib NOT IN (0, NULL)": "",
    "kib = NULL": "",
    "kib <> 0": "abe",
    "kib != 0": "abe",
    "NOT kib = 0": "abe",
    "NOT (kib = 0 OR kib > 50)": "e",
    "kib IS NULL": "c",
    "kib IS NOT NULL": "abde",
    "kib IS DISTINCT FROM 0": "abce",
    "kib > 0 OR free": "abd",
    "kib > 0 AND free": "a",
    "kib < 0 OR kib IS NULL": "ce",
    "kib % 2 = 0 AND kib / 2 > 10": "ab",
    "kib > -8 AND kib < - 6": "e",
    "free": "ad",
    "NOT free": "be",
    "free = true": "ad",
    "free IS NOT TRUE": "bce",
    "free IS TRUE": "ad",
    "free is false": "be",
    "NOT (free IS TRUE)": "bce",
    "free IS  NOT FALSE AND key <> 'd'": "ac",
    "kib > 0 IS NOT TRUE": "cde",
    "kib > 0 IS NOT TRUE AND free OR key = 'e'": "de",
    "kib IN (0, 100) IS NOT TRUE": "bce",
    "kib IS NULL IS FALSE": "abde",
    "free AND kib > 50 IS TRUE": "a",
    "NOT kib > 50 IS TRUE OR free IS NOT FALSE": "acde",
    "kib BETWEEN 0 AND 100 IS NOT TRUE": "bce",
    "(kib IS DISTINCT FROM 0) AND free": "a",
    "free AND kib IS NOT DISTINCT FROM 0": "d",
    "free AND title LIKE '%s'": "ad",
    "title LIKE 'Gnu%'": "a",
    "title LIKE '%pure_x'": "b",
    "title LIKE '100%%'": "b",
    "title LIKE '___ Chess'": "a",
    "title LIKE 'a_b'": "e",
    "title LIKE 'gnu%'": "",
    "title ILIKE 'gnu%'": "a",
    "title NOT LIKE 'Gnu%'": "bde",
    "title LIKE '.*'": "",
    "title = 'it''s'": "d",
    "title = ''": "",
    "lower(title) = 'gnu chess'": "a",
    "length(title) < 5": "de",
    "title > 'b'": "d",
    "score > 0": "abe",
    "score = score": "abde",
    "score < 1e-3": "d",
    "day >= DATE '2024-01-01'": "ad",
    "day >= date'2024-01-01'": "ad",
    "day BETWEEN DATE '2023-01-01' AND DATE '2024-02-01'": "ac",
    "day IN (DATE '2024-01-01')": "a",
    "EXTRACT(year FROM day) = 2024": "ad",
    "when > TIMESTAMP '2024-01-01 00:00:00'": "ad",
    "when > DATE '2024-01-01'": "ad",
    "array_contains(tags, 'y')": "ad",
    "'x' = ANY(tags)": "a",
    "array_length(tags) = 0": "b",
    "tags IS NULL": "c",
    "kind = 'u'": "ad",
    "kind IN ('u', 'w')": "ade",
    "made.by = 'me'": "ae",
    '"Odd name" = 2': "b",
    "`Odd name` = 2": "b",
    '"quote""d" = 3': "c",
    '"select" = 1 OR "from" = 2': "ab",
    "größe > 4": "e",
    "key = 'a'": "a",
    "kib = 0 AND true": "d",
    "true": "abcde",
    "1 = 1": "abcde",
    "1 = 2": "",
    "CASE WHEN kib > 50 THEN true ELSE false END": "ab",
    "COALESCE(kib, 1) = 1": "c",
    "CAST(kib AS VARCHAR) = '100'": "a",
    "kib::text = '100'": "a",
    "  kib = 100\n": "a",
    "((((kib))) = 100)": "a",
    "title = 'SELECT * FROM x -- /* '": "",
    "kib > 99999999999999999999": "",
}


def keys(where: object, frame: pl.DataFrame = FRAME) -> str:
    found = compile_predicate(where, frame.schema).evaluate(frame)
    assert found.dtype == np.bool_
    assert found.shape == (frame.height,)
    return "".join(frame.filter(pl.Series(found))["key"])


@pytest.mark.parametrize("where", TRUE_FOR)
def test_sql_means_what_sql_means(where: str) -> None:
    assert keys(where) == TRUE_FOR[where]


def large(kib: int) -> bool:
    return [False, True][int(kib > 50)]  # not so plain that Polars would write it for us


EXPRESSIONS = {
    "comparison": (pl.col("kib") > 50, "ab"),
    "is_in": (pl.col("kib").is_in([0, 100]), "ad"),
    "is_in a Series": (pl.col("kib").is_in(pl.Series([0, 100]).implode()), "ad"),
    "a bool column": (pl.col("free"), "ad"),
    "not": (~pl.col("free"), "be"),
    "horizontal": (pl.any_horizontal(pl.col("kib") < 0, pl.col("free")), "ade"),
    "selector": (pl.any_horizontal(cs.numeric() > 4000), "be"),
    "several columns": (pl.all_horizontal(pl.col("kib", "Odd name") >= 1), "ab"),
    "elements": (pl.col("tags").list.eval(pl.element() == "y").list.any(), "ad"),
    "elements, aggregated": (pl.col("tags").list.eval(pl.element().is_null()).list.any(), "e"),
    "list length": (pl.col("tags").list.len() == 2, "a"),
    "string": (pl.col("title").str.contains("ss$"), "a"),
    "struct": (pl.col("made").struct.field("by") == "you", "d"),
    "date": (pl.col("day").dt.year() == 2024, "ad"),
    "when": (pl.when(pl.col("kib") > 50).then(pl.lit(True)).otherwise(pl.lit(False)), "ab"),
    "alias": ((pl.col("kib") > 50).alias("x"), "ab"),
    "literal": (pl.lit(True), "abcde"),
    "cast": (pl.col("kib").cast(pl.Boolean), "abe"),
    "missing as value": (pl.col("kib").eq_missing(None), "c"),
    "function": (pl.col("kib").map_elements(large, return_dtype=pl.Boolean), "ab"),
    "function of a batch": (pl.col("kib").map_batches(lambda all_: all_ > 50, return_dtype=pl.Boolean), "ab"),
}


@pytest.mark.parametrize("kind", EXPRESSIONS)
def test_polars_expressions_are_filters(kind: str) -> None:
    expr, expected = EXPRESSIONS[kind]
    assert keys(expr) == expected


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
    "free = 'true'": "cannot compare numeric with string",
    "day > '2024-01-01'": "cannot compare date with string .*write DATE",
    "day = 19000": "cannot compare date with numeric",
    "kib > DATE '2024-01-01'": "cannot compare numeric with date",
    "made = 1": "cannot compare struct with numeric",
    "kib BETWEEN 'a' AND 'b'": "cannot compare numeric with string",
    "kib IN ('a')": "cannot be evaluated",
    "kib LIKE 'a%'": "cannot compare numeric with string",
    "kib AND free": "cannot be evaluated",
    "tags = 'x'": "cannot compare list with string",
    "kib IS DISTINCT FROM 0 AND free": "needs brackets",
    "kib IS NOT DISTINCT FROM 0 OR free": "needs brackets",
    "array_contains(tags, 1)": "cannot be evaluated",
    "made.nope = 1": "cannot be evaluated",
    "title ~ '('": "cannot be evaluated",
    "kib >": "not a SQL predicate",
    "kib > 5,": "not a SQL predicate",
    "kib > 5, free": "not a SQL predicate",
    "*": "not a SQL predicate",
    "kib IN ()": "not a SQL predicate",
    "nosuch(kib) > 1": "not a SQL predicate",
    "day > DATE '2024-13-45'": "not a SQL predicate",
    "kib > 5 ORDER BY kib": "not a SQL predicate",
    "kib > 5 LIMIT 1": "not a SQL predicate",
    "DELETE": "no column",
    "kib > 5 garbage": "more than a predicate",
    "kib > 5 AS free": "more than a predicate",
    "(kib > 5) garbage": "more than a predicate",
    "title = 'x'\n'y'": "two strings|more than a predicate",
    "kib > 5)": "never opened",
    "kib > 5) OR (free": "never opened",
    "(kib > 5": "not a SQL predicate",
    "title = 'it's'": "cannot be read|more than a predicate",
    "kib > 5; DROP TABLE docs": "cannot be read",
    "kib > 5;": "cannot be read",
    "kib > $1": "cannot be read",
    "kib > ?": "cannot be read",
    "title = $$x$$": "cannot be read",
    "kib > 5 \0": "cannot be read",
    "title = \u2018x\u2019": "cannot be read",
    "kib > 5 -- comment": "comment",
    "kib > 5 /* comment */": "comment",
    "title = E'x'": "prefixed string",
    "title = N'x'": "prefixed string",
    "title = U&'x'": "prefixed string",
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
    "count(*) > 1": "one value a row",
    "sum(kib) OVER () > 3": "depends on other rows",
    "row_number() OVER (ORDER BY kib) > 1": "depends on other rows",
    "first(kib) > 1": "depends on other rows",
    "unnest(tags) = 'x'": "one value a row",
    "COLUMNS('kib|score') > 1": "makes 2 columns",
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
    "where", [None, True, 5, b"kib > 1", ["kib > 1"], np.ones(5, bool), pl.Series([True] * 5), {"kib": 1}]
)
def test_a_filter_that_is_neither_text_nor_expression_is_an_error(where: object) -> None:
    with pytest.raises(InvalidInput, match="SQL predicate .*or a Polars expression"):
        compile_predicate(where, FRAME.schema)


def test_a_value_that_cannot_be_cast_is_an_error_when_it_is_met() -> None:
    for text in ("CAST(title AS INTEGER) > 1", "NOT title"):
        predicate = compile_predicate(text, FRAME.schema)
        with pytest.raises(InvalidInput, match="cannot be evaluated"):
            predicate.evaluate(FRAME)


def test_columns_are_the_columns_read_each_once() -> None:
    assert compile_predicate("kib BETWEEN 1 AND 2 OR free AND kib = 7", FRAME.schema).columns == ("kib", "free")
    assert compile_predicate("1 = 1", FRAME.schema).columns == ()
    assert compile_predicate(pl.any_horizontal(cs.boolean()), FRAME.schema).columns == tuple(FRAME.columns)


def test_evaluate_needs_no_other_columns_and_takes_frames_and_lazy_frames() -> None:
    predicate = compile_predicate("kib > 50", FRAME.schema)
    only = FRAME.select("kib")
    assert predicate.evaluate(only).tolist() == [True, True, False, False, False]
    assert predicate.evaluate(only.lazy()).tolist() == [True, True, False, False, False]
    assert predicate.evaluate(only.clear()).tolist() == []
    everything = compile_predicate("true", FRAME.schema)
    assert everything.evaluate(FRAME.lazy()).tolist() == [True] * 5
    assert everything.evaluate(FRAME.clear()).tolist() == []


def test_equal_predicates_have_equal_keys_and_others_do_not() -> None:
    one = compile_predicate("kib > 50", FRAME.schema).key
    assert compile_predicate("kib  >  50", FRAME.schema).key == one
    assert compile_predicate("kib > 51", FRAME.schema).key != one
    assert compile_predicate("score > 50", FRAME.schema).key != one
    assert len({one, compile_predicate(pl.col("free"), FRAME.schema).key}) == 2


def test_now_is_no_cached_text() -> None:
    first = compile_predicate("when < now()", FRAME.schema).key
    while compile_predicate("when < now()", FRAME.schema).key == first:
        pass


def test_a_python_function_has_a_key_equal_to_no_other() -> None:
    expr = pl.col("kib").map_elements(large, return_dtype=pl.Boolean)
    first, second = (compile_predicate(expr, FRAME.schema).key for _ in range(2))
    assert first != second
    assert hash(first) is not None


def test_the_same_text_over_other_columns_is_judged_anew() -> None:
    assert compile_predicate("kib > 50", {"kib": pl.Int64}).columns == ("kib",)
    with pytest.raises(InvalidInput, match="cannot compare"):
        compile_predicate("kib > 50", {"kib": pl.String})
    with pytest.raises(InvalidInput, match="no column"):
        compile_predicate("kib > 50", {"kb": pl.Int64})


def test_columns_without_rows_or_of_no_type_yet_can_be_filtered() -> None:
    frame = pl.DataFrame({"key": ["a", "b"], "nothing": [None, None]})
    assert keys("nothing = 1", frame) == ""
    assert keys("nothing IS NULL", frame) == "ab"
    assert keys("nothing = 'x' OR key = 'a'", frame) == "a"


number = st.none() | st.integers(-3, 3)
word = st.none() | st.sampled_from(["", "a", "b", "it's", "100%", "_"])


def quoted(value: object) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def both(left, right):
    return False if left is False or right is False else None if left is None or right is None else True


def negated(value):
    return None if value is None else not value


def compared(name, sign, value):
    function = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, ">=": operator.ge}[sign]
    return (
        f"{name} {sign} {quoted(value)}",
        lambda row: None if row[name] is None or value is None else function(row[name], value),
    )


def listed(name, values):
    def truth(row):
        if row[name] is None:
            return None
        return True if row[name] in values else None if None in values else False

    return f"{name} IN ({', '.join(map(quoted, values))})", truth


signs = st.sampled_from(["=", "<>", "<", ">="])
leaves = (
    st.builds(compared, st.just("n"), signs, st.integers(-3, 3))
    | st.builds(compared, st.just("w"), signs, word.filter(bool))
    | st.builds(listed, st.just("n"), st.lists(number, min_size=1, max_size=4).filter(any))
    | st.builds(lambda name: (f"{name} IS NULL", lambda row: row[name] is None), st.sampled_from(["n", "w"]))
)


def joined(word, left, right):
    def truth(row):
        a, b = left[1](row), right[1](row)
        return both(a, b) if word == "AND" else negated(both(negated(a), negated(b)))

    return f"({left[0]} {word} {right[0]})", truth


trees = st.recursive(
    leaves,
    lambda below: (
        st.builds(joined, st.sampled_from(["AND", "OR"]), below, below)
        | st.builds(lambda one: (f"NOT ({one[0]})", lambda row: negated(one[1](row))), below)
    ),
    max_leaves=6,
)


@given(tree=trees, rows=st.lists(st.fixed_dictionaries({"n": number, "w": word}), max_size=8))
def test_null_is_neither_true_nor_false_however_it_is_combined(tree, rows) -> None:
    frame = pl.DataFrame(rows, schema={"n": pl.Int64, "w": pl.String})
    text, truth = tree
    found = compile_predicate(text, frame.schema).evaluate(frame)
    assert found.tolist() == [truth(row) is True for row in rows]


def test_long_lists_are_fine_and_long_or_deep_predicates_are_errors() -> None:
    schema = {"kib": pl.Int64}
    assert compile_predicate(f"kib IN ({', '.join(map(str, range(9_000)))})", schema)
    assert compile_predicate(" OR ".join(["kib = 1"] * 250), schema)
    for text in (
        "kib = 1 OR " * 3_000 + "kib = 2",
        "(" * 3_000 + "kib = 1" + ")" * 3_000,
        "NOT " * 3_000 + "kib = 1",
        "abs(" * 3_000 + "kib" + ")" * 3_000 + " = 1",
        "kib" + " + 1" * 3_000 + " = 1",
        "kib" + "::INT" * 3_000 + " = 1",
        "kib = 1" + " IS NULL" * 3_000,
        "CASE WHEN kib = 1 THEN " * 900 + "true" + " END" * 900,
        "[" * 3_000 + "1" + "]" * 3_000 + " = kib",
        "kib = 1 OR " * 300 + "kib = 2",
        "x" * 70_000,
        "kib = " + "é" * 40_000,
        "kib = '\ud800'",
    ):
        with pytest.raises(InvalidInput):
            compile_predicate(text, schema)


def test_a_deep_expression_is_an_error_and_not_a_crash() -> None:
    code = """
import functools, operator, threading, polars as pl
from kinspace import InvalidInput
from kinspace.filter import compile_predicate

def refuse(expr):
    try:
        compile_predicate(expr, {"kib": pl.Int64})
    except InvalidInput:
        return
    raise SystemExit("accepted")

def run():
    refuse(functools.reduce(operator.or_, [pl.col("kib") > i for i in range(3_000)]))
    refuse(functools.reduce(lambda expr, _: ~expr, range(3_000), pl.col("kib") > 1))
    refuse(pl.any_horizontal(pl.col("kib") > i for i in range(10_000)))

run()
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_deepest_expression_allowed_can_be_evaluated() -> None:
    frame = pl.DataFrame({"kib": [1, 300, None]})
    expr = functools.reduce(operator.or_, [pl.col("kib") == i for i in range(250)])
    assert compile_predicate(expr, frame.schema).evaluate(frame).tolist() == [True, False, False]


def test_a_refused_subquery_opens_no_file(tmp_path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")
    for text in (
        f"kib IN (SELECT kib FROM read_csv('{secret}'))",
        f"kib IN (FROM read_csv('{secret}'))",
        f"title = E'\\' OR kib IN (SELECT kib FROM read_csv(\\'{secret}\\')) --'",
        f"kib = 1 -- '\n OR kib IN (SELECT kib FROM read_csv('{secret}')) -- '",
        f"title = $$'$$ OR kib IN (SELECT kib FROM read_csv('{secret}')) OR title = $$'$$",
        f"title = U&'\\' OR kib IN (SELECT kib FROM read_csv('{secret}')) OR title = '",
    ):
        with pytest.raises(InvalidInput) as caught:
            compile_predicate(text, FRAME.schema)
        assert "password" not in str(caught.value)
        assert caught.value.__cause__ is None
