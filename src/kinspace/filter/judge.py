"""Whether an expression is a predicate: it looks at one row at a time, and compares like with like."""

from __future__ import annotations

import operator
from collections.abc import Mapping

import polars as pl

from ..errors import InvalidInput
from .names import check_column

MAX_DEPTH = 256  # Polars' own recursion runs out of stack at some thousands
MAX_NODES = 4_096
_COMPARED = 64  # nodes of a comparison that is looked into; larger ones are chains of AND and OR

_Node = tuple[pl.Expr, list[pl.Expr]]


def columns_of(expr: pl.Expr, schema: Mapping[str, pl.DataType]) -> tuple[str, ...]:
    """Return the columns a predicate reads, each once.

    Raises
    ------
    InvalidInput
        If it names a column there is not, is too large, makes a row's result depend on other rows, or compares values
        of different kinds. A node Polars cannot judge without rows (a selector, a Python function, an expression over
        a list's elements) is trusted.
    """
    names = dict.fromkeys(expr.meta.root_names())
    if len(names) > MAX_NODES:
        raise _too_large()
    for name in names:
        check_column(name, schema)
    nodes = _nodes(expr, schema)
    for node, below in nodes:
        _check_rowwise(node, below)
    _check_kinds(nodes, schema)
    unnamed = any(node.meta.has_multiple_outputs() for node, _ in nodes)  # a selector names none of its columns
    return tuple(schema) if unnamed else tuple(names)


def _nodes(expr: pl.Expr, schema: Mapping[str, pl.DataType]) -> list[_Node]:
    """Every node with those right below it, from the top, level by level."""
    nodes: list[_Node] = []
    level = [expr]
    for _ in range(MAX_DEPTH):
        below: list[pl.Expr] = []
        for node in level:
            children = node.meta.pop(schema=schema)
            nodes.append((node, children))
            below += children
        level = below
        if not level:
            return nodes
        if len(nodes) + len(level) > MAX_NODES:
            break
    raise _too_large()


def _check_rowwise(node: pl.Expr, below: list[pl.Expr]) -> None:
    if node.meta.is_literal(allow_aliasing=True):
        return
    try:
        own = node.meta.is_row_separable()
        kept = node.meta.is_length_preserving() or node.meta.is_scalar()
    except pl.exceptions.PolarsError:
        return
    if not (own and kept) and "element()" not in str(node):
        how = "is not one value a row" if own or not below else "depends on other rows"
        raise InvalidInput(f"{_text(node)} {how}; a predicate looks at one row at a time")


def _check_kinds(nodes: list[_Node], schema: Mapping[str, pl.DataType]) -> None:
    """Polars itself compares a date with a number, say, by what they are inside."""
    empty = pl.LazyFrame(schema=schema)
    for (node, below), size in zip(nodes, _sizes(nodes), strict=True):
        if len(below) not in (2, 3) or size > _COMPARED:
            continue
        types = _types(empty, below)
        kinds = list(dict.fromkeys(kind for kind in map(_kind, reversed(types)) if kind))
        if "list" in kinds and not _compares(node, below):
            continue  # a search in a list, say
        if len(kinds) > 1 and _types(empty, [node]) in ([], [pl.Boolean]):
            hint = "; write DATE '2024-01-31'" if set(kinds[:2]) == {"date", "string"} else ""
            raise InvalidInput(f"cannot compare {kinds[0]} with {kinds[1]} in {_text(node)}{hint}")


def _compares(node: pl.Expr, below: list[pl.Expr]) -> bool:
    right, left = below[0], below[-1]
    return any(
        node.meta.eq(sign(left, right))
        for sign in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
    )


def _sizes(nodes: list[_Node]) -> list[int]:
    """How many nodes each has, itself included; level by level a node's children stand in its parent's order."""
    sizes = [1] * len(nodes)
    child = len(nodes)
    for i in range(len(nodes) - 1, -1, -1):
        child -= len(nodes[i][1])
        sizes[i] += sum(sizes[child : child + len(nodes[i][1])])
    return sizes


def _types(empty: pl.LazyFrame, exprs: list[pl.Expr]) -> list[pl.DataType]:
    """The types of these expressions, or none if one of them is wrong, which evaluating it will say."""
    try:
        return empty.select(expr.alias(str(i)) for i, expr in enumerate(exprs)).collect_schema().dtypes()
    except pl.exceptions.PolarsError:
        return []


def _kind(dtype: pl.DataType) -> str | None:
    if dtype.is_numeric() or dtype == pl.Boolean:
        return "numeric"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "string"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    if isinstance(dtype, (pl.List, pl.Array)):
        return "list"
    return {pl.Time: "time", pl.Duration: "interval", pl.Struct: "struct"}.get(type(dtype))


def _text(expr: pl.Expr) -> str:
    text = str(expr)
    return text if len(text) <= 120 else text[:119] + "…"


def _too_large() -> InvalidInput:
    return InvalidInput(
        f"the filter is nested deeper than {MAX_DEPTH} or has more than {MAX_NODES:,} terms; use is_in([…])"
    )
