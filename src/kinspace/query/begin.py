"""select: the beginning of a query over anything that has rows."""

from __future__ import annotations

from typing import Any

import polars as pl

from ..errors import InvalidInput
from ..filter import Expression
from .frame import Frame
from .select import Select


def select(source: Any, /, *names: str, **expressions: str | Expression | pl.Expr) -> Select:
    """Begin a query over a frame or a space.

    Parameters
    ----------
    source : polars.DataFrame, LazyFrame, Arrow table or Space
        A LazyFrame is collected, once.
    *names : str
        Columns to return. With no name and no expression all the source has.
    **expressions : str, Expression or polars.Expr
        More columns under new names: a column's name (``d="_dist"``), or an expression over the rows returned
        (``mib=ks.col("kib") / 1024``). ``_dist`` (Float64) is the distance that ``nearest`` found.

    Returns
    -------
    Select
        To be continued by where, nearest, within, sort, group, offset and take, and answered by collect, rows,
        to_arrow, page, count or facets.

    Raises
    ------
    InvalidInput
        If the source is nothing with rows, or two columns would have one name.

    Examples
    --------
    >>> vectors = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> frame = pl.DataFrame({"id": ["a", "b", "c"], "year": [2020, 2021, None], "emb": vectors})
    >>> select(frame, "id", d="_dist").where("year > 2000").nearest("emb", [1, 0]).take(2).collect().rows()
    [('a', 0.0), ('b', 1.0)]
    """
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    made = source.select(*names, **expressions) if hasattr(source, "nearest_neighbors") else None
    if isinstance(made, Select):
        return made
    if hasattr(source, "__arrow_c_stream__") and not isinstance(source, (pl.DataFrame, pl.Series)):
        source = pl.DataFrame(source)
    if isinstance(source, pl.DataFrame):
        return Select(Frame(source), names, expressions)
    raise InvalidInput(
        f"select reads a Polars DataFrame or LazyFrame, an Arrow table or a Space; got {type(source).__name__}"
    )
