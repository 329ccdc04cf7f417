"""Where the bytes of a sharded or plain Zarr v3 array lie in its files, read from its own metadata."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from ..errors import Corrupt
from .files import map_bytes, os_errors

_MISSING = np.uint64(2**64 - 1)  # in a shard's index: a chunk that holds only the fill value
_CRC = {"name": "crc32c"}


def crc32c(body: NDArray[Any]) -> int:
    """The checksum Zarr's crc32c codec appends."""
    return int(google_crc32c.value(body))


def read_metadata(folder: Path) -> dict[str, Any]:
    """The array's zarr.json."""
    try:
        body = json.loads(map_bytes(folder / "zarr.json").tobytes())
    except ValueError as error:
        raise Corrupt(f"{folder / 'zarr.json'} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Corrupt(f"{folder / 'zarr.json'} does not describe a Zarr array")
    return body


@dataclass(slots=True)
class Chunk:
    """One contiguous piece of an array in a mapped file, with the checksum that follows it."""

    body: NDArray[Any]  # what the array holds
    sealed: NDArray[Any]  # what the checksum covers: the body and, in the last chunk, its padding
    trailer: NDArray[np.uint8]  # the checksum's four bytes; none for a chunk no file holds: it is all zeros
    path: Path
    expected: bytes | None = None  # the four bytes the catalog remembers: another segment's chunk has others
    checked: bool = False

    def check(self) -> None:
        """Compare the bytes with their checksum, once."""
        if self.checked:
            return
        trailer = self.trailer.tobytes()
        found = crc32c(self.sealed).to_bytes(4, "little") if trailer else b""
        if found != trailer or (self.expected is not None and found != self.expected):
            raise Corrupt(f"{self.path} is damaged: a chunk's checksum does not match; restore it from a backup")
        self.checked = True


def is_chunk(name: str) -> bool:
    """Whether a file of a segment is a Zarr chunk or shard, which carries its own checksums."""
    return "/c/" in name


def trailers(chunks: list[Chunk]) -> dict[Path, str]:
    """Of each shard the checksums in it, end to end, in hex: what the catalog remembers of it."""
    return {path: b"".join(chunk.trailer.tobytes() for chunk in part).hex() for path, part in _by_shard(chunks)}


def expect(chunks: list[Chunk], remembered: Callable[[Path], str]) -> None:
    """Have the chunks compared with what the catalog remembers too."""
    for path, part in _by_shard(chunks):
        body = bytes.fromhex(remembered(path))
        for place, chunk in enumerate(part):
            chunk.expected = body[4 * place : 4 * place + 4]


def _by_shard(chunks: list[Chunk]) -> Iterator[tuple[Path, Iterator[Chunk]]]:
    return groupby(chunks, key=lambda chunk: chunk.path)


def map_array(folder: Path, dtype: str, shape: tuple[int, ...], remembered: str) -> NDArray[Any]:
    """An array of one chunk (codecs bytes, crc32c), mapped and checked."""
    metadata = read_metadata(folder)
    path = folder.joinpath("c", *("0" for _ in shape))
    _expect(folder, metadata, "shape", list(shape))
    _expect(
        folder, metadata, "codecs", [{"name": "bytes", "configuration": {"endian": "little"}}, _CRC], bytes_too=True
    )
    if 0 in shape:
        return np.empty(shape, dtype)
    raw = map_bytes(path)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if len(raw) != size + 4:
        raise Corrupt(f"{path} has {len(raw)} bytes where {size + 4} were expected; restore it from a backup")
    body = raw[:size].view(dtype)
    Chunk(body, body, raw[-4:], path, bytes.fromhex(remembered)).check()
    return body.reshape(shape)


def map_rows(folder: Path, rows: int, dims: int) -> list[Chunk]:
    """A sharded float32 (rows, dims) array as its inner chunks in row order, mapped where they lie, unchecked."""
    metadata = read_metadata(folder)
    _expect(folder, metadata, "shape", [rows, dims])
    _expect(folder, metadata, "data_type", "float32")
    try:
        outer = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        sharding = metadata["codecs"][0]["configuration"]
        inner = sharding["chunk_shape"]
        plain = sharding["codecs"] == [{"name": "bytes", "configuration": {"endian": "little"}}, _CRC]
        at_end = sharding.get("index_location", "end") == "end"
        per_shard, remainder = divmod(outer[0], inner[0])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise Corrupt(f"{folder / 'zarr.json'} does not describe a sharded array") from error
    if not plain or not at_end or remainder or outer[1] != dims or inner[1] != dims or per_shard < 1:
        raise Corrupt(
            f"{folder / 'zarr.json'}: the engine maps shards of uncompressed, checksummed rows; this is another layout"
        )
    chunks: list[Chunk] = []
    for shard in range(-(-rows // outer[0])):
        path = folder / "c" / str(shard) / "0"
        raw = map_bytes(path)
        index = _shard_index(path, per_shard)
        for number in range(per_shard):
            first = shard * outer[0] + number * inner[0]
            if first >= rows:
                break
            chunks.append(_inner(raw, index[number], inner[0], dims, min(inner[0], rows - first), path))
    return chunks


def _shard_index(path: Path, per_shard: int) -> NDArray[np.uint64]:
    """Read, not mapped: touching the map there would have the kernel read the vectors around it."""
    size = per_shard * 16
    with os_errors(f"reading {path}"), path.open("rb") as file:
        held = file.seek(0, io.SEEK_END)
        if held < size + 4:
            raise Corrupt(f"{path} is truncated: {held} bytes do not hold its index; restore it from a backup")
        file.seek(-size - 4, io.SEEK_END)
        body = file.read(size)
        checksum = int.from_bytes(file.read(4), "little")
    index = np.frombuffer(body, "<u8").reshape(per_shard, 2)
    if crc32c(index) != checksum:
        raise Corrupt(f"{path} is damaged: the checksum of its index does not match; restore it from a backup")
    return index


def _inner(raw: NDArray[np.uint8], entry: NDArray[np.uint64], rows: int, dims: int, used: int, path: Path) -> Chunk:
    offset, size = int(entry[0]), int(entry[1])
    if entry[0] == _MISSING and entry[1] == _MISSING:
        zeros = np.zeros((used, dims), np.float32)
        return Chunk(zeros, zeros, np.empty(0, np.uint8), path)
    expected = rows * dims * 4 + 4
    if size != expected or offset + size > len(raw):
        raise Corrupt(f"{path} is damaged: its index names bytes that are not there; restore it from a backup")
    body = raw[offset : offset + size - 4]
    if offset % 4:  # another writer's shard: floats may not lie askew
        body = body.copy()
    matrix = body.view("<f4").reshape(rows, dims)
    return Chunk(matrix[:used], matrix, raw[offset + size - 4 : offset + size], path)


def _expect(folder: Path, metadata: dict[str, Any], name: str, value: object, *, bytes_too: bool = False) -> None:
    found = metadata.get(name)
    if found == value or (bytes_too and found == [{"name": "bytes"}, _CRC]):  # uint8 has no byte order
        return
    raise Corrupt(f"{folder / 'zarr.json'}: {name} is {found!r} where {value!r} was expected")
