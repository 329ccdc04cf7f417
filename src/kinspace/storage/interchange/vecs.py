"""The texmex formats .fvecs, .bvecs and .ivecs: each vector after its length, as a 32-bit word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Corrupt, InvalidInput, Unavailable
from ...types import MAX_DIMS
from .source import FileRows, FileVectors

_KINDS: dict[str, np.dtype[Any]] = {
    ".fvecs": np.dtype("<f4"),
    ".bvecs": np.dtype("u1"),
    ".ivecs": np.dtype("<i4"),
}


def read_vecs(path: Path) -> FileRows:
    """The vectors of a file; the length in front of each is checked when it is read."""
    dtype = _KINDS[path.suffix.lower()]
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error}") from error
    if len(head) < 4:
        raise InvalidInput(f"{path} has {size} bytes; expected at least one vector after its length")
    dims = int.from_bytes(head, "little", signed=True)
    if not 1 <= dims <= MAX_DIMS:
        raise InvalidInput(f"{path} says its first vector has {dims:,} dims; expected 1…{MAX_DIMS:,}")
    record = 4 + dims * dtype.itemsize
    rows, rest = divmod(size, record)
    if rest:
        raise Corrupt(
            f"{path} has {size:,} bytes, which is no multiple of the {record:,} that a vector of {dims} dims takes: "
            "it was cut short, or its vectors differ in length"
        )
    try:
        mapped = np.memmap(path, np.dtype([("dims", "<i4"), ("vector", dtype, (dims,))]), mode="r", shape=(rows,))
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} can't be mapped: {error}") from error

    def fetch(start: int, stop: int) -> NDArray[Any]:
        part = mapped[start:stop]
        other = np.flatnonzero(part["dims"] != dims)
        if len(other):
            row = int(other[0])
            raise Corrupt(f"{path}: row {start + row} says it has {part['dims'][row]} dims; the first has {dims}")
        vectors: NDArray[Any] = part["vector"]
        return vectors

    return FileRows(path, rows, dims, None, FileVectors(path, (rows, dims), dtype, fetch), numbered=True)
