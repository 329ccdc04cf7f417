"""catalog.sqlite of a space: its log, segments, tombstones and state. Every row carries its own checksum."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Corrupt
from ...types import Key
from .database import Database, checksum
from .entries import TABLES, LogEntry, SegmentEntry, State, Tally, TombstoneEntry

FORMAT = 1

_SCHEMA = f"""
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, checksum BLOB NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, next_seq INTEGER NOT NULL,
  deleted INTEGER NOT NULL, columns BLOB NOT NULL, tallies TEXT NOT NULL, checksum BLOB NOT NULL);
CREATE TABLE segment (id TEXT PRIMARY KEY, body TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, keys TEXT NOT NULL,
  vectors BLOB NOT NULL, columns BLOB, checksum BLOB NOT NULL);
CREATE TABLE tombstone (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, seqs BLOB NOT NULL,
  checksum BLOB NOT NULL);
PRAGMA user_version={FORMAT};
"""


class SpaceCatalog:
    """The tables of one space. Methods that take a connection run inside the caller's transaction.

    Those that change a table return its tally; the caller puts the tallies into the next state.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any], *, durability: str) -> SpaceCatalog:
        catalog = cls(Database.create(path, _SCHEMA, durability=durability, marked=True))
        body = json.dumps(meta, sort_keys=True)
        with catalog.database.write("creating a space") as connection:
            connection.execute("INSERT INTO meta VALUES (1, ?, ?)", (body, checksum(body)))
            catalog.put_state(connection, State())
        return catalog

    @classmethod
    def open(cls, path: Path, *, durability: str) -> SpaceCatalog:
        return cls(Database(path, durability=durability, marked=True))

    def meta(self) -> dict[str, Any]:
        with self.database.read("reading what the space is") as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            row = connection.execute("SELECT body, checksum FROM meta").fetchone()
        if version != FORMAT:
            raise Corrupt(f"{self._path}: format {version} is not known here; this version reads format {FORMAT}")
        if row is None:
            raise Corrupt(f"{self._path}: the space's description is missing")
        with self._decoding("the space's description", row[1], row[0]):
            return dict(json.loads(row[0]))

    def state(self, connection: sqlite3.Connection) -> State:
        query = "SELECT version, next_seq, deleted, columns, tallies, checksum FROM state"
        row = connection.execute(query).fetchone()
        if row is None:
            raise Corrupt(f"{self._path}: the state row is missing; restore the file from a backup")
        with self._decoding("the state row", row[5], *row[:5]):
            return State.of_row(*row[:5])

    def put_state(self, connection: sqlite3.Connection, state: State) -> None:
        row = state.row()
        connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?, ?)", (*row, checksum(*row)))

    def segments(self, connection: sqlite3.Connection, tally: Tally) -> list[SegmentEntry]:
        """Every segment, by lowest seq; Corrupt unless they are those of the tally."""
        entries, digests = [], []
        for id, body, digest in connection.execute("SELECT id, body, checksum FROM segment"):
            with self._decoding(f"the entry of segment {id!r}", digest, id, body):
                entries.append(SegmentEntry.of_body(id, body))
            digests.append(digest)
        self._expect("segment", Tally().plus(digests), tally)
        return sorted(entries, key=lambda entry: (entry.first, entry.last))

    def add_segment(self, connection: sqlite3.Connection, entry: SegmentEntry, tally: Tally) -> Tally:
        digest = checksum(entry.id, entry.body())
        connection.execute("INSERT INTO segment VALUES (?, ?, ?)", (entry.id, entry.body(), digest))
        return tally.plus([digest])

    def drop_segments(self, connection: sqlite3.Connection, ids: Iterable[str], tally: Tally) -> Tally:
        for id in ids:
            tally = tally.minus(_digests(connection, "SELECT checksum FROM segment WHERE id=?", id))
            connection.execute("DELETE FROM segment WHERE id=?", (id,))
        return tally

    def log(self, connection: sqlite3.Connection, after: int, dims: int, before: Tally, tally: Tally) -> list[LogEntry]:
        """The log's entries with an id above `after`, oldest first; with those `before` they must be the tally's."""
        entries, digests = [], []
        query = "SELECT id, first, keys, vectors, columns, checksum FROM log WHERE id>? ORDER BY id"
        for id, first, keys, vectors, columns, digest in connection.execute(query, (after,)):
            with self._decoding(f"log entry {id}", digest, first, keys, vectors, columns):
                entries.append(LogEntry.of_row(id, first, keys, vectors, columns, dims))
            digests.append(digest)
        self._expect("log", before.plus(digests), tally)
        return entries

    def add_log(
        self,
        connection: sqlite3.Connection,
        first: int,
        keys: list[Key],
        vectors: NDArray[np.float32],
        columns: bytes | None,
        tally: Tally,
    ) -> tuple[LogEntry, Tally]:
        row = (first, json.dumps(keys, separators=(",", ":")), vectors.tobytes(), columns)
        digest = checksum(*row)
        cursor = connection.execute(
            "INSERT INTO log (first, keys, vectors, columns, checksum) VALUES (?, ?, ?, ?, ?)", (*row, digest)
        )
        assert cursor.lastrowid is not None
        return LogEntry(cursor.lastrowid, first, keys, vectors, columns), tally.plus([digest])

    def first_log_id(self, connection: sqlite3.Connection) -> int | None:
        """The id of the oldest entry in the log, None if it is empty."""
        first: int | None = connection.execute("SELECT min(id) FROM log").fetchone()[0]
        return first

    def drop_log(self, connection: sqlite3.Connection, through: int, tally: Tally) -> Tally:
        tally = tally.minus(_digests(connection, "SELECT checksum FROM log WHERE id<=?", through))
        connection.execute("DELETE FROM log WHERE id<=?", (through,))
        return tally

    def tombstones(
        self, connection: sqlite3.Connection, after: int, before: Tally, tally: Tally
    ) -> list[TombstoneEntry]:
        """The tombstones with an id above `after`, oldest first; with those `before` they must be the tally's."""
        entries, digests = [], []
        query = "SELECT id, at, seqs, checksum FROM tombstone WHERE id>? ORDER BY id"
        for id, at, seqs, digest in connection.execute(query, (after,)):
            with self._decoding(f"tombstone {id}", digest, at, seqs):
                entries.append(TombstoneEntry(id, at, np.frombuffer(seqs, np.dtype("<u8"))))
            digests.append(digest)
        self._expect("tombstone", before.plus(digests), tally)
        return entries

    def add_tombstones(
        self, connection: sqlite3.Connection, at: int, seqs: NDArray[np.uint64], tally: Tally
    ) -> tuple[TombstoneEntry, Tally]:
        row = (at, seqs.astype("<u8", copy=False).tobytes())
        digest = checksum(*row)
        cursor = connection.execute("INSERT INTO tombstone (at, seqs, checksum) VALUES (?, ?, ?)", (*row, digest))
        assert cursor.lastrowid is not None
        return TombstoneEntry(cursor.lastrowid, at, seqs), tally.plus([digest])

    def drop_tombstones(self, connection: sqlite3.Connection, gone: NDArray[np.uint64], tally: Tally) -> Tally:
        """Forget the tombstones of rows that no file holds any more."""
        entries = self.tombstones(connection, 0, Tally(), tally)
        if not entries:
            return tally
        stays = ~np.isin(np.concatenate([entry.seqs for entry in entries]), gone)
        ends = np.cumsum([len(entry.seqs) for entry in entries])
        for entry, keep in zip(entries, np.split(stays, ends[:-1]), strict=True):
            if keep.all():
                continue
            tally = tally.minus(_digests(connection, "SELECT checksum FROM tombstone WHERE id=?", entry.id))
            connection.execute("DELETE FROM tombstone WHERE id=?", (entry.id,))
            if keep.any():
                _, tally = self.add_tombstones(connection, entry.at, entry.seqs[keep], tally)
        return tally

    def empty(self, connection: sqlite3.Connection) -> None:
        """Forget every row there is; the tallies begin anew."""
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")

    def size(self) -> int:
        """Bytes of the catalog's files."""
        paths = [self._path, self._path.with_name(self._path.name + "-wal")]
        return sum(path.stat().st_size for path in paths if path.exists())

    @property
    def _path(self) -> Path:
        return self.database.path

    @contextmanager
    def _decoding(self, what: str, expected: object, *parts: Any) -> Iterator[None]:
        if expected != checksum(*parts):
            raise Corrupt(f"{self._path}: the checksum of {what} does not match; restore the file from a backup")
        try:
            yield
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
            raise Corrupt(f"{self._path}: {what} can't be read: {error}") from error

    def _expect(self, table: str, found: Tally, expected: Tally) -> None:
        if found != expected:
            counts = f"{found.rows:,} rows where {expected.rows:,} were written"
            raise Corrupt(f"{self._path}: table {table} is damaged ({counts}); restore the file from a backup")


def _digests(connection: sqlite3.Connection, query: str, value: object) -> list[bytes]:
    return [row[0] for row in connection.execute(query, (value,))]
