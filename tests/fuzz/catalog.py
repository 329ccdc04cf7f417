"""Fuzzing of the catalogs: rows whose checksums fit, whatever they hold, are read or are Corrupt.

An input is one value of one row: which one, and what it holds. Checksums and tallies are made to fit it, as they are in
a hub that somebody made with bad intent.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from driver import Target, main

DIMS = 3
# table and column, and the columns its checksum covers
PLACES = [
    ("registry", "body", ("body",)),
    ("meta", "body", ("body",)),
    ("state", "version", ("version", "next_seq", "deleted", "columns", "tallies")),
    ("state", "next_seq", ("version", "next_seq", "deleted", "columns", "tallies")),
    ("state", "columns", ("version", "next_seq", "deleted", "columns", "tallies")),
    ("state", "tallies", ("version", "next_seq", "deleted", "columns", "tallies")),
    ("segment", "id", ("id", "body")),
    ("segment", "body", ("id", "body")),
    ("log", "first", ("first", "keys", "vectors", "columns")),
    ("log", "keys", ("first", "keys", "vectors", "columns")),
    ("log", "vectors", ("first", "keys", "vectors", "columns")),
    ("log", "columns", ("first", "keys", "vectors", "columns")),
    ("tombstone", "at", ("at", "seqs")),
    ("tombstone", "seqs", ("at", "seqs")),
]


def make() -> tuple[Target, list[bytes]]:
    """The target, and every value as it was written."""
    kept = Kept(fill(Path(tempfile.mkdtemp(prefix="kinspace-fuzz-")) / "hub"))
    seeds = [bytes([number]) + kept.seed(number) for number in range(len(PLACES))]

    def target(data: bytes) -> None:
        if data:
            table, column, _ = PLACES[data[0] % len(PLACES)]
            kept.replace(table, column, data[1:])
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
        space.delete("k1")
    return path


class Kept:
    """A hub, of which copies are made with one value replaced."""

    def __init__(self, sound: Path) -> None:
        self.sound = sound
        self.copy = sound.with_name("copy")
        (catalog,) = sound.glob("spaces/*/catalog.sqlite")
        self.files = dict.fromkeys((table for table, _, _ in PLACES), catalog.relative_to(sound))
        self.files["registry"] = Path("hub.sqlite")

    def seed(self, number: int) -> bytes:
        """The value there as it was written, as an input names it."""
        table, column, _ = PLACES[number]
        connection = sqlite3.connect(self.sound / self.files[table])
        value = connection.execute(f"SELECT {column} FROM {table}").fetchone()[0]
        connection.close()
        return value if isinstance(value, bytes) else str(value).encode()

    def replace(self, table: str, column: str, body: bytes) -> None:
        """Make the copy anew, with that value in every row of the table."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.sound, self.copy)
        from kinspace.storage.catalog.database import checksum

        (covered,) = (covered for *place, covered in PLACES if place == [table, column])
        connection = sqlite3.connect(self.copy / self.files[table], isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        try:
            (kind,) = connection.execute(f"SELECT typeof({column}) FROM {table}").fetchone()
            value: Any = body if kind == "blob" else body.decode(errors="replace").replace("\0", " ")
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
            names = ", ".join(covered)
            for row in connection.execute(f"SELECT id, {names} FROM {table}").fetchall():
                connection.execute(f"UPDATE {table} SET checksum = ? WHERE id = ?", (checksum(*row[1:]), row[0]))
            if table in ("segment", "log", "tombstone"):
                self._tally(connection, table)
        finally:
            connection.close()

    def _tally(self, connection: sqlite3.Connection, table: str) -> None:
        """Have the state count the table as it is now."""
        from kinspace.storage.catalog.database import checksum

        digests = [row[0] for row in connection.execute(f"SELECT checksum FROM {table}")]
        mix = 0
        for digest in digests:
            mix ^= int.from_bytes(digest, "big")
        row = list(connection.execute("SELECT version, next_seq, deleted, columns, tallies FROM state").fetchone())
        tallies = {**json.loads(row[4]), table: [len(digests), f"{mix:016x}"]}
        row[4] = json.dumps(tallies, sort_keys=True)
        connection.execute("UPDATE state SET tallies = ?, checksum = ?", (row[4], checksum(*row)))

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
            ):
                try:
                    ask()
                except (ks.Corrupt, ks.Unavailable, ks.KeyNotFound, ks.SpaceNotFound, ks.InvalidInput):
                    pass


if __name__ == "__main__":
    main(
        "catalog",
        make,
        ["null", "true", "-1", "1e9", "[]", "{}", "[[[[", '"rows":', '"files":', '"dims":', '"../"', "NaN"],
    )
