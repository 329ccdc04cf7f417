"""One change of a space, all or nothing, inside the writers' lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..storage.catalog import LogEntry, SegmentEntry, SpaceCatalog, State, Tally, TombstoneEntry
from ..storage.segment import Written
from .view import View

if TYPE_CHECKING:
    import sqlite3

    from .batch import Batch


class Transaction:
    """What a writer does to a space between two of its states. `view` is the one it starts from."""

    def __init__(self, catalog: SpaceCatalog, connection: sqlite3.Connection, view: View) -> None:
        self.view = view
        self.log: list[LogEntry] = []
        self.dead: list[TombstoneEntry] = []
        self.changed = False
        self.restructured = False  # more than rows added and tombstones set
        self._columns = view.state.columns
        self._next_seq = view.state.next_seq
        self._deleted = False
        self._tallies = dict(view.state.tallies)
        self._catalog = catalog
        self._connection = connection

    def next_state(self, version: int) -> State:
        """The state this transaction leads to from that version."""
        return State(version + 1, self._next_seq, self._deleted, self._columns, self._tallies)

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
        entry, self._tallies["tombstone"] = self._catalog.add_tombstones(
            self._connection, self._next_seq, seqs, self._tallies["tombstone"]
        )
        self.dead.append(entry)
        self._next_seq += 1
        self.changed = True

    def swap(self, written: Written | None, segments: list[str], log_through: int, gone: NDArray[np.uint64]) -> None:
        """Put a segment in the place of others and of the log up to an entry; `gone` are the rows it left out."""
        catalog, connection, tallies = self._catalog, self._connection, self._tallies
        if written is not None:
            self._name(written, 0)
        tallies["segment"] = catalog.drop_segments(connection, segments, tallies["segment"])
        tallies["log"] = catalog.drop_log(connection, log_through, tallies["log"])
        if len(gone):
            tallies["tombstone"] = catalog.drop_tombstones(connection, gone, tallies["tombstone"])
        self.changed = self.restructured = True

    def clear(self) -> None:
        """Forget every row."""
        self._catalog.empty(self._connection)
        self._tallies = dict.fromkeys(self._tallies, Tally())
        self.changed = self.restructured = True

    def delete_space(self) -> None:
        """Mark the space deleted: whoever has it open finds out at the next call."""
        self._deleted = self.changed = self.restructured = True

    def _name(self, written: Written, base: int) -> None:
        entry = SegmentEntry(written.id, written.rows, base, base + written.first, base + written.last, written.files)
        self._tallies["segment"] = self._catalog.add_segment(self._connection, entry, self._tallies["segment"])
        self.changed = self.restructured = True

    def _replace(self, batch: Batch) -> None:
        positions = self.view.find_many(batch.keys, batch.hashes)
        self.kill(positions[positions >= 0])

    def _merge(self, batch: Batch) -> None:
        if batch.columns is None:
            return
        from ..storage.columns import encode_schema

        merged = batch.merged_schema(self.view.schema)
        if merged != self.view.schema:
            self._columns = encode_schema(merged)
