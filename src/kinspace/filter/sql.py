"""Filters as SQL predicates: what sqlglot's parser makes of the text, by a short list of the nodes that may come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from sqlglot import exp

from ..errors import InvalidInput
from .build import (
    MAX_DEPTH,
    all_of,
    any_of,
    arithmetic,
    between,
    is_false,
    is_true,
    negative,
    not_distinct,
    one_of,
    too_large,
)
from .casts import type_named
from .compare import FLIPPED
from .params import Params
from .scalars import parse_number, parse_scalar
from .sql_parser import parse_tokens
from .sql_tokens import MARK, Words
from .tree import Call, Column, Compare, Comparison, Constant, Elements, IsNull, Like, Node, Not, Scalar, Value

_ALIASES = {
    "array_contains": "contains", "array_has": "contains", "array_length": "length", "cardinality": "length",
    "ceiling": "ceil", "char_length": "length", "character_length": "length", "ifnull": "coalesce", "len": "length",
    "list_contains": "contains", "nvl": "coalesce", "pow": "power", "substr": "substring",
}  # fmt: skip
_PARTS = {"year", "quarter", "month", "day", "hour", "minute", "second"}
_QUANTIFIERS = {"any": "any", "some": "any", "all": "all"}
_OF_MANY_ROWS = {
    "avg", "count", "dense_rank", "first", "first_value", "lag", "last", "last_value", "lead", "max", "mean", "median",
    "min", "ntile", "rank", "row_number", "stddev", "sum", "variance",
}  # fmt: skip


def read_sql(text: str, params: Params) -> tuple[Value, bool]:
    """Return the tree of a SQL predicate or value, and whether it will mean the same a moment later.

    Raises
    ------
    InvalidInput
        For what is no predicate, or more than one: subqueries, statements, comments, odd quoting, unknown functions,
        too much of anything; for parameters that are missing or not used.
    """
    words = Words(text, params)
    parsed = parse_tokens(words.tokens, text)
    return _Reader(words.values).read(parsed, 1), not words.names_the_clock


class _Reader:
    """Reads the parser's nodes, those of _READERS; a node or an argument of any other kind is refused."""

    def __init__(self, values: list[Scalar | tuple[Scalar, ...]]) -> None:
        self._values = values

    def read(self, node: Any, depth: int) -> Value:
        while type(node) is exp.Paren:
            node = _only(node, "this")[0]
        if depth > MAX_DEPTH:
            raise too_large()
        reader = _READERS.get(type(node))
        if reader is None:
            raise _unknown(node)
        return reader(self, node, depth + 1)

    def column(self, node: Any, depth: int) -> Value:
        names = _only(node, "catalog", "db", "table", "this")
        if any(name is not None and type(name) is not exp.Identifier for name in names):
            raise _unknown(node)
        return Column(tuple(name.name for name in names if name is not None))

    def field(self, node: Any, depth: int) -> Value:
        of, field = _only(node, "this", "expression")
        value = self.read(of, depth)
        if type(field) is not exp.Identifier or not isinstance(value, Column):
            raise _unknown(node)
        return Column((*value.path, field.name))

    def literal(self, node: Any, depth: int) -> Value:
        if node.is_string:
            return Constant(parse_scalar(node.name, "a string"))
        if not node.name.startswith(MARK):
            return Constant(parse_number(node.name))
        value = self._values[int(node.name[1:])]
        if isinstance(value, tuple):
            raise InvalidInput("a parameter that is a list stands after IN, or in = ANY(:values)")
        return Constant(value)

    def boolean(self, node: Any, depth: int) -> Value:
        return Constant(bool(node.this))

    def null(self, node: Any, depth: int) -> Value:
        return Constant(None)

    def joined(self, node: Any, depth: int) -> Value:
        kind, terms, todo = type(node), [], [node]
        while todo:
            one = todo.pop()
            while type(one) is exp.Paren:
                one = one.this
            if type(one) is kind:
                left, right = _only(one, "this", "expression")
                todo += [right, left]
            else:
                terms.append(cast(Node, self.read(one, depth)))
        return all_of(terms) if kind is exp.And else any_of(terms)

    def negated(self, node: Any, depth: int) -> Value:
        (of,) = _only(node, "this")
        return Not(cast(Node, self.read(of, depth)))

    def compared(self, node: Any, depth: int) -> Value:
        comparison = _COMPARISONS[type(node)]
        left, right = _only(node, "this", "expression")
        for list_side, other, sign in ((right, left, FLIPPED[comparison]), (left, right, comparison)):
            quantifier = type(list_side) is exp.Anonymous and _QUANTIFIERS.get(_called(list_side))
            if quantifier:
                return self._quantified(quantifier, list_side, other, sign, depth)
        return Compare(comparison, self.read(left, depth), self.read(right, depth))

    def _quantified(self, quantifier: str, of: Any, other: Any, sign: Comparison, depth: int) -> Value:
        _only(of, "this", "expressions")
        if len(of.expressions) != 1:
            raise InvalidInput(f"{quantifier.upper()}() takes one list")
        given = self._given_list(of.expressions[0])
        operand = self.read(other, depth)
        if given is not None:
            if (quantifier, sign) == ("any", "="):
                return one_of(operand, given)
            if (quantifier, sign) == ("all", "!="):
                return Not(one_of(operand, given))
            raise InvalidInput("a list of values is compared by = ANY(:values) or <> ALL(:values)")
        if not isinstance(operand, Constant):
            raise InvalidInput(f"{quantifier.upper()}() of a list is compared with one value, the same for every row")
        return Elements(quantifier, self.read(of.expressions[0], depth), sign, operand.value)  # type: ignore[arg-type]  # one of both

    def distinct(self, node: Any, depth: int) -> Value:
        left, right = (self.read(one, depth) for one in _only(node, "this", "expression"))
        same = not_distinct(left, right)
        return same if type(node) is exp.NullSafeEQ else Not(same)

    def computed(self, node: Any, depth: int) -> Value:
        left, right = _only(node, "this", "expression", ignored=("typed", "safe"))
        return arithmetic(_OPERATIONS[type(node)], self.read(left, depth), self.read(right, depth))  # type: ignore[arg-type]  # looked up

    def negative(self, node: Any, depth: int) -> Value:
        (of,) = _only(node, "this")
        return negative(self.read(of, depth))

    def concatenated(self, node: Any, depth: int) -> Value:
        parts, one = [], node
        while type(one) is exp.DPipe:
            one, right = _only(one, "this", "expression", ignored=("safe",))
            parts.append(right)
        return Call("concat", tuple(self.read(part, depth) for part in (one, *reversed(parts))))

    def between(self, node: Any, depth: int) -> Value:
        value, low, high = (self.read(one, depth) for one in _only(node, "this", "low", "high"))
        return between(value, low, high)

    def among(self, node: Any, depth: int) -> Value:
        of, field = _only(node, "this", "field", ignored=("expressions",))
        value = self.read(of, depth)
        if field is not None:
            given = self._given_list(field)
            if given is None:
                raise InvalidInput("IN takes a list, IN (1, 2), or a parameter that is one, IN :values")
            return one_of(value, given)
        options: list[Scalar] = []
        terms: list[Node] = []
        for one in node.expressions:
            given = self._given_list(one)
            option = None if given is not None else self.read(one, depth)
            if given is not None:
                options += given
            elif isinstance(option, Constant):
                options.append(option.value)
            else:
                terms.append(Compare("=", value, cast(Value, option)))
        if options or not node.expressions or not terms:
            if not node.expressions:
                raise InvalidInput("where is not a SQL predicate: IN () has no values")
            terms.insert(0, one_of(value, options))
        return any_of(terms)

    def _given_list(self, node: Any) -> tuple[Scalar, ...] | None:
        while type(node) is exp.Paren:
            node = node.this
        marked = type(node) is exp.Literal and not node.is_string and node.name.startswith(MARK)
        value = self._values[int(node.name[1:])] if marked else None
        return value if isinstance(value, tuple) else None

    def identity(self, node: Any, depth: int) -> Value:
        of, what = _only(node, "this", "expression", ignored=("negate",))
        value = self.read(of, depth)
        if type(what) is exp.Null:
            return Not(IsNull(value)) if node.args.get("negate") else IsNull(value)
        if type(what) is exp.Boolean:
            return is_true(value) if what.this else is_false(value)
        raise InvalidInput("IS takes NULL, TRUE, FALSE, or DISTINCT FROM a value")

    def like(self, node: Any, depth: int, escape: str = "\\") -> Value:
        of, what = _only(node, "this", "expression", ignored=("negate",))
        value, pattern = self.read(of, depth), self.read(what, depth)
        if not isinstance(pattern, Constant) or not isinstance(pattern.value, (str, type(None))):
            raise InvalidInput("LIKE takes a pattern, a string that is the same for every row")
        if pattern.value is None:
            return Constant(None)
        text = pattern.value if escape == "\\" else _escaped(pattern.value, escape)
        found = Like(value, text, type(node) is exp.ILike)
        return Not(found) if node.args.get("negate") else found

    def escaped(self, node: Any, depth: int) -> Value:
        of, sign = _only(node, "this", "expression")
        if type(of) not in (exp.Like, exp.ILike) or type(sign) is not exp.Literal or len(sign.name) != 1:
            raise InvalidInput("ESCAPE takes one character, after LIKE")
        return self.like(of, depth, sign.name)

    def cast(self, node: Any, depth: int) -> Value:
        of, to = _only(node, "this", "to")
        if type(to) is not exp.DataType or to.expressions or to.args.get("nested"):
            raise _unknown(node)
        return Call("cast", (self.read(of, depth), Constant(type_named(_DTYPES.get(to.this.name, to.this.name)))))

    def call(self, node: Any, depth: int) -> Value:
        _only(node, "this", "expressions")
        name = _called(node)
        if name in _OF_MANY_ROWS:
            raise InvalidInput(f"{name}() depends on other rows; a predicate looks at one row at a time")
        if name in _QUANTIFIERS:
            raise InvalidInput(f"{name.upper()}() of a list stands beside a comparison: 'x' = ANY(tags)")
        arguments = tuple(self.read(one, depth) for one in node.expressions)
        if name in ("extract", "date_part"):
            part = arguments[0].value if len(arguments) == 2 and isinstance(arguments[0], Constant) else None
            if not isinstance(part, str) or part.lower() not in _PARTS:
                raise InvalidInput(f"{name}() takes one of {', '.join(sorted(_PARTS))}, and a date")
            return Call(part.lower(), arguments[1:])
        if name == "case_of":
            return _simple_case(arguments)
        if name == "cast" and not (len(arguments) == 2 and isinstance(arguments[1], Constant)):
            raise InvalidInput("CAST takes a value and a type: CAST(x AS INTEGER)")
        return Call(_ALIASES.get(name, name), arguments)


def _called(node: Any) -> str:
    if not isinstance(node.this, str) or not node.this.startswith(MARK):
        raise _unknown(node)
    return node.this[1:]


def _simple_case(arguments: tuple[Value, ...]) -> Value:
    operand, rest = arguments[0], arguments[1:]
    made: list[Value] = []
    for when, then in zip(rest[:-1:2], rest[1:-1:2], strict=True):
        made += [Compare("=", operand, when), then]
    return Call("case", (*made, rest[-1]))


def _escaped(pattern: str, escape: str) -> str:
    out, signs = [], iter(pattern)
    for sign in signs:
        if sign == escape:
            sign = next(signs, escape)
            out.append("\\" + sign)
        else:
            out.append("\\\\" if sign == "\\" else sign)
    return "".join(out)


def _only(node: Any, *names: str, ignored: tuple[str, ...] = ()) -> list[Any]:
    """These arguments of a node; InvalidInput if it has any other."""
    for name, value in node.args.items():
        if name not in names and name not in ignored and value not in (None, [], False):
            raise _unknown(node)
    return [node.args.get(name) for name in names]


def _unknown(node: Any) -> InvalidInput:
    shown = str(node)[:60] if isinstance(node, (exp.Identifier, exp.Literal, exp.Column)) else type(node).__name__
    return InvalidInput(
        f"where is not a SQL predicate: it has more than a predicate, or what filters don't know: {shown}"
    )


_DTYPES = {"BIGINT": "integer", "TEXT": "string"}
_COMPARISONS: dict[type, Comparison] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_OPERATIONS = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_READERS: dict[type, Callable[[_Reader, Any, int], Value]] = {
    exp.And: _Reader.joined,
    exp.Anonymous: _Reader.call,
    exp.Between: _Reader.between,
    exp.Boolean: _Reader.boolean,
    exp.Cast: _Reader.cast,
    exp.Column: _Reader.column,
    exp.DPipe: _Reader.concatenated,
    exp.Dot: _Reader.field,
    exp.Escape: _Reader.escaped,
    exp.ILike: _Reader.like,
    exp.In: _Reader.among,
    exp.Is: _Reader.identity,
    exp.Like: _Reader.like,
    exp.Literal: _Reader.literal,
    exp.Neg: _Reader.negative,
    exp.Not: _Reader.negated,
    exp.Null: _Reader.null,
    exp.NullSafeEQ: _Reader.distinct,
    exp.NullSafeNEQ: _Reader.distinct,
    exp.Or: _Reader.joined,
    **dict.fromkeys(_COMPARISONS, _Reader.compared),
    **dict.fromkeys(_OPERATIONS, _Reader.computed),
}
