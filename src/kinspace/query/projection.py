"""What a select returns of each row: which columns of the source that takes, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..filter import Expression, check_column, value_expression
from .source import Rows

DISTANCE = "_dist"  # what nearest found; a column of the source by this name gives way to it where it is named


class Projection:
    """The columns of the result, checked against those of the rows; no columns asked for means the rows' own."""

    def __init__(
        self, rows: Rows, names: Sequence[str], expressions: Mapping[str, str | Expression | pl.Expr], nearest: bool
    ) -> None:
        asked: dict[str, str | pl.Expr] = {name: name for name in names}
        for name, value in expressions.items():
            asked[name] = value if not isinstance(value, Expression) else _lowered(value, rows, nearest)
        roots = {root for one in asked.values() for root in _roots(one, rows)}
        self._distance = nearest and DISTANCE in roots
        if DISTANCE in roots and not nearest and DISTANCE not in rows.schema:
            raise InvalidInput(f"{DISTANCE!r} is the distance that nearest finds, and this select has no nearest")
        known = [*rows.schema, *([DISTANCE] if nearest else [])]
        asked = asked or {name: name for name in rows.columns}
        needed: dict[str, None] = {}
        for one in asked.values():
            for root in _roots(one, rows):
                check_column(root, known)
                needed[root] = None
        if self._distance:
            del needed[DISTANCE]
        self._rows = rows
        self._needed = list(needed) or list(rows.columns)[:1]  # for the number of rows
        self._wanted = asked

    def apply(self, handles: NDArray[np.int64], distances: NDArray[np.float64] | None) -> pl.DataFrame:
        """Return those rows, in that order."""
        frame = self._rows.take(handles, self._needed)
        if self._distance:
            frame = frame.with_columns(pl.Series(DISTANCE, distances, dtype=pl.Float64))
        if all(isinstance(one, str) for one in self._wanted.values()):
            return pl.DataFrame([frame.get_column(str(one)).alias(name) for name, one in self._wanted.items()])
        made = [(pl.col(one) if isinstance(one, str) else one).alias(name) for name, one in self._wanted.items()]
        try:
            return frame.with_columns(made).select(list(self._wanted))
        except pl.exceptions.PolarsError as error:
            raise InvalidInput(f"the select's expressions cannot be evaluated: {error}") from error


def check_orderable(names: Sequence[str], schema: Mapping[str, pl.DataType], what: str) -> None:
    """Raise InvalidInput unless they are columns whose values can be compared."""
    for name in names:
        check_column(name, schema)
        if schema[name] == pl.Object:
            raise InvalidInput(f"cannot {what} {name!r}: it holds Python objects")


def _lowered(value: Expression, rows: Rows, nearest: bool) -> pl.Expr:
    return value_expression(value, {**rows.schema, **({DISTANCE: pl.Float64()} if nearest else {})})


def _roots(one: str | pl.Expr, rows: Rows) -> Sequence[str]:
    """The columns that takes; all of the rows' own for a selector, which names none."""
    if isinstance(one, str):
        return [one]
    return one.meta.root_names() or ([] if one.meta.is_literal() else rows.columns)
