"""Vectors out of Polars, and out of Arrow through Polars; without copying where the memory allows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from .column import Column, Names
from .vector import FLOAT32, FLOAT64


class SeriesRows(Column):
    """A Series of List or Array of numbers, every row present and of one length."""

    def __init__(self, names: Names, series: pl.Series) -> None:
        inner = _inner(series.dtype)
        if inner is None or not (inner.is_numeric() or inner == pl.Null):
            raise InvalidInput(f"{names.column} must hold lists or arrays of numbers; got {series.dtype}")
        dims = _length(series, names)
        super().__init__(names, len(series), dims, FLOAT64 if inner == pl.Float64 else FLOAT32)
        self._inner = inner
        self._chunks = series.get_chunks()
        self._starts = np.cumsum([0, *map(len, self._chunks)])
        for start, chunk in zip(self._starts, self._chunks, strict=False):
            flat = chunk.explode()
            if flat.null_count():
                row, place = divmod(int(flat.is_null().arg_max() or 0), max(1, dims))
                raise InvalidInput(f"{names.row(int(start) + row)} has a null at component {place}")

    def whole(self) -> list[NDArray[np.float32]] | None:
        """Return the chunks' own memory if they are Float32."""
        if self._inner != pl.Float32:
            return None
        return [self._flat(chunk) for chunk in self._chunks if len(chunk)]

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return those rows; a copy only if they lie in several chunks."""
        parts = []
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for begin, chunk in zip(self._starts[first:], self._chunks[first:], strict=False):
            if begin >= stop:
                break
            here = chunk[max(0, start - int(begin)) : stop - int(begin)]
            if len(here):
                parts.append(self._flat(here))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _flat(self, part: pl.Series) -> NDArray[Any]:
        flat = part.explode()
        if self._inner.is_decimal() or self._inner in (pl.Int128, pl.UInt128):  # NumPy has no such numbers
            flat = flat.cast(pl.Float64)
        return flat.to_numpy().reshape(len(part), self.dims)


def as_series(x: Any, what: str) -> pl.Series:
    """Return a Series, or an Arrow array, chunked array or stream of arrays, as a Series; never copies."""
    if isinstance(x, pl.Series):
        return x
    if isinstance(x, (pl.DataFrame, pl.LazyFrame)):
        raise InvalidInput(f"{what} is a {type(x).__name__}; give one of its columns")
    try:
        series = pl.Series(x)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InvalidInput(f"{what}, a {type(x).__name__}, is no Arrow array that can be read: {error}") from error
    if series.dtype == pl.Struct:
        raise InvalidInput(f"{what} is a table of several columns ({type(x).__name__}); give one of them")
    return series


def is_nested(x: Any) -> bool:
    """Whether a Series or Arrow object holds many vectors, rather than being one."""
    if isinstance(x, (pl.DataFrame, pl.LazyFrame)):
        return True
    return not as_series(x, "the argument").dtype.is_numeric()


def series_numbers(x: Any, what: str) -> NDArray[Any]:
    """Return one vector from a Series or Arrow array of numbers; a null is InvalidInput."""
    series = as_series(x, what)
    if not series.dtype.is_numeric():
        raise InvalidInput(f"{what} must hold real numbers; got {series.dtype}")
    if series.null_count():
        raise InvalidInput(f"component {series.is_null().arg_max()} of {what} is null")
    if series.dtype.is_decimal() or series.dtype in (pl.Int128, pl.UInt128):
        series = series.cast(pl.Float64)
    return series.to_numpy()


def _inner(dtype: pl.DataType) -> pl.DataType | None:
    if isinstance(dtype, pl.List) or (isinstance(dtype, pl.Array) and len(dtype.shape) == 1):
        return dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
    return None


def _length(series: pl.Series, names: Names) -> int:
    if series.null_count():
        raise InvalidInput(f"{names.row(int(series.is_null().arg_max() or 0))} is null")
    if isinstance(series.dtype, pl.Array):
        return series.dtype.shape[0]
    if not len(series):
        return 0
    lengths = series.list.len().to_numpy()
    wrong = np.flatnonzero(lengths != lengths[0])
    if len(wrong):
        row = int(wrong[0])
        raise InvalidInput(f"{names.row(row)} has {lengths[row]} dims and row 0 has {lengths[0]}; they must be equal")
    return int(lengths[0])
