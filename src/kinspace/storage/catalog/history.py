"""The tables that say what became of rows, and which states of the space are kept."""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

from .database import checksum
from .entries import SnapshotEntry, Tally, TombstoneEntry, check_counts
from .tables import Tables

_SEQ = np.dtype("<u8")
_SECOND = 1_000_000  # of a moment's time
_LATEST = 65_536  # moments that are looked at to thin them: more than commits between two flushes, as a rule


class History(Tables):
    """Tombstones and revivals, snapshots, and the moments at which commits were made.

    Methods that change a table return its tally; the caller puts the tallies into the next state.
    """

    def events(
        self, connection: sqlite3.Connection, table: str, after: int, before: Tally, tally: Tally
    ) -> list[TombstoneEntry]:
        """The tombstones (or revivals) with an id above `after`, oldest first; with those `before` the tally's."""
        if tally == before:
            return []
        entries, digests = [], []
        query = f"SELECT id, at, seqs, checksum FROM {table} WHERE id>? ORDER BY id"
        for id, at, seqs, digest in connection.execute(query, (after,)):  # there may be very many
            sound = type(at) is int and at >= 0 and type(seqs) is bytes and len(seqs) % 8 == 0
            if not sound or digest != checksum(at, seqs):
                with self._decoding(f"{table} {id}", digest, at, seqs):
                    raise ValueError("it holds no seqs")
            entries.append(TombstoneEntry(id, at, np.frombuffer(seqs, _SEQ)))
            digests.append(digest)
        self._expect(table, before.plus(digests), tally)
        return entries

    def add_event(
        self, connection: sqlite3.Connection, table: str, at: int, seqs: NDArray[np.uint64], tally: Tally
    ) -> tuple[TombstoneEntry, Tally]:
        row = (at, seqs.astype("<u8", copy=False).tobytes())
        digest = checksum(*row)
        cursor = connection.execute(f"INSERT INTO {table} (at, seqs, checksum) VALUES (?, ?, ?)", (*row, digest))
        assert cursor.lastrowid is not None
        return TombstoneEntry(cursor.lastrowid, at, seqs), tally.plus([digest])

    def drop_events(
        self, connection: sqlite3.Connection, table: str, gone: NDArray[np.uint64], tally: Tally
    ) -> tuple[Tally, int]:
        """Forget what became of rows that no file holds any more; also the seq of the last write that is forgotten."""
        last = -1
        entries = self.events(connection, table, 0, Tally(), tally)
        if not entries:
            return tally, last
        stays = ~np.isin(np.concatenate([entry.seqs for entry in entries]), gone)
        ends = np.cumsum([len(entry.seqs) for entry in entries])
        changed = np.unique(np.searchsorted(ends, np.flatnonzero(~stays), "right"))
        for entry, end in zip((entries[number] for number in changed), ends[changed].tolist(), strict=True):
            keep = stays[end - len(entry.seqs) : end]
            last = max(last, entry.at)
            tally = self._drop(connection, table, "id=?", entry.id, tally)
            if keep.any():
                _, tally = self.add_event(connection, table, entry.at, entry.seqs[keep], tally)
        return tally, last

    def snapshots(self, connection: sqlite3.Connection, tally: Tally) -> list[SnapshotEntry]:
        """Every snapshot, oldest first."""
        if tally == Tally():
            return []
        entries, digests = [], []
        for name, body, columns, digest in connection.execute("SELECT name, body, columns, checksum FROM snapshot"):
            with self._decoding(f"snapshot {name!r}", digest, name, body, columns):
                entries.append(SnapshotEntry.of_row(name, body, columns))
            digests.append(digest)
        self._expect("snapshot", Tally().plus(digests), tally)
        return sorted(entries, key=lambda entry: (entry.seq, entry.time, entry.name))

    def add_snapshot(self, connection: sqlite3.Connection, entry: SnapshotEntry, tally: Tally) -> Tally:
        row = (entry.name, entry.body(), entry.columns)
        digest = checksum(*row)
        connection.execute("INSERT INTO snapshot VALUES (?, ?, ?, ?)", (*row, digest))
        return tally.plus([digest])

    def drop_snapshot(self, connection: sqlite3.Connection, name: str, tally: Tally) -> Tally:
        return self._drop(connection, "snapshot", "name=?", name, tally)

    def add_moment(self, connection: sqlite3.Connection, seq: int, time: int, tally: Tally) -> Tally:
        """Note when the state with that next seq was committed."""
        digest = checksum(seq, time)
        connection.execute("INSERT INTO moment VALUES (?, ?, ?)", (seq, time, digest))
        return tally.plus([digest])

    def moment(self, connection: sqlite3.Connection, time: int, tally: Tally) -> int | None:
        """The next seq of the last state committed by then; None if there is none that is noted."""
        if tally == Tally():
            return None
        found = connection.execute(
            "SELECT seq, time, checksum FROM moment WHERE time<=? ORDER BY seq DESC LIMIT 1", (time,)
        ).fetchone()
        if found is None:
            return None
        seq, at, digest = found
        with self._decoding(f"the moment of seq {seq}", digest, seq, at):
            check_counts(seq, at)
            return int(seq)

    def check_moments(self, connection: sqlite3.Connection, tally: Tally) -> None:
        """Corrupt unless each is as it was written, and all are there."""
        digests = []
        if tally != Tally():
            for seq, time, digest in connection.execute("SELECT seq, time, checksum FROM moment"):
                with self._decoding(f"the moment of seq {seq}", digest, seq, time):
                    check_counts(seq, time)
                    digests.append(digest)
        self._expect("moment", Tally().plus(digests), tally)

    def thin_moments(self, connection: sqlite3.Connection, horizon: int, through: int, tally: Tally) -> Tally:
        """Forget those before the horizon; of the latest up to `through`, all but the last of each second.

        The others have been thinned already: a flush should not take the longer the older a space is.
        """
        tally = self._drop(connection, "moment", "seq<?", horizon, tally)
        latest = f"seq > coalesce((SELECT seq FROM moment ORDER BY seq DESC LIMIT 1 OFFSET {_LATEST}), -1)"
        last = f"SELECT max(seq) FROM moment WHERE {latest} GROUP BY time / {_SECOND}"
        return self._drop(connection, "moment", f"seq<=? AND {latest} AND seq NOT IN ({last})", through, tally)
