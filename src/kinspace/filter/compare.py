"""Comparisons as Polars expressions, exact where Polars would round one side to the other's type.

A number is compared with a column of whole numbers or decimals as the number it is: nothing equals 0.5, and 2^53 + 1
is larger than 2^53. Dates and times likewise, whatever units they are kept in. A fraction is taken as precisely as the
column of floats it is compared with; NaN is larger than every number and equal to itself.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from .tree import Comparison, Scalar
from .typed import NULL, Typed, check_kinds, constant, kind_of, type_of

SIGNS: dict[Comparison, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FLIPPED: dict[Comparison, Comparison] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_UNITS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = datetime(1970, 1, 1)
_Exact = Fraction | float  # a float only if it is infinite or NaN


def compared(comparison: Comparison, left: Typed, right: Typed) -> pl.Expr:
    """Whether they stand so to each other; null if either is."""
    check_kinds(left, right)
    if "null" in (left.kind, right.kind):
        return NULL
    if left.known and not right.known:
        return _against(FLIPPED[comparison], right, left.value)
    if right.known and not left.known:
        return _against(comparison, left, right.value)
    a, b = _alike(left, right)
    return SIGNS[comparison](a, b)  # type: ignore[no-any-return]  # operator's functions are untyped


def among(one: Typed, options: Sequence[Scalar]) -> pl.Expr:
    """Whether it equals one of these; null if it is null, or if it equals none and null is among them."""
    for each in {type_of(value): value for value in options}.values():
        check_kinds(one, constant(each))
    if one.kind == "null":
        return NULL
    values = [value for value in options if value is not None]
    whole = _whole(one.dtype)
    if whole is not None:
        scale, low, high = whole
        exact = {_exact(value, one, scale) for value in values}
        kept = sorted(int(number) for number in exact if isinstance(number, Fraction) and number.denominator == 1)
        found = _is_in(_physical(one), [number for number in kept if low <= number <= high], _storage(one.dtype))
    elif one.dtype.is_float():
        floats = [_nearest(value, one.dtype) for value in values]
        equal = [near for near, exact in floats if exact == near or math.isnan(near)]
        found = _is_in(one.expr, equal, one.dtype)
    else:
        found = _is_in(one.expr, values, one.dtype)
    return pl.when(found).then(True) if None in options else found


def _is_in(expr: pl.Expr, values: list[Any], dtype: pl.DataType) -> pl.Expr:
    if not values:
        return _always(expr, False)
    if len(values) == 1:
        return expr == pl.lit(values[0], dtype=dtype)
    return expr.is_in(pl.Series(values, dtype=dtype).implode())


def _always(expr: pl.Expr, answer: bool) -> pl.Expr:
    return pl.when(expr.is_not_null()).then(pl.lit(answer))


def _against(comparison: Comparison, one: Typed, value: Scalar) -> pl.Expr:
    whole = _whole(one.dtype)
    if whole is not None:
        scale, low, high = whole
        number = _exact(value, one, scale)
        return _against_whole(comparison, _physical(one), number, low, high, _storage(one.dtype))
    if one.dtype.is_float():
        near, exact = _nearest(value, one.dtype)
        if exact != near and not math.isnan(near):  # a whole number that no float is
            if comparison in ("=", "!="):
                return _always(one.expr, comparison == "!=")
            if comparison in ("<", "<="):
                comparison = "<" if near > exact else "<="
            else:
                comparison = ">=" if near > exact else ">"
        return SIGNS[comparison](one.expr, pl.lit(near, dtype=one.dtype))  # type: ignore[no-any-return]  # operator's functions are untyped
    return SIGNS[comparison](one.expr, constant(value).expr)  # type: ignore[no-any-return]  # operator's functions are untyped


def _against_whole(
    comparison: Comparison, expr: pl.Expr, number: _Exact, low: int, high: int, dtype: pl.DataType
) -> pl.Expr:
    """Compare whole numbers in low…high with any number."""
    if isinstance(number, float):  # NaN is beyond infinity
        above = math.isnan(number) or number > 0
        return _always(expr, comparison == "!=" or (comparison in ("<", "<=") if above else comparison in (">", ">=")))
    if comparison in ("=", "!="):
        if number.denominator != 1 or not low <= number <= high:
            return _always(expr, comparison == "!=")
        return SIGNS[comparison](expr, pl.lit(int(number), dtype=dtype))  # type: ignore[no-any-return]  # operator's functions are untyped
    if comparison in ("<", "<="):
        limit = math.ceil(number) - 1 if comparison == "<" else math.floor(number)
        if limit >= high or limit < low:
            return _always(expr, limit >= high)
        return expr <= pl.lit(limit, dtype=dtype)
    limit = math.floor(number) + 1 if comparison == ">" else math.ceil(number)
    if limit <= low or limit > high:
        return _always(expr, limit <= low)
    return expr >= pl.lit(limit, dtype=dtype)


def _whole(dtype: pl.DataType) -> tuple[Fraction, int, int] | None:
    """Of types kept as whole numbers: how many of them make 1, or a microsecond, and their range."""
    if dtype.is_integer():
        bits = 128 if "128" in str(dtype) else int(str(dtype).strip("UInt"))
        low, high = (0, 1 << bits) if dtype.is_unsigned_integer() else (-(1 << bits - 1), 1 << bits - 1)
        return Fraction(1), low, high - 1
    if isinstance(dtype, pl.Decimal):
        return Fraction(10**dtype.scale), -(1 << 127), (1 << 127) - 1
    if isinstance(dtype, (pl.Datetime, pl.Duration)):
        return Fraction(_UNITS[dtype.time_unit], 1_000_000), -(1 << 63), (1 << 63) - 1
    if isinstance(dtype, pl.Time):
        return Fraction(1_000), -(1 << 63), (1 << 63) - 1
    return (Fraction(1, 86_400_000_000), -(1 << 31), (1 << 31) - 1) if isinstance(dtype, pl.Date) else None


def _physical(one: Typed) -> pl.Expr:
    return one.expr if one.dtype.is_integer() else one.expr.to_physical()


def _storage(dtype: pl.DataType) -> pl.DataType:
    if dtype.is_integer():
        return dtype
    return pl.Int128() if dtype.is_decimal() else pl.Int32() if isinstance(dtype, pl.Date) else pl.Int64()


def _exact(value: Scalar, one: Typed, scale: Fraction) -> _Exact:
    """The number that is, or the moment in microseconds, by how many of the type make 1 of it."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return value
        return scale * (Fraction(repr(value)) if one.dtype.is_decimal() else Fraction(value))
    match value:
        case datetime():
            since = value.replace(tzinfo=None) - _EPOCH
        case date():
            since = datetime(value.year, value.month, value.day) - _EPOCH
        case time():
            since = datetime.combine(_EPOCH, value) - _EPOCH
        case timedelta():
            since = value
        case int() | Decimal():
            return scale * Fraction(value)
        case _:
            raise AssertionError("kinds were checked")
    return scale * (since // timedelta(microseconds=1))


def _nearest(value: Scalar, dtype: pl.DataType) -> tuple[float, _Exact]:
    """The nearest number of a float type, and the one to compare with: fractions are taken as precise as the type."""
    with np.errstate(over="ignore"):
        try:
            near = float(np.float32(float(value)) if isinstance(dtype, pl.Float32) else float(value))  # type: ignore[arg-type]  # a number
        except OverflowError:
            near = math.inf if value > 0 else -math.inf  # type: ignore[operator]  # a number
    return near, Fraction(value) if isinstance(value, int) else near


def _alike(left: Typed, right: Typed) -> tuple[pl.Expr, pl.Expr]:
    """Two expressions that Polars compares as what they are."""
    a, b = left.dtype, right.dtype
    if a.is_integer() and b.is_integer() and a.is_unsigned_integer() != b.is_unsigned_integer():
        return left.expr.cast(pl.Int128), right.expr.cast(pl.Int128)
    if kind_of(a) == "date" and a != b:
        unit = max((t.time_unit for t in (a, b) if isinstance(t, pl.Datetime)), key=_UNITS.__getitem__)
        pair = []
        for one in (left, right):
            zone = one.dtype.time_zone if isinstance(one.dtype, pl.Datetime) else None
            pair.append(one.expr.cast(pl.Datetime(unit, zone)))
        return pair[0], pair[1]
    return left.expr, right.expr
