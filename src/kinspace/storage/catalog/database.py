"""One SQLite file, opened for reading and for writing, with its errors turned into ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xxhash

from ...errors import Closed, Conflict, Corrupt, InvalidInput, KinspaceError, Unavailable
from .mark import Mark

DURABILITY = {"full": "FULL", "normal": "NORMAL", "off": "OFF"}  # SQLite's synchronous=
WAIT_SECONDS = 60.0  # how long a writer waits for its turn before Conflict
_TRIES, _TRY_SECONDS = 20, 0.1  # at emptying the WAL, when somebody may be reading what is in it

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH}


def parse_durability(durability: object) -> str:
    """Return the durability, or raise InvalidInput naming those there are."""
    if isinstance(durability, str) and durability in DURABILITY:
        return durability
    raise InvalidInput(f"durability must be one of {', '.join(map(repr, DURABILITY))}; got {durability!r}")


def _code(error: BaseException | None) -> int | None:
    """SQLite's primary result code."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def translate(error: sqlite3.Error, path: Path, doing: str) -> KinspaceError:
    """Return our error for SQLite's, by its code and never by its text."""
    primary = _code(error)
    if isinstance(error, sqlite3.ProgrammingError) and primary is None:
        return Closed(f"{path} was closed while {doing}; connect again")
    if primary in _BUSY:
        return Conflict(f"another writer held {path} for over {WAIT_SECONDS:.0f} s while {doing}; try again")
    if primary == sqlite3.SQLITE_CORRUPT and (why := _unreadable(path)):
        return Unavailable(f"{path} can't be read while {doing}: {why}")
    if primary in _DAMAGED or (isinstance(error, sqlite3.DatabaseError) and primary in (None, sqlite3.SQLITE_ERROR)):
        return Corrupt(f"{path} is damaged, found while {doing}: {error}")
    if primary == sqlite3.SQLITE_FULL:
        return Unavailable(f"the disk that holds {path} is full, found while {doing}; nothing was stored")
    if primary == sqlite3.SQLITE_NOMEM:
        return Unavailable(f"out of memory while {doing} in {path}; nothing was stored")
    return Unavailable(f"{path} can't be used while {doing}: {error}")


def _unreadable(path: Path) -> str:
    """Why the system does not give the file's bytes, which SQLite calls damage too; empty if it does."""
    try:
        for name in (path.name, f"{path.name}-wal"):
            with suppress(FileNotFoundError), path.with_name(name).open("rb") as file:
                while file.read(1 << 20):
                    pass
    except OSError as error:
        return str(error)
    return ""


_HEAD = struct.Struct("<cQ")


def checksum(*parts: int | str | bytes | None) -> bytes:
    """xxh3-64 of the parts, each with its type and length, so that no two lists of parts run together."""
    pieces = []
    for part in parts:
        body = b"" if part is None else part if isinstance(part, bytes) else str(part).encode()
        pieces.append(_HEAD.pack(b"n" if part is None else b"b" if body is part else b"t", len(body)))
        pieces.append(body)
    return xxhash.xxh3_64_digest(b"".join(pieces))


class Database:
    """A SQLite file with one connection to read and one to write; both may be used from any thread.

    Readers never wait for a commit: they have a connection of their own, and WAL lets them go on meanwhile.
    """

    def __init__(self, path: Path, *, durability: str = "full", marked: bool = False) -> None:
        self.path = path
        self.readonly = not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK)
        self._durability = DURABILITY[durability]
        self._reading = threading.RLock()
        self._writing = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._closed = False
        self._reopened = 0  # times the reader was opened anew because another user's process had changed the file
        self._stamp: tuple[int, ...] | None = None  # of the files, while they are read as if they never changed
        with self._errors("opening it"):
            try:
                self._reader = self._connect()
            except sqlite3.OperationalError as error:
                if self.readonly or _code(error) not in _NO_ROOM:
                    raise
                self.readonly = True  # a full disk has no room for SQLite's shared memory; it can still be read
                self._reader = self._connect()
        self.mark = Mark(path.with_suffix(".mark") if marked and not self.readonly else None)
        self.mark.look()
        self._asked: int | None = None  # what SQLite said last when it was asked for changes

    @classmethod
    def create(cls, path: Path, schema: str, *, durability: str, marked: bool = False) -> Database:
        """Make the file with its tables, durable before the return."""
        try:
            connection = sqlite3.connect(path, isolation_level=None)
            try:
                connection.execute("PRAGMA page_size=8192")
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript("BEGIN IMMEDIATE;" + schema + "COMMIT;")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise translate(error, path, "creating it") from error
        return cls(path, durability=durability, marked=marked)

    @contextmanager
    def read(self, doing: str) -> Iterator[sqlite3.Connection]:
        """One consistent state of the file, for as long as the block lasts."""
        self.check_open()
        with self._reading, self._errors(doing):
            self.check_open()
            self._look_again()
            try:
                self._reader.execute("BEGIN")
                yield self._reader
            finally:
                if self._reader.in_transaction:
                    self._reader.execute("ROLLBACK")

    @contextmanager
    def read_apart(self, doing: str) -> Iterator[sqlite3.Connection]:
        """As read(), waiting for no other thread: for one that holds what a reader may be waiting for."""
        self.check_open()
        with self._errors(doing), contextlib.closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def write(self, doing: str) -> Iterator[sqlite3.Connection]:
        """One transaction, alone among all processes; leaving the block commits, an error undoes all of it."""
        if self.readonly:
            raise Unavailable(
                f"{self.path} can only be read (a read-only folder, or a full disk): {doing} is not possible"
            )
        self.check_open()
        with self._writing:
            self.check_open()
            try:
                with self._errors(doing):
                    if self._writer is None:
                        self._writer = self._connect()
                    self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    self.mark.begin()
            except BaseException as error:
                self._undo(full=_code(error.__cause__) == sqlite3.SQLITE_FULL)
                raise
            self._commit(doing)

    def changes(self) -> bytes | int:
        """What differs from the last answer if another connection has committed since.

        The mark's words or, while those can't be relied on, a number that takes SQLite microseconds.
        """
        self.check_open()
        words = self.mark.settled()
        if words is not None:
            return words
        with self._reading:
            self.check_open()
            try:
                self._look_again()
                number: int = self._reader.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error as error:
                raise translate(error, self.path, "looking for changes") from error
            if number != self._asked:  # somebody has committed, and may have made the mark
                self._asked = number
                self.mark.look()
        return number + (self._reopened << 32)

    def checkpoint(self) -> None:
        """Bring what the WAL holds into the file itself, as far as readers allow."""
        with self._writing, contextlib.suppress(sqlite3.Error):  # the next one will
            if self._writer is not None and not self._closed:
                self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def rewrite(self) -> bool:
        """Write the file anew, so that no byte of deleted rows is left in it or its WAL; False if it can't be now."""
        with self._writing, contextlib.suppress(sqlite3.Error):  # a full disk, or another at work
            if self._closed or self.readonly:
                return False
            if self._writer is None:
                self._writer = self._connect()
            self._writer.execute("VACUUM")
            try:
                for _ in range(_TRIES):  # each has other writers wait for as long as it waits for readers
                    self._writer.execute(f"PRAGMA busy_timeout={_TRY_SECONDS * 1_000:.0f}")
                    if self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0:
                        return True
                    time.sleep(_TRY_SECONDS)
            finally:
                self._writer.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1_000:.0f}")
        return False

    def check(self) -> list[str]:
        """What SQLite's own integrity check finds; empty when all is well."""
        try:
            with self.read("checking it") as connection:
                return [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        except Corrupt as error:
            return [str(error)]

    def close(self) -> None:
        """Close both connections; twice is fine."""
        with self._writing, self._reading:
            self._closed = True
            self.mark.close()
            for connection in (self._writer, self._reader):
                if connection is not None:
                    connection.close()

    def abandon(self) -> None:
        """Forget the connections without touching the file: what a child must do after fork()."""
        self._closed = True
        self.mark.close()

    def _look_again(self) -> None:
        """Open the reader anew if it takes the file for one that never changes, and it has."""
        if self._stamp is not None and self._stamp != self._files():
            self._reader.close()
            self._reader = self._connect()
            self._reopened += 1

    def _files(self) -> tuple[int, ...]:
        """What changes when somebody writes the file or its WAL."""
        stats = [path.stat() for path in (self.path, self.path.with_name(f"{self.path.name}-wal")) if path.exists()]
        return tuple(number for stat in stats for number in (stat.st_ino, stat.st_mtime_ns, stat.st_size))

    def _connect(self) -> sqlite3.Connection:
        mode, self._stamp = "rw", None
        if self.readonly:
            mode = "ro"
            self._stamp = self._files()
            wal = self.path.with_name(f"{self.path.name}-wal")
            if not wal.exists() or wal.stat().st_size == 0:  # nothing to replay, and no place for lock files
                mode += "&immutable=1"
        uri = f"file:{urllib.parse.quote(str(self.path))}?mode={mode}"
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=WAIT_SECONDS, cached_statements=64
        )
        connection.execute(f"PRAGMA synchronous={self._durability}")
        connection.execute("PRAGMA fullfsync=1")  # macOS: fsync alone does not reach the medium there
        connection.execute("PRAGMA trusted_schema=0")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _commit(self, doing: str) -> None:
        assert self._writer is not None
        try:
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo(full=_code(error) == sqlite3.SQLITE_FULL)
            if _code(error) == sqlite3.SQLITE_IOERR:
                doubt = "whether it was stored is in doubt: read it back"
                raise Unavailable(f"{self.path}: the disk failed while {doing} ({error}); {doubt}") from error
            raise translate(error, self.path, doing) from error
        self.mark.done()

    def _undo(self, *, full: bool = False) -> None:
        if self._writer is None:
            return
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            if full:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # makes room, so that rows can be deleted
        except sqlite3.Error:  # the transaction is gone with its connection
            self._writer.close()
            self._writer = None

    def check_open(self) -> None:
        """Raise Closed if it was closed."""
        if self._closed:
            raise Closed(f"{self.path.parent} was closed; connect again")

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translate(error, self.path, doing) from error
        except UnicodeDecodeError as error:
            raise Corrupt(f"{self.path} is damaged, found while {doing}: {error}") from error
