"""Where the bytes of a sharded or plain Zarr v3 array lie in its files, read from its own metadata."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from ..errors import Corrupt
from ..types import Dtype
from .dtypes import array_dtype, array_width, attributes
from .files import map_bytes, os_errors

_MISSING = np.uint64(2**64 - 1)  # in a shard's index: a chunk that holds only the fill value
_CRC = {"name": "crc32c"}
_PLAIN: list[dict[str, Any]] = [{"name": "bytes", "configuration": {"endian": "little"}}, _CRC]
_BYTES: list[dict[str, Any]] = [{"name": "bytes"}, _CRC]  # of numbers of one byte


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


class Fetcher(Protocol):
    """Where the bytes of a segment come from whose files are not here yet, or have holes."""

    def file(self, path: Path, *, again: bool = False) -> None:
        """Have the file whole; `again` fetches it even if it seems to be here."""

    def reserve(self, path: Path) -> None:
        """Have a file of the right size, with holes where nothing has been fetched."""

    def fetch(self, pieces: list[tuple[Path, int, int]]) -> None:
        """Put bytes start … stop of those files where they belong."""

    def url(self, path: Path) -> str:
        """Where the file comes from."""


@dataclass(slots=True)
class Chunk:
    """One contiguous piece of an array in a mapped file, with the checksum that follows it."""

    body: NDArray[Any]  # what the array holds
    sealed: NDArray[Any]  # what the checksum covers: the body and, in the last chunk, its padding
    trailer: NDArray[np.uint8]  # the checksum's four bytes; none for a chunk no file holds: it is all zeros
    path: Path
    expected: bytes | None = None  # the four bytes the catalog remembers: another segment's chunk has others
    checked: bool = False
    place: tuple[int, int] = (0, 0)  # in the file, the checksum included
    fetcher: Fetcher | None = None  # a hole never has the right checksum, so what is not here yet shows

    def check(self) -> None:
        """Compare the bytes with their checksum, once; what lacks or is damaged is fetched if it can be."""
        if self.checked:
            return
        if not self._holds():
            damage = "is damaged: a chunk's checksum does not match"
            if self.fetcher is None:
                raise Corrupt(f"{self.path} {damage}; restore it from a backup")
            self.fetcher.fetch([(self.path, *self.place)])
            if not self._holds():
                raise Corrupt(f"{self.fetcher.url(self.path)} {damage}; publish it again")
        self.checked = True

    @property
    def lacking(self) -> bool:
        """Whether it is plain, without reading the body, that it has to be fetched."""
        return not self.checked and self.trailer.tobytes() != self.expected

    def _holds(self) -> bool:
        trailer = self.trailer.tobytes()
        if self.expected is not None and trailer != self.expected:
            return False
        return trailer == (crc32c(self.sealed).to_bytes(4, "little") if trailer else b"")


def fetch_lacking(chunks: list[Chunk]) -> None:
    """Fetch at once what is plainly missing of these chunks, all of one segment."""
    lacking = [chunk for chunk in chunks if chunk.fetcher is not None and chunk.lacking]
    if len(lacking) > 1 and lacking[0].fetcher is not None:  # check() fetches a single one
        lacking[0].fetcher.fetch([(chunk.path, *chunk.place) for chunk in lacking])


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
    _expect(folder, metadata, "codecs", _PLAIN, bytes_too=True)
    if 0 in shape:
        return np.empty(shape, dtype)
    raw = map_bytes(path)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if len(raw) != size + 4:
        raise Corrupt(f"{path} has {len(raw)} bytes where {size + 4} were expected; restore it from a backup")
    body = raw[:size].view(dtype)
    Chunk(body, body, raw[-4:], path, bytes.fromhex(remembered)).check()
    return body.reshape(shape)


def map_rows(
    folder: Path, rows: int, dims: int, dtype: Dtype = "float32", fetcher: Fetcher | None = None
) -> list[Chunk]:
    """A sharded array of (rows, dims) vectors as its inner chunks in row order, mapped where they lie, unchecked.

    With a fetcher the shards may have holes, or be missing.
    """
    metadata = read_metadata(folder)
    held, width = array_dtype(dtype), array_width(dtype, dims)
    _expect(folder, metadata, "shape", [rows, width])
    _expect(folder, metadata, "data_type", held.name)
    for name, value in attributes(dtype, dims).items():
        _expect(folder, metadata.get("attributes") or {}, name, value)
    try:
        outer = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        sharding = metadata["codecs"][0]["configuration"]
        inner = sharding["chunk_shape"]
        plain = sharding["codecs"] in (_PLAIN, _BYTES if held.itemsize == 1 else _PLAIN)
        at_end = sharding.get("index_location", "end") == "end"
        per_shard, remainder = divmod(outer[0], inner[0])
        plain = plain and all(type(length) is int and length > 0 for length in (*outer, *inner))
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise Corrupt(f"{folder / 'zarr.json'} does not describe a sharded array") from error
    if not plain or not at_end or remainder or outer[1] != width or inner[1] != width or per_shard < 1:
        raise Corrupt(
            f"{folder / 'zarr.json'}: the engine maps shards of uncompressed, checksummed rows; this is another layout"
        )
    chunks: list[Chunk] = []
    paths = [folder / "c" / str(shard) / "0" for shard in range(-(-rows // outer[0]))]
    if fetcher is not None:
        _fetch_indexes(paths, per_shard, fetcher)
    for shard, path in enumerate(paths):
        raw = map_bytes(path)
        index = _shard_index(path, per_shard)
        for number in range(per_shard):
            first = shard * outer[0] + number * inner[0]
            if first >= rows:
                break
            chunks.append(
                _inner(raw, index[number], (inner[0], width), held, min(inner[0], rows - first), path, fetcher)
            )
    return chunks


def _fetch_indexes(paths: list[Path], per_shard: int, fetcher: Fetcher) -> None:
    size, lacking = per_shard * 16 + 4, []
    for path in paths:
        fetcher.reserve(path)
        try:
            _shard_index(path, per_shard)
        except Corrupt:
            held = path.stat().st_size
            if held < size:
                raise
            lacking.append((path, held - size, held))
    fetcher.fetch(lacking)


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


def _inner(
    raw: NDArray[np.uint8],
    entry: NDArray[np.uint64],
    shape: tuple[int, int],
    held: np.dtype[Any],
    used: int,
    path: Path,
    fetcher: Fetcher | None,
) -> Chunk:
    offset, size = int(entry[0]), int(entry[1])
    if entry[0] == _MISSING and entry[1] == _MISSING:
        if fetcher is not None:
            raise Corrupt(f"{path}: its index lacks a chunk, which a published shard's never does")
        zeros = np.zeros((used, shape[1]), held)
        return Chunk(zeros, zeros, np.empty(0, np.uint8), path)
    expected = shape[0] * shape[1] * held.itemsize + 4
    if size != expected or offset + size > len(raw):
        raise Corrupt(f"{path} is damaged: its index names bytes that are not there; restore it from a backup")
    body = raw[offset : offset + size - 4]
    if offset % held.itemsize:  # another writer's shard: numbers may not lie askew
        if fetcher is not None:
            fetcher.fetch([(path, offset, offset + size)])
        body = body.copy()
    matrix = body.view(held).reshape(shape)
    trailer = raw[offset + size - 4 : offset + size]
    return Chunk(matrix[:used], matrix, trailer, path, place=(offset, offset + size), fetcher=fetcher)


def _expect(folder: Path, metadata: dict[str, Any], name: str, value: object, *, bytes_too: bool = False) -> None:
    found = metadata.get(name)
    if found == value or (bytes_too and found == _BYTES):  # uint8 has no byte order
        return
    raise Corrupt(f"{folder / 'zarr.json'}: {name} is {found!r} where {value!r} was expected")
