"""Columns as Arrow: the types they may have, how types widen, and their bytes in the log and in rows.arrow."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from ..errors import Corrupt, InvalidInput
from ..types import Key

Schema = dict[str, pl.DataType]  # the user's columns, without the key

_SIMPLE: dict[frozenset[type], pl.DataType] = {  # values of these Python types, and no others, have this type
    frozenset([int]): pl.Int64(),
    frozenset([float]): pl.Float64(),
    frozenset([int, float]): pl.Float64(),
    frozenset([str]): pl.String(),
    frozenset([bool]): pl.Boolean(),
    frozenset([bytes]): pl.Binary(),
    frozenset([date]): pl.Date(),
}
_REFUSALS = (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError)


def encode(frame: pl.DataFrame) -> bytes:
    """The frame as an Arrow IPC stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def decode(body: bytes) -> pl.DataFrame:
    """The frame of an Arrow IPC stream whose checksum has been verified."""
    try:
        return pl.read_ipc_stream(io.BytesIO(body))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise Corrupt(f"columns of a log entry can't be read: {error}") from error


def encode_schema(schema: Schema) -> bytes:
    """The columns' types, as an empty frame."""
    return encode(pl.DataFrame(schema=schema)) if schema else b""


def decode_schema(body: bytes) -> Schema:
    """What encode_schema wrote."""
    return dict(_decoded_schema(body)) if body else {}


@lru_cache(128)  # each commit's view has it decoded, and it hardly ever changes
def _decoded_schema(body: bytes) -> pl.Schema:
    return decode(body).schema


def check_name(name: object) -> str:
    """A column's name, or InvalidInput."""
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"a column's name is a non-empty str; got {name!r}")
    if name in ("key", "vector") or name.startswith("_"):
        raise InvalidInput(
            f"column name {name!r} is reserved ('key', 'vector' and names that begin with '_'); rename it"
        )
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        raise InvalidInput(f"column name {name!r} reads as a pattern in filters; rename it")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a column's name must be text that UTF-8 can hold; got {name!r}") from error
    return name


def frame_of_rows(rows: Mapping[str, list[Any]], keys: Sequence[Key]) -> pl.DataFrame:
    """A frame of Python values, column by column, row for row with keys; each column of one type, null allowed."""
    return pl.DataFrame([_series(check_name(name), values, keys) for name, values in rows.items()])


def _series(name: str, values: list[Any], keys: Sequence[Key]) -> pl.Series:
    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    dtype = _SIMPLE.get(frozenset(kinds))
    try:
        if dtype is not None:
            return pl.Series(name, plain, dtype=dtype, strict=dtype != pl.Float64)
        if not kinds:
            return pl.Series(name, plain, dtype=pl.Null)
        return _folded(name, plain, keys)
    except _REFUSALS as error:
        return _folded(name, plain, keys, error)


def _folded(name: str, values: list[Any], keys: Sequence[Key], cause: Exception | None = None) -> pl.Series:
    """A series of values whose types are looked at one by one, since Polars goes by the first."""
    singles, whole = [], pl.Series(dtype=pl.Null).dtype
    for key, value in zip(keys, values, strict=True):
        try:
            numpy_time = isinstance(value, (np.datetime64, np.timedelta64))
            single = pl.Series(name, np.array([value]) if numpy_time else [value], strict=True)
        except _REFUSALS as error:
            raise InvalidInput(
                f"key {key!r}: column {name!r} can't hold {value!r} ({type(value).__name__}): {error}"
            ) from error
        if single.dtype == pl.Object:
            raise InvalidInput(
                f"key {key!r}: column {name!r} can't hold {value!r} ({type(value).__name__}): no Arrow type fits"
            )
        if isinstance(value, Decimal):
            single = single.cast(_decimal(value))
        wider = widen(whole, single.dtype)
        if wider is None:
            raise InvalidInput(f"key {key!r}: column {name!r} holds {whole}; got {single.dtype}")
        singles.append(single)
        whole = wider
    if cause is not None:  # each would do alone, but not as what the others are
        raise InvalidInput(
            f"column {name!r} of keys {keys[0]!r} and on holds {whole}, which doesn't fit: {cause}"
        ) from cause
    return pl.concat([_cast(single, whole) for single in singles])


def _decimal(value: Decimal) -> pl.Decimal:
    """The narrowest type that holds the value: Polars takes 38 digits for any, which leaves no room to widen."""
    _, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    return pl.Decimal(max(1, len(digits) + int(exponent), 0) + scale, scale)


def _plain(value: Any) -> Any:
    """The value without NumPy: its scalars as Python's, its arrays as lists."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        coarse = np.datetime_data(value)[0] not in ("ms", "us", "ns")
        return value.astype(f"{value.dtype.kind}8[ms]") if coarse else value
    if isinstance(value, np.generic):
        return value.item()
    return value.tolist() if isinstance(value, np.ndarray) else value


def storable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column in a type that is kept; categories become strings."""
    casts = {}
    for name, dtype in frame.schema.items():
        check_name(name)
        if dtype in (pl.Categorical, pl.Enum):
            casts[name] = pl.String()
        elif dtype == pl.Object or dtype == pl.Unknown:
            raise InvalidInput(
                f"column {name!r} holds Python objects, which are not stored; convert it to an Arrow type"
            )
    return frame.cast(casts) if casts else frame  # type: ignore[arg-type]  # a mapping of names to types


def widen(have: pl.DataType, come: pl.DataType) -> pl.DataType | None:
    """The type that holds both, or None if a value of `come` doesn't belong in a column of `have`."""
    if have == come or come == pl.Null:
        return have
    if have == pl.Null:
        return come
    if isinstance(have, pl.Decimal) and isinstance(come, pl.Decimal):
        scale = max(have.scale, come.scale)
        whole = max(dtype.precision - dtype.scale for dtype in (have, come))
        return pl.Decimal(whole + scale, scale) if whole + scale <= 38 else None
    if have.is_integer() and come.is_integer():
        return _wider_int(have, come)
    if have.is_float() and come.is_integer():
        return have if have == pl.Float64 else pl.Float64()
    if have.is_numeric() and come.is_float() and not have.is_decimal():
        return pl.Float64()
    if isinstance(have, pl.List) and isinstance(come, (pl.List, pl.Array)):
        inner = widen(_dtype(have.inner), _dtype(come.inner))
        return None if inner is None else pl.List(inner)
    if isinstance(have, pl.Struct) and isinstance(come, pl.Struct):
        fields = {field.name: _dtype(field.dtype) for field in have.fields}
        for field in come.fields:
            inner = widen(fields[field.name], _dtype(field.dtype)) if field.name in fields else _dtype(field.dtype)
            if inner is None:
                return None
            fields[field.name] = inner
        return pl.Struct(fields)
    return None


def _wider_int(have: pl.DataType, come: pl.DataType) -> pl.DataType | None:
    bits = {dtype: int(str(dtype).lstrip("UInt")) for dtype in (have, come)}
    if have.is_signed_integer() == come.is_signed_integer():
        return max(bits, key=lambda dtype: bits[dtype])
    signed, unsigned = (have, come) if have.is_signed_integer() else (come, have)
    if bits[signed] > 64:
        return signed if bits[unsigned] <= 64 else None
    return pl.Int64() if bits[unsigned] < 64 else None


def _dtype(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def merge_schema(schema: Schema, frame: pl.DataFrame) -> Schema:
    """The schema once the frame's columns are in; InvalidInput if a column has another type already."""
    merged = dict(schema)
    for name, dtype in frame.schema.items():
        if name not in merged:
            if dtype != pl.Null:  # a column's type is that of its first value
                merged[name] = dtype
            continue
        wider = widen(merged[name], dtype)
        if wider is None:
            raise InvalidInput(f"column {name!r} holds {merged[name]}; got {dtype}")
        merged[name] = wider
    return merged


def align(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame with exactly the schema's columns (at least one) and types; those it lacks are null."""
    columns = {}  # by name and never by expression: a column may be called "*" or "^a$"
    for name, dtype in schema.items():
        if name in frame.schema:
            columns[name] = _cast(frame.get_column(name), dtype)
        else:
            columns[name] = pl.Series(name, [None], dtype=dtype).extend_constant(None, frame.height)[1:]
    return pl.DataFrame(columns)


def _cast(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    if series.dtype == dtype:
        return series
    if dtype.is_nested():  # Polars won't add a field to a struct
        return pl.Series(series.name, series.to_list(), dtype=dtype)
    return series.cast(dtype)
