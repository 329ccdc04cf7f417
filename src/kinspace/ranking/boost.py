"""A number of each row's own, out of its columns, by which it is ranked as nearer than it is."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl

_KEPT = 64  # compiled boosts
_LONGEST = 4_096  # characters of one that is kept
_kept: dict[Hashable, Boost] = {}  # reading and checking one takes longer than a search by index


@dataclass(frozen=True, eq=False)
class Boost:
    """An expression over rows with known columns: one number for each row, from that row alone."""

    expr: pl.Expr
    columns: tuple[str, ...]  # the ones it reads

    def of(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return the boost of each row of a frame with these columns; null is 0.

        Raises
        ------
        InvalidInput
            If it is not finite for a row, which the message shows, or cannot be evaluated.
        """
        import polars as pl

        try:
            found = frame.select(self.expr.cast(pl.Float64).fill_null(0.0).alias("boost")).to_series().to_numpy()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise InvalidInput(f"the boost cannot be evaluated: {str(error).partition(chr(10))[0]}") from error
        if not self.columns:
            found = np.full(frame.height, found[0])
        if len(found) != frame.height:
            raise InvalidInput(
                f"the boost gave {len(found)} numbers for {frame.height} rows; it must give one for each"
            )
        good = np.isfinite(found)
        if not good.all():
            row = int(np.argmin(good))
            values = " and ".join(f"{name} is {frame[name][row]!s:.40}" for name in self.columns)
            raise InvalidInput(
                f"the boost is {found[row]}{' where ' * bool(values)}{values}; it must be finite, or null, which is 0: "
                f"say what such rows get, as in CASE WHEN x > 0 THEN ln(x) END"
            )
        return found


def compile_boost(boost: Any, schema: Mapping[str, pl.DataType]) -> Boost:
    """Return the boost, checked against the columns there are.

    Parameters
    ----------
    boost : str, Expression or polars.Expr
        A SQL expression such as ``"0.1 * log1p(popularity)"``, ``ks.col("stars") / 1000``, or a Polars expression.
    schema : mapping of str to polars.DataType

    Raises
    ------
    InvalidInput
        If it doesn't parse, names a column there is not, is not a number, or looks at more than one row.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"popularity": [0, 3, None]})
    >>> compile_boost("0.5 * popularity", frame.schema).of(frame)
    array([0. , 1.5, 0. ])
    """
    if not isinstance(boost, str):
        return _checked(boost, schema)
    from ..filter.sql import read_sql

    known = (boost, *schema.items())
    made = _kept.get(known)
    if made is None:
        made = _checked(boost, schema)
        if read_sql(boost, {})[1] and len(boost) <= _LONGEST:  # not if it names the clock
            if len(_kept) >= _KEPT:
                _kept.clear()
            _kept[known] = made
    return made


def _checked(boost: Any, schema: Mapping[str, pl.DataType]) -> Boost:
    import polars as pl

    expr, columns = _expression(boost, schema)
    try:
        tried = pl.DataFrame(schema=dict(schema)).select(expr)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InvalidInput(f"the boost cannot be evaluated: {str(error).partition(chr(10))[0]}") from error
    if tried.width != 1 or tried.height > (0 if columns else 1):
        raise InvalidInput(f"boost must be one number for each row; {expr!s:.80} is not")
    if not (tried.dtypes[0].is_numeric() or tried.dtypes[0] == pl.Null):
        raise InvalidInput(f"boost must be a number for each row; {expr!s:.80} is {tried.dtypes[0]}")
    return Boost(expr, columns)


def _expression(boost: Any, schema: Mapping[str, pl.DataType]) -> tuple[pl.Expr, tuple[str, ...]]:
    import polars as pl

    from ..filter import Expression, value_expression
    from ..filter.judge import columns_of

    if not isinstance(boost, (str, Expression, pl.Expr)):
        raise InvalidInput(
            f"boost must be a SQL expression (str), or an expression of ks.col or Polars; got {type(boost).__name__}"
        )
    try:
        expr = value_expression(boost, schema)
        return expr, columns_of(expr, schema)
    except InvalidInput as error:
        raise InvalidInput(f"in boost={boost!s:.80}: {error}") from error
