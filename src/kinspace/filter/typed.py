"""A value of a filter on its way to Polars: its expression, its type, and what an error calls it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl

from ..errors import InvalidInput
from .tree import Scalar

BOOLEAN = pl.Boolean()
NULL = pl.lit(None, dtype=pl.Boolean)
_HINTS = {
    (
        "date",
        "string",
    ): "write DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00' in SQL, a date or datetime in Python",
    (
        "date",
        "numeric",
    ): "write DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00' in SQL, a date or datetime in Python",
    ("numeric", "string"): "give a number, without quotes",
    ("boolean", "string"): "give TRUE or FALSE, without quotes",
    ("boolean", "numeric"): "give TRUE or FALSE, not 1 or 0",
    ("string", "numeric"): "give a string, in quotes",
    ("string", "date"): "cast the column to a date, or give a string",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression and its type; ``value`` too, if it is the same for every row (``known``)."""

    expr: pl.Expr
    dtype: pl.DataType
    called: str
    known: bool = False
    value: Scalar = None

    @property
    def kind(self) -> str:
        """What it can be compared with: what is of the same kind."""
        return kind_of(self.dtype)

    def __str__(self) -> str:
        return f"{self.called} is {self.dtype}"


def kind_of(dtype: pl.DataType) -> str:
    """One word for the types that compare with each other; "null" compares with all."""
    if dtype.is_numeric():
        return "numeric"
    if isinstance(dtype, (pl.Date, pl.Datetime)):
        return "date"
    if isinstance(dtype, (pl.List, pl.Array)):
        return "list"
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return "string"
    names = {pl.Boolean: "boolean", pl.Time: "time", pl.Duration: "interval", pl.Struct: "struct", pl.Null: "null"}
    return names.get(type(dtype), str(dtype).lower())


def constant(value: Scalar) -> Typed:
    """A value that is the same for every row."""
    dtype = type_of(value)
    shown = repr(value) if isinstance(value, (str, bytes)) else "NULL" if value is None else str(value)
    return Typed(pl.lit(value, dtype=dtype), dtype, shown if len(shown) <= 60 else shown[:59] + "…", True, value)


def type_of(value: Scalar) -> pl.DataType:
    """The type that Polars has such a value in."""
    match value:
        case None:
            return pl.Null()
        case bool():
            return BOOLEAN
        case int():
            return pl.Int64() if -(1 << 63) <= value < 1 << 63 else pl.Int128()
        case float():
            return pl.Float64()
        case str():
            return pl.String()
        case bytes():
            return pl.Binary()
        case Decimal():
            return pl.Decimal(38, min(38, max(0, -int(value.as_tuple().exponent))))
        case datetime():
            return pl.Datetime("us", None if value.tzinfo is None else "UTC")
        case date():
            return pl.Date()
        case time():
            return pl.Time()
        case timedelta():
            return pl.Duration("us")


def check_kinds(left: Typed, right: Typed, doing: str = "compare") -> None:
    """Raise InvalidInput, naming both and what to do, unless they are of one kind or one is null."""
    one, other = left.kind, right.kind
    if "null" in (one, other):
        return
    if "object" in (one, other) or one != other:
        hint = _HINTS.get((one, other)) or (_HINTS.get((other, one)) if left.known else None)
        if hint is None:
            hint = {
                "list": "write 'x' = ANY(tags), or contains(tags, 'x')",
                "struct": "name one of its fields: made.by",
            }.get(one if one in ("list", "struct") else other, f"give a {one}" if right.known else "cast one of them")
        raise InvalidInput(f"cannot {doing} {one} with {other}: {left}, {right}; {hint}")
    if isinstance(left.dtype, pl.Datetime) or isinstance(right.dtype, pl.Datetime):
        zones = [t.dtype.time_zone if isinstance(t.dtype, pl.Datetime) else None for t in (left, right)]
        if (zones[0] is None) != (zones[1] is None):
            raise InvalidInput(
                f"cannot {doing} a time with a time zone and one without: {left}, {right}; "
                "give a datetime with tzinfo, or TIMESTAMP '2024-01-31 12:00:00+00:00', where the column has a zone"
            )
