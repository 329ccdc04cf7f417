"""Columns as Arrow: the types they may have, how types widen, and their bytes in the log and in rows.arrow."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ..errors import Corrupt, InvalidInput
from ..types import Key

Schema = dict[str, pl.DataType]  # the user's columns, without the key


def encode(frame: pl.DataFrame) -> bytes:
    """The frame as an Arrow IPC stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def decode(body: bytes) -> pl.DataFrame:
    """The frame of an Arrow IPC stream whose checksum has been verified."""
    try:
        return pl.read_ipc_stream(io.BytesIO(body))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Corrupt(f"columns of a log entry can't be read: {error}") from error


def encode_schema(schema: Schema) -> bytes:
    """The columns' types, as an empty frame."""
    return encode(pl.DataFrame(schema=schema)) if schema else b""


def decode_schema(body: bytes) -> Schema:
    """What encode_schema wrote."""
    return dict(decode(body).schema) if body else {}


def check_name(name: object) -> str:
    """A column's name, or InvalidInput."""
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"a column's name is a non-empty str; got {name!r}")
    if name in ("key", "vector") or name.startswith("_"):
        raise InvalidInput(
            f"column name {name!r} is reserved ('key', 'vector' and names that begin with '_'); rename it"
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a column's name must be text that UTF-8 can hold; got {name!r}") from error
    return name


def frame_of_rows(rows: Mapping[str, list[Any]], keys: Sequence[Key]) -> pl.DataFrame:
    """A frame of Python values, column by column, row for row with keys; each column of one type, null allowed."""
    return pl.DataFrame([_series(check_name(name), values, keys) for name, values in rows.items()])


def _series(name: str, values: list[Any], keys: Sequence[Key]) -> pl.Series:
    plain = [value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value for value in values]
    if any(isinstance(value, float) for value in plain) and any(type(value) is int for value in plain):
        plain = [float(value) if type(value) is int else value for value in plain]
    try:
        series = pl.Series(name, plain, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise InvalidInput(_blame(name, plain, keys, error)) from error
    if series.dtype == pl.Object:
        raise InvalidInput(_blame(name, plain, keys, TypeError("Python objects are not stored")))
    return series


def _blame(name: str, values: list[Any], keys: Sequence[Key], error: Exception) -> str:
    """Which key's value does not fit, and why."""
    first: pl.DataType | None = None
    for key, value in zip(keys, values, strict=True):
        if value is None:
            continue
        try:
            dtype = pl.Series([value], strict=True).dtype
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as reason:
            return f"key {key!r}: column {name!r} can't hold {value!r} ({type(value).__name__}): {reason}"
        if dtype == pl.Object:
            return f"key {key!r}: column {name!r} can't hold {value!r} ({type(value).__name__}): no Arrow type fits"
        first = first or dtype
        if widen(first, dtype) is None:
            return f"key {key!r}: column {name!r} holds {first}; got {dtype}"
    return f"column {name!r} must hold one type that Arrow knows: {error}"


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
    unsigned = come if have.is_signed_integer() else have
    return pl.Int64() if bits[unsigned] < 64 else None


def _dtype(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


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
    """The frame with exactly the schema's columns and types; those it lacks are null."""
    wanted = []
    for name, dtype in schema.items():
        if name not in frame.schema:
            wanted.append(pl.lit(None, dtype=dtype).alias(name))
        elif frame.schema[name] != dtype:
            wanted.append(pl.col(name).cast(dtype))
        else:
            wanted.append(pl.col(name))
    return frame.select(wanted) if wanted else frame.clear()
