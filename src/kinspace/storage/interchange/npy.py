"""Vectors as a .npy file, keys and columns as x.rows.parquet beside x.npy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from ...errors import Corrupt, InvalidInput, Unavailable
from ..files import digest
from .parquet import read_table, told_by, write_columns
from .source import FileRows, FileVectors, Outgoing

_BLOCK_BYTES = 8 << 20


def rows_beside(path: Path) -> Path:
    """Where the keys and columns of a .npy file are."""
    return path.with_suffix(".rows.parquet")


def write_npy(path: Path, rows_path: Path, rows: Outgoing) -> None:
    """Write the vectors, and beside them keys and columns, with the digest by which the two are a pair."""
    told = {"descr": "<f4", "fortran_order": False, "shape": (rows.rows, rows.dims)}
    state = xxhash.xxh3_64()
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, told)
        file.seek(0)
    with path.open("rb") as file:
        state.update(file.read())
    with path.open("ab") as file:
        for vectors in rows.vectors(max(1, _BLOCK_BYTES // (4 * rows.dims))):
            block = np.ascontiguousarray(vectors, "<f4").data
            file.write(block)
            state.update(block)
    write_columns(rows_path, rows, vectors=state.hexdigest())


def read_npy(path: Path, key: str = "key", *, alone: bool = False) -> FileRows:
    """The vectors of a .npy file, and unless alone the keys and columns beside them, if they are there."""
    array = map_npy(path)
    vectors = FileVectors(path, array.shape, array.dtype, lambda start, stop: array[start:stop])
    beside = rows_beside(path)
    if alone or not beside.is_file():
        return FileRows(path, vectors.n, vectors.dims, None, vectors)
    table = read_table(beside, key, None)
    if table.key_type is None:
        raise InvalidInput(f"{beside} has no column {key!r}; say with key= which one holds the keys")
    if table.rows != vectors.n:
        raise InvalidInput(
            f"{beside} has {table.rows:,} rows, but {path} has {vectors.n:,} vectors; expected one a row"
        )
    expected = told_by(beside).get("vectors")
    if expected is not None and digest(path) != expected:
        raise Corrupt(f"{path} is damaged, or not the file that {beside.name} was written with: its digest is another")
    return FileRows(
        path, table.rows, vectors.dims, table.key_type, vectors, key, table.metric, table.table, dtype=table.dtype
    )


def map_npy(path: Path) -> NDArray[Any]:
    """A .npy file, memory-mapped; InvalidInput if it is none, says what can't be, or holds objects."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error}") from error
    except Exception as error:  # what NumPy raises for a header it can't make sense of is of many kinds
        raise InvalidInput(f"{path} is not a .npy file of numbers: {error}") from error
