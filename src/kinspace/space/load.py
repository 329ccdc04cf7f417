"""Anything that holds rows -> validated batches, streamed where the source streams."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInput, Unavailable
from ..types import parse_k
from .batch import Batch, rows_batch, table_batch
from .meta import Meta

if TYPE_CHECKING:
    import polars as pl

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


def batches(
    meta: Meta,
    table: Any,
    key: str,
    vector: str,
    keys: Any,
    vectors: Any,
    columns: Any,
    batch_size: int | None,
) -> Pieces:
    """The batches of what load() was given."""
    size = _batch_size(meta, batch_size)
    if table is None:
        if keys is None or vectors is None:
            raise InvalidInput("give a table, or both keys= and vectors=")
        return _columns_apart(meta, keys, vectors, None if columns is None else _frame(columns), size)
    if columns is not None:
        raise InvalidInput("columns= goes with keys= and vectors=; a table has its own columns")
    if isinstance(table, (str, os.PathLike)):
        return _path(meta, Path(table), key, vector, keys, vectors, size)
    if isinstance(table, np.ndarray) and vectors is None:
        if keys is None:
            raise InvalidInput("an array of vectors needs keys=")
        return _columns_apart(meta, keys, table, None, size)
    if isinstance(table, Mapping):
        rows = [_row((name, *value) if _with_columns(value) else (name, value)) for name, value in table.items()]
        return Pieces([Piece(rows_batch(meta, rows), len(rows))], True, len(rows))
    if _is_lazy(table):
        return _stream(meta, _lazy(table, size), key, vector, keys, vectors, size, None)
    if hasattr(table, "read_next_batch"):
        return _stream(meta, (_frame(part) for part in table), key, vector, keys, vectors, size, None)
    if _is_frame(table):
        frame = _frame(table)
        return Pieces([Piece(_frame_batch(meta, frame, key, vector, keys, vectors), frame.height)], True, frame.height)
    if isinstance(table, Iterable) and not isinstance(table, (bytes, bytearray)):
        return _iterable(meta, table, key, vector, size)
    raise InvalidInput(f"can't load a {type(table).__name__}; give a frame, a path, a mapping or an iterable of rows")


def batches_of_texts(
    meta: Meta, embedder: Any, keys: Iterable[Any], texts: Iterable[str], store_as: str | None, columns: dict[str, Any]
) -> Pieces:
    """The batches of what add_texts() was given."""
    from ..arrays import as_matrix

    whole = all(isinstance(part, (Sequence, np.ndarray)) for part in (keys, texts, *columns.values()))
    if isinstance(texts, str):
        raise InvalidInput("add_texts takes many texts; got one str: put it in a list")
    if store_as is not None and store_as in columns:
        raise InvalidInput(
            f"the texts themselves go to column {store_as!r}; name another with store_as=, or store_as=None"
        )
    size = _batch_size(meta, None)

    def pieces() -> Iterator[Piece]:
        try:
            for piece in _chunks(zip(keys, texts, *columns.values(), strict=True), None if whole else size):
                named = list(zip(*piece, strict=True))
                for name, text in zip(named[0], named[1], strict=True):
                    if not isinstance(text, str):
                        raise InvalidInput(f"key {name!r}: a text is a str; got {type(text).__name__}")
                kept = {} if store_as is None else {store_as: list(named[1])}
                frame = _frame(kept | dict(zip(columns, map(list, named[2:]), strict=True)))
                vectors = as_matrix(embedder.embed(named[1]), meta.dims, named[0])
                yield Piece(table_batch(meta, named[0], vectors, frame), len(piece))
        except ValueError as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput("keys, texts and columns differ in length") from error

    return Pieces(pieces(), whole, None)


def _batch_size(meta: Meta, asked: int | None) -> int:
    if asked is None:
        return max(256, min(BATCH_ROWS, BATCH_BYTES // (4 * meta.dims)))
    if parse_k(asked) < 1:
        raise InvalidInput(f"batch_size must be at least 1; got {asked}")
    return asked


def _columns_apart(meta: Meta, keys: Any, vectors: Any, columns: pl.DataFrame | None, size: int) -> Pieces:
    from ..arrays import as_column, as_matrix

    names = _key_list(keys)
    if isinstance(vectors, (str, os.PathLike)):
        vectors = _npy(Path(vectors))
    elif not (type(vectors).__module__.startswith("zarr") or isinstance(vectors, np.memmap)):
        batch = table_batch(meta, names, as_matrix(vectors, meta.dims, names), columns)
        return Pieces([Piece(batch, len(names))], True, len(names))
    source = as_column(vectors, dims=meta.dims)
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


def _path(meta: Meta, path: Path, key: str, vector: str, keys: Any, vectors: Any, size: int) -> Pieces:
    import polars as pl

    if not path.exists():
        raise InvalidInput(f"there is no file {str(path)!r}")
    if path.suffix == ".npy":
        if keys is None:
            raise InvalidInput(f"{path} holds vectors only; give their keys as keys=")
        return _columns_apart(meta, keys, path, None, size)
    readers: dict[str, Callable[[Path], pl.LazyFrame]] = {
        ".parquet": pl.scan_parquet,
        ".pq": pl.scan_parquet,
        ".arrow": pl.scan_ipc,
        ".ipc": pl.scan_ipc,
        ".feather": pl.scan_ipc,
    }
    if path.suffix not in readers:
        raise InvalidInput(f"can't load {str(path)!r}: its name must end in .npy, {', '.join(readers)}")
    lazy = readers[path.suffix](path)
    try:
        total = int(lazy.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InvalidInput(f"{path} can't be read as {path.suffix[1:]}: {error}") from error
    return _stream(meta, _lazy(lazy, size), key, vector, keys, vectors, size, total)


def _stream(
    meta: Meta,
    frames: Iterable[pl.DataFrame],
    key: str,
    vector: str,
    keys: Any,
    vectors: Any,
    size: int,
    total: int | None,
) -> Pieces:
    """Frames one after another, cut to batches; vectors given apart are read along."""
    apart = _npy(Path(vectors)) if isinstance(vectors, (str, os.PathLike)) else vectors
    names = None if keys is None else _key_list(keys)
    for what, held in (("vectors", apart), ("keys", names)):
        if held is not None and total is not None and len(held) != total:
            raise InvalidInput(f"the table has {total:,} rows, but {len(held):,} {what} were given; give one a row")

    def pieces() -> Iterator[Piece]:
        row = 0
        for frame in _recut(frames, size):
            stop = row + frame.height
            here = None if names is None else names[row:stop]
            yield Piece(
                _frame_batch(meta, frame, key, vector, here, None if apart is None else apart[row:stop]), frame.height
            )
            row = stop
        for what, held in (("vectors", apart), ("keys", names)):
            if held is not None and len(held) != row:
                raise InvalidInput(f"the table has {row:,} rows, but {len(held):,} {what} were given; give one a row")

    return Pieces(pieces(), False, total)


def _frame_batch(meta: Meta, frame: pl.DataFrame, key: str, vector: str, keys: Any, vectors: Any) -> Batch:
    from ..arrays import as_matrix

    wanted = [name for name, apart in ((key, keys), (vector, vectors)) if apart is None]
    for name in wanted:
        if name not in frame.columns:
            there = ", ".join(map(repr, frame.columns))
            raise InvalidInput(
                f"the table has no column {name!r} (say which with key= and vector=); there are: {there}"
            )
    names = _key_list(frame[key] if keys is None else keys)
    source = frame[vector] if vectors is None else vectors
    return table_batch(meta, names, as_matrix(source, meta.dims, names), frame.drop(wanted))


def _iterable(meta: Meta, items: Iterable[Any], key: str, vector: str, size: int) -> Pieces:
    if isinstance(items, Sequence):
        if items and all(map(_is_frame, items)):
            frame = _stacked(list(map(_frame, items)))
            return Pieces([Piece(_frame_batch(meta, frame, key, vector, None, None), frame.height)], True, frame.height)
        return Pieces([Piece(rows_batch(meta, list(map(_row, items))), len(items))], True, len(items))

    def pieces() -> Iterator[Piece]:
        iterator = iter(items)
        for first in iterator:
            again = chain([first], iterator)
            if _is_frame(first):
                yield from _stream(meta, map(_frame, again), key, vector, None, None, size, None)
                return
            for chunk in _chunks(again, size):
                yield Piece(rows_batch(meta, list(map(_row, chunk))), len(chunk))

    return Pieces(pieces(), False, None)


def _stacked(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The frames as one; a column that some lack is null there."""
    import polars as pl

    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"the frames don't fit together: {error}") from error


def _with_columns(value: Any) -> bool:
    """Whether a mapping's value is (vector, columns) and not a vector that is a tuple."""
    return isinstance(value, tuple) and len(value) == 2 and (value[1] is None or isinstance(value[1], Mapping))


def _row(item: Any) -> tuple[object, object, dict[str, Any]]:
    if isinstance(item, tuple) and len(item) == 2:
        return item[0], item[1], {}
    if isinstance(item, tuple) and len(item) == 3 and (item[2] is None or isinstance(item[2], Mapping)):
        return item[0], item[1], dict(item[2] or {})
    raise InvalidInput(f"a row is (key, vector) or (key, vector, {{column: value}}); got {_short(item)}")


def _key_list(keys: Any) -> list[Any]:
    if isinstance(keys, (str, bytes)):
        raise InvalidInput(f"keys= takes many keys; got one {type(keys).__name__}, {keys!r}")
    return keys.tolist() if isinstance(keys, np.ndarray) else keys.to_list() if hasattr(keys, "to_list") else list(keys)


def _npy(path: Path) -> Any:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no file {str(path)!r}") from error
    except ValueError as error:
        raise InvalidInput(f"{path} is not a .npy file of numbers: {error}") from error
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error}") from error


def _is_frame(value: Any) -> bool:
    kind = type(value)
    return (
        hasattr(value, "__arrow_c_stream__")
        or hasattr(value, "__arrow_c_array__")
        or kind.__module__.startswith("pandas")
    )


def _is_lazy(value: Any) -> bool:
    return type(value).__name__ == "LazyFrame" and type(value).__module__.startswith("polars")


def _frame(value: Any) -> pl.DataFrame:
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return value
    try:
        if isinstance(value, Mapping):
            return pl.DataFrame(value)
        return pl.from_pandas(value) if type(value).__module__.startswith("pandas") else pl.DataFrame(value)
    except (TypeError, ValueError, ImportError, pl.exceptions.PolarsError) as error:
        raise InvalidInput(f"{_short(value)} can't be read as a table: {error}") from error


def _lazy(lazy: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    import polars as pl

    try:
        yield from lazy.collect_batches(chunk_size=size, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InvalidInput(f"the table can't be read: {error}") from error


def _recut(frames: Iterable[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of `size`; smaller ones at the end, and where the columns change."""
    import polars as pl

    held: list[pl.DataFrame] = []
    rows = 0
    for frame in frames:
        if held and frame.schema != held[0].schema:
            yield pl.concat(held)
            held, rows = [], 0
        held.append(frame)
        rows += frame.height
        while rows >= size:
            joined = pl.concat(held) if len(held) > 1 else held[0]
            yield joined[:size]
            held, rows = [joined[size:]], rows - size
    if rows:
        yield pl.concat(held) if len(held) > 1 else held[0]


def _chunks(items: Iterable[Any], size: int | None) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(iterator if size is None else islice(iterator, size)):
        yield chunk


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 80 else text[:77] + '…'}"
