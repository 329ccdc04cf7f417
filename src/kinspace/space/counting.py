"""Counting: how many live rows match a filter, and how many of them have each value of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from .bits import unpack
from .masks import masks_of
from .view import View

if TYPE_CHECKING:
    import polars as pl

    from ..filter import Predicate


def count(view: View, predicate: Predicate | None) -> int:
    """How many live rows match; all that are live for None."""
    if predicate is None:
        return len(view)
    return sum(int(np.count_nonzero(rows)) for rows in _matching(view, predicate))


def facet_counts(
    view: View, column: str, predicate: Predicate | None, limit: int | None
) -> tuple[pl.Series, NDArray[np.int64]]:
    """The values of a column among the live rows that match, and how many rows have each.

    Parameters
    ----------
    view : View
    column : str
        Of any type that is not nested, or a list of such. Of a list each element counts once a row. Null is no value.
    predicate : Predicate or None
        None for every live row.
    limit : int or None
        At most so many values, at least 0; None for all.

    Returns
    -------
    polars.Series
        The values, of the column's type or its elements', most frequent first, equally frequent ones ascending.
    int64, shape (values,)

    Raises
    ------
    InvalidInput
        If there is no such column, or its type is nested deeper.
    """
    import polars as pl

    dtype = counted_type(view, column)
    pieces = [pl.Series(column, [], dtype=dtype)]
    for part, rows in zip(view.parts, _matching(view, predicate), strict=True):
        if part.rows:
            values = part.frame(view.schema, [column]).get_column(column).filter(pl.Series(rows))
            pieces.append(_flat(values).cast(dtype))
    counted = pl.concat(pieces).drop_nulls().alias("value").to_frame().group_by("value").len("rows")
    counted = counted.sort("rows", "value", descending=[True, False])
    if limit is not None:
        counted = counted.head(limit)
    return counted["value"].alias(column), counted["rows"].cast(pl.Int64).to_numpy()


def counted_type(view: View, column: str) -> pl.DataType:
    """The type of the values that are counted of a column; InvalidInput if there are none."""
    import polars as pl

    if column not in view.schema:
        there = ", ".join(map(repr, view.schema)) or "none"
        raise InvalidInput(f"there is no column {column!r}; the columns are: {there}")
    dtype = view.schema[column]
    inner = dtype.inner if isinstance(dtype, (pl.List, pl.Array)) else dtype
    if inner.is_nested():
        raise InvalidInput(
            f"column {column!r} holds {dtype}; values that can be counted are not nested, or in one list"
        )
    found: pl.DataType = inner() if isinstance(inner, type) else inner
    return found


def _flat(values: pl.Series) -> pl.Series:
    """Of lists their elements, each once a row; zeros without their sign."""
    import polars as pl

    if isinstance(values.dtype, pl.Array):
        values = values.arr.to_list()
    if isinstance(values.dtype, pl.List):
        values = values.list.unique().explode()
    return values.replace(-0.0, 0.0) if values.dtype.is_float() else values


def _matching(view: View, predicate: Predicate | None) -> list[NDArray[np.bool_]]:
    """For each part whether each of its rows is live and matches."""
    masks = [None] * len(view.parts) if predicate is None else masks_of(view, predicate)
    found = []
    for part, words in zip(view.parts, masks, strict=True):
        rows = np.ones(part.rows, np.bool_)
        for kept in (part.live, words):
            if kept is not None:
                rows &= unpack(kept, part.rows)
        found.append(rows)
    return found
