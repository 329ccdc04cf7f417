"""What can still be read of a damaged segment, file by file: only bytes whose checksum the catalog remembers count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Corrupt, Unavailable
from ..types import Dtype, Key
from .catalog import SegmentEntry
from .checksums import verify
from .dtypes import array_dtype, decode, row_bytes
from .keys import KeyType, parse_key
from .layout import crc32c, is_chunk, read_metadata
from .segment import chunk_rows

if TYPE_CHECKING:
    import polars as pl

_CRC_BYTES = 4
_NOTHING = np.empty(0, np.uint8)


class Remains:
    """A segment's files as they are now. Files are read, not mapped: a failing disk is Unavailable and ends nothing.

    Nothing is taken from a file on its own word: its own checksum may be damaged too, and the file that of another.
    """

    def __init__(
        self, parent: Path, entry: SegmentEntry, dims: int, key_type: KeyType, dtype: Dtype = "float32"
    ) -> None:
        self.folder = parent / entry.id
        self.entry = entry
        self._dims = dims
        self._dtype = dtype
        self._key_type = key_type
        self._inner, self._shard_rows = self._geometry()
        self._held: tuple[int, NDArray[np.float32], NDArray[np.bool_]] | None = None  # the shard read last

    @cached_property
    def seqs(self) -> NDArray[np.uint64] | None:
        """The seq of each row, ascending; None if they can't be told."""
        entry = self.entry
        if entry.last - entry.first + 1 == entry.rows:
            return np.arange(entry.first, entry.last + 1, dtype=np.uint64)
        found = self._flat("seq", "<u8", entry.rows)
        return None if found is None else found + np.uint64(entry.base)

    @cached_property
    def whole(self) -> NDArray[np.bool_]:
        """The rows whose vectors can be read."""
        shards = range(-(-self.entry.rows // self._shard_rows))
        return np.concatenate([self._shard(number)[1] for number in shards])

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """The rows whose keys can be read."""
        return self._keys[0]

    @cached_property
    def has_columns(self) -> bool:
        """Whether rows.arrow can be read."""
        return self._is_whole("rows.arrow")

    @property
    def damaged(self) -> list[str]:
        """The files that are not as they were written."""
        return [name for name in self.entry.files if not self._is_whole(name)]

    def keys(self, rows: NDArray[np.int64]) -> list[Key]:
        """The keys of those rows, all of them known."""
        return self._keys[1](rows)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors (n, dims) of those rows, ascending and all of them whole."""
        out = np.empty((len(rows), self._dims), np.float32)
        numbers = rows // self._shard_rows
        for number in np.unique(numbers).tolist():
            vectors, whole = self._shard(number)
            here = numbers == number
            inside = rows[here] - number * self._shard_rows
            if not whole[inside].all():
                raise Corrupt(f"{self.folder / 'vectors'} changes while it is read; check the disk that holds it")
            out[here] = vectors[inside]
        return out

    def frames(self, rows: NDArray[np.int64], size: int) -> Iterator[pl.DataFrame]:
        """The key and the columns of those rows, `size` at a time; the key alone if rows.arrow can't be read."""
        import polars as pl

        for start in range(0, len(rows), size):
            here = rows[start : start + size]
            if not self.has_columns:
                yield pl.DataFrame({"key": self.keys(here)})
                continue
            low, high = int(here[0]), int(here[-1])
            with _polars_errors(self.folder):
                yield pl.scan_ipc(self.folder / "rows.arrow").slice(low, high - low + 1).collect()[here - low]

    def _geometry(self) -> tuple[int, int]:
        """Rows of an inner chunk and of a shard; by the rule they are written by if their metadata is damaged."""
        if not self._is_whole("vectors/zarr.json"):
            return chunk_rows(self.entry.rows, row_bytes(self._dtype, self._dims))
        metadata = read_metadata(self.folder / "vectors")
        inner = metadata["codecs"][0]["configuration"]["chunk_shape"][0]
        return int(inner), int(metadata["chunk_grid"]["configuration"]["chunk_shape"][0])

    def _shard(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A shard's vectors, and which of them are as they were written."""
        if self._held is None or self._held[0] != number:
            self._held = number, *self._read_shard(number)[:2]
        return self._held[1:]

    def _read_shard(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], bool]:
        """Its vectors, which of them are whole, and whether every byte is.

        Without a readable index the chunks are looked for where they are always written, back to back.
        """
        name, inner = f"vectors/c/{number}/0", self._inner
        raw, size = self._raw(name), inner * row_bytes(self._dtype, self._dims)
        remembered = self._remembered(name)
        used = min(self._shard_rows, self.entry.rows - number * self._shard_rows)
        vectors, whole = np.zeros((used, self._dims), np.float32), np.zeros(used, np.bool_)
        offsets = _offsets(raw, self._shard_rows // inner)
        sound = offsets is not None and len(raw) == self.entry.files[name][0]
        for place in range(-(-used // inner)):
            rows = slice(place * inner, min((place + 1) * inner, used))
            at = place * (size + _CRC_BYTES) if offsets is None else offsets[place]
            body, trailer = raw[at : at + size], raw[at + size : at + size + _CRC_BYTES].tobytes()
            expected = remembered[place * _CRC_BYTES : (place + 1) * _CRC_BYTES]
            if len(body) == size and _crc(body) == expected:
                held = body.view(array_dtype(self._dtype)).reshape(inner, -1)[: rows.stop - rows.start]
                vectors[rows] = decode(held, self._dtype, self._dims)
                whole[rows] = True
            sound = sound and bool(whole[rows].all()) and trailer == expected
        return vectors, whole, sound

    @cached_property
    def _keys(self) -> tuple[NDArray[np.bool_], Callable[[NDArray[np.int64]], list[Key]]]:
        """Which rows' keys are known, and the keys of rows: from the arrays, from rows.arrow, or from what is left."""
        rows = self.entry.rows
        arrays = self._key_arrays(trusted=True)
        if arrays is not None:
            return np.ones(rows, np.bool_), arrays
        if self.has_columns:
            import polars as pl

            with _polars_errors(self.folder):
                column = pl.read_ipc(self.folder / "rows.arrow", columns=["key"]).get_column("key")
            return np.ones(rows, np.bool_), lambda wanted: column.gather(wanted).to_list()
        known = np.zeros(rows, np.bool_)
        doubtful, hashes = self._key_arrays(trusted=False), self._hashes()
        if doubtful is None or hashes is None:
            return known, lambda _: []
        for row in range(rows):  # one by one, since any of them may not even be text
            try:
                (key,) = doubtful(np.array([row], np.int64))
                known[row] = parse_key(key, self._key_type)[1] == hashes[row]
            except ValueError:
                continue
        return known, doubtful

    def _key_arrays(self, *, trusted: bool) -> Callable[[NDArray[np.int64]], list[Key]] | None:
        """The keys of rows by the key arrays; unless trusted, those may be damaged."""
        rows = self.entry.rows
        if self._key_type == "int":
            ints = self._flat("key", "<i8", rows, trusted=trusted)
            return None if ints is None else lambda wanted: ints[wanted].tolist()
        offsets = self._flat("key_offset", "<u8", rows + 1, trusted=trusted)
        size = self.entry.files["key_text/c/0"][0] - _CRC_BYTES
        text = self._flat("key_text", "|u1", size, trusted=trusted)
        if offsets is None or text is None:
            return None
        return lambda wanted: [
            text[int(offsets[row]) : int(offsets[row + 1])].tobytes().decode() for row in wanted.tolist()
        ]

    def _hashes(self) -> NDArray[np.uint64] | None:
        """The hash of each row's key."""
        hashes, rows = self._flat("key_hash", "<u8", self.entry.rows), self._flat("key_row", "<u4", self.entry.rows)
        if hashes is None or rows is None:
            return None
        by_row = np.empty(self.entry.rows, np.uint64)
        by_row[rows] = hashes
        return by_row

    def _flat(self, name: str, dtype: str, length: int, *, trusted: bool = True) -> NDArray[Any] | None:
        """An array of one chunk; None if its values are not those that were written or, untrusted, not so many."""
        raw = self._raw(f"{name}/c/0")
        size = length * np.dtype(dtype).itemsize
        body = raw[:size]
        if len(body) != size or (trusted and _crc(body) != self._remembered(f"{name}/c/0")):
            return None
        return body.view(dtype)

    def _is_whole(self, name: str) -> bool:
        if name.startswith("vectors/c/"):
            return self._read_shard(int(name.split("/")[2]))[2]
        if is_chunk(name):
            raw = self._raw(name)
            carried, expected = raw[-_CRC_BYTES:].tobytes(), self._remembered(name)
            return len(raw) == self.entry.files[name][0] and _crc(raw[:-_CRC_BYTES]) == expected == carried
        if not (self.folder / name).is_file():
            return False
        try:
            verify(self.folder, self.entry.files, name)
        except Corrupt:
            return False
        return True

    def _raw(self, name: str) -> NDArray[np.uint8]:
        """A file's bytes; none if there is no such file."""
        path = self.folder / name
        if not path.is_file():
            return _NOTHING
        try:
            return np.fromfile(path, np.uint8)
        except OSError as error:
            raise Unavailable(f"{path} can't be read: {error}; copy the hub to another disk, then repair it") from error

    def _remembered(self, name: str) -> bytes:
        return bytes.fromhex(self.entry.files[name][1]) if name in self.entry.files else b""


def _crc(body: NDArray[np.uint8]) -> bytes:
    return crc32c(body).to_bytes(_CRC_BYTES, "little")


def _offsets(shard: NDArray[np.uint8], chunks: int) -> list[int] | None:
    """Where a shard's index, at its end, says that its chunks begin; None if the index is damaged."""
    size = chunks * 16
    index, trailer = shard[-size - _CRC_BYTES : -_CRC_BYTES], shard[-_CRC_BYTES:].tobytes()
    if len(index) != size or _crc(index) != trailer:
        return None
    offsets: list[int] = index.view("<u8")[::2].tolist()
    return offsets


@contextmanager
def _polars_errors(folder: Path) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unavailable(f"{folder / 'rows.arrow'} can't be read: {error}") from error
