"""Rows of a zarr array, by blocks whose edges are chunks' edges: each chunk is read once, a few at a time."""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.core.sync import sync

from ..errors import Corrupt, InvalidInput, Unavailable
from .column import Column, Names, block_rows

_DAMAGE = (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)  # whoever raises them


class ZarrRows(Column):
    """A 2-d zarr array of numbers, format 2 or 3, on any store."""

    def __init__(self, names: Names, array: zarr.Array[Any]) -> None:
        if array.ndim != 2:
            raise InvalidInput(f"{names.column} must be 2-d, shape (n, dims); got a zarr array of shape {array.shape}")
        dtype = np.dtype(array.dtype)
        if dtype.kind not in "iuf":
            raise InvalidInput(f"{names.column} must hold real numbers; got a zarr array of {dtype}")
        super().__init__(names, array.shape[0], array.shape[1], dtype)
        self._array = array

    def bounds(self) -> Iterator[tuple[int, int]]:
        """Yield blocks of whole shards, or of whole chunks of one shard where shards are large."""
        chunk = max(1, self._array.chunks[0])
        shard = max(1, _stored(self._array)[0])
        size = block_rows(self.dims)
        if shard <= size:
            step = span = size // shard * shard
        else:
            step, span = max(1, size // chunk) * chunk, shard
        for begin in range(0, self.n, span):
            end = min(begin + span, self.n)
            for start in range(begin, end, step):
                yield start, min(start + step, end)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a copy."""
        rows = read(self._array, slice(start, stop))
        if self._array.shards is not None:
            self._check_empty(rows, start)
        return rows

    def _check_empty(self, rows: NDArray[Any], start: int) -> None:
        """Raise Corrupt if a shard was cut to nothing: zarr-python takes one for absent, which means fill values."""
        height, width = _stored(self._array)
        fill = self._array.fill_value
        for down in range(start // height, -(-(start + len(rows)) // height)):
            top = max(0, down * height - start)
            for left in range(0, self.dims, width):
                part = rows[top : (down + 1) * height - start, left : left + width]
                if part[0, 0] == fill and (part == fill).all() and _is_empty(self._array, (down, left // width)):
                    raise Corrupt(f"{_where(self._array, start + top, len(part))}: the shard is an empty file")


def read(array: zarr.Array[Any], rows: slice) -> NDArray[Any]:
    """Return those rows; Corrupt if a chunk does not decode, Unavailable if the store fails."""
    start, stop, _ = rows.indices(array.shape[0])
    try:
        return np.asarray(array[start:stop])
    except MemoryError:
        raise
    except Exception as error:
        # Stores and codecs raise alike (bz2 raises OSError, aiohttp RuntimeError): the traceback tells them apart.
        if not isinstance(error, _DAMAGE) and _passed_through(error.__traceback__, array.store):
            raise Unavailable(f"{_where(array, start, stop - start)} cannot be read: {error}") from error
        chunk = array.chunks[0]
        first = start // chunk * chunk
        if stop - first > chunk:  # say which one
            for begin in range(first, stop, chunk):
                read(array, slice(max(start, begin), min(begin + chunk, stop)))
        raise Corrupt(f"{_where(array, start, stop - start)} do not decode: {error}") from error


def _where(array: zarr.Array[Any], start: int, count: int) -> str:
    return f"rows {start}…{start + count - 1} of the zarr array {array.store_path}"


def _stored(array: zarr.Array[Any]) -> tuple[int, ...]:
    """The shape of what the store keeps under one key."""
    return array.chunks if array.shards is None else array.shards


def _passed_through(traceback: TracebackType | None, store: object) -> bool:
    """Whether the exception came out of one of the store's methods."""
    while traceback is not None:
        if traceback.tb_frame.f_locals.get("self") is store:
            return True
        traceback = traceback.tb_next
    return False


def _is_empty(array: zarr.Array[Any], shard: tuple[int, int]) -> bool:
    path = array.store_path / array.metadata.encode_chunk_key(shard)
    try:
        return sync(path.store.getsize(path.path)) == 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error
