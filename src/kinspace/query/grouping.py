"""The first rows of each value of a column, in whatever order the rows are in."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from .plan import Group
from .projection import check_orderable
from .source import Rows


def first_of_each(rows: Rows, handles: NDArray[np.int64], group: Group) -> NDArray[np.bool_]:
    """Return which of these rows are among the first `per` of those that have their value; null is a value.

    Of the first n rows of an order the answer is that of the whole order, for what comes later takes nothing away.
    """
    check_orderable([group.column], rows.schema, "group by")
    rank = pl.int_range(pl.len()).over(group.column)
    try:
        kept = rows.take(handles, [group.column]).select(rank < group.per).to_series()
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"cannot group by {group.column!r} ({rows.schema[group.column]}): {error}") from error
    found: NDArray[np.bool_] = kept.to_numpy()
    return found
