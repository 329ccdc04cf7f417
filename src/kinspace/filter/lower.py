"""A filter's tree as a Polars expression, checked against the columns: every name, every type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import polars as pl

from ..errors import InvalidInput
from .casts import cast
from .compare import among, compared
from .functions import apply
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
    Not,
    Operation,
    Or,
    Value,
)
from .typed import BOOLEAN, NULL, Typed, check_kinds, constant

_Terms = Sequence[pl.Expr]
_META = re.compile(r"[\\.+*?()|\[\]{}^$#&~-]")


class Lowering:
    """Makes expressions over rows with these columns; InvalidInput for what makes no sense of them."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._empty: pl.LazyFrame | None = None

    def predicate(self, tree: Value) -> pl.Expr:
        """The expression of what must be true, false or null."""
        found = self.value(tree)
        if found.dtype != BOOLEAN:
            raise InvalidInput(f"where must be true or false for each row; {found}")
        return found.expr

    def value(self, node: Value) -> Typed:
        """The expression of any node."""
        match node:
            case Column(path):
                return self._column(path)
            case Constant(value):
                return constant(value)
            case Compare(comparison, left, right):
                return _boolean(compared(comparison, self.value(left), self.value(right)))
            case In(value, options):
                return _boolean(among(self.value(value), options))
            case IsNull(value):
                return _boolean(self.value(value).expr.is_null())
            case Like(value, pattern, ignore_case):
                return _boolean(_like(self.value(value), pattern, ignore_case))
            case Elements():
                return _boolean(self._elements(node))
            case And(terms):
                return _boolean(_joined(lambda a, b: a & b, [self._truth(term) for term in terms]))
            case Or(terms):
                return _boolean(_joined(lambda a, b: a | b, [self._truth(term) for term in terms]))
            case Not(term):
                return _boolean(~self._truth(term))
            case Arithmetic(operation, left, right):
                return self._computed(_arithmetic(operation, self.value(left), self.value(right)), operation)
            case Call("cast", (value, Constant(str(name)))):
                return self._computed(cast(self.value(value), name), "CAST")
            case Call(function, arguments):
                return self._computed(apply(function, [self.value(one) for one in arguments]), f"{function}()")

    def _column(self, path: tuple[str, ...]) -> Typed:
        column, dtype = find_column(path, self._schema)
        expr = pl.col(column.path[0])
        for field in column.path[1:]:
            expr = expr.struct.field(field)
        called = f"column {'.'.join(column.path)!r}"
        if isinstance(dtype, pl.Object):
            raise InvalidInput(f"{called} holds Python objects, which a filter cannot look into")
        if isinstance(dtype, (pl.Categorical, pl.Enum)):  # its strings, in their own order
            return Typed(expr.cast(pl.String), pl.String(), called)
        return Typed(expr, dtype, called)

    def _truth(self, node: Value) -> pl.Expr:
        found = self.value(node)
        if found.kind == "null":
            return NULL
        if found.dtype != BOOLEAN:
            raise InvalidInput(f"AND, OR and NOT take what is true or false; {found}")
        return found.expr

    def _elements(self, node: Elements) -> pl.Expr:
        value, operand = self.value(node.value), constant(node.operand)
        if value.kind == "null":
            return NULL
        if not isinstance(value.dtype, (pl.List, pl.Array)):
            raise InvalidInput(f"{node.quantifier.upper()}() and contains() take a list; {value}")
        inner = value.dtype.inner
        element = Typed(pl.element(), inner() if isinstance(inner, type) else inner, f"an element of {value.called}")
        if isinstance(element.dtype, (pl.Categorical, pl.Enum)):
            element = Typed(pl.element().cast(pl.String), pl.String(), element.called)
        test = compared(node.comparison, element, operand)
        if test is NULL:
            test = pl.when(pl.element().is_null() | True).then(NULL)
        listed = value.expr.arr.to_list() if isinstance(value.dtype, pl.Array) else value.expr
        each = listed.list.eval(test).list
        return each.any(ignore_nulls=False) if node.quantifier == "any" else each.all(ignore_nulls=False)

    def _computed(self, expr: pl.Expr, called: str) -> Typed:
        """With the type that Polars finds for it."""
        if self._empty is None:
            self._empty = pl.LazyFrame(schema=dict(self._schema))
        try:
            return Typed(expr, self._empty.select(expr.alias("_")).collect_schema().dtypes()[0], called)
        except pl.exceptions.PolarsError as error:
            raise InvalidInput(f"the filter cannot be evaluated: {str(error).partition(chr(10))[0]}") from error


def _boolean(expr: pl.Expr) -> Typed:
    return Typed(expr, BOOLEAN, "what is true or false")


def _joined(join: Callable[[pl.Expr, pl.Expr], pl.Expr], terms: _Terms) -> pl.Expr:
    """Joined in pairs, and these in pairs, so that many terms make no deep expression."""
    while len(terms) > 1:
        odd = terms[len(terms) & ~1 :]
        terms = [*(join(a, b) for a, b in zip(terms[::2], terms[1::2], strict=False)), *odd]
    return terms[0]


def _like(value: Typed, pattern: str, ignore_case: bool) -> pl.Expr:
    if value.kind == "null":
        return NULL
    if value.kind != "string":
        raise InvalidInput(f"LIKE takes a string; {value}: cast it, or compare it with = or <")
    return value.expr.str.contains(f"(?s{'i' if ignore_case else ''})^{_regex(pattern)}$")


def _regex(pattern: str) -> str:
    out, signs = [], iter(pattern)
    for sign in signs:
        if sign == "\\":
            sign = next(signs, "\\")
            out.append(_META.sub(r"\\\g<0>", sign))
        else:
            out.append({"%": ".*", "_": "."}.get(sign) or _META.sub(r"\\\g<0>", sign))
    return "".join(out)


def _arithmetic(operation: Operation, left: Typed, right: Typed) -> pl.Expr:
    a, b = left.expr, right.expr
    if left.kind in ("date", "interval") or right.kind in ("date", "interval"):
        return _of_times(operation, left, right)
    for one in (left, right):
        if one.kind not in ("numeric", "null"):
            raise InvalidInput(f"{operation} takes numbers; {one}")
    check_kinds(left, right, "compute")
    if left.dtype.is_integer() and right.dtype.is_integer() and operation != "/":
        a, b = a.cast(pl.Int128), b.cast(pl.Int128)  # so that nothing overflows
    elif not (left.dtype.is_decimal() or right.dtype.is_decimal()):
        a, b = a.cast(pl.Float64), b.cast(pl.Float64)
    match operation:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
    rest = a.abs() % b.abs()  # a % b has the divisor's sign in Polars, and the dividend's in SQL
    return pl.when(a < 0).then(rest * -1).otherwise(rest)


def _of_times(operation: Operation, left: Typed, right: Typed) -> pl.Expr:
    kinds = (left.kind, right.kind)
    a, b = left.expr, right.expr
    if kinds == ("date", "interval") and isinstance(left.dtype, pl.Date):
        a = a.cast(pl.Datetime("us"))
    if operation == "-" and kinds in (("date", "date"), ("date", "interval"), ("interval", "interval")):
        if kinds == ("date", "date"):
            check_kinds(left, right, "subtract")
        return a - b
    if operation == "+" and kinds in (("date", "interval"), ("interval", "date"), ("interval", "interval")):
        return a + b
    raise InvalidInput(f"{operation} does not take {kinds[0]} and {kinds[1]}: {left}, {right}")
