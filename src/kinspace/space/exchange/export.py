"""A space as a file that other programs read: one view, streamed, put in place when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...storage.interchange import WRITTEN, suffix_of
from ...storage.interchange.source import Outgoing

if TYPE_CHECKING:
    import polars as pl

    from ..state.view import View

_READ_BYTES = 32 << 20  # of vectors that are copied at a time
_READ_ROWS = 8_192


def export(view: View, path: str | os.PathLike[str], *, overwrite: bool) -> int:
    """Write the view's rows as the path's suffix says, and return how many."""
    from ...storage.interchange.npy import rows_beside, write_npy
    from ...storage.interchange.parquet import write_parquet
    from ...storage.interchange.place import place_files, place_folder
    from ...storage.interchange.zarr_write import write_group, zip_folder

    if not isinstance(path, (str, os.PathLike)):
        raise InvalidInput(f"an export goes to a path; got {type(path).__name__}")
    target = Path(path)
    suffix = suffix_of(target)
    if suffix not in WRITTEN:
        raise InvalidInput(f"{target} must end in {', '.join(WRITTEN)}")
    rows = outgoing(view)

    def parquet(work: Path) -> list[Path]:
        write_parquet(work / "made", rows)
        return [work / "made"]

    def npy(work: Path) -> list[Path]:
        write_npy(work / "made", work / "rows", rows)
        return [work / "made", work / "rows"]

    def zipped(work: Path) -> list[Path]:
        (work / "group").mkdir()
        write_group(work / "group", rows)
        zip_folder(work / "group", work / "made")
        return [work / "made"]

    if suffix == ".zarr":
        place_folder(target, lambda folder: write_group(folder, rows), overwrite=overwrite)
    elif suffix == ".npy":
        place_files([target, rows_beside(target)], npy, overwrite=overwrite)
    else:
        place_files([target], parquet if suffix == ".parquet" else zipped, overwrite=overwrite)
    return rows.rows


def outgoing(view: View) -> Outgoing:
    """The rows of a view, to be written."""
    import polars as pl

    key = pl.Int64() if view.meta.key_type == "int" else pl.String()
    most = max(1, min(_READ_ROWS, _READ_BYTES // (4 * view.meta.dims)))

    def keys(size: int) -> Iterator[list[Any]]:
        return map(view.keys, _pieces(view, size))

    def vectors(size: int) -> Iterator[NDArray[np.float32]]:
        return map(view.vectors, _pieces(view, size))

    def columns(size: int) -> Iterator[pl.DataFrame]:
        return map(view.take, _pieces(view, size))

    def whole(size: int) -> Iterator[pl.DataFrame]:
        for positions in _pieces(view, min(size, most)):
            block = pl.Series("vector", view.vectors(positions), dtype=pl.Array(pl.Float32, view.meta.dims))
            yield view.take(positions).with_columns(block)

    return Outgoing(
        len(view),
        view.meta.dims,
        view.meta.key_type,
        view.meta.metric,
        view.meta.dtype,
        {"key": key, **view.schema},
        keys,
        vectors,
        columns,
        whole,
    )


def _pieces(view: View, size: int) -> Iterator[NDArray[np.int64]]:
    """Every live position, in insertion order, exactly `size` at a time but for the last."""
    held: list[NDArray[np.int64]] = []
    count = 0
    for positions in view.in_order():
        held.append(positions)
        count += len(positions)
        if count < size:
            continue
        every = np.concatenate(held)
        whole = count - count % size
        for start in range(0, whole, size):
            yield every[start : start + size]
        held, count = [every[whole:]], count - whole
    if count:
        yield np.concatenate(held)
