"""The values that a filter may compare with: what Python, NumPy and others call them, as the tree's own."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

import numpy as np

from ..errors import InvalidInput
from .tree import Scalar

MAX_TEXT = 65_536  # characters of a string
_WIDEST = 1 << 127  # whole numbers are computed with in 128 bits


def parse_scalar(value: Any, what: str) -> Scalar:
    """Return a value as one of the types a constant may have; ``what`` says in an error's text whose it is.

    Raises
    ------
    InvalidInput
        If it is of any other type, a string longer than 65,536 characters or with a surrogate, a number that does not
        fit in 128 bits, or a date with a time zone that is none in UTC.
    """
    if isinstance(value, np.generic):
        value = _of_numpy(value)
    elif isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, float)):
        return value if value is None or isinstance(value, bool) else float(value)
    if isinstance(value, int):
        if not -_WIDEST <= value < _WIDEST:
            raise InvalidInput(f"{what} does not fit in 128 bits")
        return int(value)
    if isinstance(value, str):
        return _text(str(value), what)
    if isinstance(value, datetime):
        return _moment(value, what)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    if isinstance(value, time):
        if value.tzinfo is not None:
            raise InvalidInput(f"{what} is a time of day with a time zone; give one without")
        return time(value.hour, value.minute, value.second, value.microsecond)
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 38:
            raise InvalidInput(f"{what} must be a finite decimal of at most 38 digits; got {value!s:.60}")
        return Decimal(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise InvalidInput(
        f"{what} must be a number, string, bool, date, datetime, time, timedelta, bytes or None; "
        f"got {type(value).__name__}"
    )


def parse_number(text: str) -> int | float:
    """Return what digits, with a point or exponent, stand for; InvalidInput if that is no number of those there are."""
    try:
        if text.isdecimal():
            return cast(int, parse_scalar(int(text) if len(text) < 60 else _WIDEST, f"the number {text:.60}"))
        number = float(text)
    except ValueError as error:
        raise error if isinstance(error, InvalidInput) else InvalidInput(f"{text!r:.60} is no number") from None
    if number == float("inf"):
        raise InvalidInput(f"the number {text:.60} is larger than any of 64 bits")
    return number


def _text(value: str, what: str) -> str:
    if len(value) > MAX_TEXT:
        raise InvalidInput(f"{what} is a string of {len(value):,} characters; a filter's have at most {MAX_TEXT:,}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} is not Unicode text: {error}") from None
    return value


def _moment(value: datetime, what: str) -> datetime:
    plain = datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond,
        value.tzinfo, fold=value.fold,
    )  # fmt: skip
    if plain.utcoffset() is None:
        return plain.replace(tzinfo=None, fold=0)
    try:
        return plain.astimezone(UTC).replace(fold=0)
    except (OverflowError, ValueError):
        raise InvalidInput(f"{what} is no date of the years 1…9999 in UTC") from None


def _of_numpy(value: np.generic) -> Any:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        if np.isnat(value):
            return None
        return value.astype(f"{value.dtype.kind}8[us]").item()
    return value.item()
