"""Where a page ended: the place in the order, and the text that carries it to whoever asks for the next page."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from .source import Rows

VERSION = 1
_CHECK_BYTES = 8
_AS_INT = (pl.Date, pl.Datetime, pl.Duration, pl.Time)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its seq, and its distance or what it was sorted by, if it was.

    Rows after it are told by comparing with these, so that the row itself may be gone, and others come before it.
    """

    given: int  # rows of all pages so far
    seq: int
    distance: float | None = None
    values: tuple[Any, ...] = ()

    @staticmethod
    def at(given: int, seq: int, distance: float | None, values: pl.DataFrame | None) -> Cursor:
        """The cursor of a row, with the values it was sorted by in a frame of one row."""
        return Cursor(given, seq, distance, () if values is None else tuple(_plain(one) for one in values))

    def place_by_seq(self, rows: Rows, handles: NDArray[np.int64]) -> int:
        """How many of these rows, which are in row order, come no later."""
        return int(np.searchsorted(rows.seqs(handles), np.uint64(self.seq), "right"))

    def place_by_distance(self, rows: Rows, handles: NDArray[np.int64], distances: NDArray[np.float64]) -> int:
        """How many of these rows, which are in order of distance, come no later."""
        assert self.distance is not None  # checked with the question
        nearer, low = (int(np.searchsorted(distances, self.distance, side)) for side in ("left", "right"))
        return nearer + self.place_by_seq(rows, handles[nearer:low])

    def row(self, schema: pl.Schema) -> pl.DataFrame:
        """A frame of one row with the values it was sorted by, in columns of these types."""
        if len(self.values) != len(schema):
            raise _foreign()
        try:
            return pl.DataFrame(
                [_series(name, dtype, value) for (name, dtype), value in zip(schema.items(), self.values, strict=True)]
            )
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError, ArithmeticError) as error:
            raise _foreign() from error

    def token(self, question: bytes) -> str:
        """The cursor as text, with what it is a place in the order of."""
        distance = None if self.distance is None else self.distance.hex()
        told = json.dumps([self.given, self.seq, distance, list(self.values)], separators=(",", ":"), allow_nan=False)
        body = bytes([VERSION]) + question + told.encode()
        return base64.urlsafe_b64encode(_check(body) + body).rstrip(b"=").decode()


def read_token(token: Any, question: bytes, sorted_by: int | None) -> Cursor:
    """The cursor of a token.

    Parameters
    ----------
    token : str
        As ``Cursor.token`` made it.
    question : bytes
        What a token must be of.
    sorted_by : int or None
        The number of columns sorted by, None if the order is by distance.

    Raises
    ------
    InvalidInput
        If it is no token, is damaged, or is another select's.
    """
    if not isinstance(token, str):
        raise InvalidInput(f"after must be a page's token (page.next); got {token!r:.100} ({type(token).__name__})")
    try:
        whole = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _no_token(token) from None
    check, body = whole[:_CHECK_BYTES], whole[_CHECK_BYTES:]
    if len(body) <= 1 + len(question) or check != _check(body):
        raise _no_token(token)
    if body[0] != VERSION:
        raise InvalidInput(f"the token is of version {body[0]}, and this Kinspace knows {VERSION}; begin again")
    if body[1 : 1 + len(question)] != question:
        raise _foreign()
    try:
        given, seq, distance, values = json.loads(body[1 + len(question) :])
        far = None if distance is None else float.fromhex(distance)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _no_token(token) from None
    numbers = type(given) is int and type(seq) is int and given >= 0 and 0 <= seq < 2**64
    if not (numbers and isinstance(values, list) and len(values) == (sorted_by or 0)):
        raise _no_token(token)
    if (far is None) is not (sorted_by is not None) or far != far:
        raise _no_token(token)
    return Cursor(given, seq, far, tuple(values))


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_BYTES, person=b"ks page").digest()


def _no_token(token: str) -> InvalidInput:
    return InvalidInput(f"after must be the token of a page (page.next), unchanged; got {token!r:.100}")


def _foreign() -> InvalidInput:
    return InvalidInput(
        "the token is of another select: where, nearest, within, sort and group must be as they were, and so must "
        "the vector of a key; begin again without after"
    )


def _plain(value: pl.Series) -> Any:
    """A series of one value as JSON has it, from which _series makes it again to the bit."""
    kind = value.dtype
    if kind.is_nested() or kind == pl.Object:
        raise InvalidInput(f"pages cannot continue after {value.name!r} ({kind}); sort by a column of plain values")
    if isinstance(kind, _AS_INT):
        return value.to_physical().item()
    item = value.item()
    if isinstance(item, float):
        return item.hex()
    if isinstance(item, bytes):
        return base64.b64encode(item).decode()
    return str(item) if isinstance(item, Decimal) else item


def _series(name: str, kind: pl.DataType, value: Any) -> pl.Series:
    """A series of that one value; TypeError or ValueError if it is none of the type's."""
    if value is None:
        return pl.Series(name, [None], kind)
    if isinstance(kind, _AS_INT) and type(value) is int:
        return pl.Series(name, [value], pl.Int64).cast(kind)
    if kind.is_float() and type(value) in (str, int):
        return pl.Series(name, [float.fromhex(value) if isinstance(value, str) else float(value)], kind)
    if kind == pl.Binary and type(value) is str:
        return pl.Series(name, [base64.b64decode(value)], kind)
    if kind.is_decimal() and type(value) is str:
        return pl.Series(name, [Decimal(value)], kind)
    wanted: dict[bool, type] = {kind == pl.Boolean: bool, kind.is_integer(): int}
    if type(value) is not wanted.get(True, str):
        raise TypeError(f"{value!r:.40} is no {kind}")
    return pl.Series(name, [value], kind)
