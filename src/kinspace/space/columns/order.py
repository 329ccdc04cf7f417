"""Values of a column as whole numbers in the same order: what minima, maxima and comparisons need of them."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

    from ...filter.tree import Comparison, Scalar

SHARED = 256  # bytes at most that all strings of a column begin with, and of which nothing is kept
BYTES = 8  # of a string, behind those, are its number
_EPOCH = datetime(1970, 1, 1)
_UNITS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}  # in a second
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400_000_000  # of those
_EXACT = 1 << 53  # up to here a double has every whole number
_LARGEST = (1 << 63) - 1


class Place(NamedTuple):
    """Where a value stands among the numbers of a column: from `low` to `high`.

    A column's value with a number below is less, with one above is greater. Unless `vague`, and if low is high, one
    with that very number is equal.
    """

    low: int
    high: int
    vague: bool


def numbers(values: pl.Series) -> NDArray[np.int64] | None:
    """The number of each value, whatever for null; None for types that have none, and for strings (string_number)."""
    import polars as pl

    dtype = values.dtype
    if dtype.is_float():
        return float_numbers(values.cast(pl.Float64).fill_null(0.0).to_numpy())
    if dtype == pl.UInt64 or dtype == pl.Int128:
        return None
    if dtype.is_integer() or dtype == pl.Boolean:
        return values.cast(pl.Int64).fill_null(0).to_numpy()
    if dtype in (pl.Date, pl.Datetime, pl.Time, pl.Duration):
        return values.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
    return None


def float_numbers(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers in the order of doubles; both zeros have one, and NaN, of which there is one kind, is the largest."""
    plain = np.where(np.isnan(values), np.nan, values + 0.0)
    bits = plain.view(np.int64)
    return np.where(bits < 0, bits ^ _LARGEST, bits)


def string_number(text: bytes, shared: bytes) -> int:
    """The number of a string that begins with the shared bytes; longer ones have that of others."""
    return int.from_bytes(text[len(shared) :][:BYTES].ljust(BYTES, b"\0"), "big") - (1 << 63)


def place(dtype: pl.DataType, shared: bytes, comparison: Comparison, value: Scalar) -> tuple[Comparison, Place] | None:
    """Where a value stands in a column of a type, and how to compare with it there; None if nothing is certain.

    That is so unless both are of one kind: numbers, or strings, say.
    """
    import polars as pl

    if isinstance(value, str):
        return (comparison, _string_place(value, shared)) if dtype == pl.String else None
    if isinstance(value, bool):
        return (comparison, Place(value, value, False)) if dtype == pl.Boolean else None
    if isinstance(value, (int, float)):
        if dtype.is_float():
            return _among_floats(dtype, comparison, value)
        exact = isinstance(value, int) or (math.isfinite(value) and abs(value) < _EXACT)
        return _whole(comparison, Fraction(value)) if exact and dtype.is_integer() else None
    moment = _moment(dtype, value)
    return None if moment is None else _whole(comparison, moment)


def _string_place(value: str, shared: bytes) -> Place:
    text = value.encode(errors="surrogatepass")
    if text.startswith(shared):
        number = string_number(text, shared)
        return Place(number, number, True)
    beyond = -_LARGEST - 2 if text < shared else _LARGEST + 1
    return Place(beyond, beyond, False)


def _among_floats(dtype: pl.DataType, comparison: Comparison, value: float) -> tuple[Comparison, Place] | None:
    import polars as pl

    if (isinstance(value, int) and abs(value) > _EXACT) or dtype not in (pl.Float32, pl.Float64):
        return None
    with np.errstate(over="ignore"):
        read = [float(value), float(np.float32(value))]  # compared as one or the other
    found = [int(number) for number in float_numbers(np.array(read))]
    if dtype == pl.Float64:
        return comparison, Place(found[0], found[0], False)
    return comparison, Place(min(found), max(found), found[0] != found[1])


def _moment(dtype: pl.DataType, value: Scalar) -> Fraction | None:
    """A date or a time in a column's units."""
    import polars as pl

    if isinstance(value, date):  # or a datetime, which is one
        whole = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        if whole.tzinfo is not None:
            return None
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
            return _in_units(whole - _EPOCH, dtype.time_unit)
        return Fraction((whole - _EPOCH) // _MICROSECOND, _DAY) if dtype == pl.Date else None
    if isinstance(value, timedelta):
        return _in_units(value, dtype.time_unit) if isinstance(dtype, pl.Duration) else None
    if isinstance(value, time) and value.tzinfo is None and dtype == pl.Time:
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return Fraction(seconds * 10**9 + value.microsecond * 1_000)
    return None


def _in_units(value: timedelta, unit: str) -> Fraction:
    return Fraction(value // _MICROSECOND * _UNITS[unit], 1_000_000)


def _whole(comparison: Comparison, value: Fraction) -> tuple[Comparison, Place] | None:
    """Among whole numbers; what lies between two of them is compared with one of these."""
    below = math.floor(value)
    if below != value:
        if comparison in ("=", "!="):
            return None
        comparison = "<=" if comparison in ("<", "<=") else ">"
    return comparison, Place(below, below, False)
