"""One change of a space, all or nothing, inside the writers' lock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Frozen
from ...storage.catalog import LogEntry, SegmentEntry, SnapshotEntry, SpaceCatalog, State, Tally, TombstoneEntry
from ...storage.catalog.entries import ROWS
from ...storage.segment import Written
from .view import View

if TYPE_CHECKING:
    import sqlite3

    from ...storage.columns import Schema
    from ..exchange.batch import Batch


class LogInTheWay(Exception):
    """The log's rows have columns of other types than this change brings: they are to be flushed in theirs first."""


class Transaction:
    """What a writer does to a space between two of its states. `view` is the one it starts from."""

    def __init__(self, catalog: SpaceCatalog, connection: sqlite3.Connection, view: View) -> None:
        self.view = view
        self.log: list[LogEntry] = []
        self.dead: list[TombstoneEntry] = []
        self.changed = False
        self.restructured = False  # segments came or went
        self.rewound = False  # more than rows added and tombstones set, but segments stay
        self._columns = view.state.columns
        self._next_seq = self._first_seq = view.state.next_seq
        self._horizon = view.state.horizon
        self._deleted = view.state.deleted
        self._frozen = view.state.frozen
        self._full_text = view.state.full_text
        self._indexed = view.state.indexed
        self._filling = view.state.filling
        self._tallies = dict(view.state.tallies)
        self._catalog = catalog
        self._connection = connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The catalog's, to read more of the state this begins from."""
        return self._connection

    def next_state(self, version: int) -> State:
        """The state this transaction leads to from that version; called once, last."""
        if self._next_seq != self._first_seq:
            self._tallies["moment"] = self._catalog.add_moment(
                self._connection, self._next_seq, now(), self._tallies["moment"]
            )
        return State(
            version + 1,
            self._next_seq,
            self._horizon,
            self._deleted,
            self._frozen,
            self._filling,
            self._columns,
            self._tallies,
            self._indexed,
            self._full_text,
        )

    def put(self, batch: Batch) -> None:
        """Append the batch's rows to the log; rows that had its keys die."""
        self._replace(batch)
        self._merge(batch)
        columns = batch.encoded_columns()
        entry, self._tallies["log"] = self._catalog.add_log(
            self._connection, self._next_seq, batch.keys, batch.vectors, columns, self._tallies["log"]
        )
        self.log.append(entry)
        self._next_seq += len(batch.keys)
        self.changed = True

    def put_segment(self, batch: Batch, written: Written) -> None:
        """Name a segment that holds the batch's rows, numbered from 0; rows that had its keys die."""
        self._replace(batch)
        self._merge(batch)
        self._name(written, self._next_seq)
        self._next_seq += len(batch.keys)

    def kill(self, positions: NDArray[np.int64]) -> None:
        """Take rows out of the present."""
        if len(positions) == 0:
            return
        seqs = np.sort(self.view.seqs(positions))
        self.dead.append(self._event("tombstone", seqs))

    def swap(self, written: list[Written], segments: list[str], log_through: int, gone: NDArray[np.uint64]) -> None:
        """Put segments in the place of others and of the log up to an entry; `gone` are the rows they left out."""
        catalog, connection, tallies = self._catalog, self._connection, self._tallies
        for one in written:
            self._name(one, 0)
        tallies["segment"] = catalog.drop_segments(connection, segments, tallies["segment"])
        tallies["log"] = catalog.drop_log(connection, log_through, tallies["log"])
        if len(gone):
            for table in ("tombstone", "revival"):
                tallies[table], last = catalog.drop_events(connection, table, gone, tallies[table])
                self._horizon = max(self._horizon, last + 1)
        tallies["moment"] = catalog.thin_moments(connection, self._horizon, self._next_seq, tallies["moment"])
        self.changed = self.restructured = True

    def clear(self) -> None:
        """Take every row out of the present; those that no snapshot sees are forgotten."""
        if self.view.known.snapshots:
            self.kill(self.view.live()[1])
            return
        self._catalog.empty(self._connection)
        self._tallies |= dict.fromkeys(ROWS, Tally())
        self._next_seq += 1
        self._horizon = self._next_seq
        self.changed = self.restructured = True

    def snapshot(self, name: str) -> SnapshotEntry:
        """Keep the present under a name."""
        self._check_whole("a snapshot of it")
        view = self.view
        entry = SnapshotEntry(name, self._next_seq, now(), len(view), self._columns)
        self._tallies["snapshot"] = self._catalog.add_snapshot(self._connection, entry, self._tallies["snapshot"])
        self.changed = self.rewound = True
        return entry

    def drop_snapshot(self, name: str) -> None:
        """Keep it no longer."""
        self._tallies["snapshot"] = self._catalog.drop_snapshot(self._connection, name, self._tallies["snapshot"])
        self.changed = self.rewound = True

    def recount(self, entries: list[SnapshotEntry]) -> None:
        """Have these snapshots, which are there, see as many rows as they say now."""
        for entry in entries:
            self.drop_snapshot(entry.name)
            self._tallies["snapshot"] = self._catalog.add_snapshot(self._connection, entry, self._tallies["snapshot"])

    def restore(self, then: View) -> None:
        """Make the present what an earlier view of it shows."""
        if self._columns != then.state.columns and self.view.tail.rows:
            raise LogInTheWay  # what is logged next may have other types under the same names
        before, after = self.view.live()[0], then.live()[0]
        gone, back = np.setdiff1d(before, after, True), np.setdiff1d(after, before, True)
        if len(gone):
            self.dead.append(self._event("tombstone", gone))
        if len(back):
            self._event("revival", back)
        if self._columns != then.state.columns:
            self._columns, self.changed = then.state.columns, True
            self._horizon = self._next_seq  # the types of the states between are known of snapshots only
        self.rewound = True

    def set_full_text(self, columns: dict[str, Any]) -> None:
        """Have these columns searched as text from now on."""
        self._full_text, self.changed = columns, True

    def index_columns(self, columns: tuple[str, ...]) -> None:
        """Have these columns indexed from now on, and no others."""
        self._indexed, self.changed = columns, True

    def follow(self, seqs: NDArray[np.uint64]) -> None:
        """Of the rows there are, have those live that have one of these seqs, ascending, and no others."""
        dead = [part.seqs(part.dead_rows()) for part in self.view.every]
        gone = np.setdiff1d(self.view.live()[0], seqs, True)
        back = np.intersect1d(np.concatenate(dead), seqs)
        if len(gone):
            self.dead.append(self._event("tombstone", gone))
        if len(back):
            self._event("revival", back)
            self.rewound = True

    def put_copies(self, written: Written) -> None:
        """Name a segment of another space's rows, which keep their seqs."""
        self._name(written, 0)
        self._next_seq = max(self._next_seq, written.last + 1)

    def filled(self, other: View) -> None:
        """The space has all rows of that view of another, under their seqs: from now on it goes its own way."""
        self._columns = other.state.columns
        self._next_seq = self._horizon = max(self._next_seq, other.state.next_seq)
        self._frozen, self._filling = False, None
        self.changed = self.rewound = True

    def freeze(self) -> None:
        """Let no row change from now on."""
        self._check_whole("freezing it")
        self._frozen = self.changed = True

    def delete_space(self) -> None:
        """Mark the space deleted: whoever has it open finds out at the next call."""
        self._deleted = self.changed = self.restructured = True

    def _check_whole(self, what: str) -> None:
        if self._filling is not None:
            raise Frozen(f"the space is being re-embedded: {what} has to wait until reembed() is done")

    def _name(self, written: Written, base: int) -> None:
        entry = SegmentEntry(written.id, written.rows, base, base + written.first, base + written.last, written.files)
        self._tallies["segment"] = self._catalog.add_segment(self._connection, entry, self._tallies["segment"])
        self.changed = self.restructured = True

    def _event(self, table: str, seqs: NDArray[np.uint64]) -> TombstoneEntry:
        entry, self._tallies[table] = self._catalog.add_event(
            self._connection, table, self._next_seq, seqs, self._tallies[table]
        )
        self._next_seq += 1
        self.changed = True
        return entry

    def _replace(self, batch: Batch) -> None:
        positions = self.view.find_many(batch.keys, batch.hashes)
        self.kill(positions[positions >= 0])

    def _merge(self, batch: Batch) -> None:
        if batch.columns is None:
            return
        from ...storage.columns import encode_schema

        merged = batch.merged_schema(self.view.schema)
        if merged != self.view.schema:
            check_log(self.view, merged)
            self._columns = encode_schema(merged)


def check_log(view: View, merged: Schema) -> None:
    """Raise LogInTheWay if columns widen that a snapshot may see in the log: what it sees keeps the older types."""
    if view.known.snapshots and view.tail.rows and any(merged[name] != dtype for name, dtype in view.schema.items()):
        raise LogInTheWay


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1_000
