"""The rows of a space's catalog, and the tallies that notice when one is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...types import Key

ROWS = ("segment", "log", "tombstone", "revival")  # the tables that say which rows there are
TABLES = (*ROWS, "snapshot", "moment")
_ID = re.compile(r"[0-9a-f]{16}")


def parse_id(id: object) -> str:
    """A folder's id as a catalog names it: never a path. ValueError if it is anything else."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no folder's id")
    return id


def check_counts(*numbers: object) -> None:
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


def _tallies(read: dict[str, tuple[int, str]]) -> dict[str, Tally]:
    tallies = {table: Tally(rows, int(mix, 16)) for table, (rows, mix) in read.items()}
    check_counts(*(tally.rows for tally in tallies.values()))
    if not {"segment", "log", "tombstone"} <= tallies.keys() <= set(TABLES):
        raise ValueError(f"it tallies {', '.join(tallies)}")
    return _no_rows() | tallies


_SIMPLE = ("version", "next_seq", "horizon", "deleted", "frozen")  # of a state, stored as they are


@dataclass(frozen=True, slots=True)
class State:
    """What changes at every commit."""

    version: int = 0  # commits so far
    next_seq: int = 0  # the seq of the next write
    horizon: int = 0  # the lowest seq whose state is whole still; below it only what snapshots see
    deleted: bool = False  # the whole space was deleted
    frozen: bool = False  # no row changes any more
    filling: tuple[str, str] | None = None  # it is not whole yet: the space it is re-embedded from, and the text column
    columns: bytes = b""  # the columns' types, as an empty Arrow IPC stream; b"" before the first column
    tallies: dict[str, Tally] = field(default_factory=_no_rows)
    indexed: tuple[str, ...] = ()  # columns whose values are to be indexed
    full_text: dict[str, Any] | None = None  # which columns are searched as text, as JSON; None before it is said

    def row(self) -> tuple[str, bytes]:
        """The values as they are stored."""
        fields = {name: getattr(self, name) for name in _SIMPLE}
        if self.filling is not None:
            fields["filling"] = list(self.filling)
        tallies = {table: [tally.rows, f"{tally.mix:016x}"] for table, tally in self.tallies.items()}
        more: dict[str, Any] = (
            {"indexed": self.indexed} if self.indexed else {}
        )  # not in the catalogs of spaces without
        if self.full_text is not None:
            more["full_text"] = self.full_text
        return json.dumps({**fields, **more, "tallies": tallies}, sort_keys=True), self.columns

    @classmethod
    def of_row(cls, body: str, columns: bytes) -> State:
        """What row() stored."""
        fields = json.loads(body)
        tallies = _tallies(fields.pop("tallies"))
        indexed = tuple(fields.get("indexed", ()))
        filling = None
        if "filling" in fields:
            id, text = fields["filling"]
            filling = parse_id(id), str(text)
        known = {name: fields[name] for name in _SIMPLE}
        text = fields.get("full_text")
        state = cls(**known, filling=filling, columns=columns, tallies=tallies, indexed=indexed, full_text=text)
        check_counts(state.version, state.next_seq, state.horizon)
        if type(state.deleted) is not bool or type(state.frozen) is not bool:
            raise ValueError("deleted and frozen are true or false")
        if type(fields.get("indexed", [])) is not list or not all(type(name) is str for name in indexed):
            raise ValueError("the columns that are indexed are not named")
        if type(text) not in (dict, NoneType):
            raise ValueError(f"full_text is {text!r}")
        return state

    @classmethod
    def of_row_1(cls, version: int, next_seq: int, deleted: int, columns: bytes, tallies: str) -> State:
        """What a catalog of format 1 holds. It knows of no state but the last: rows were freed without a note."""
        read = _tallies(json.loads(tallies))
        check_counts(version, next_seq)
        return cls(version, next_seq, horizon=next_seq, deleted=bool(deleted), columns=columns, tallies=read)


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
        check_counts(entry.rows, entry.base, entry.first, entry.last)
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
        check_counts(first, first + len(matrix))
        if type(read) is not list or len(read) != len(matrix) or not all(type(key) in (str, int) for key in read):
            raise ValueError(f"its keys are not those of {len(matrix)} rows")
        if not np.isfinite(matrix).all():
            raise ValueError("a vector is not finite")
        return cls(id, first, read, matrix, columns)


@dataclass(frozen=True, slots=True)
class TombstoneEntry:
    """Rows, by their seq, that a write at seq `at` removed or replaced; or, of a revival, brought back."""

    id: int
    at: int
    seqs: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class SnapshotEntry:
    """A state of the space that keeps its rows: those with a lower seq, less those that had died by then."""

    name: str
    seq: int
    time: int  # microseconds since 1970, UTC
    rows: int  # -1: nobody knows any more, since some were lost to damage
    columns: bytes  # the columns' types at that time, as in State

    def body(self) -> str:
        """Everything but the name and the columns, as it is stored."""
        return json.dumps({"seq": self.seq, "time": self.time, "rows": self.rows}, sort_keys=True)

    @classmethod
    def of_row(cls, name: str, body: str, columns: bytes) -> SnapshotEntry:
        """What body() stored."""
        fields = json.loads(body)
        entry = cls(name, fields["seq"], fields["time"], fields["rows"], columns)
        check_counts(entry.seq, entry.time, entry.rows + 1)
        return entry
