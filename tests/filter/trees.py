"""Trees over columns of every type: made by Hypothesis, and what each is for a row, by three-valued logic."""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from kinspace.filter import Expression, compile_predicate
from kinspace.filter.build import all_of, any_of, arithmetic, between, is_false, is_true, not_distinct
from kinspace.filter.tree import (
    And,
    Arithmetic,
    Call,
    Column,
    Compare,
    Constant,
    Elements,
    In,
    IsNull,
    Like,
    Not,
    Or,
)
from thorough import some

NAN, INF = float("nan"), float("inf")
WORDS = ["", "a", "Ab", "it's", "100%", "a_b", "\\", "é\n", ".*", "ab%a"]
INTS = [0, 1, -3, 7, 2**53 + 1, -(2**63), 2**63 - 1]
FLOATS = [0.0, -0.0, 0.5, -1.5, 1.0, 7.0, float(2**53), 1e300, INF, -INF, NAN]
DAYS = [dt.date(2024, 1, 31), dt.date(1969, 7, 20), dt.date(1, 1, 1), dt.date(9999, 12, 31)]
MOMENTS = [
    dt.datetime(2024, 1, 31),
    dt.datetime(2024, 1, 31, 12, 0, 0, 500),
    dt.datetime(1969, 7, 20, 20, 17),
    dt.datetime(2024, 1, 31, 12),
]
TIMES = [dt.time(0), dt.time(12, 30, 0, 1), dt.time(23, 59, 59)]
SPANS = [dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(microseconds=-1)]
DECIMALS = [Decimal("0.10"), Decimal("7.00"), Decimal("-1.25")]
MADE = [{"by": "a", "size": 7}, {"by": None, "size": 0}, {"by": "it's", "size": None}]

SCHEMA = {
    "n": pl.Int64(),
    "u": pl.UInt8(),
    "x": pl.Float64(),
    "f": pl.Float32(),
    "p": pl.Decimal(10, 2),
    "s": pl.String(),
    "odd name": pl.String(),
    "b": pl.Boolean(),
    "day": pl.Date(),
    "at": pl.Datetime("us"),
    "ms": pl.Datetime("ms"),
    "t": pl.Time(),
    "d": pl.Duration("us"),
    "tags": pl.List(pl.String()),
    "nums": pl.List(pl.Float64()),
    "made": pl.Struct({"by": pl.String(), "size": pl.Int64()}),
}
VALUES: dict[str, list[Any]] = {
    "n": INTS,
    "u": [0, 1, 7, 255],
    "x": FLOATS,
    "f": [float(np.float32(value)) for value in (0.1, 0.5, -1.5, 7.0, NAN)],
    "p": DECIMALS,
    "s": WORDS,
    "odd name": WORDS,
    "b": [True, False],
    "day": DAYS,
    "at": MOMENTS,
    "ms": [dt.datetime(2024, 1, 31), dt.datetime(2024, 1, 31, 12), dt.datetime(2024, 1, 31, 12, 0, 0, 1000)],
    "t": TIMES,
    "d": SPANS,
    "tags": [[], ["a"], ["a", None], [None], ["it's", "Ab", "a"]],
    "nums": [[], [0.5, 7.0], [NAN], [None, 1.0]],
    "made": MADE,
}
ROWS = [  # every value of every column, with nulls between, in no pattern
    {
        name: None if (row * 7 + place) % 5 == 0 else values[(row * 3 + place + row // 4) % len(values)]
        for place, (name, values) in enumerate(VALUES.items())
    }
    for row in range(60)
]
FRAME = pl.DataFrame(ROWS, schema=SCHEMA)


def column(*path: str) -> Column:
    return Column(path)


NUMBERS = [column("n"), column("u"), column("x"), column("f"), column("p"), column("made", "size")]
STRINGS = [column("s"), column("odd name"), column("made", "by")]
DATES = [column("day"), column("at"), column("ms")]
POOLS: dict[str, list[Any]] = {
    "number": [*INTS, *FLOATS, *DECIMALS, 255, 256, -1, 2**64, 2**126 + 1, 0.1, 1e-7, 0.125],
    "string": [*WORDS, "b", "A"],
    "date": [*DAYS, *MOMENTS, dt.datetime(2024, 1, 31, 12, 0, 0, 1)],
    "bool": [True, False],
    "time": TIMES,
    "span": SPANS,
}
KINDS = {
    "number": (NUMBERS, st.sampled_from(POOLS["number"])),
    "string": (STRINGS, st.sampled_from(POOLS["string"])),
    "date": (DATES, st.sampled_from(POOLS["date"])),
    "bool": ([column("b")], st.booleans()),
    "time": ([column("t")], st.sampled_from(TIMES)),
    "span": ([column("d")], st.sampled_from(SPANS)),
}
comparisons = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
kinds = st.sampled_from([*KINDS, "number", "string", "date"])


def of_kind(kind: str) -> st.SearchStrategy[Any]:
    """Leaves that every front end can say: a column beside values of its kind."""
    columns, values = st.sampled_from(KINDS[kind][0]), KINDS[kind][1]
    constants = st.builds(Constant, values)
    return (
        st.builds(Compare, comparisons, columns, constants)
        | st.builds(lambda c, options: In(c, tuple(options)), columns, st.lists(values, max_size=4))
        | st.builds(IsNull, columns)
        | st.builds(between, columns, constants, constants)
    )


patterns = st.sampled_from(["%", "", "a%", "%a", "%a%", "_", "a_b", "a\\_b", "100\\%", "%\\\\", ".*", "é%", "A%"])
lists = st.sampled_from([("tags", WORDS[1:4]), ("nums", [0.5, 7.0, 1, NAN])])


def elements(quantifier: Any, sign: Any) -> st.SearchStrategy[Any]:
    return lists.flatmap(
        lambda one: st.builds(Elements, quantifier, st.just(column(one[0])), sign, st.sampled_from(one[1]))
    )


plain = (
    kinds.flatmap(of_kind)
    | st.builds(Like, st.sampled_from(STRINGS), patterns, st.booleans())
    | elements(st.just("any"), st.just("="))
    | st.builds(
        lambda c, part: Call("contains", (c, Constant(part))), st.sampled_from(STRINGS), st.sampled_from(WORDS[1:])
    )
)


def joined(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda below: (
            st.builds(all_of, st.lists(below, min_size=2, max_size=3))
            | st.builds(any_of, st.lists(below, min_size=2, max_size=3))
            | st.builds(Not, below)
        ),
        max_leaves=6,
    )


small = st.sampled_from([column("u"), column("made", "size")]) | st.builds(
    Constant, st.sampled_from([0, 1, 2, -3, 0.5])
)
computed = st.recursive(
    small,
    lambda below: (
        st.builds(arithmetic, st.sampled_from(["+", "-", "*", "/", "%"]), below, below)
        | st.builds(lambda a: Call("abs", (a,)), below)
        | st.builds(lambda a, b: Call("coalesce", (a, b)), below, below)
    ),
    max_leaves=4,
)
texts = st.recursive(
    st.sampled_from(STRINGS),
    lambda below: (
        st.builds(lambda name, a: Call(name, (a,)), st.sampled_from(["lower", "upper"]), below)
        | st.builds(lambda a, b: Call("coalesce", (a, Constant(b))), below, st.sampled_from(WORDS))
    ),
    max_leaves=3,
)
rich_leaves = (
    plain
    | st.builds(Compare, comparisons, computed, computed)
    | st.builds(Compare, comparisons, texts, st.sampled_from(STRINGS))
    | st.builds(Compare, comparisons, st.sampled_from(DATES), st.sampled_from(DATES))
    | st.builds(
        lambda name, day, number: Compare("=", Call(name, (day,)), Constant(number)),
        st.sampled_from(["year", "month", "day"]),
        st.sampled_from(DATES),
        st.sampled_from([1, 31, 2024, 1969]),
    )
    | st.builds(
        lambda name, a, b: Call(name, (a, b)), st.sampled_from(["starts_with", "ends_with", "contains"]), texts, texts
    )
    | st.builds(lambda a, sign, n: Compare(sign, Call("length", (a,)), Constant(n)), texts, comparisons, st.just(2))
    | st.builds(is_true, kinds.flatmap(of_kind))
    | st.builds(is_false, kinds.flatmap(of_kind))
    | st.builds(not_distinct, st.sampled_from(NUMBERS), st.sampled_from([*NUMBERS, Constant(7), Constant(None)]))
    | elements(st.sampled_from(["any", "all"]), comparisons)
    | st.just(column("b"))
)
plain_trees = joined(plain)
rich_trees = joined(rich_leaves)


def truth(node: Any, row: dict[str, Any]) -> Any:
    """What the node is for a row: a value, or None for null."""
    match node:
        case Column((name,)):
            return row[name]
        case Column((name, field)):
            return None if row[name] is None else row[name][field]
        case Constant(value):
            return value
        case Compare(sign, left, right):
            rounded = any(isinstance(one, Column) and one.path == ("f",) for one in (left, right))
            a, b = ((as_float32(one, truth(one, row)) if rounded else truth(one, row)) for one in (left, right))
            return stands(sign, a, b)
        case In(value, options):
            one = truth(value, row)
            rounded = isinstance(value, Column) and value.path == ("f",)
            if one is None:
                return None
            found = [
                stands("=", one, as_float32(Constant(option), option) if rounded else option) for option in options
            ]
            return kleene_any(found)
        case IsNull(value):
            return truth(value, row) is None
        case Like(value, pattern, ignore_case):
            one = truth(value, row)
            return None if one is None else like(one, pattern, ignore_case)
        case Elements(quantifier, value, sign, operand):
            all_ = truth(value, row)
            if all_ is None:
                return None
            found = [stands(sign, one, operand) for one in all_]
            return kleene_any(found) if quantifier == "any" else negated(kleene_any([negated(one) for one in found]))
        case And(terms):
            return negated(kleene_any([negated(truth(term, row)) for term in terms]))
        case Or(terms):
            return kleene_any([truth(term, row) for term in terms])
        case Not(term):
            return negated(truth(term, row))
        case Arithmetic(operation, left, right):
            return computed_value(operation, truth(left, row), truth(right, row))
        case Call(name, arguments):
            return called(name, [truth(one, row) for one in arguments])
    raise AssertionError(node)


def agree(trees: Iterable[Any], few: int = 250) -> None:
    """So many of them, or all, evaluated at once: each value true, false or null as brute force has it."""
    every = some(trees, few)
    exprs = [compile_predicate(Expression(tree), FRAME.schema).expr.alias(str(i)) for i, tree in enumerate(every)]
    found = FRAME.select([*exprs, pl.int_range(pl.len()).alias("rows")])
    for i, tree in enumerate(every):
        assert found[str(i)].to_list() == [truth(tree, row) for row in ROWS], tree


def kleene_any(found: list[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def as_float32(node: Any, value: Any) -> Any:
    if isinstance(node, Constant) and isinstance(value, (float, Decimal)):
        with np.errstate(over="ignore"):
            return float(np.float32(float(value)))
    return value


def stands(sign: str, a: Any, b: Any) -> bool | None:
    if a is None or b is None:
        return None
    if type(a) is not type(b) and isinstance(a, dt.date):
        a, b = (dt.datetime(v.year, v.month, v.day) if type(v) is dt.date else v for v in (a, b))
    if isinstance(a, Decimal) and isinstance(b, float):  # a fraction is the decimal it is written as
        b = Decimal(repr(b))
    elif isinstance(b, Decimal) and isinstance(a, float):
        b = float(b)
    nan = [isinstance(v, (float, Decimal)) and math.isnan(v) for v in (a, b)]
    if any(nan):  # NaN equals itself and is larger than all else
        a, b = (int(one) for one in nan)
    function = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[sign]
    return bool(getattr(operator, function)(a, b))


def like(text: str, pattern: str, ignore_case: bool) -> bool:
    out, signs = "", iter(pattern)
    for sign in signs:
        out += re.escape(next(signs)) if sign == "\\" else {"%": ".*", "_": "."}.get(sign, re.escape(sign))
    return re.fullmatch(out, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def computed_value(operation: str, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    whole = isinstance(a, int) and isinstance(b, int)
    if operation == "/" or not whole:
        a, b = float(a), float(b)
    if operation == "/":
        return a / b if b else (math.copysign(INF, a) * math.copysign(1, b) if a and not math.isnan(a) else NAN)
    if operation == "%":
        if whole:
            return (abs(a) % abs(b)) * (-1 if a < 0 else 1) if b else None
        return math.fmod(a, b) if b and math.isfinite(a) else NAN
    return {"+": operator.add, "-": operator.sub, "*": operator.mul}[operation](a, b)


def called(name: str, values: list[Any]) -> Any:
    if name == "coalesce":
        return next((value for value in values if value is not None), None)
    if None in values:
        return None
    one = values[0]
    match name:
        case "abs":
            return abs(one)
        case "lower" | "upper":
            return getattr(one, name)()
        case "length":
            return len(one)
        case "starts_with":
            return one.startswith(values[1])
        case "ends_with":
            return one.endswith(values[1])
        case "contains":
            return values[1] in one
    return getattr(one, name)  # year, month, day
