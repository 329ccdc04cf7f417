"""The filter of a query: a SQL predicate or a Polars expression, checked against the columns, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from .judge import columns_of
from .sql import MAX_BYTES, check_predicate
from .tree import Node

_PLAIN = pl.QueryOptFlags.none(projection_pushdown=True)  # looking for common terms takes minutes with many of them
_KEPT = 256  # compiled predicates
_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, eq=False)
class Predicate:
    """A filter over rows with known columns: true, false or null for each row, from that row alone.

    Attributes
    ----------
    expr : polars.Expr
        Of type Boolean.
    columns : tuple of str
        The columns it reads; evaluate needs no others.
    key : hashable
        Equal for equal predicates, so results can be kept under it; a predicate that calls a Python function
        has a key equal to no other.
    tree : Node or None
        The same filter as a tree, for whoever knows the rows without reading them; None if it is no more than an
        expression.
    """

    expr: pl.Expr
    columns: tuple[str, ...]
    key: Hashable
    tree: Node | None = None

    def evaluate(self, frame: pl.DataFrame | pl.LazyFrame) -> NDArray[np.bool_]:
        """Return for each row of the frame whether the predicate is true; null is not.

        Parameters
        ----------
        frame : polars.DataFrame or LazyFrame
            With the predicate's columns, of the types it was compiled for.

        Returns
        -------
        bool, shape (rows,)

        Raises
        ------
        InvalidInput
            If a value cannot be used so, such as a text that is cast to a number and is none.
        """
        both = _collect(frame, self.expr.alias("true"), pl.len().alias("rows"))
        if not both.height:
            return np.zeros(0, np.bool_)
        rows = int(both["rows"][0])
        found = both["true"].fill_null(False).to_numpy()
        if len(found) == rows:
            return found
        if self.columns or len(found) != 1:
            raise InvalidInput(f"the filter gave {len(found)} results for {rows} rows; it must give one for each row")
        return np.full(rows, found[0])


def compile_predicate(where: str | pl.Expr, schema: Mapping[str, pl.DataType]) -> Predicate:
    """Return the filter, checked against the columns there are.

    Parameters
    ----------
    where : str or polars.Expr
        A SQL predicate such as ``"section = 'games' AND installed_kib < 5000"``, in Polars' dialect: AND OR NOT,
        = <> < <= > >=, IN, BETWEEN, LIKE, IS NULL, DATE '2024-01-31', arithmetic, functions such as lower or
        array_contains; names are case-sensitive, quoted "so" if need be. Or a Polars expression.
    schema : mapping of str to polars.DataType
        The columns and their types.

    Returns
    -------
    Predicate

    Raises
    ------
    InvalidInput
        If it doesn't parse, names a column there is not (the message lists those there are), compares values of
        different kinds, isn't Boolean, is more than a predicate (a subquery, an aggregate, a window), or is longer
        than 64 KiB or nested deeper than 256.

    Notes
    -----
    Comparing null is null, as in SQL, and null is not true. NaN is larger than every number and equal to itself, as
    in Polars. A Python function in an expression is trusted to look at one row at a time.

    Examples
    --------
    >>> frame = pl.DataFrame({"year": [2019, None, 2023]})
    >>> compile_predicate("year >= 2020", frame.schema).evaluate(frame)
    array([False, False,  True])
    """
    if isinstance(where, str):
        expr = _parsed(where)
    elif isinstance(where, pl.Expr):
        expr = where
    else:
        raise InvalidInput(f"where must be a SQL predicate (str) or a Polars expression; got {type(where).__name__}")
    form = _form(expr)
    if form is None:
        return _checked(expr, schema, object())
    key = blake2b(form, digest_size=32).digest()
    known = (key, *schema.items())
    predicate = _kept.get(known)
    if predicate is None:
        predicate = _checked(expr, schema, key)
        if len(form) <= MAX_BYTES:
            if len(_kept) >= _KEPT:
                _kept.clear()
            _kept[known] = predicate
    return predicate


def _checked(expr: pl.Expr, schema: Mapping[str, pl.DataType], key: Hashable) -> Predicate:
    columns = columns_of(expr, schema)
    tried = _collect(pl.DataFrame(schema=schema), expr)
    if tried.width != 1:
        raise InvalidInput(f"{expr!s:.80} makes {tried.width} columns; a predicate makes one (see pl.any_horizontal)")
    if tried.dtypes != [pl.Boolean]:
        raise InvalidInput(f"where must be true or false for each row; {expr!s:.80} is {tried.dtypes[0]}")
    if tried.height > (0 if columns else 1):
        raise InvalidInput(f"{expr!s:.80} is not one value a row; a predicate looks at one row at a time")
    return Predicate(expr, columns, key)


_kept: dict[Hashable, Predicate] = {}  # checking takes longer than a search of a small space


def _parsed(text: str) -> pl.Expr:
    checked = check_predicate(text)
    try:
        expr = pl.sql_expr(checked)
    except _FAILURES as error:
        raise InvalidInput(f"where is not a SQL predicate: {_first_line(error)}") from error
    try:
        pl.sql_expr(f"({checked})")
    except _FAILURES:  # what Polars takes for "predicate AS name" and no bracket can hold
        raise InvalidInput(f"where has more than a predicate: {text!r:.200}; give one predicate and no name") from None
    return expr


def _collect(frame: pl.DataFrame | pl.LazyFrame, *exprs: pl.Expr) -> pl.DataFrame:
    try:
        return frame.lazy().select(*exprs).collect(optimizations=_PLAIN)
    except _FAILURES as error:
        raise InvalidInput(f"the filter cannot be evaluated: {_first_line(error)}") from error


def _form(expr: pl.Expr) -> bytes | None:
    """The expression in bytes; None if it calls a Python function, which may change unseen."""
    if "python_udf" in str(expr):
        return None
    try:
        return expr.meta.serialize()
    except pl.exceptions.PolarsError:
        return None


def _first_line(error: Any) -> str:
    return str(error).partition("\n")[0]
