"""What a distance is from, in a SQL statement: a parameter, pgvector's text '[1,2,3]', an array, or a row's vector."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from ..errors import InvalidInput

_FORMS = "a parameter, '[1,2,3]', array[1,2,3], or (select vector from docs where key = 'a')"
_CASTS = {"vector", "halfvec", "bit"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that params gives."""

    name: str


@dataclass(frozen=True, slots=True)
class RowOf:
    """The vector of the row of a space whose column, the key, has this value."""

    space: str
    column: str
    key: Parameter | str | int


Operand = Parameter | RowOf | tuple[float, ...]


def read_operand(node: Any, where: str) -> Operand:
    """What a query is written as; InvalidInput, which says where, if it is nothing that can be one."""
    while type(node) in (exp.Paren, exp.Cast):
        if type(node) is exp.Cast:
            kind = node.args["to"]
            name = kind.args["kind"].name if kind.args.get("kind") is not None else kind.this.name
            if name.lower() not in _CASTS:
                raise InvalidInput(f"a query is cast to {', '.join(sorted(_CASTS))}, or not at all; got {where:.60}")
        node = node.this
    if type(node) is exp.Placeholder:
        return Parameter(node.name)
    if type(node) is exp.Literal and node.is_string:
        return parse_vector(node.name)
    if type(node) is exp.BitString:
        return parse_vector(str(node.this))
    if type(node) is exp.Array:
        numbers = [read_number(one) for one in node.expressions]
        if all(isinstance(one, float) for one in numbers):
            return tuple(one for one in numbers if isinstance(one, float))
    if type(node) is exp.Subquery:
        return _row(node, where)
    raise InvalidInput(f"a distance is from {_FORMS}; got {where:.80}")


def read_number(node: Any) -> float | Parameter | None:
    """A number, with its sign, or a parameter; None if it is neither."""
    sign = 1.0
    while type(node) in (exp.Paren, exp.Neg):
        sign = -sign if type(node) is exp.Neg else sign
        node = node.this
    if type(node) is exp.Placeholder and sign > 0:
        return Parameter(node.name)
    if type(node) is exp.Literal and not node.is_string:
        try:
            return sign * float(node.name)
        except ValueError:
            return None
    return None


def parse_vector(text: str) -> tuple[float, ...]:
    """The numbers of pgvector's text, ``[1,2,3]``, or the bits of ``101``."""
    bits = text.strip()
    if bits and set(bits) <= {"0", "1"}:
        return tuple(map(float, bits))
    try:
        numbers = json.loads(text)
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, list) or not all(type(one) in (int, float) for one in numbers):
        raise InvalidInput(f"a vector's text is '[1,2,3]', or of bits '101'; got {text!r:.60}")
    try:
        return tuple(map(float, numbers))
    except OverflowError:
        raise InvalidInput("a vector's text has a number that is larger than any of 64 bits") from None


def _row(node: exp.Subquery, where: str) -> RowOf:
    """A SELECT of one vector, by its key."""
    select = node.this
    known = {"expressions", "from_", "where"}
    if (
        type(select) is exp.Select
        and not any(value for name, value in node.args.items() if name != "this")
        and not any(value for name, value in select.args.items() if name not in known)
        and len(select.expressions) == 1
        and type(select.expressions[0]) is exp.Column
        and select.expressions[0].name in ("vector", "emb", "embedding")
        and select.args.get("from_") is not None
        and type(select.args["from_"].this) is exp.Table
        and type(select.args["from_"].this.this) is exp.Identifier
        and not any(value for name, value in select.args["from_"].this.args.items() if name != "this")
        and select.args.get("where") is not None
    ):
        test = select.args["where"].this
        if type(test) is exp.EQ and type(test.this) is exp.Column and len(test.this.parts) == 1:
            key = _key(test.expression)
            if key is not None:
                return RowOf(select.args["from_"].this.name, test.this.name, key)
    raise InvalidInput(f"the one SELECT that may stand inside another reads a row's vector: {_FORMS}; got {where:.80}")


def _key(node: Any) -> Parameter | str | int | None:
    if type(node) is exp.Placeholder:
        return Parameter(node.name)
    if type(node) is exp.Literal:
        if node.is_string:
            return str(node.name)
        return int(node.name) if node.name.isdecimal() else None
    return None
