"""Filters and values as Python expressions: ``ks.col("score") > 0.5``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Literal, NoReturn

from ..errors import InvalidInput
from .build import MAX_DEPTH, MAX_NODES, all_of, any_of, arithmetic, between, is_true, negative, one_of, too_large
from .casts import type_named
from .scalars import parse_scalar
from .tree import (
    Arithmetic,
    Call,
    Column,
    Compare,
    Comparison,
    Constant,
    Elements,
    IsNull,
    Like,
    Node,
    Not,
    Operation,
    Value,
)


class Expression:
    """A value of each row, made of columns: compare it, compute with it, or give it to where= or select.

    Made by ``ks.col``. Predicates are joined by ``&``, ``|`` and ``~``, with brackets around each comparison, as in
    Polars: ``(ks.col("year") >= 2020) & ~ks.col("tags").contains("draft")``. Nothing is looked up before it is used on
    a space or frame, which is when a column or type that is wrong is reported.
    """

    __slots__ = ("_form", "depth", "nodes", "tree")
    __hash__ = None  # type: ignore[assignment]  # equality is a predicate

    def __init__(self, tree: Value, *parts: Expression) -> None:
        self.tree = tree
        self._form: tuple[bytes] | None = None
        self.depth: int = 1 + max((part.depth for part in parts), default=0)
        self.nodes: int = 1 + sum(part.nodes for part in parts)
        if self.depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise too_large()

    @property
    def form(self) -> tuple[bytes]:
        """Equal for equal expressions, and for nothing else."""
        if self._form is None:
            self._form = (blake2b(repr(self.tree).encode(), digest_size=32).digest(),)
        return self._form

    def __bool__(self) -> NoReturn:
        raise InvalidInput(
            "an expression is neither true nor false before it meets rows; join predicates by & | ~ instead of "
            "and, or, not, with brackets around each, and write .between(a, b) for a < x < b"
        )

    def __iter__(self) -> NoReturn:
        raise InvalidInput("an expression has no elements to go through; use .any(), .all() or .contains()")

    def __contains__(self, item: object) -> NoReturn:
        raise InvalidInput("write .contains(x), or .is_in([…]), instead of in")

    def __repr__(self) -> str:
        return f"<kinspace expression: {self.tree!r:.200}>"

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]  # no bool
        return self._compare("=", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]  # no bool
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Expression:
        return self._compare("<", other)

    def __le__(self, other: object) -> Expression:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Expression:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Expression:
        return self._compare(">=", other)

    def _compare(self, comparison: Comparison, other: object) -> Expression:
        if other is None:
            raise InvalidInput("comparing with None is never true; use .is_null() or .is_not_null()")
        right = _operand(other)
        return Expression(Compare(comparison, self.tree, right.tree), self, right)

    def __and__(self, other: object) -> Expression:
        return _joined(all_of, self, other)

    def __rand__(self, other: object) -> Expression:
        return _joined(all_of, _operand(other), self)

    def __or__(self, other: object) -> Expression:
        return _joined(any_of, self, other)

    def __ror__(self, other: object) -> Expression:
        return _joined(any_of, _operand(other), self)

    def __invert__(self) -> Expression:
        return Expression(Not(self._node()), self)

    def __add__(self, other: object) -> Expression:
        return _computed("+", self, other)

    def __radd__(self, other: object) -> Expression:
        return _computed("+", other, self)

    def __sub__(self, other: object) -> Expression:
        return _computed("-", self, other)

    def __rsub__(self, other: object) -> Expression:
        return _computed("-", other, self)

    def __mul__(self, other: object) -> Expression:
        return _computed("*", self, other)

    def __rmul__(self, other: object) -> Expression:
        return _computed("*", other, self)

    def __truediv__(self, other: object) -> Expression:
        return _computed("/", self, other)

    def __rtruediv__(self, other: object) -> Expression:
        return _computed("/", other, self)

    def __mod__(self, other: object) -> Expression:
        return _computed("%", self, other)

    def __rmod__(self, other: object) -> Expression:
        return _computed("%", other, self)

    def __neg__(self) -> Expression:
        return Expression(negative(self.tree), self)

    def field(self, name: str) -> Expression:
        """A struct's field; ``col("made.by")`` is ``col("made").field("by")``."""
        if not isinstance(self.tree, Column) or not isinstance(name, str):
            raise InvalidInput(f"field takes the name of a field of a column that is a struct; got {name!r:.60}")
        return Expression(Column((*self.tree.path, str(name))))

    def is_in(self, values: Iterable[Any]) -> Expression:
        """Whether it equals one of these values."""
        if isinstance(values, (str, bytes, Expression)) or not isinstance(values, Iterable):
            raise InvalidInput(f"is_in takes a list of values; got {values!r:.60} ({type(values).__name__})")
        options = [parse_scalar(value, f"value {number} of is_in") for number, value in enumerate(values)]
        return Expression(one_of(self.tree, options), self)

    def between(self, low: Any, high: Any) -> Expression:
        """Whether it is in low…high, both included."""
        ends = _operand(low), _operand(high)
        return Expression(between(self.tree, ends[0].tree, ends[1].tree), self, self, *ends)

    def is_null(self) -> Expression:
        """Whether it is null."""
        return Expression(IsNull(self.tree), self)

    def is_not_null(self) -> Expression:
        """Whether it is not null."""
        return Expression(Not(IsNull(self.tree)), self)

    def is_true(self) -> Expression:
        """Whether it is true; false, not null, where it is null."""
        return Expression(is_true(self.tree), self)

    def like(self, pattern: str) -> Expression:
        r"""Whether a string matches a pattern whole: % is any run of characters, _ any one, \% a percent sign."""
        return Expression(Like(self.tree, _pattern(pattern)), self)

    def ilike(self, pattern: str) -> Expression:
        """As like, but A is a."""
        return Expression(Like(self.tree, _pattern(pattern), ignore_case=True), self)

    def contains(self, part: Any) -> Expression:
        """Whether a string has this in it, or a list this among its elements."""
        return self._call("contains", part)

    def starts_with(self, prefix: Any) -> Expression:
        """Whether a string begins so."""
        return self._call("starts_with", prefix)

    def ends_with(self, suffix: Any) -> Expression:
        """Whether a string ends so."""
        return self._call("ends_with", suffix)

    def any(self) -> Quantified:
        """Any element of a list, to be compared: ``col("tags").any() == "x"``."""
        return Quantified("any", self)

    def all(self) -> Quantified:
        """Every element of a list, to be compared: ``col("scores").all() > 0``."""
        return Quantified("all", self)

    def cast(self, to: str) -> Expression:
        """Converted to "boolean", "integer", "double", "string", "date", "time" or "timestamp"."""
        if not isinstance(to, str):
            raise InvalidInput(f"cast takes the name of a type, such as 'integer'; got {to!r:.60}")
        return Expression(Call("cast", (self.tree, Constant(type_named(to)))), self)

    def coalesce(self, *others: Any) -> Expression:
        """The first of it and these that is not null."""
        return self._call("coalesce", *others)

    def lower(self) -> Expression:
        """A string in lower case."""
        return self._call("lower")

    def upper(self) -> Expression:
        """A string in upper case."""
        return self._call("upper")

    def length(self) -> Expression:
        """How many characters a string has, or elements a list."""
        return self._call("length")

    def abs(self) -> Expression:
        """Without its sign."""
        return self._call("abs")

    def round(self, decimals: int = 0) -> Expression:
        """Rounded to so many decimals."""
        return self._call("round", decimals) if decimals else self._call("round")

    def log1p(self) -> Expression:
        """The natural logarithm of 1 + x."""
        return self._call("log1p")

    def year(self) -> Expression:
        """The year of a date or time."""
        return self._call("year")

    def month(self) -> Expression:
        """The month of a date or time, 1…12."""
        return self._call("month")

    def day(self) -> Expression:
        """The day of the month of a date or time, 1…31."""
        return self._call("day")

    def _call(self, function: str, *arguments: Any) -> Expression:
        parts = [self, *map(_operand, arguments)]
        return Expression(Call(function, tuple(part.tree for part in parts)), *parts)

    def _node(self) -> Node:
        if isinstance(self.tree, Arithmetic):
            raise InvalidInput("& | ~ join what is true or false; this is a number: compare it first, in brackets")
        return self.tree


class Quantified:
    """Any element of a list, or all, waiting to be compared with a value."""

    __slots__ = ("_list", "_quantifier")
    __hash__ = None  # type: ignore[assignment]  # equality is a predicate
    __bool__ = Expression.__bool__

    def __init__(self, quantifier: Literal["any", "all"], value: Expression) -> None:
        self._quantifier = quantifier
        self._list = value

    def _compare(self, comparison: Comparison, other: object) -> Expression:
        operand = parse_scalar(other, f"what {self._quantifier}() is compared with")
        if operand is None:
            raise InvalidInput("comparing with None is never true")
        return Expression(Elements(self._quantifier, self._list.tree, comparison, operand), self._list)

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]  # no bool
        return self._compare("=", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]  # no bool
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Expression:
        return self._compare("<", other)

    def __le__(self, other: object) -> Expression:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Expression:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Expression:
        return self._compare(">=", other)


def col(name: str) -> Expression:
    """A column, for filters and for computed columns of a select.

    Parameters
    ----------
    name : str
        The column's name; with dots a struct's field (``"made.by"``), unless a column is called so.

    Returns
    -------
    Expression
        Compare it, join such predicates by & | ~, compute with it.

    Raises
    ------
    InvalidInput
        If the name is no str. That there is such a column is looked at when the expression is used.

    Examples
    --------
    >>> import kinspace as ks, polars as pl
    >>> frame = pl.DataFrame({"title": ["a", "b", "c"], "kib": [512, 2048, None]})
    >>> ks.select(frame, "title").where((ks.col("kib") / 1024 > 1) | ks.col("kib").is_null()).collect().rows()
    [('b',), ('c',)]
    """
    if not isinstance(name, str):
        raise InvalidInput(f"col takes a column's name; got {name!r:.60} ({type(name).__name__})")
    return Expression(Column((str(name),)))


def _operand(value: object) -> Expression:
    if isinstance(value, Expression):
        return value
    if isinstance(value, Quantified):
        raise InvalidInput("any() and all() are compared with a value first: col('tags').any() == 'x'")
    return Expression(Constant(parse_scalar(value, "a value of an expression")))


def _joined(join: Callable[[Iterable[Node]], Node], left: Expression, right: object) -> Expression:
    other = _operand(right)
    tree = join((left._node(), other._node()))
    made = Expression(tree, left, other)
    made.depth = max(one.depth + (type(one.tree) is not type(tree)) for one in (left, other))
    return made


def _computed(operation: Operation, left: object, right: object) -> Expression:
    a, b = _operand(left), _operand(right)
    return Expression(arithmetic(operation, a.tree, b.tree), a, b)


def _pattern(pattern: object) -> str:
    if not isinstance(pattern, str):
        raise InvalidInput(f"like takes a pattern, a str; got {pattern!r:.60} ({type(pattern).__name__})")
    return str(parse_scalar(pattern, "a pattern"))
