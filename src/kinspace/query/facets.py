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
    if isinstance(values.dtype, pl.Array):
        values = values.arr.to_list()
    inner = values.dtype.inner if isinstance(values.dtype, pl.List) else values.dtype
    if inner.is_nested() or inner == pl.Object:
        raise InvalidInput(
            f"column {name!r} holds {values.dtype}; values that can be counted are not nested, or in one list"
        )
    if isinstance(values.dtype, pl.List):
        values = values.list.unique().explode()
    if values.dtype.is_float():
        values = values.replace(-0.0, 0.0)
    counted = values.drop_nulls().alias("value").to_frame().group_by("value").len("rows")
    counted = counted.sort("rows", "value", descending=[True, False])
    if limit is not None:
        counted = counted.head(limit)
    return counted["value"].alias(name), counted["rows"].cast(pl.Int64).to_numpy()
