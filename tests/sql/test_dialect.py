"""pgvector's operators have the place among others that PostgreSQL gives them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlglot import exp

from kinspace.query.dialect import OPERATORS, Distance, parse


def expression(text: str) -> Any:
    (select,) = parse(f"select {text} from docs")
    assert select is not None
    (one,) = select.expressions
    return one


@pytest.mark.parametrize("sign", OPERATORS.values())
def test_an_operator_binds_tighter_than_comparisons_and_looser_than_arithmetic(sign: str) -> None:
    compared = expression(f"a {sign} b < 0.3")
    assert (type(compared), compared.this.sign) == (exp.LT, sign)
    ranged = expression(f"a {sign} b between 0 and 1")
    assert (type(ranged), ranged.this.sign) == (exp.Between, sign)
    computed = expression(f"a {sign} b + 1")
    assert (computed.sign, type(computed.expression)) == (sign, exp.Add)
    computed = expression(f"2 * a {sign} b")
    assert (computed.sign, type(computed.this)) == (sign, exp.Mul)
    joined = expression(f"a {sign} b < 1 and c = 2")
    assert (type(joined), type(joined.this.this).sign) == (exp.And, sign)
    left = expression(f"a {sign} b {sign} c")
    assert (left.this.sign, left.expression.name) == (sign, "c")


def test_each_metric_has_its_operator() -> None:
    assert OPERATORS == {"l2": "<->", "cosine": "<=>", "ip": "<#>", "hamming": "<~>", "jaccard": "<%>", "l1": "<+>"}
    assert {kind.metric: kind.sign for kind in Distance.__subclasses__()} == OPERATORS


def test_a_cast_of_the_query_binds_tighter() -> None:
    found = expression("a <=> :q::vector(3)")
    assert (type(found.expression), found.expression.this.name) == (exp.Cast, "q")
