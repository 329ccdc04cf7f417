"""Fuzzing of the catalogs: rows whose checksums fit, whatever they hold, are read or are Corrupt.

An input is one value of one row: which one, and what it holds. Checksums and tallies are made to fit it, as they are in
a hub that somebody made with bad intent.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import datetime
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

from driver import Target, main

DIMS = 3


def make(home: Path) -> tuple[Target, list[bytes]]:
    """The target, and every value as it was written."""
    kept = Kept(fill(home / "hub"))
    seeds = [bytes([number]) + kept.value(*place) for number, place in enumerate(kept.places)]

    def target(data: bytes) -> None:
        if data:
            kept.replace(*kept.places[data[0] % len(kept.places)], data[1:])
            kept.ask()

    return target, seeds


def fill(path: Path) -> Path:
    """A small hub that has something in every table."""
    import kinspace as ks

    with ks.connect(path) as hub:
        space = hub.create_space("docs", dims=DIMS)
        space.multiset([(f"k{i}", [i, 1, 2], {"n": i, "t": f"x{i}"}) for i in range(5)])
        space.flush()
        space.set("z", [7, 7, 7], n=2.5)
        space.snapshot("kept")
        space.delete("k1")
        space.restore("kept")
        space.delete("k2")
    return path


class Table:
    """A table, and which of its columns its rows' checksums cover: all but the checksum, or all but a number too."""

    def __init__(self, connection: sqlite3.Connection, name: str, file: Path) -> None:
        self.name, self.file = name, file
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        self.covered = [column for column in columns if column != "checksum"]
        row = connection.execute(f"SELECT checksum, {', '.join(self.covered)} FROM {name}").fetchone()
        if self.covered[0] == "id" and (row is None or row[0] != _checksum(row[1:])):
            del self.covered[0]
        assert row is None or row[0] == _checksum(row[-len(self.covered) :]), name

    def seal(self, connection: sqlite3.Connection) -> None:
        """Make every row's checksum fit the row."""
        for row in connection.execute(f"SELECT checksum, {', '.join(self.covered)} FROM {self.name}").fetchall():
            now = _checksum(row[1:])
            connection.execute(f"UPDATE {self.name} SET checksum = ? WHERE checksum = ?", (now, row[0]))


def _checksum(row: tuple[Any, ...]) -> bytes:
    from kinspace.storage.catalog.database import checksum

    return checksum(*row)


class Kept:
    """A hub, of which copies are made with one value replaced."""

    def __init__(self, sound: Path) -> None:
        self.sound = sound
        self.copy = sound.with_name("copy")
        (catalog,) = sound.glob("spaces/*/catalog.sqlite")
        self.tables = {}
        for file in (sound / "hub.sqlite", catalog):
            connection = sqlite3.connect(file)
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            self.tables |= {name: Table(connection, name, file.relative_to(sound)) for (name,) in names.fetchall()}
            connection.close()
        self.places = sorted((name, column) for name, table in self.tables.items() for column in table.covered)

    def value(self, table: str, column: str) -> bytes:
        """The value there as it was written, as an input names it."""
        connection = sqlite3.connect(self.sound / self.tables[table].file)
        row = connection.execute(f"SELECT {column} FROM {table}").fetchone()
        connection.close()
        value = row[0] if row else b""
        return value if isinstance(value, bytes) else str(value).encode()

    def replace(self, name: str, column: str, body: bytes) -> None:
        """Make the copy anew, with that value in every row of the table."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.sound, self.copy)
        table = self.tables[name]
        connection = sqlite3.connect(self.copy / table.file, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        try:
            for (kind,) in connection.execute(f"SELECT DISTINCT typeof({column}) FROM {name}").fetchall():
                value: Any = body if kind == "blob" else body.decode(errors="replace").replace("\0", " ")
                connection.execute(f"UPDATE OR IGNORE {name} SET {column} = ?", (value,))
            table.seal(connection)
            if name not in ("registry", "meta", "state"):
                self._tally(connection, name)
        except sqlite3.IntegrityError:  # a value that SQLite itself keeps out of the column
            pass
        finally:
            connection.close()

    def _tally(self, connection: sqlite3.Connection, table: str) -> None:
        """Have the state count the table as it is now."""
        digests = [row[0] for row in connection.execute(f"SELECT checksum FROM {table}")]
        mix = reduce(xor, (int.from_bytes(digest, "big") for digest in digests), 0)
        column = "tallies" if "tallies" in self.tables["state"].covered else "body"
        (text,) = connection.execute(f"SELECT {column} FROM state").fetchone()
        body = json.loads(text)
        tallies = body if column == "tallies" else body["tallies"]
        tallies[table] = [len(digests), f"{mix:016x}"]
        connection.execute(f"UPDATE state SET {column} = ?", (json.dumps(body, sort_keys=True),))
        self.tables["state"].seal(connection)

    def ask(self) -> None:
        """Open the copy and ask it everything; what may come out is Corrupt and its like."""
        import numpy as np

        import kinspace as ks

        try:
            hub = ks.connect(self.copy, durability="off")
        except (ks.Corrupt, ks.Unavailable):
            return
        with hub:
            try:
                space = hub.get_space("docs")
            except (ks.Corrupt, ks.Unavailable, ks.SpaceNotFound, ks.InvalidInput):
                return
            for ask in (
                lambda: len(space),
                lambda: space.version,
                lambda: dict(space.columns),
                lambda: list(space.keys()),
                lambda: [space.get(key) for key in ("k0", "z") if key in space],
                lambda: list(space.scan()),
                lambda: space.row("z"),
                lambda: space.nearest_neighbors(5, vector=np.ones(space.dims), exact=True).rows,
                lambda: space.nearest_neighbors(5, vector=np.ones(space.dims), where="n > 1"),
                lambda: space.check(),
                lambda: list(space.at("kept")),
                lambda: space.snapshots(),
                lambda: space.at(datetime(2100, 1, 1)),
            ):
                try:
                    ask()
                except (
                    ks.Corrupt,
                    ks.Unavailable,
                    ks.KeyNotFound,
                    ks.SpaceNotFound,
                    ks.SnapshotNotFound,
                    ks.InvalidInput,
                ):
                    pass


if __name__ == "__main__":
    main(
        "catalog",
        make,
        ["null", "true", "-1", "1e9", "[]", "{}", "[[[[", '"rows":', '"files":', '"dims":', '"../"', "NaN"],
    )
