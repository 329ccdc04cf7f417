"""Counting: how many live rows match a filter, and how many of them have each value of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...filter import check_column
from ...query.facets import check_countable, flattened
from ..parts.bits import Words, unpack
from ..parts.part import Part
from ..state.view import View
from .files import index_for
from .index import full
from .masks import masks_of

if TYPE_CHECKING:
    import polars as pl

    from ...filter import Predicate


def count(view: View, predicate: Predicate | None) -> int:
    """How many live rows match; all that are live for None."""
    if predicate is None:
        return len(view)
    return sum(int(np.bitwise_count(words).sum()) for words in _matching(view, predicate) if words is not None)


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

    check_column(column, view.schema)
    dtype = check_countable(column, view.schema[column])
    found = [
        _counted(view, part, words, column) for part, words in zip(view.parts, _matching(view, predicate), strict=True)
    ]
    filled = [frame for frame in found if frame.height]
    if len(filled) == 1:
        (counted,) = filled
    else:
        empty = pl.DataFrame(schema={"value": dtype, "rows": pl.Int64})
        every = pl.concat([empty, *(frame.cast({"value": dtype}) for frame in filled)])
        counted = every.group_by("value").sum()
    if limit is not None and limit < counted.height:
        counted = _first(counted, limit)
    counted = counted.sort("rows", "value", descending=[True, False])
    return counted["value"].alias(column).cast(dtype), counted["rows"].to_numpy()


def _first(counted: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The most frequent of more values, in any order: of equally frequent ones the first, without sorting them all."""
    import polars as pl

    if limit == 0:
        return counted.clear()
    least = counted["rows"].top_k(limit).min()
    more = counted.filter(pl.col("rows") > least)
    return pl.concat([more, counted.filter(pl.col("rows") == least).bottom_k(limit - more.height, by="value")])


def _counted(view: View, part: Part, words: Words | None, column: str) -> pl.DataFrame:
    """The values of one part, each once, and how many rows have each."""
    import polars as pl

    index = index_for(view, part, column)
    if index is not None:
        rows = index.count(words)
        return pl.DataFrame([index.values.alias("value"), pl.Series("rows", rows)]).filter(pl.col("rows") > 0)
    if part.rows == 0 or (words is not None and not words.any()):
        return pl.DataFrame()
    values = part.frame(view.schema, [column], keys=False).get_column(column)
    if words is not None:
        values = values.filter(pl.Series(unpack(words, part.rows)))
    frame = flattened(values).drop_nulls().alias("value").to_frame()
    return frame.group_by("value").len("rows").cast({"rows": pl.Int64})


def _matching(view: View, predicate: Predicate | None) -> list[Words | None]:
    """For each part the rows that are live and match; None for all of them."""
    masks: list[Words | None] = [None] * len(view.parts)
    if predicate is not None:
        masks[:] = masks_of(view, predicate)
    return [_both(part.live, words, part.rows) for part, words in zip(view.parts, masks, strict=True)]


def _both(live: Words | None, words: Words | None, rows: int) -> Words | None:
    if live is None:
        return words
    return live[: -(-rows // 64)] & (full(rows) if words is None else words)
