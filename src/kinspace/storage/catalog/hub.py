"""hub.sqlite: which spaces there are, and the folder of each."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from ...errors import Corrupt, SpaceExists
from .database import Database, checksum
from .entries import parse_id

FORMAT = 1

_SCHEMA = f"""
CREATE TABLE registry (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, checksum BLOB NOT NULL);
PRAGMA user_version={FORMAT};
"""


class HubCatalog:
    """Space name -> random id, in one row with a checksum: a lost name would look like rubbish to be swept."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def create(cls, path: Path, *, durability: str) -> HubCatalog:
        catalog = cls(Database.create(path, _SCHEMA, durability=durability))
        with catalog.database.write("making a hub") as connection:
            catalog._store(connection, {})
        return catalog

    @classmethod
    def open(cls, path: Path, *, durability: str) -> HubCatalog:
        return cls(Database(path, durability=durability))

    def format(self) -> int:
        with self.database.read("reading its format") as connection:
            number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number

    def find(self, name: str) -> str | None:
        return self.spaces().get(name)

    def spaces(self) -> dict[str, str]:
        with self.database.read("looking up spaces") as connection:
            return self._load(connection)

    def add(self, name: str, id: str, over: str | None = None) -> None:
        """Give the folder a name that is free, or that of the folder `over`."""
        with self.database.write("adding a space") as connection:
            spaces = self._load(connection)
            if spaces.get(name) != over:
                raise SpaceExists(f"a space named {name!r} exists already; get_space it, or pick another name")
            self._store(connection, {**spaces, name: id})
        self.database.checkpoint()

    def remove(self, name: str, id: str) -> None:
        """Take the name out, if it is still that folder's."""
        with self.database.write("deleting a space") as connection:
            spaces = self._load(connection)
            if spaces.get(name) == id:
                self._store(connection, {other: spaces[other] for other in spaces if other != name})
        self.database.checkpoint()

    def _load(self, connection: sqlite3.Connection) -> dict[str, str]:
        row = connection.execute("SELECT body, checksum FROM registry").fetchone()
        if row is None or row[1] != checksum(row[0]):
            raise Corrupt(f"{self.database.path} is damaged: its list of spaces; restore it from a backup")
        try:
            return {str(name): parse_id(id) for name, id in json.loads(row[0]).items()}
        except (AttributeError, ValueError, RecursionError) as error:
            raise Corrupt(f"{self.database.path}: its list of spaces can't be read: {error}") from error

    def _store(self, connection: sqlite3.Connection, spaces: dict[str, str]) -> None:
        body = json.dumps(spaces, sort_keys=True)
        connection.execute("INSERT OR REPLACE INTO registry VALUES (1, ?, ?)", (body, checksum(body)))
