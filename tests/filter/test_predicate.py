"""A compiled filter: what it reads, its key, its three values and its limits."""

from __future__ import annotations

import functools
import operator
import subprocess
import sys

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, strategies as st

from kinspace import InvalidInput
from kinspace.filter import compile_predicate
from rows import FRAME, keys


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
    expr = pl.col("kib").map_elements(bool, return_dtype=pl.Boolean)
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
