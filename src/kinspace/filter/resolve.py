"""A tree as it was written, with the columns it means: dotted names become paths, contains() of a list its elements."""

from __future__ import annotations

from typing import cast

import polars as pl

from ..errors import InvalidInput
from .build import below
from .names import Schema, find_column
from .tree import (
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
    Node,
    Not,
    Or,
    Value,
)


def resolved(node: Value, schema: Schema) -> Value:
    """Return the tree with every column found.

    Raises
    ------
    InvalidInput
        If a column or field is not there.
    """
    match node:
        case Column(path):
            return find_column(path, schema)[0]
        case Constant():
            return node
        case Compare(comparison, left, right):
            return Compare(comparison, resolved(left, schema), resolved(right, schema))
        case In(value, options):
            return In(resolved(value, schema), options)
        case IsNull(value):
            return IsNull(resolved(value, schema))
        case Like(value, pattern, ignore_case):
            return Like(resolved(value, schema), pattern, ignore_case)
        case Elements(quantifier, value, comparison, operand):
            return Elements(quantifier, resolved(value, schema), comparison, operand)
        case And(terms):
            return And(tuple(_term(term, schema) for term in terms))
        case Or(terms):
            return Or(tuple(_term(term, schema) for term in terms))
        case Not(term):
            return Not(_term(term, schema))
        case Arithmetic(operation, left, right):
            return Arithmetic(operation, resolved(left, schema), resolved(right, schema))
        case Call("contains", (Column(path), part)) if isinstance(find_column(path, schema)[1], (pl.List, pl.Array)):
            if not isinstance(part, Constant):
                raise InvalidInput("contains() of a list takes one value, the same for every row")
            return Elements("any", find_column(path, schema)[0], "=", part.value)
        case Call(function, arguments):
            return Call(function, tuple(resolved(one, schema) for one in arguments))


def _term(node: Node, schema: Schema) -> Node:
    return cast(Node, resolved(node, schema))


def columns_of(tree: Value) -> tuple[str, ...]:
    """The columns that a resolved tree reads, each once."""
    names: dict[str, None] = {}
    todo: list[Value] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, Column):
            names[node.path[0]] = None
        todo += reversed(below(node))
    return tuple(names)
