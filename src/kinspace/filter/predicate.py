"""The filter of a query, however it is written: checked against the columns, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from .build import all_of, check_size
from .expression import Expression
from .judge import columns_of as judged_columns
from .lower import Lowering
from .mongo import read_mapping
from .params import Params, parse_params, typed
from .resolve import columns_of, resolved
from .tree import Column, Node, Value

_PLAIN = pl.QueryOptFlags.none(projection_pushdown=True)  # looking for common terms takes minutes with many of them
_KEPT = 256  # compiled predicates
_KEPT_FORM = 65_536  # bytes of a tree or Polars expression, of those that are kept
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
        What it is, its columns found; None for a Polars expression.
    lasting : bool
        Whether what it was compiled from will mean the same a moment later; not so if that names the clock.
    """

    expr: pl.Expr
    columns: tuple[str, ...]
    key: Hashable
    tree: Node | None = None
    lasting: bool = True

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
        both = _collect(frame, self.expr.fill_null(False).alias("true"), pl.len().alias("rows"))
        if not both.height:
            return np.zeros(0, np.bool_)
        rows = int(both["rows"][0])
        found = both["true"].to_numpy()
        if len(found) == rows:
            return found
        if (self.columns and self.tree is None) or len(found) != 1:
            raise InvalidInput(f"the filter gave {len(found)} results for {rows} rows; it must give one for each row")
        return np.full(rows, found[0])


def compile_predicate(
    where: Any, schema: Mapping[str, pl.DataType], params: Mapping[str, Any] | None = None
) -> Predicate:
    """Return the filter, checked against the columns there are.

    Parameters
    ----------
    where : str, Expression, polars.Expr, or mapping
        A SQL predicate such as ``"section = 'games' AND installed_kib < :limit"``; ``ks.col("installed_kib") < 5000``;
        a Polars expression; or a mapping such as ``{"installed_kib": {"$lt": 5000}}``. docs/filters.md has what each
        may say, and what it means.
    schema : mapping of str to polars.DataType
        The columns and their types.
    params : mapping of str to a value, or to a list of them, optional
        What the ``:names`` of a SQL predicate stand for; each is to be used, and each that is used to be given.

    Returns
    -------
    Predicate

    Raises
    ------
    InvalidInput
        If it doesn't parse, names a column there is not (the message lists those there are), compares values of
        different kinds, isn't true or false, is more than a predicate (a subquery, an aggregate, a window), or is too
        long or nested too deep.

    Notes
    -----
    Comparing null is null, as in SQL, and null is not true. NaN is larger than every number and equal to itself, as
    in Polars. A Python function in a Polars expression is trusted to look at one row at a time.

    Examples
    --------
    >>> frame = pl.DataFrame({"year": [2019, None, 2023]})
    >>> compile_predicate("year >= :first", frame.schema, {"first": 2020}).evaluate(frame)
    array([False, False,  True])
    """
    if isinstance(where, str):
        return _of_text(where, schema, parse_params(params))
    if params is not None:
        raise InvalidInput(
            f"params are for a SQL predicate; this filter is a {type(where).__name__}: put the values in it"
        )
    if isinstance(where, Expression):
        return _of_tree(where.tree, schema)
    if isinstance(where, pl.Expr):
        return _of_polars(where, schema)
    return _of_tree(read_mapping(parse_filter(where), schema), schema)


def parse_filter(where: Any) -> Any:
    """Return what may be a filter; InvalidInput if it is of none of the four kinds."""
    if isinstance(where, (str, Expression, pl.Expr, Mapping)):
        return where
    raise InvalidInput(
        "where must be a SQL predicate (str), a ks.col expression, a mapping such as {'year': {'$gte': 2020}}, "
        f"or a Polars expression; got {type(where).__name__}"
    )


def conjunction(predicates: Sequence[Predicate], schema: Mapping[str, pl.DataType]) -> Predicate:
    """Return the predicate that is true where all of these, one at least, compiled for the same schema, are true."""
    if len(predicates) == 1:
        return predicates[0]
    lasting = all(one.lasting for one in predicates)
    trees = [one.tree for one in predicates if one.tree is not None]
    if len(trees) == len(predicates):
        return replace(_of_tree(all_of(trees), schema), lasting=lasting)
    return replace(_of_polars(pl.all_horizontal(one.expr for one in predicates), schema), lasting=lasting)


def value_expression(value: Any, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the Polars expression of a value of each row, checked against the columns there are.

    Parameters
    ----------
    value : Expression, str, or polars.Expr
        ``ks.col("installed_kib") / 1024``; the same in SQL, ``"installed_kib / 1024"``; or a Polars expression, which
        is returned as it is.
    schema : mapping of str to polars.DataType
        The columns and their types.

    Returns
    -------
    polars.Expr
        One value a row, from that row alone; whole numbers are Int64.

    Raises
    ------
    InvalidInput
        As for ``compile_predicate``.

    Examples
    --------
    >>> frame = pl.DataFrame({"kib": [512, 2048]})
    >>> frame.select(mib=value_expression("kib / 1024", frame.schema))["mib"].to_list()
    [0.5, 2.0]
    """
    if isinstance(value, pl.Expr):
        return value
    if isinstance(value, Expression):
        tree = value.tree
    elif isinstance(value, str):
        from .sql import read_sql

        tree = read_sql(value, {})[0]
    else:
        raise InvalidInput(
            f"a value must be a ks.col expression, SQL (str) or a Polars expression; got {type(value).__name__}"
        )
    check_size(tree)
    found = Lowering(schema).value(resolved(tree, schema))
    whole = found.dtype.is_integer() and found.dtype not in (pl.Int64, pl.UInt64)
    return found.expr.cast(pl.Int64) if whole and not isinstance(tree, Column) else found.expr


def _of_text(text: str, schema: Mapping[str, pl.DataType], params: Params) -> Predicate:
    known = (text, typed(params), *schema.items())
    predicate = _kept.get(known)
    if predicate is None:
        from .sql import read_sql  # its parser takes a moment to load

        tree, lasting = read_sql(text, params)
        predicate = _of_tree(tree, schema)
        if not lasting:
            return replace(predicate, lasting=False)
        if (predicate.key, *schema.items()) in _kept:  # it is not too large
            _keep(known, predicate)
    return predicate


def _of_tree(written: Value, schema: Mapping[str, pl.DataType]) -> Predicate:
    check_size(written)
    tree = resolved(written, schema)
    form = repr(tree).encode()
    key = blake2b(form, digest_size=32).digest()
    known = (key, *schema.items())
    predicate = _kept.get(known)
    if predicate is None:
        predicate = Predicate(Lowering(schema).predicate(tree), columns_of(tree), key, cast(Node, tree))
        if len(form) <= _KEPT_FORM:
            _keep(known, predicate)
    return predicate


def _of_polars(expr: pl.Expr, schema: Mapping[str, pl.DataType]) -> Predicate:
    form = _form(expr)
    if form is None:
        return _checked(expr, schema, object())
    key = blake2b(form, digest_size=32).digest()
    known = (key, *schema.items())
    predicate = _kept.get(known)
    if predicate is None:
        predicate = _checked(expr, schema, key)
        if len(form) <= _KEPT_FORM:
            _keep(known, predicate)
    return predicate


def _keep(known: Hashable, predicate: Predicate) -> None:
    if len(_kept) >= _KEPT:
        _kept.clear()
    _kept[known] = predicate


def _checked(expr: pl.Expr, schema: Mapping[str, pl.DataType], key: Hashable) -> Predicate:
    columns = judged_columns(expr, schema)
    tried = _collect(pl.DataFrame(schema=schema), expr)
    if tried.width != 1:
        raise InvalidInput(f"{expr!s:.80} makes {tried.width} columns; a predicate makes one (see pl.any_horizontal)")
    if tried.dtypes != [pl.Boolean]:
        raise InvalidInput(f"where must be true or false for each row; {expr!s:.80} is {tried.dtypes[0]}")
    if tried.height > (0 if columns else 1):
        raise InvalidInput(f"{expr!s:.80} is not one value a row; a predicate looks at one row at a time")
    return Predicate(expr, columns, key)


_kept: dict[Hashable, Predicate] = {}  # checking takes longer than a search of a small space


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
