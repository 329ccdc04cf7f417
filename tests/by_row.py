"""Filters in plain Python, row by row: SQL's three-valued logic, and NaN that equals itself and is the largest."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from kinspace.filter import Predicate, tree as t


def judge(node: t.Node, row: dict[str, Any]) -> bool | None:
    """What a filter says of one row."""
    match node:
        case t.Compare(sign, left, right):
            values = [row[one.path[0]] if isinstance(one, t.Column) else one.value for one in (left, right)]  # type: ignore[union-attr]
            return None if None in values else compared(sign, *values)
        case t.In(t.Column((name,)), options):
            if row[name] is None:
                return None
            if any(option is not None and compared("=", row[name], option) for option in options):
                return True
            return None if None in options else False
        case t.IsNull(t.Column((name,))):
            return row[name] is None
        case t.Elements(_, t.Column((name,)), _, value):
            return None if row[name] is None else value in row[name]
        case t.Column((name,)):
            return row[name]
        case t.Constant(value):
            return value  # type: ignore[return-value]
        case t.Not(term):
            found = judge(term, row)
            return None if found is None else not found
        case t.And(terms) | t.Or(terms):
            every = [judge(term, row) for term in terms]
            decisive = isinstance(node, t.Or)
            return decisive if decisive in every else None if None in every else not decisive
    raise AssertionError(node)


def compared(sign: str, a: Any, b: Any) -> bool:
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    if isinstance(a, date):
        a, b = (datetime(one.year, one.month, one.day) if type(one) is date else one for one in (a, b))
    nan = [isinstance(one, float) and math.isnan(one) for one in (a, b)]
    if any(nan):
        a, b = nan
    return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


class RowByRow(Predicate):
    """A filter that is evaluated in plain Python, and tells how many rows it has looked at."""

    looked: int

    def evaluate(self, frame: Any) -> Any:
        object.__setattr__(self, "looked", self.looked + frame.height)
        return np.array([judge(self.tree, row) is True for row in frame.rows(named=True)], np.bool_)


def predicate(node: t.Node) -> RowByRow:
    made = RowByRow(pl.lit(True), tuple(dict.fromkeys(named(node))), object(), node)
    object.__setattr__(made, "looked", 0)
    return made


def named(node: Any) -> list[str]:
    """The columns of a tree."""
    if isinstance(node, t.Column):
        return [node.path[0]]
    below = [getattr(node, name) for name in getattr(node, "__slots__", ())]
    return [name for one in below for each in (one if isinstance(one, tuple) else (one,)) for name in named(each)]
