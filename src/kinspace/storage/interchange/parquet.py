"""Tables with vectors in a column: Parquet both ways, Arrow IPC files to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import Corrupt, InvalidInput, Unavailable
from ..keys import KeyType
from .source import FileRows, Outgoing, named

if TYPE_CHECKING:
    import polars as pl

PARQUET = (".parquet", ".pq")
_ROW_GROUP = 8_192  # rows; bounds the memory of writer and reader
_ROW_GROUP_BYTES = 32 << 20


def write_parquet(path: Path, rows: Outgoing) -> None:
    """Write key, columns and vector as one file."""
    import polars as pl

    schema = {**rows.schema, "vector": pl.Array(pl.Float32, rows.dims)}
    size = max(1, min(_ROW_GROUP, _ROW_GROUP_BYTES // (4 * rows.dims)))
    _sink(path, rows.whole(size), schema, size, rows.told())


def write_columns(path: Path, rows: Outgoing, **more: Any) -> None:
    """Write key and columns as one file; `more` is added to what it says of itself."""
    _sink(path, rows.columns(_ROW_GROUP), rows.schema, _ROW_GROUP, rows.told(**more))


def _sink(
    path: Path, frames: Iterator[pl.DataFrame], schema: Mapping[str, pl.DataType], size: int, told: dict[str, Any]
) -> None:
    import polars as pl
    from polars.io.plugins import register_io_source

    failure: list[BaseException] = []

    def batches(*_: Any) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except BaseException as error:  # Polars would wrap it in an error of its own
            failure.append(error)
            raise

    try:
        with path.open("wb") as file:  # opened here: a failed sink of Polars may make its file after it has raised
            lazy = register_io_source(batches, schema=dict(schema))
            lazy.sink_parquet(file, row_group_size=size, metadata={"kinspace": json.dumps(told)})
    except (Exception, pl.exceptions.PanicException) as error:
        if failure:
            raise failure[0] from None
        if isinstance(error, (pl.exceptions.PolarsError, pl.exceptions.PanicException)):
            raise Unavailable(f"writing {path.name} failed: {error}") from error
        raise


def read_table(path: Path, key: str, vector: str | None) -> FileRows:
    """The rows of a file; vector names their column, None if they are given apart."""
    lazy, schema, rows = scan(path)
    key_type = _key_type(path, schema, key)
    dims = None if vector is None or vector not in schema else _dims(path, lazy, schema[vector], vector)
    metric, dtype = named(told_by(path))
    return FileRows(
        path,
        rows,
        dims,
        key_type,
        None,
        key,
        metric,
        lambda size: frames_of(path, lazy, size),
        dtype=dtype,
    )


def scan(path: Path) -> tuple[pl.LazyFrame, dict[str, pl.DataType], int]:
    """A Parquet or Arrow file, unread, its columns and its rows."""
    import polars as pl

    try:
        if path.suffix.lower() in PARQUET:
            lazy = pl.scan_parquet(path, glob=False)
        else:
            lazy = pl.scan_ipc(path, glob=False)
        return lazy, dict(lazy.collect_schema()), int(lazy.select(pl.len()).collect().item())
    except OSError as error:
        if error.errno is not None:
            raise Unavailable(f"{path} can't be read: {error}") from error
        raise InvalidInput(f"{path} can't be read as {path.suffix[1:]}: {error}") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OverflowError) as error:
        raise InvalidInput(f"{path} can't be read as {path.suffix[1:]}: {error}") from error


def frames_of(path: Path, lazy: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    """The rows of a scanned file, some at a time; Corrupt if they don't decode."""
    import polars as pl

    try:
        yield from lazy.collect_batches(chunk_size=size, maintain_order=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise Unavailable(f"{path} can't be read: {error}") from error
        raise Corrupt(f"{path} is damaged: its rows can't be read: {error}") from error


def told_by(path: Path) -> dict[str, Any]:
    """What a Parquet file that was exported says of itself; nothing if it wasn't."""
    import polars as pl

    if path.suffix.lower() not in PARQUET:
        return {}
    try:
        told = json.loads(pl.read_parquet_metadata(path).get("kinspace", "{}"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _key_type(path: Path, schema: Mapping[str, pl.DataType], key: str) -> KeyType | None:
    import polars as pl

    if key not in schema:
        return None
    kind = schema[key]
    if kind == pl.String or kind in (pl.Categorical, pl.Enum):
        return "str"
    if kind.is_integer():
        return "int"
    raise InvalidInput(f"keys are str or int; column {key!r} of {path} is {kind}")


def _dims(path: Path, lazy: pl.LazyFrame, kind: pl.DataType, vector: str) -> int | None:
    import polars as pl

    if isinstance(kind, pl.Array):
        return int(kind.shape[0])
    if not isinstance(kind, pl.List):
        raise InvalidInput(f"column {vector!r} of {path} must hold vectors (lists of numbers); it is {kind}")
    try:
        first = lazy.select(pl.col(vector).drop_nulls().head(1).list.len()).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Corrupt(f"{path} is damaged: column {vector!r} can't be read: {error}") from error
    return int(first.item()) if first.height else None
