"""Columns' indexes on disk: each in a folder of its segment that may be removed at any time and is then made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from ...errors import Corrupt, KinspaceError
from ...storage.reader import SegmentReader
from ...storage.replace import read_folder
from ...storage.sealed import read_sealed
from ..parts.index import folder_identity, known, put_beside
from .index import ColumnIndex, can_be_indexed, full
from .zones import rows_of, types_of

if TYPE_CHECKING:
    from ..parts.part import Part
    from ..state.view import View

PREFIX = "column-"
KIND = "column"
_ARRAYS = "offset", "row", "frequent", "bitmap", "null"


def folder_of(column: str) -> str:
    """The name of the folder that a column's index has in its segment."""
    return PREFIX + xxhash.xxh3_64_hexdigest(column.encode())


def make_column_index(reader: SegmentReader, column: str) -> ColumnIndex | None:
    """The index of a segment's column; None if it hasn't the column, or not in a type that can be indexed."""
    dtype = reader.types.get(column)
    if dtype is None or not can_be_indexed(dtype):
        return None
    return ColumnIndex.of(reader.read([column]).to_series())


def keep_column_index(reader: SegmentReader, column: str, index: ColumnIndex, *, durable: bool) -> None:
    """Store an index beside its segment, and use it from now on."""
    from ...storage.columns import encode

    arrays: dict[str, NDArray[Any]] = {
        "value": np.frombuffer(encode(index.values.alias("value").to_frame()), np.uint8),
        "offset": index.offset,
        "row": index.row,
        "frequent": index.frequent,
        "bitmap": index.bitmaps,
        "null": index.null,
    }
    told = {**rows_of(reader), "column": column, "dtype": str(index.dtype), "holes": index.holes}
    put_beside(reader, folder_of(column), KIND, arrays, told, durable=durable)
    known(reader).columns[column] = index


def find_column_index(reader: SegmentReader, column: str) -> ColumnIndex | None:
    """The segment's index of a column; None if it is missing or damaged."""
    index = known(reader)
    found = index.columns.get(column)
    if found is None:
        folder = folder_of(column)
        there = folder_identity(reader.folder / folder)
        if there is not None and there != index.damaged_columns.get(folder):
            try:
                found = index.columns[column] = read_column_index(reader, column)
            except KinspaceError:
                index.damaged_columns[folder] = there
    return found


def index_for(view: View, part: Part, column: str) -> ColumnIndex | None:
    """The index by which a part's column is counted, in the type that the view has it in; None if there is none."""
    reader = part.source
    if column not in view.state.indexed or not isinstance(reader, SegmentReader):
        return None
    return find_column_index(reader, column) if types_of(reader).get(column) == view.schema[column] else None


def read_column_index(reader: SegmentReader, column: str) -> ColumnIndex:
    """The index in a segment's folder, each byte of it checked; Corrupt if damaged, or of another column."""
    from ...storage.columns import decode

    folder = reader.folder / folder_of(column)
    stored = read_folder(folder, lambda there: read_sealed(there, KIND))
    dtype, told = types_of(reader).get(column), stored.attributes
    wanted = {**rows_of(reader), "column": column, "dtype": str(dtype)}
    if dtype is None or {name: told.get(name) for name in wanted} != wanted:
        raise Corrupt(f"{folder} is not the index of column {column!r} of this segment")
    try:
        offset, row, frequent, bitmaps, null = (stored.arrays[name] for name in _ARRAYS)
        values = decode(stored.arrays["value"].tobytes()).to_series()
        holes = bool(told["holes"])
        index = ColumnIndex(reader.entry.rows, dtype, values, offset, row, frequent, bitmaps, null, holes)
        _check(index)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no index that can be read: {error}") from error
    return index


def _check(index: ColumnIndex) -> None:
    words, dtype = len(full(index.rows)), index.dtype
    inner = getattr(dtype, "inner", dtype)
    offset, row = index.offset, index.row
    fits = index.values.dtype == inner and offset.shape == (len(index.values) + 1,) and index.null.shape == (words,)
    fits = fits and index.bitmaps.shape == (len(index.frequent), words) and index.frequent.ndim == row.ndim == 1
    fits = fits and offset[0] == 0 and offset[-1] == len(row) and bool((offset[1:] >= offset[:-1]).all())
    fits = fits and (not len(row) or int(row.max()) < index.rows)
    if not fits or (len(index.frequent) and int(index.frequent.max()) >= len(index.values)):
        raise ValueError("its arrays don't fit each other")
