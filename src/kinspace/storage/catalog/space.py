"""catalog.sqlite of a space: its log, segments, tombstones and state. Every row carries its own checksum."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Corrupt
from ...types import Key
from .database import Database, checksum
from .entries import ROWS, LogEntry, SegmentEntry, State, Tally
from .history import History

FORMAT = 2
_FIRST = 1  # what it lacks is made by the first write

_SINCE_2 = """
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, columns BLOB NOT NULL,
  checksum BLOB NOT NULL);
CREATE TABLE revival (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, seqs BLOB NOT NULL,
  checksum BLOB NOT NULL);
CREATE TABLE snapshot (name TEXT PRIMARY KEY, body TEXT NOT NULL, columns BLOB NOT NULL, checksum BLOB NOT NULL)
  WITHOUT ROWID;
CREATE TABLE moment (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, checksum BLOB NOT NULL);
PRAGMA user_version=2;
"""
_SCHEMA = f"""
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, checksum BLOB NOT NULL);
CREATE TABLE segment (id TEXT PRIMARY KEY, body TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, keys TEXT NOT NULL,
  vectors BLOB NOT NULL, columns BLOB, checksum BLOB NOT NULL);
CREATE TABLE tombstone (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, seqs BLOB NOT NULL,
  checksum BLOB NOT NULL);
{_SINCE_2}
"""


class SpaceCatalog(History):
    """The tables of one space. Methods that take a connection run inside the caller's transaction.

    Those that change a table return its tally; the caller puts the tallies into the next state.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._old: bool | None = None  # whether it is of the first format still

    @classmethod
    def create(
        cls,
        path: Path,
        meta: dict[str, Any],
        *,
        durability: str,
        state: State | None = None,
        segments: Iterable[SegmentEntry] = (),
        dead: NDArray[np.uint64] | None = None,
    ) -> SpaceCatalog:
        """Make the file: of an empty space, or of one in that state with these segments, some of their rows dead."""
        catalog = cls(Database.create(path, _SCHEMA, durability=durability, marked=True))
        body = json.dumps(meta, sort_keys=True)
        state = State() if state is None else state
        tallies = dict(state.tallies)
        with catalog.database.write("creating a space") as connection:
            connection.execute("INSERT INTO meta VALUES (1, ?, ?)", (body, checksum(body)))
            for entry in segments:
                tallies["segment"] = catalog.add_segment(connection, entry, tallies["segment"])
            if dead is not None and len(dead):
                _, tallies["tombstone"] = catalog.add_event(connection, "tombstone", 0, dead, tallies["tombstone"])
            catalog.put_state(connection, replace(state, tallies=tallies))
        return catalog

    @classmethod
    def open(cls, path: Path, *, durability: str) -> SpaceCatalog:
        return cls(Database(path, durability=durability, marked=True))

    def meta(self) -> dict[str, Any]:
        with self.database.read("reading what the space is") as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            row = connection.execute("SELECT body, checksum FROM meta").fetchone()
        if version not in (_FIRST, FORMAT):
            known = f"formats {_FIRST} and {FORMAT}"
            raise Corrupt(f"{self._path}: format {version} is not known here; this version reads {known}")
        if row is None:
            raise Corrupt(f"{self._path}: the space's description is missing")
        with self._decoding("the space's description", row[1], row[0]):
            return dict(json.loads(row[0]))

    def state(self, connection: sqlite3.Connection) -> State:
        old = self._is_old(connection)
        names = "version, next_seq, deleted, columns, tallies" if old else "body, columns"
        found = connection.execute(f"SELECT {names}, checksum FROM state").fetchone()
        if found is None:
            raise Corrupt(f"{self._path}: the state row is missing; restore the file from a backup")
        *row, digest = found
        with self._decoding("the state row", digest, *row):
            return State.of_row_1(*row) if old else State.of_row(*row)

    def put_state(self, connection: sqlite3.Connection, state: State) -> None:
        row = state.row()
        connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)", (*row, checksum(*row)))

    def renew(self, connection: sqlite3.Connection) -> None:
        """Give a catalog of the first format what it lacks; part of the caller's transaction, as its first change."""
        if not self._is_old(connection):
            return
        state = self.state(connection)
        for statement in ("DROP TABLE state", *_SINCE_2.split(";")):
            connection.execute(statement)
        self._old = None  # this transaction may yet be undone
        self.put_state(connection, state)

    def _is_old(self, connection: sqlite3.Connection) -> bool:
        if self._old is not False:
            self._old = connection.execute("PRAGMA user_version").fetchone()[0] == _FIRST
        return self._old

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
            tally = self._drop(connection, "segment", "id=?", id, tally)
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
        return self._drop(connection, "log", "id<=?", through, tally)

    def empty(self, connection: sqlite3.Connection) -> None:
        """Forget every row there is; the tallies of those tables begin anew."""
        for table in ROWS:
            connection.execute(f"DELETE FROM {table}")

    def size(self) -> int:
        """Bytes of the catalog's files."""
        paths = [self._path, self._path.with_name(self._path.name + "-wal")]
        return sum(path.stat().st_size for path in paths if path.exists())
