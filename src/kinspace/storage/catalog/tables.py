"""What the tables of a space's catalog have in common: rows with a checksum, tables with a tally."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import Corrupt
from .database import Database, checksum
from .entries import Tally


class Tables:
    """Reading rows that check themselves. Methods that take a connection run inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

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

    def _drop(self, connection: sqlite3.Connection, table: str, where: str, value: object, tally: Tally) -> Tally:
        """Delete rows of a table; what is left of its tally."""
        found = connection.execute(f"SELECT checksum FROM {table} WHERE {where}", (value,))
        tally = tally.minus([row[0] for row in found])
        connection.execute(f"DELETE FROM {table} WHERE {where}", (value,))
        return tally
