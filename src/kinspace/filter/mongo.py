"""Filters as mappings, as Chroma, Pinecone and LangChain write them: ``{"year": {"$gte": 2020}}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, cast

import numpy as np
import polars as pl

from ..errors import InvalidInput
from .build import MAX_DEPTH, MAX_NODES, all_of, any_of, between, one_of, too_large
from .names import Schema, find_column
from .scalars import parse_scalar
from .tree import Call, Column, Compare, Comparison, Constant, IsNull, Like, Node, Not, Scalar

_COMPARISONS: dict[str, Comparison] = {"$eq": "=", "$ne": "!=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_JOINING = ("$and", "$or", "$nor", "$not")


def read_mapping(where: Mapping[Any, Any], schema: Schema) -> Node:
    """Return the tree of a filter that is a mapping.

    A string that is compared with a column of dates or times is read as ISO 8601, since JSON has no dates; None is
    compared as IS NULL is. Everything else is as in the other front ends.

    Raises
    ------
    InvalidInput
        If an operator is unknown (the message lists those there are), an operand is not what it takes, a column isn't
        there, or the whole is empty, nested too deep or too large.
    """
    return _Reader(schema).read(where, 1)


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._terms = 0

    def read(self, where: Any, depth: int) -> Node:
        if not isinstance(where, Mapping):
            raise InvalidInput(f"a filter is a mapping such as {{'year': {{'$gte': 2020}}}}; got {_shown(where)}")
        if not where:
            raise InvalidInput("a filter's mapping is empty; name a column, or leave the filter out")
        return all_of([self._entry(name, asked, depth) for name, asked in where.items()])

    def _entry(self, name: Any, asked: Any, depth: int) -> Node:
        self._terms += 1
        if depth > MAX_DEPTH // 2 or self._terms > MAX_NODES:
            raise too_large()
        if not isinstance(name, str):
            raise InvalidInput(f"a filter's keys are names of columns, or {', '.join(_JOINING)}; got {_shown(name)}")
        if name == "$not":
            single = asked[0] if isinstance(asked, (list, tuple)) and len(asked) == 1 else asked
            return Not(self.read(single, depth + 1))
        if name in _JOINING:
            if not isinstance(asked, (list, tuple)) or not asked:
                raise InvalidInput(f"{name} takes a list of filters, one at least; got {_shown(asked)}")
            terms = [self.read(one, depth + 1) for one in asked]
            return all_of(terms) if name == "$and" else any_of(terms) if name == "$or" else Not(any_of(terms))
        if name.startswith("$") and name not in self._schema:
            raise InvalidInput(f"there is no operator {name:.60} for whole filters; there are: {', '.join(_JOINING)}")
        column, dtype = find_column((name,), self._schema)
        return self._asked(_Asked(name, column, dtype), asked, depth)

    def _asked(self, of: _Asked, asked: Any, depth: int) -> Node:
        if not isinstance(asked, Mapping):
            return of.equal(asked)
        if not asked:
            raise InvalidInput(f"{of.name!r} is asked nothing; give a value, or an operator: {_operators()}")
        return all_of([self._operator(of, name, operand, depth) for name, operand in asked.items()])

    def _operator(self, of: _Asked, name: Any, operand: Any, depth: int) -> Node:
        self._terms += 1
        if depth > MAX_DEPTH // 2 or self._terms > MAX_NODES:
            raise too_large()
        if name == "$not":
            return Not(self._asked(of, operand, depth + 1))
        make = _OPERATORS.get(name) if isinstance(name, str) else None
        if make is None:
            hint = f"; for a struct's field write {f'{of.name}.{name}'!r:.60}" if of.is_struct else ""
            raise InvalidInput(f"there is no operator {_shown(name)} for {of.name!r}; there are: {_operators()}{hint}")
        return make(of, operand)


class _Asked:
    """The column that is asked something, and how its values are written."""

    def __init__(self, name: str, column: Column, dtype: pl.DataType) -> None:
        self.name = name
        self.column = column
        self._dtype = dtype

    @property
    def is_struct(self) -> bool:
        return isinstance(self._dtype, pl.Struct)

    def value(self, given: Any, operator: str) -> Scalar:
        if isinstance(given, (list, tuple, set, frozenset, Mapping, np.ndarray)):
            raise InvalidInput(
                f"{operator} of {self.name!r} takes one value; got {_shown(given)}: write $in for one of several, "
                "$contains for an element of a list"
            )
        return self._dated(parse_scalar(given, f"the value of {operator} for {self.name!r}"))

    def values(self, given: Any, operator: str) -> list[Scalar]:
        if isinstance(given, (set, frozenset, np.ndarray)):
            given = list(given)
        if not isinstance(given, (list, tuple)):
            raise InvalidInput(f"{operator} of {self.name!r} takes a list of values; got {_shown(given)}")
        what = f"a value of {operator} for {self.name!r}"
        return [self._dated(parse_scalar(value, what)) for value in given]

    def text(self, given: Any, operator: str) -> str:
        if not isinstance(given, str):
            raise InvalidInput(f"{operator} of {self.name!r} takes a string; got {_shown(given)}")
        return cast(str, parse_scalar(given, f"the pattern of {operator}"))

    def _dated(self, value: Scalar) -> Scalar:
        if not isinstance(value, str):
            return value
        kind = next((kind for kind in (pl.Date, pl.Datetime, pl.Time) if isinstance(self._dtype, kind)), None)
        if kind is None:
            return value
        try:
            if kind is pl.Time:
                return parse_scalar(time.fromisoformat(value), value)
            return parse_scalar(date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value), value)
        except ValueError:
            raise InvalidInput(
                f"cannot compare date with string: column {self.name!r} is {self._dtype}, {value!r:.60} is no date; "
                "write it as '2024-01-31' or '2024-01-31T12:00:00', or give a date or datetime"
            ) from None

    def equal(self, given: Any, operator: str = "$eq") -> Node:
        value = self.value(given, operator)
        return IsNull(self.column) if value is None else Compare("=", self.column, Constant(value))

    def unequal(self, given: Any) -> Node:
        value = self.value(given, "$ne")
        return Not(IsNull(self.column)) if value is None else Compare("!=", self.column, Constant(value))

    def compared(self, operator: str, given: Any) -> Node:
        value = self.value(given, operator)
        if value is None:
            raise InvalidInput(f"{operator} of {self.name!r} takes a value; got None: write $exists")
        return Compare(_COMPARISONS[operator], self.column, Constant(value))

    def among(self, given: Any, operator: str = "$in") -> Node:
        values = self.values(given, operator)
        found = one_of(self.column, [value for value in values if value is not None])
        return any_of([found, IsNull(self.column)]) if None in values else found

    def exists(self, given: Any) -> Node:
        if not isinstance(given, (bool, np.bool_)):
            raise InvalidInput(f"$exists of {self.name!r} takes True or False; got {_shown(given)}")
        return Not(IsNull(self.column)) if given else IsNull(self.column)

    def between(self, given: Any) -> Node:
        ends = self.values(given, "$between")
        if len(ends) != 2 or None in ends:
            raise InvalidInput(f"$between of {self.name!r} takes two values, low and high; got {_shown(given)}")
        return between(self.column, Constant(ends[0]), Constant(ends[1]))

    def contains(self, given: Any, operator: str = "$contains") -> Node:
        value = self.value(given, operator)
        if value is None:
            raise InvalidInput(f"{operator} of {self.name!r} takes a value; got None")
        return Call("contains", (self.column, Constant(value)))


_OPERATORS: dict[str, Callable[[_Asked, Any], Node]] = {
    "$eq": _Asked.equal,
    "$ne": _Asked.unequal,
    "$gt": lambda of, given: of.compared("$gt", given),
    "$gte": lambda of, given: of.compared("$gte", given),
    "$lt": lambda of, given: of.compared("$lt", given),
    "$lte": lambda of, given: of.compared("$lte", given),
    "$in": _Asked.among,
    "$nin": lambda of, given: Not(of.among(given, "$nin")),
    "$exists": _Asked.exists,
    "$between": _Asked.between,
    "$contains": _Asked.contains,
    "$not_contains": lambda of, given: Not(of.contains(given, "$not_contains")),
    "$like": lambda of, given: Like(of.column, of.text(given, "$like")),
    "$ilike": lambda of, given: Like(of.column, of.text(given, "$ilike"), ignore_case=True),
}


def _operators() -> str:
    return ", ".join([*_OPERATORS, "$not"])


def _shown(value: Any) -> str:
    """A short text of any value, without following what it holds."""
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, str):
        return repr(value[:40])
    return f"a {type(value).__name__}"
