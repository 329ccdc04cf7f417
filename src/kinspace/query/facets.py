"""How many rows have each value of a column."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput


def count_values(values: pl.Series, limit: int | None = None) -> tuple[pl.Series, NDArray[np.int64]]:
    """Return the values and how many rows have each: the most frequent first, equally frequent ones ascending.

    Null is no value. Of a list each element counts once a row; -0.0 is 0.0.

    Raises
    ------
    InvalidInput
        If the column holds lists of lists, structs or Python objects.

    Examples
    --------
    >>> values, rows = count_values(pl.Series(["web", None, "games", "web"]))
    >>> values.to_list(), rows.tolist()
    (['web', 'games'], [2, 1])
    """
    name = values.name
    check_countable(name, values.dtype)
    counted = flattened(values).drop_nulls().alias("value").to_frame().group_by("value").len("rows")
    counted = counted.sort("rows", "value", descending=[True, False])
    if limit is not None:
        counted = counted.head(limit)
    return counted["value"].alias(name), counted["rows"].cast(pl.Int64).to_numpy()


def check_countable(name: str, dtype: pl.DataType) -> pl.DataType:
    """Return the type of the values that are counted of a column; InvalidInput if they can't be."""
    inner = dtype.inner if isinstance(dtype, (pl.List, pl.Array)) else dtype
    if inner.is_nested() or inner == pl.Object:
        raise InvalidInput(f"column {name!r} holds {dtype}; values that can be counted are not nested, or in one list")
    found: pl.DataType = inner() if isinstance(inner, type) else inner
    return found


def flattened(values: pl.Series) -> pl.Series:
    """Of lists their elements, each once a row; zeros without their sign."""
    if isinstance(values.dtype, pl.Array):
        values = values.arr.to_list()
    if isinstance(values.dtype, pl.List):
        values = values.list.unique().explode()
    return values.replace(-0.0, 0.0) if values.dtype.is_float() else values
