"""What a file holds and how it will be stored: found out, and refused if need be, before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..storage.interchange import TABLES
from .files import existing, open_npy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import polars as pl

    from ..space.space import Space

TEXT_BATCH = 8_192  # rows embedded at a time
_EMBEDDED = "_embedded"


@dataclass(frozen=True)
class Plan:
    """A file that can be loaded: into a space of `dims` (None: whatever its embedder has) and keys of `key_type`."""

    dims: int | None
    key_type: str
    store: Callable[[Space, int | None], int]  # (space, batch size) -> rows
    metric: str | None = None  # the one that the file names
    dtype: str | None = None  # likewise


def plan_file(path: Path) -> Plan:
    """Plan for a file that says by itself what its keys and vectors are; without keys its row numbers are."""
    from ..storage.interchange import open_file

    file = open_file(path)
    file.close()
    return Plan(
        file.dims,
        file.key_type or "int",
        lambda space, size: space.load(path, batch_size=size),
        file.metric,
        file.dtype,
    )


def plan_table(path: Path, key: str, vectors: Path | None, vector: str | None, text: str | None) -> Plan:
    """Plan for a table with its vectors in a column, in a .npy file beside it, or to be made from columns of text.

    Raises
    ------
    InvalidInput
        If a file is not there or not what its name says, a column is missing, or rows and vectors differ in number.
    """
    from ..storage.interchange.parquet import scan, told_by
    from ..storage.interchange.source import named

    lazy, schema, rows = scan(existing(path, *TABLES))
    key_type = _key_type(path, schema, key)
    if vectors is not None:
        count, dims = _shape(vectors)
        if count != rows:
            raise InvalidInput(f"{path} has {rows:,} rows, but {vectors} has {count:,} vectors; expected one a row")
        return Plan(dims, key_type, lambda space, size: space.load(path, key=key, vectors=vectors, batch_size=size))
    if text is not None:
        columns = [_text_column(path, schema, name.strip()) for name in text.split(",")]
        return Plan(
            None, key_type, lambda space, size: _load_texts(space, lazy, rows, key, columns, size or TEXT_BATCH)
        )
    column = vector or _only_vectors(path, schema)
    dims = _dims(path, lazy, schema, column)
    metric, dtype = named(told_by(path))
    return Plan(
        dims,
        key_type,
        lambda space, size: space.load(path, key=key, vector=column, batch_size=size),
        metric,
        dtype,
    )


def _shape(path: Path) -> tuple[int, int]:
    array = open_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InvalidInput(
            f"{path} must hold numbers of shape (rows, dims); it holds {array.dtype} of shape {array.shape}"
        )
    return int(array.shape[0]), int(array.shape[1])


def _column(path: Path, schema: dict[str, pl.DataType], name: str, option: str) -> pl.DataType:
    if name not in schema:
        raise InvalidInput(f"{path} has no column {name!r}; name one with {option}: {', '.join(schema)}")
    return schema[name]


def _key_type(path: Path, schema: dict[str, pl.DataType], key: str) -> str:
    import polars as pl

    kind = _column(path, schema, key, "--key")
    if kind == pl.String:
        return "str"
    if kind.is_integer():
        return "int"
    raise InvalidInput(f"keys are str or int; column {key!r} of {path} is {kind}")


def _text_column(path: Path, schema: dict[str, pl.DataType], name: str) -> str:
    import polars as pl

    kind = _column(path, schema, name, "--text")
    if kind != pl.String:
        raise InvalidInput(f"--text takes columns of text; column {name!r} of {path} is {kind}")
    return name


def _is_vectors(kind: Any) -> bool:
    import polars as pl

    return isinstance(kind, (pl.Array, pl.List)) and kind.inner is not None and kind.inner.is_float()


def _only_vectors(path: Path, schema: dict[str, pl.DataType]) -> str:
    found = [name for name, kind in schema.items() if _is_vectors(kind)]
    if len(found) != 1:
        there = f"it has {', '.join(found)}" if found else "it has none"
        raise InvalidInput(
            f"give --vectors, --vector or --text: {path} is not a table with one column of vectors, {there}"
        )
    return found[0]


def _dims(path: Path, lazy: pl.LazyFrame, schema: dict[str, pl.DataType], column: str) -> int:
    import polars as pl

    kind = _column(path, schema, column, "--vector")
    if isinstance(kind, pl.Array):
        return int(kind.shape[0])
    if not isinstance(kind, pl.List):
        raise InvalidInput(f"column {column!r} of {path} must hold vectors (lists of numbers); it is {kind}")
    first = lazy.select(pl.col(column).drop_nulls().list.len().first()).collect().item()
    if not first:
        raise InvalidInput(f"column {column!r} of {path} holds no vector to take the dims from")
    return int(first)


def _load_texts(space: Space, lazy: pl.LazyFrame, rows: int, key: str, columns: list[str], size: int) -> int:
    """Embed the columns, joined by line ends, batch by batch."""
    import polars as pl

    from ..space.exchange.progress import Progress

    if space.embedder is None:
        raise InvalidInput(f"space {space.name!r} has no embedder, so --text can't be used; give --vectors or --vector")

    def frames() -> Iterator[pl.DataFrame]:
        joined = pl.concat_str(columns, separator="\n", ignore_nulls=True).fill_null("")
        for frame in lazy.collect_batches(chunk_size=size, maintain_order=True):
            vectors = space.embedder.embed(frame.select(joined).to_series().to_list())
            kind = pl.Array(pl.Float32, space.dims)
            yield frame.with_columns(pl.Series(_EMBEDDED, vectors, dtype=kind))
            bar.advance(frame.height)

    with Progress(space.name, rows, wanted=True) as bar:
        return space.load(frames(), key=key, vector=_EMBEDDED, batch_size=size, progress=False)
