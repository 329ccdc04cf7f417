"""The rows of a space's catalog, and the tallies that notice when one is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...types import Key

TABLES = ("segment", "log", "tombstone")
_ID = re.compile(r"[0-9a-f]{16}")


def parse_id(id: object) -> str:
    """A folder's id as a catalog names it: never a path. ValueError if it is anything else."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no folder's id")
    return id


def _counts(*numbers: object) -> None:
    """ValueError unless all are whole numbers that a seq can be."""
    for number in numbers:
        if type(number) is not int or not 0 <= number < 1 << 63:
            raise ValueError(f"{number!r} is no count")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows a table has, and their checksums XORed: a row that went missing or stands twice shows."""

    rows: int = 0
    mix: int = 0

    def plus(self, digests: Iterable[bytes]) -> Tally:
        """With those rows added."""
        return self._with(digests, 1)

    def minus(self, digests: Iterable[bytes]) -> Tally:
        """With those rows taken out."""
        return self._with(digests, -1)

    def _with(self, digests: Iterable[bytes], sign: int) -> Tally:
        rows, mix = self.rows, self.mix
        for digest in digests:
            rows += sign
            mix ^= int.from_bytes(digest, "big")
        return Tally(rows, mix)


def _no_rows() -> dict[str, Tally]:
    return dict.fromkeys(TABLES, Tally())


@dataclass(frozen=True, slots=True)
class State:
    """What changes at every commit."""

    version: int = 0  # commits so far
    next_seq: int = 0  # the seq of the next write
    deleted: bool = False  # the whole space was deleted
    columns: bytes = b""  # the columns' types, as an empty Arrow IPC stream; b"" before the first column
    tallies: dict[str, Tally] = field(default_factory=_no_rows)

    def row(self) -> tuple[int, int, int, bytes, str]:
        """The values as they are stored."""
        tallies = {table: [tally.rows, f"{tally.mix:016x}"] for table, tally in self.tallies.items()}
        return self.version, self.next_seq, int(self.deleted), self.columns, json.dumps(tallies, sort_keys=True)

    @classmethod
    def of_row(cls, version: int, next_seq: int, deleted: int, columns: bytes, tallies: str) -> State:
        """What row() stored."""
        held = json.loads(tallies)
        read = {table: Tally(rows, int(mix, 16)) for table, (rows, mix) in ((name, held[name]) for name in TABLES)}
        _counts(version, next_seq, *(tally.rows for tally in read.values()))
        return cls(version, next_seq, bool(deleted), columns, read)


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment as the catalog names it."""

    id: str
    rows: int
    base: int  # added to the file's seq array
    first: int  # lowest seq
    last: int  # highest seq
    files: dict[str, tuple[int, str]]  # path -> bytes, and in hex its xxh3-64 or the crc32c its chunks carry

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(size for size, _ in self.files.values())

    def body(self) -> str:
        """Everything but the id, as it is stored."""
        fields = {"rows": self.rows, "base": self.base, "first": self.first, "last": self.last, "files": self.files}
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def of_body(cls, id: str, body: str) -> SegmentEntry:
        """What body() stored."""
        fields = json.loads(body)
        files = {path: (int(size), str(digest)) for path, (size, digest) in fields.pop("files").items()}
        entry = cls(id=parse_id(id), files=files, **fields)
        for _, digest in files.values():
            bytes.fromhex(digest)
        _counts(entry.rows, entry.base, entry.first, entry.last)
        if "rows.arrow" not in files:
            raise ValueError("it names no rows.arrow")
        if not (0 < entry.rows <= entry.last - entry.first + 1 and entry.base <= entry.first):
            raise ValueError(f"{entry.rows} rows from {entry.first} to {entry.last} on {entry.base} can't be")
        return entry


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Rows of one commit that no segment holds yet; their seqs are first, first + 1 and so on."""

    id: int
    first: int
    keys: list[Key]
    vectors: NDArray[np.float32]  # (rows, dims)
    columns: bytes | None  # Arrow IPC stream, row for row with keys

    @classmethod
    def of_row(cls, id: int, first: int, keys: str, vectors: bytes, columns: bytes | None, dims: int) -> LogEntry:
        """What was stored."""
        matrix = np.frombuffer(vectors, np.dtype("<f4")).reshape(-1, dims)
        read = json.loads(keys)
        _counts(first, first + len(matrix))
        if type(read) is not list or len(read) != len(matrix) or not all(type(key) in (str, int) for key in read):
            raise ValueError(f"its keys are not those of {len(matrix)} rows")
        if not np.isfinite(matrix).all():
            raise ValueError("a vector is not finite")
        return cls(id, first, read, matrix, columns)


@dataclass(frozen=True, slots=True)
class TombstoneEntry:
    """Rows, by their seq, that a write at seq `at` removed or replaced."""

    id: int
    at: int
    seqs: NDArray[np.uint64]
