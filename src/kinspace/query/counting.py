"""How many rows a select has, and how many of them have each value of a column."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..filter import check_column
from .facets import count_values
from .grouping import first_of_each
from .order import ordered
from .plan import Plan
from .source import Rows, Search

COUNT = "_count"  # the column of how many


def count(rows: Rows, plan: Plan, search: Search | None) -> int:
    """The number of rows before offset and take."""
    if plan.group is None and plan.within is None and (search is None or not len(search.left_out)):
        return rows.count(plan.predicate(rows))
    handles = _members(rows, plan, search)
    if plan.group is None:
        return len(handles)
    return int(first_of_each(rows, handles, plan.group).sum())  # how many, in whatever order they are


def facets(rows: Rows, plan: Plan, search: Search | None, column: str, limit: int | None) -> pl.DataFrame:
    """The values of a column among the rows that where and within let through, and how many have each."""
    check_column(column, rows.schema)
    if column not in rows.columns:
        raise InvalidInput(
            f"column {column!r} holds the vectors, which are not counted; the columns are: {rows.columns}"
        )
    if column == COUNT:
        raise InvalidInput(f"the column {COUNT!r} of the answer would be there twice; rename yours")
    if plan.within is None and (search is None or not len(search.left_out)):
        values, counts = rows.facets(column, plan.predicate(rows), limit)
    else:
        values, counts = count_values(rows.take(_members(rows, plan, search), [column]).get_column(column), limit)
    return pl.DataFrame([values, pl.Series(COUNT, counts, dtype=pl.Int64)])


def _members(rows: Rows, plan: Plan, search: Search | None) -> NDArray[np.int64]:
    """The rows that where and within let through; in any order."""
    if search is not None and plan.within is not None:
        return ordered(rows, replace(plan, group=None), search, None).handles
    handles = rows.matching(plan.predicate(rows))
    return handles if search is None else handles[~np.isin(handles, search.left_out)]
