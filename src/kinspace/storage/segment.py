"""Writing a segment: a Zarr v3 group of arrays beside rows.arrow, durable before its name is known."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import Unavailable
from ..types import Dtype
from .checksums import remember
from .dtypes import array_dtype, array_width, attributes, encode, row_bytes
from .files import FolderLock, new_folder, os_errors, remove_unfinished, sync, sync_tree
from .keys import KeyType, text_array
from .layout import map_rows

if TYPE_CHECKING:
    import polars as pl
    import zarr

FORMAT = 1
INNER_ROWS = 4_096  # rows of a checksummed chunk
_INNER_BYTES = 64 << 20  # … but never more than this, however long the vectors
_SHARD_BYTES = 32 << 20  # about this much is written at a time


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows on their way into a segment, in ascending seq."""

    keys: list[Any]
    hashes: NDArray[np.uint64]
    vectors: NDArray[np.float32]
    seqs: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Written:
    """A finished segment folder, locked against removal, not yet named by any catalog."""

    id: str
    rows: int
    first: int
    last: int
    files: dict[str, tuple[int, str]]
    folder: Path
    lock: FolderLock

    def discard(self) -> None:
        """Remove it again: no catalog will name it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()


def chunk_rows(rows: int, row_bytes: int) -> tuple[int, int]:
    """Rows of an inner chunk and of a shard, for rows of so many bytes: powers of two, small for small segments."""
    inner = INNER_ROWS
    while inner > 64 and (inner * row_bytes > _INNER_BYTES or inner // 2 >= rows):
        inner //= 2
    shard = inner
    while shard < rows and shard * 2 * row_bytes <= _SHARD_BYTES:
        shard *= 2
    return inner, shard


def search_norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The l2 norms a scan prunes with; NaN where float32 arithmetic can't be trusted and doubles must decide."""
    norms = _core.norms(vectors)
    safe = (norms == 0) | ((norms >= 1e-15) & (norms <= 1e18))
    return np.where(safe, norms, np.nan).astype(np.float32)


def write_segment(
    parent: Path,
    rows: int,
    dims: int,
    key_type: KeyType,
    block: Callable[[int, int], Block],
    columns: Callable[[], Iterator[pl.DataFrame]],
    *,
    dtype: Dtype = "float32",
    durable: bool = True,
) -> Written:
    """Write `rows` rows as a new folder in `parent`; on any error nothing is left of it.

    block(start, stop) gives those rows, whose vectors are such as the dtype holds exactly; columns() gives all rows'
    key and columns, in one frame or several.
    Unless durable, it is left to the system when the bytes reach the disk.
    """
    with os_errors(f"writing a segment in {parent}"):
        folder, lock = new_folder(parent)
        try:
            first, last = _write_arrays(folder, rows, dims, dtype, key_type, block)
            _write_columns(folder / "rows.arrow", columns())
            files = remember(folder, map_rows(folder / "vectors", rows, dims, dtype))
            if durable:
                sync_tree(folder)
                sync(parent)
        except BaseException:
            remove_unfinished(folder)
            lock.release()
            raise
    return Written(folder.name, rows, first, last, files, folder, lock)


def _write_arrays(
    folder: Path, rows: int, dims: int, dtype: Dtype, key_type: KeyType, block: Callable[[int, int], Block]
) -> tuple[int, int]:
    import zarr

    told: dict[str, Any] = {"format": FORMAT, "rows": rows, "dims": dims, "key_type": key_type}
    if dtype != "float32":  # which goes without saying: so it was before there were others
        told["dtype"] = dtype
    group = zarr.open_group(
        folder,
        mode="a",
        zarr_format=3,
        attributes={"kinspace": told},
    )
    vectors = create_vectors(group, rows, dims, dtype)
    shard = chunk_rows(rows, row_bytes(dtype, dims))[1]
    norms, seqs, hashes = np.empty(rows, np.float32), np.empty(rows, np.uint64), np.empty(rows, np.uint64)
    texts: list[NDArray[np.uint8]] = []
    lengths: list[NDArray[np.uint64]] = []
    ints: list[NDArray[np.int64]] = []
    for start in range(0, rows, shard):
        stop = min(start + shard, rows)
        part = block(start, stop)
        vectors[start:stop] = encode(part.vectors, dtype)
        norms[start:stop], seqs[start:stop], hashes[start:stop] = search_norms(part.vectors), part.seqs, part.hashes
        if key_type == "str":
            text, length = text_array(part.keys)
            texts.append(text)
            lengths.append(length)
        else:
            ints.append(np.array(part.keys, np.int64))
    order = np.argsort(hashes, kind="stable")
    write_array(group, "norms", norms)
    write_array(group, "seq", seqs)
    write_array(group, "key_hash", hashes[order])
    write_array(group, "key_row", order.astype(np.uint32))
    if key_type == "str":
        write_array(group, "key_text", np.concatenate(texts))
        write_array(
            group,
            "key_offset",
            np.concatenate([np.zeros(1, np.uint64), np.cumsum(np.concatenate(lengths), dtype=np.uint64)]),
        )
    else:
        write_array(group, "key", np.concatenate(ints))
    return int(seqs[0]), int(seqs[-1])


def create_vectors(group: zarr.Group, rows: int, dims: int, dtype: Dtype = "float32") -> zarr.Array[Any]:
    """An empty array for (rows, dims) vectors, sharded by `chunk_rows`."""
    from zarr.codecs import Crc32cCodec

    inner, shard = chunk_rows(rows, row_bytes(dtype, dims))
    width = array_width(dtype, dims)
    return group.create_array(
        "vectors",
        shape=(rows, width),
        dtype=array_dtype(dtype),
        chunks=(inner, width),
        shards=(shard, width),
        attributes=attributes(dtype, dims),
        filters=None,
        compressors=Crc32cCodec(),
        config={"write_empty_chunks": True},
    )


def write_array(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    """Write an array as one checksummed chunk."""
    from zarr.codecs import Crc32cCodec

    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=tuple(max(1, length) for length in values.shape),
        filters=None,
        compressors=Crc32cCodec(),
        config={"write_empty_chunks": True},
    )
    array[...] = values


def _write_columns(path: Path, frames: Iterator[pl.DataFrame]) -> None:
    """One frame, or many of one schema that are never in memory together."""
    import polars as pl
    from polars.io.plugins import register_io_source

    first = next(frames)
    second = next(frames, None)
    layout: dict[str, Any] = {"record_batch_size": INNER_ROWS, "compat_level": pl.CompatLevel.oldest()}
    try:
        if second is None:
            first.write_ipc(path, **layout)
            return
        every = chain([first, second], frames)
        lazy = register_io_source(lambda *_: every, schema=first.schema)
        with path.open("wb") as file:  # opened here: a failed sink of Polars may make its file after it has raised
            lazy.sink_ipc(file, maintain_order=True, **layout)
    except pl.exceptions.PolarsError as error:
        raise Unavailable(f"writing {path} failed: {error}; nothing was stored") from error
