"""CAST: the types there are, by the names that SQL has for them, and what becomes a value of each."""

from __future__ import annotations

import polars as pl

from ..errors import InvalidInput
from .typed import Typed

TYPES: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "double": pl.Float64(),
    "integer": pl.Int64(),
    "string": pl.String(),
    "time": pl.Time(),
    "timestamp": pl.Datetime("us"),
}
_NAMES = {
    "bool": "boolean", "bigint": "integer", "char": "string", "datetime": "timestamp", "float": "double",
    "float64": "double", "int": "integer", "int64": "integer", "real": "double", "str": "string", "text": "string",
    "varchar": "string", **{name: name for name in TYPES},
}  # fmt: skip
_MOMENTS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_TIMES = ("%H:%M:%S%.f", "%H:%M")
_FROM = {  # "string" comes from all that have a plain form
    "boolean": "boolean numeric",
    "date": "date string",
    "double": "numeric string boolean",
    "integer": "numeric string boolean",
    "string": "string numeric boolean date time",
    "time": "time date string",
    "timestamp": "date string",
}


def type_named(name: str) -> str:
    """The type's own name for any of its names; InvalidInput lists those there are."""
    found = _NAMES.get(name.lower())
    if found is None:
        raise InvalidInput(f"cannot cast to {name:.40}; the types are: {', '.join(TYPES)}")
    return found


def cast(one: Typed, name: str) -> pl.Expr:
    """Convert each value; what can't be converted is an error when it is met."""
    if one.kind != "null" and one.kind not in _FROM[name].split():
        raise InvalidInput(f"cannot cast {one.kind} to {name}: {one}")
    if one.kind == "string" and name in ("date", "timestamp"):
        moment = _read(one.expr.str.replace("T", " ", literal=True), _MOMENTS, pl.Datetime("us"))
        return moment.dt.date() if name == "date" else moment
    if one.kind == "string" and name == "time":
        return _read(one.expr, _TIMES, pl.Time())
    return one.expr.cast(TYPES[name])


def _read(text: pl.Expr, forms: tuple[str, ...], dtype: pl.Datetime | pl.Time) -> pl.Expr:
    """By the first of these forms that fits each text; one that none fits is an error."""
    found = pl.coalesce([text.str.strptime(dtype, form, strict=False) for form in forms])
    return pl.coalesce(found, pl.when(found.is_null()).then(text).str.strptime(dtype, forms[0], strict=True))
