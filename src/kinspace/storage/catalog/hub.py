"""hub.sqlite: which spaces there are, and the folder of each."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ...errors import SpaceExists
from .database import Database

FORMAT = 1

_SCHEMA = f"""
CREATE TABLE space (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE) WITHOUT ROWID;
PRAGMA user_version={FORMAT};
"""


class HubCatalog:
    """Space name -> random id. A name is a value here and never a path."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def create(cls, path: Path, *, durability: str) -> HubCatalog:
        return cls(Database.create(path, _SCHEMA, durability=durability))

    @classmethod
    def open(cls, path: Path, *, durability: str) -> HubCatalog:
        return cls(Database(path, durability=durability))

    def format(self) -> int:
        with self.database.read("reading its format") as connection:
            number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number

    def find(self, name: str) -> str | None:
        with self.database.read("looking up a space") as connection:
            row = connection.execute("SELECT id FROM space WHERE name=?", (name,)).fetchone()
        return None if row is None else row[0]

    def spaces(self) -> dict[str, str]:
        with self.database.read("listing spaces") as connection:
            return dict(connection.execute("SELECT name, id FROM space ORDER BY name"))

    def add(self, name: str, id: str) -> None:
        with self.database.write("adding a space") as connection:
            try:
                connection.execute("INSERT INTO space (name, id) VALUES (?, ?)", (name, id))
            except sqlite3.IntegrityError as error:
                raise SpaceExists(
                    f"a space named {name!r} exists already; get_space it, or pick another name"
                ) from error

    def remove(self, name: str) -> str | None:
        """Take the name out; returns the folder's id, or None if there was no such name."""
        with self.database.write("deleting a space") as connection:
            row = connection.execute("SELECT id FROM space WHERE name=?", (name,)).fetchone()
            connection.execute("DELETE FROM space WHERE name=?", (name,))
        return None if row is None else row[0]
