"""Every comparison of every column with every value, and every operation on every pair: as brute force has it."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest

from kinspace.filter.build import between
from kinspace.filter.tree import Arithmetic, Call, Compare, Constant, Elements, In, IsNull, Like
from trees import DATES, KINDS, NUMBERS, POOLS, STRINGS, agree, column

SIGNS = ["=", "!=", "<", "<=", ">", ">="]


@pytest.mark.parametrize("kind", KINDS)
def test_each_column_compares_exactly_with_each_value(kind: str) -> None:
    columns = KINDS[kind][0]
    agree((Compare(sign, one, Constant(value)) for one, sign, value in product(columns, SIGNS, POOLS[kind])), 1_000)
    agree(Compare(sign, Constant(value), one) for one, sign, value in product(columns, ["<", ">="], POOLS[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_column_is_among_each_values_or_not(kind: str) -> None:
    columns, values = KINDS[kind][0], POOLS[kind]
    options = [(), *((value,) for value in values), *pairwise(values), (*values,), (*values[:2], None), (None,)]
    agree(In(one, some) for one, some in product(columns, options))
    agree(IsNull(one) for one in columns)
    agree(between(one, Constant(a), Constant(b)) for one, (a, b) in product(columns, zip(values, values[2:])))


@pytest.mark.parametrize("columns", [NUMBERS[:4], DATES, STRINGS], ids=["numbers", "dates", "strings"])
def test_each_column_compares_with_each_other_of_its_kind(columns: list[Any]) -> None:
    agree(Compare(sign, a, b) for sign, a, b in product(SIGNS, columns, columns))


@pytest.mark.parametrize("quantifier", ["any", "all"])
def test_the_elements_of_a_list_are_three_valued_too(quantifier: Any) -> None:
    operands = [("tags", value) for value in ["a", "it's", "z", ""]]
    operands += [("nums", value) for value in [0.5, 7, 1.0, 2**53 + 1, float("nan"), float("inf")]]
    agree(Elements(quantifier, column(name), sign, value) for (name, value), sign in product(operands, SIGNS))


@pytest.mark.parametrize("ignore_case", [False, True])
def test_each_pattern_matches_what_it_says_whole(ignore_case: bool) -> None:
    signs = ["", "%", "_", "a", "A", "\\%", "\\\\", "\\_", "é", "\n", ".", "*", "'"]
    patterns = {"".join(some) for n in (1, 2, 3) for some in product(signs, repeat=n)}
    agree(Like(column("s"), pattern, ignore_case) for pattern in sorted(patterns))


@pytest.mark.parametrize("operation", ["+", "-", "*", "/", "%"])
def test_each_operation_on_each_pair_of_numbers(operation: Any) -> None:
    numbers = [column("u"), column("n"), column("made", "size"), column("f"), *map(Constant, (0, 1, 2, -3, 0.5))]
    small = [one for one in numbers if one not in (column("n"), column("f"))]
    made = [Arithmetic(operation, a, b) for a, b in product(numbers, small) if operation != "%" or a != column("f")]
    limits = [Constant(value) for value in (0, 0.5, -3, 2**63, float("inf"))]
    agree(Compare(sign, one, limit) for one, sign, limit in product(made, ["=", "<"], limits))


def test_whole_numbers_do_not_overflow() -> None:
    n, u = column("n"), column("u")
    agree(
        [
            Compare(">", Arithmetic("+", n, Constant(2**63 - 1)), Constant(0)),
            Compare("=", Arithmetic("*", n, n), Constant((2**53 + 1) ** 2)),
            Compare("<", Arithmetic("-", n, Constant(2**63 - 1)), Constant(-(2**63))),
            Compare(">", Arithmetic("+", u, u), Constant(255)),
            Compare("<", Arithmetic("-", u, Constant(8)), Constant(0)),
            Compare("=", Call("abs", (n,)), Constant(3)),
        ]
    )
