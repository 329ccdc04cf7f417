"""Rows on their way in: validated whole, each key once, ready to commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import as_query
from ...errors import InvalidInput
from ...storage.keys import parse_key, parse_keys
from ...types import Key
from ..parts.fit import as_numbers, fit
from ..parts.meta import Meta

if TYPE_CHECKING:
    import polars as pl

    from ...storage.columns import Schema


@dataclass(frozen=True, slots=True)
class Batch:
    """Keys, each once, with their hashes, vectors (n, dims) and columns, row for row."""

    keys: list[Any]
    hashes: NDArray[np.uint64]
    vectors: NDArray[np.float32]
    columns: pl.DataFrame | None

    def __len__(self) -> int:
        return len(self.keys)

    def merged_schema(self, schema: Schema) -> Schema:
        """The space's columns once this batch is in; InvalidInput names column, key and both types."""
        from ...storage.columns import merge_schema, widen

        if self.columns is None:
            return schema
        try:
            return merge_schema(schema, self.columns)
        except InvalidInput as error:
            for name, dtype in self.columns.schema.items():
                if name in schema and widen(schema[name], dtype) is None:
                    first = self.columns[name].is_not_null().arg_max() or 0
                    raise InvalidInput(f"key {self.keys[first]!r}: {error}") from error
            raise

    def encoded_columns(self) -> bytes | None:
        """The columns as the log holds them."""
        from ...storage.columns import encode

        return None if self.columns is None else encode(self.columns)

    def frame(self) -> pl.DataFrame:
        """Return the key and the columns."""
        import polars as pl

        keys = pl.DataFrame({"key": self.keys})
        return keys if self.columns is None else keys.hstack(self.columns)


def row_batch(
    meta: Meta, key: object, vector: object, columns: dict[str, Any], others: pl.DataFrame | None = None
) -> Batch:
    """A batch of one row; `others` are columns it has already, as a frame."""
    kept, digest = parse_key(key, meta.key_type)
    frame = _frame({name: [value] for name, value in columns.items()}, [kept])
    if others is not None and others.width:
        frame = others if frame is None else others.hstack(frame)
    return Batch([kept], np.array([digest], np.uint64), _vector(meta, kept, vector).reshape(1, -1), frame)


def rows_batch(meta: Meta, rows: Sequence[tuple[object, object, dict[str, Any]]]) -> Batch:
    """A batch of (key, vector, columns) rows; the last of equal keys wins."""
    keys, hashes = parse_keys((row[0] for row in rows), meta.key_type)
    vectors = np.empty((len(rows), meta.dims), np.float32)
    for place, (_, vector, _) in enumerate(rows):
        vectors[place] = _vector(meta, keys[place], vector)
    names = dict.fromkeys(name for row in rows for name in row[2])
    columns = {name: [row[2].get(name) for row in rows] for name in names}
    return _distinct(Batch(keys, hashes, vectors, _frame(columns, keys)))


def table_batch(
    meta: Meta, keys: Iterable[object], vectors: NDArray[np.float32], columns: pl.DataFrame | None
) -> Batch:
    """A batch of whole columns, the vectors from as_matrix; the last of equal keys wins."""
    from ...storage.columns import storable

    kept, hashes = parse_keys(keys, meta.key_type)
    if len(kept) != len(vectors):
        raise InvalidInput(f"{len(kept):,} keys came with {len(vectors):,} vectors; give one of each a row")
    if columns is not None and columns.height != len(kept):
        raise InvalidInput(f"{len(kept):,} keys came with {columns.height:,} rows of columns; give one of each a row")
    frame = None if columns is None or columns.width == 0 else storable(columns)
    return _distinct(Batch(kept, hashes, fit(vectors, meta.dtype, kept), frame))


def _distinct(batch: Batch) -> Batch:
    if len(set(batch.keys)) == len(batch.keys):
        return batch
    last: dict[Key, int] = {}
    for place, key in enumerate(batch.keys):
        last.pop(key, None)  # a key set again moves to the end
        last[key] = place
    places = np.fromiter(last.values(), np.int64, len(last))
    columns = None if batch.columns is None else batch.columns[places]
    return Batch(list(last), batch.hashes[places], batch.vectors[places], columns)


def _vector(meta: Meta, key: Key, vector: object) -> NDArray[np.float32]:
    try:
        found = as_query(as_numbers(vector, meta), meta.dims, "the vector")
    except InvalidInput as error:
        raise InvalidInput(f"key {key!r}: {error}") from error
    row: NDArray[np.float32] = fit(found[None], meta.dtype, [key])[0]
    return row


def _frame(columns: dict[str, list[Any]], keys: Sequence[Key]) -> pl.DataFrame | None:
    if not columns:
        return None
    from ...storage.columns import frame_of_rows

    return frame_of_rows(columns, keys)
