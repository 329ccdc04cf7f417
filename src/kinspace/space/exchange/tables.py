"""Tables of any kind as Polars frames, whole or one after another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.foreign import is_of
from ...errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl


def is_frame(value: Any) -> bool:
    """Whether the value is a table held in memory."""
    arrow = hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")
    return (arrow and not _is_polars(value, "Series")) or type(value).__module__.startswith("pandas")


def is_lazy(value: Any) -> bool:
    """Whether the value is a Polars LazyFrame."""
    return _is_polars(value, "LazyFrame")


def frame_of(value: Any) -> pl.DataFrame:
    """The table, or mapping of names to columns, as a frame."""
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return value
    if not is_frame(value) and not isinstance(value, Mapping):
        raise InvalidInput(f"columns come as a frame or a mapping of names to sequences; got {short(value)}")
    try:
        return pl.from_pandas(value) if type(value).__module__.startswith("pandas") else pl.DataFrame(value)
    except (TypeError, ValueError, ImportError, pl.exceptions.PolarsError) as error:
        raise InvalidInput(f"{short(value)} can't be read as a table: {error}") from error


def stacked(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The frames as one; a column that some lack is null there."""
    import polars as pl

    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"the frames don't fit together: {error}") from error


def without(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame | None:
    """The frame's other columns, None if there are none."""
    import polars as pl

    kept = [column for column in frame.get_columns() if column.name not in names]
    return pl.DataFrame(kept) if kept else None


def frames_of_lazy(lazy: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    """The rows of a LazyFrame, some at a time."""
    import polars as pl

    try:
        yield from lazy.collect_batches(chunk_size=size, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InvalidInput(f"the table can't be read: {error}") from error


def recut(frames: Iterable[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
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


def keys_of(keys: Any) -> list[Any]:
    """Keys given apart, as a list."""
    if isinstance(keys, (str, bytes)) or not (isinstance(keys, Iterable) or is_frame(keys)):
        raise InvalidInput(f"keys= takes many keys; got {short(keys)}")
    if isinstance(keys, np.ndarray):
        return list(keys.tolist())
    if _is_polars(keys, "Series"):
        return list(keys.to_list())
    if is_frame(keys) and not type(keys).__module__.startswith("pandas"):
        import polars as pl

        return pl.Series(keys).to_list()
    return list(keys.tolist() if hasattr(keys, "tolist") else keys)


def is_matrix(value: Any) -> bool:
    """Whether the value is vectors alone, without keys: a 2-d array."""
    return getattr(value, "ndim", 0) == 2 and not is_frame(value)


def is_path(value: Any) -> bool:
    """Whether the value names a file."""
    return isinstance(value, (str, os.PathLike))


def chunks(items: Iterable[Any], size: int | None) -> Iterator[list[Any]]:
    """The items in lists of `size`, or in one."""
    iterator = iter(items)
    while chunk := list(iterator if size is None else islice(iterator, size)):
        yield chunk


def short(value: Any) -> str:
    """The value for an error's text."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 80 else text[:77] + '…'}"


def _is_polars(value: Any, name: str) -> bool:
    return is_of(value, "polars", name)
