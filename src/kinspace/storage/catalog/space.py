"""catalog.sqlite of a space: its log, segments, tombstones and state. Every row carries its own checksum."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Corrupt
from ...types import Key
from .database import Database, checksum

FORMAT = 1

_SCHEMA = f"""
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, checksum BLOB NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, next_seq INTEGER NOT NULL,
  deleted INTEGER NOT NULL, columns BLOB NOT NULL, checksum BLOB NOT NULL);
CREATE TABLE segment (id TEXT PRIMARY KEY, body TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, keys TEXT NOT NULL,
  vectors BLOB NOT NULL, columns BLOB, checksum BLOB NOT NULL);
CREATE TABLE tombstone (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, seqs BLOB NOT NULL,
  checksum BLOB NOT NULL);
PRAGMA user_version={FORMAT};
"""


@dataclass(frozen=True, slots=True)
class State:
    """What changes at every commit."""

    version: int  # commits so far
    next_seq: int  # the seq of the next write
    deleted: bool  # the whole space was deleted
    columns: bytes  # the columns' types, as an empty Arrow IPC stream; b"" before the first column


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment as the catalog names it."""

    id: str
    rows: int
    base: int  # added to the file's seq array
    first: int  # lowest seq
    last: int  # highest seq
    files: dict[
        str, tuple[int, str | None]
    ]  # path in the folder -> bytes, xxh3-64 in hex or None where the file carries crc32c

    @property
    def bytes(self) -> int:
        return sum(size for size, _ in self.files.values())


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Rows of one commit that no segment holds yet; their seqs are first, first + 1 and so on."""

    id: int
    first: int
    keys: list[Key]
    vectors: NDArray[np.float32]  # (rows, dims)
    columns: bytes | None  # Arrow IPC stream, row for row with keys


@dataclass(frozen=True, slots=True)
class TombstoneEntry:
    """Rows, by their seq, that a write at seq `at` removed or replaced."""

    id: int
    at: int
    seqs: NDArray[np.uint64]


class SpaceCatalog:
    """The tables of one space. Methods that take a connection run inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any], *, durability: str) -> SpaceCatalog:
        catalog = cls(Database.create(path, _SCHEMA, durability=durability))
        body = json.dumps(meta, sort_keys=True)
        with catalog.database.write("creating a space") as connection:
            connection.execute("INSERT INTO meta VALUES (1, ?, ?)", (body, checksum(body)))
            catalog.put_state(connection, State(0, 0, False, b""))
        return catalog

    @classmethod
    def open(cls, path: Path, *, durability: str) -> SpaceCatalog:
        return cls(Database(path, durability=durability))

    def meta(self) -> dict[str, Any]:
        with self.database.read("reading what the space is") as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            row = connection.execute("SELECT body, checksum FROM meta").fetchone()
        if version != FORMAT:
            raise Corrupt(f"{self._path}: format {version} is not known here; this version reads format {FORMAT}")
        if row is None:
            raise Corrupt(f"{self._path}: the space's description is missing")
        self._verify(row[1], "the space's description", row[0])
        return dict(json.loads(row[0]))

    def state(self, connection: sqlite3.Connection) -> State:
        row = connection.execute("SELECT version, next_seq, deleted, columns, checksum FROM state").fetchone()
        if row is None:
            raise Corrupt(f"{self._path}: the state row is missing")
        self._verify(row[4], "the state row", *row[:4])
        return State(row[0], row[1], bool(row[2]), row[3])

    def put_state(self, connection: sqlite3.Connection, state: State) -> None:
        row = (state.version, state.next_seq, int(state.deleted), state.columns)
        connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)", (*row, checksum(*row)))

    def segments(self, connection: sqlite3.Connection) -> list[SegmentEntry]:
        """Every segment, by lowest seq."""
        entries = []
        for id, body, digest in connection.execute("SELECT id, body, checksum FROM segment"):
            self._verify(digest, f"the entry of segment {id}", id, body)
            fields = json.loads(body)
            fields["files"] = {path: (size, digest) for path, (size, digest) in fields["files"].items()}
            entries.append(SegmentEntry(id=id, **fields))
        return sorted(entries, key=lambda entry: (entry.first, entry.last))

    def add_segment(self, connection: sqlite3.Connection, entry: SegmentEntry) -> None:
        fields = {
            "rows": entry.rows,
            "base": entry.base,
            "first": entry.first,
            "last": entry.last,
            "files": entry.files,
        }
        body = json.dumps(fields, sort_keys=True)
        connection.execute("INSERT INTO segment VALUES (?, ?, ?)", (entry.id, body, checksum(entry.id, body)))

    def drop_segments(self, connection: sqlite3.Connection, ids: Iterable[str]) -> None:
        connection.executemany("DELETE FROM segment WHERE id=?", [(id,) for id in ids])

    def log(self, connection: sqlite3.Connection, after: int, dims: int) -> list[LogEntry]:
        """The log's entries with an id above `after`, oldest first."""
        entries = []
        rows = connection.execute(
            "SELECT id, first, keys, vectors, columns, checksum FROM log WHERE id>? ORDER BY id", (after,)
        )
        for id, first, keys, vectors, columns, digest in rows:
            self._verify(digest, f"log entry {id}", first, keys, vectors, columns)
            matrix = np.frombuffer(vectors, np.dtype("<f4")).reshape(-1, dims)
            entries.append(LogEntry(id, first, json.loads(keys), matrix, columns))
        return entries

    def add_log(
        self,
        connection: sqlite3.Connection,
        first: int,
        keys: list[Key],
        vectors: NDArray[np.float32],
        columns: bytes | None,
    ) -> LogEntry:
        row = (first, json.dumps(keys, separators=(",", ":")), vectors.tobytes(), columns)
        cursor = connection.execute(
            "INSERT INTO log (first, keys, vectors, columns, checksum) VALUES (?, ?, ?, ?, ?)", (*row, checksum(*row))
        )
        assert cursor.lastrowid is not None
        return LogEntry(cursor.lastrowid, first, keys, vectors, columns)

    def first_log_id(self, connection: sqlite3.Connection) -> int | None:
        """The id of the oldest entry in the log, None if it is empty."""
        first: int | None = connection.execute("SELECT min(id) FROM log").fetchone()[0]
        return first

    def drop_log(self, connection: sqlite3.Connection, through: int) -> None:
        connection.execute("DELETE FROM log WHERE id<=?", (through,))

    def tombstones(self, connection: sqlite3.Connection, after: int = 0) -> list[TombstoneEntry]:
        """The tombstones with an id above `after`, oldest first."""
        entries = []
        for id, at, seqs, digest in connection.execute(
            "SELECT id, at, seqs, checksum FROM tombstone WHERE id>? ORDER BY id", (after,)
        ):
            self._verify(digest, f"tombstone {id}", at, seqs)
            entries.append(TombstoneEntry(id, at, np.frombuffer(seqs, np.dtype("<u8"))))
        return entries

    def add_tombstones(self, connection: sqlite3.Connection, at: int, seqs: NDArray[np.uint64]) -> TombstoneEntry:
        row = (at, seqs.astype("<u8", copy=False).tobytes())
        cursor = connection.execute(
            "INSERT INTO tombstone (at, seqs, checksum) VALUES (?, ?, ?)", (*row, checksum(*row))
        )
        assert cursor.lastrowid is not None
        return TombstoneEntry(cursor.lastrowid, at, seqs)

    def drop_tombstones(self, connection: sqlite3.Connection, gone: NDArray[np.uint64]) -> None:
        """Forget the tombstones of rows that no file holds any more."""
        for entry in self.tombstones(connection):
            kept = entry.seqs[~np.isin(entry.seqs, gone)]
            if len(kept) == len(entry.seqs):
                continue
            connection.execute("DELETE FROM tombstone WHERE id=?", (entry.id,))
            if len(kept):
                self.add_tombstones(connection, entry.at, kept)

    def empty(self, connection: sqlite3.Connection) -> None:
        """Forget every row there is."""
        for table in ("segment", "log", "tombstone"):
            connection.execute(f"DELETE FROM {table}")

    def size(self) -> int:
        """Bytes of the catalog's files."""
        paths = [self._path, self._path.with_name(self._path.name + "-wal")]
        return sum(path.stat().st_size for path in paths if path.exists())

    @property
    def _path(self) -> Path:
        return self.database.path

    def _verify(self, expected: bytes, what: str, *parts: int | str | bytes | None) -> None:
        if expected != checksum(*parts):
            raise Corrupt(f"{self._path}: the checksum of {what} does not match; restore the file from a backup")
