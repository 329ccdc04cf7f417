"""Anything that holds rows -> validated batches, streamed where the source streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import Column, as_column, as_matrix
from ...errors import InvalidInput
from ...types import parse_count
from ..parts.fit import as_numbers
from ..parts.meta import Meta
from . import tables
from .batch import Batch, rows_batch, table_batch

if TYPE_CHECKING:
    import polars as pl

    from ...storage.interchange.source import FileRows

BATCH_ROWS = 32_768
BATCH_BYTES = 64 << 20  # of vectors: long ones make smaller batches


@dataclass(frozen=True, slots=True)
class Piece:
    """A batch, and how many rows of the input it took (equal keys count each time)."""

    batch: Batch
    rows: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """Batches to store. whole: the input was all in memory, and is one batch."""

    pieces: Iterable[Piece]
    whole: bool
    total: int | None

    def __iter__(self) -> Iterator[Piece]:
        return iter(self.pieces)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table's rows are to be read: which columns are what, and what is given apart."""

    meta: Meta
    key: str
    vector: str
    keys: list[Any] | None
    vectors: Column | None
    size: int  # rows of a batch

    def check_rows(self, rows: int) -> None:
        """Keys and vectors given apart must be one a row."""
        for what, found in (("vectors", self.vectors and self.vectors.n), ("keys", self.keys and len(self.keys))):
            if found is not None and found != rows:
                raise InvalidInput(f"the table has {rows:,} rows, but {found:,} {what} were given; give one a row")

    def piece(self, frame: pl.DataFrame, first: int) -> Piece:
        """The batch of a frame whose rows begin at `first` of the input."""
        stop = first + frame.height
        taken = []
        if self.keys is None:
            names = tables.keys_of(self._column(frame, self.key))
            taken.append(self.key)
        else:
            names = self.keys[first:stop]
        source: Any
        if self.vectors is None:
            source = self._column(frame, self.vector)
            taken.append(self.vector)
        else:
            source = self.vectors.read(first, stop) if stop <= self.vectors.n else np.empty((0, self.meta.dims))
        vectors = as_matrix(as_numbers(source, self.meta), self.meta.dims, names)
        return Piece(table_batch(self.meta, names, vectors, tables.without(frame, taken)), frame.height)

    def stream(self, frames: Iterable[pl.DataFrame], total: int | None) -> Pieces:
        """Frames one after another, cut to batches."""
        if total is not None:
            self.check_rows(total)

        def pieces() -> Iterator[Piece]:
            row = 0
            for frame in tables.recut(frames, self.size):
                yield self.piece(frame, row)
                row += frame.height
            self.check_rows(row)

        return Pieces(pieces(), False, total)

    def whole(self, frame: pl.DataFrame) -> Pieces:
        """A frame that is stored all or nothing."""
        self.check_rows(frame.height)
        return Pieces([self.piece(frame, 0)], True, frame.height)

    def _column(self, frame: pl.DataFrame, name: str) -> pl.Series:
        if name not in frame.columns:
            there = ", ".join(map(repr, frame.columns))
            raise InvalidInput(
                f"the table has no column {name!r} (say which with key= and vector=); there are: {there}"
            )
        return frame.get_column(name)


def batches(
    meta: Meta, table: Any, key: str, vector: str, keys: Any, vectors: Any, columns: Any, asked: int | None
) -> Pieces:
    """The batches of what load() was given."""
    size = batch_size(meta, asked)
    if vectors is None and tables.is_matrix(table):
        table, vectors = None, table
    if tables.is_path(table):
        return file_batches(meta, Path(table), key, vector, keys, vectors, columns, size)
    if table is None:
        if keys is None or vectors is None:
            raise InvalidInput("give a table, or both keys= and vectors=")
        return _columns_apart(meta, keys, vectors, None if columns is None else tables.frame_of(columns), size)
    if columns is not None:
        raise InvalidInput("columns= goes with keys= and vectors=; a table has its own columns")
    apart = None if vectors is None else _vectors(meta, vectors)
    shape = Shape(meta, key, vector, None if keys is None else tables.keys_of(keys), apart, size)
    if isinstance(table, Mapping):
        rows = [_row((name, *value) if _with_columns(value) else (name, value)) for name, value in table.items()]
        return Pieces([Piece(rows_batch(meta, rows), len(rows))], True, len(rows))
    if tables.is_lazy(table):
        return shape.stream(tables.frames_of_lazy(table, size), None)
    if hasattr(table, "read_next_batch"):
        return shape.stream(map(tables.frame_of, table), None)
    if tables.is_frame(table):
        return shape.whole(tables.frame_of(table))
    if isinstance(table, Iterable) and not isinstance(table, (bytes, bytearray)):
        return _iterable(shape, table)
    raise InvalidInput(f"can't load {tables.short(table)}; give a frame, a path, a mapping or an iterable of rows")


def file_batches(
    meta: Meta, path: Path, key: str, vector: str, keys: Any, vectors: Any, columns: Any, size: int
) -> Pieces:
    """The batches of a file's rows; what is given apart takes the place of what it lacks."""
    from ...storage.interchange import open_file

    file = open_file(path, key, None if vectors is not None else vector, alone=keys is not None)
    try:
        found = _pieces_of(file, meta, key, vector, keys, vectors, columns, size)
    except BaseException:
        file.close()
        raise

    def pieces() -> Iterator[Piece]:
        try:
            yield from found
        finally:
            file.close()

    return Pieces(pieces(), False, found.total)


def _pieces_of(
    file: FileRows, meta: Meta, key: str, vector: str, keys: Any, vectors: Any, columns: Any, size: int
) -> Pieces:
    path = file.path
    if columns is not None and (keys is None or file.vectors is None):
        raise InvalidInput(f"columns= goes with keys= and vectors=; {path} has its own columns, or goes without")
    names = None if keys is None else tables.keys_of(keys)
    if file.vectors is None:
        apart = None if vectors is None else _vectors(meta, vectors)
        return Shape(meta, key, vector, names, apart, size).stream(file.frames(size), file.rows)
    for what, theirs, given in (("vectors", True, vectors), ("keys", file.key_type is not None, keys)):
        if theirs and given is not None:
            raise InvalidInput(f"{what} come from one place; {path} has its own")
    if keys is not None:
        return _columns_apart(meta, names, file.vectors, None if columns is None else tables.frame_of(columns), size)
    apart, frames = _vectors(meta, file.vectors), file.frames(size)
    if file.key_type is None and meta.key_type == "str":
        if not file.numbered:
            beside = f", or keys and columns beside it as {path.stem}.rows.parquet" if path.suffix == ".npy" else ""
            raise InvalidInput(f"{path} has no keys, and the space's are str: give them as keys={beside}")
        frames = _as_text(frames, file.key)
    return Shape(meta, file.key, vector, None, apart, size).stream(frames, file.rows)


def _as_text(frames: Iterator[pl.DataFrame], column: str) -> Iterator[pl.DataFrame]:
    import polars as pl

    for frame in frames:
        yield frame.with_columns(frame.get_column(column).cast(pl.String))


def batch_size(meta: Meta, asked: int | None) -> int:
    """Rows of a batch of a stream."""
    if asked is None:
        return max(256, min(BATCH_ROWS, BATCH_BYTES // (4 * meta.dims)))
    return parse_count(asked, "batch_size")


def _vectors(meta: Meta, vectors: Any) -> Column:
    if tables.is_path(vectors):
        from ...storage.interchange import has_vectors_only, open_file

        if not has_vectors_only(Path(vectors)):
            raise InvalidInput(f"vectors= takes a file that holds vectors alone, such as a .npy; got {str(vectors)!r}")
        vectors = open_file(Path(vectors), alone=True).vectors
    if isinstance(vectors, Column):
        vectors.check_dims(meta.dims, "the space")
        return vectors
    return as_column(as_numbers(vectors, meta), "the vectors", dims=meta.dims)


def _columns_apart(meta: Meta, keys: Any, vectors: Any, columns: pl.DataFrame | None, size: int) -> Pieces:
    names = tables.keys_of(keys)
    streamed = (
        tables.is_path(vectors)
        or isinstance(vectors, Column)
        or type(vectors).__module__.startswith("zarr")
        or isinstance(vectors, np.memmap)
    )
    if not streamed:
        batch = table_batch(meta, names, as_matrix(as_numbers(vectors, meta), meta.dims, names), columns)
        return Pieces([Piece(batch, len(names))], True, len(names))
    source = _vectors(meta, vectors)
    for what, rows in (("vectors", source.n), ("rows of columns", len(names) if columns is None else columns.height)):
        if rows != len(names):
            raise InvalidInput(f"{len(names):,} keys came with {rows:,} {what}; give one of each a row")

    def pieces() -> Iterator[Piece]:
        for start in range(0, len(names), size):
            here = names[start : start + size]
            frame = None if columns is None else columns[start : start + size]
            matrix = as_matrix(source.read(start, start + len(here)), meta.dims, here)
            yield Piece(table_batch(meta, here, matrix, frame), len(here))

    return Pieces(pieces(), False, len(names))


def _iterable(shape: Shape, items: Iterable[Any]) -> Pieces:
    if isinstance(items, Sequence):
        if items and all(map(tables.is_frame, items)):
            return shape.whole(tables.stacked(list(map(tables.frame_of, items))))
        return Pieces([Piece(rows_batch(shape.meta, list(map(_row, items))), len(items))], True, len(items))

    def pieces() -> Iterator[Piece]:
        iterator = iter(items)
        for first in iterator:
            again = chain([first], iterator)
            if tables.is_frame(first):
                yield from shape.stream(map(tables.frame_of, again), None)
                return
            for chunk in tables.chunks(again, shape.size):
                yield Piece(rows_batch(shape.meta, list(map(_row, chunk))), len(chunk))

    return Pieces(pieces(), False, None)


def _with_columns(value: Any) -> bool:
    """Whether a mapping's value is (vector, columns) and not a vector that is a tuple."""
    return isinstance(value, tuple) and len(value) == 2 and (value[1] is None or isinstance(value[1], Mapping))


def _row(item: Any) -> tuple[object, object, dict[str, Any]]:
    if isinstance(item, tuple) and len(item) == 2:
        return item[0], item[1], {}
    if isinstance(item, tuple) and len(item) == 3 and (item[2] is None or isinstance(item[2], Mapping)):
        return item[0], item[1], dict(item[2] or {})
    raise InvalidInput(f"a row is (key, vector) or (key, vector, {{column: value}}); got {tables.short(item)}")
