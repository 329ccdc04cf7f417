"""A state of a space that is over: found by name, seq or time, and read like the space itself."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np

from ...errors import Corrupt, Frozen, InvalidInput, SnapshotNotFound
from ...storage.catalog import SnapshotEntry, SpaceCatalog, State, Tally, TombstoneEntry
from ...storage.reader import SegmentReader
from ..parts.part import Part
from .history import applied
from .store import Store
from .view import View

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
When = str | int | datetime.datetime  # a snapshot's name, a seq, or a time


class Past(Store):
    """A store that shows one view for good, and takes no change."""

    def __init__(self, store: Store, view: View, label: str, instead: str = "write to a fork of it") -> None:
        self.__dict__.update(store.__dict__)
        self._store = store
        self._then = view
        self._renewals = store.indexes.renewals
        self._instead = instead  # of writing to it
        self.label = label  # what to call it

    def view(self) -> View:
        """The view; Closed once the hub is closed, SpaceNotFound once the space is deleted."""
        self._store.check_open()
        renewals = self.indexes.renewals
        if self._renewals != renewals:  # there are indexes that were not
            self._then, self._renewals = self._then.again(), renewals
        return self._then

    def with_catalog(self, read: Callable[[sqlite3.Connection, View], T]) -> T:
        """What the space's catalog says now."""
        return self._store.with_catalog(read)

    last_view = view

    def write(self, doing: str, *, rows: bool = True) -> NoReturn:
        """Raise Frozen."""
        what = f"{self.label} of space {self.name!r} can only be read"
        raise Frozen(f"{what}: {doing} is not possible; {self._instead}")

    def present(self, doing: str) -> NoReturn:
        """Raise Frozen."""
        self.write(doing)

    writable = present

    def sweep(self) -> None:
        """Leave that to the space."""


def at(store: Store, when: When | None) -> Store:
    """The store as it was; itself if `when` is None."""
    if when is None:
        return store
    parsed = parse_when(when)
    view = store.with_catalog(lambda connection, now: view_at(store.catalog, connection, now, parsed))
    return Past(store, view, f"the state at {when!r}" if not isinstance(when, str) else f"snapshot {when!r}")


def parse_when(when: object) -> When:
    """A name, a seq or a time; InvalidInput if it is none of them."""
    if isinstance(when, (str, datetime.datetime)):
        return when
    if isinstance(when, (int, np.integer)) and not isinstance(when, bool):
        return int(when)
    raise InvalidInput(f"a state is named by a snapshot's name, a seq (int) or a datetime; got {when!r}")


def view_at(catalog: SpaceCatalog, connection: sqlite3.Connection, now: View, when: When) -> View:
    """The view as it was; `now` is the newest, and connection reads the state it shows.

    Raises
    ------
    SnapshotNotFound
        If there is no such snapshot, or the rows of that time have been freed.
    """
    seq, entry = _resolve(catalog, connection, now, when)
    columns = now.state.columns if entry is None else entry.columns
    parts = []
    for part in now.segments:
        source = part.source
        assert isinstance(source, SegmentReader)
        if source.entry.first >= seq:
            continue
        then = part.whole()
        if source.entry.last >= seq:
            first = int(np.searchsorted(source.seqs, np.uint64(seq - source.entry.base)))
            then = then.without(np.arange(first, part.rows, dtype=np.int64))
        parts.append(then)
    logged = int(np.searchsorted(now.tail.seqs(np.arange(now.tail.rows)), np.uint64(seq)))
    tail = Part(now.tail.source, logged)
    every = applied((*parts, tail), *events_before(catalog, connection, now.state, seq))
    living = tuple(part for part in every[:-1] if part.dead < part.rows)
    view = View(now.meta, replace(now.state, next_seq=seq, columns=columns), (*living, every[-1]), now.indexes)
    if entry is not None and entry.rows not in (-1, len(view)):
        path: Path = catalog.database.path
        raise Corrupt(f"{path}: snapshot {entry.name!r} shows {len(view):,} rows where it had {entry.rows:,}")
    return view


def events_before(
    catalog: SpaceCatalog, connection: sqlite3.Connection, state: State, seq: int
) -> tuple[list[TombstoneEntry], list[TombstoneEntry]]:
    """What happened to rows before a seq: the tombstones, and the revivals."""
    dead, revived = (
        [entry for entry in catalog.events(connection, table, 0, Tally(), state.tallies[table]) if entry.at < seq]
        for table in ("tombstone", "revival")
    )
    return dead, revived


def _resolve(
    catalog: SpaceCatalog, connection: sqlite3.Connection, now: View, when: When
) -> tuple[int, SnapshotEntry | None]:
    """The seq of a state, and the snapshot if that is one."""
    snapshots = now.known.snapshots
    there = ", ".join(repr(entry.name) for entry in snapshots) or "none"
    if isinstance(when, str):
        for entry in snapshots:
            if entry.name == when:
                return entry.seq, entry
        raise SnapshotNotFound(f"there is no snapshot {when!r}; there are: {there}")
    if isinstance(when, datetime.datetime):
        seq = _seq_by_time(catalog, connection, now, when)
    else:
        seq = when
        if not 0 <= seq <= now.state.next_seq:
            raise SnapshotNotFound(f"the space has seqs from 0 to {now.state.next_seq}; got {seq}")
    for entry in snapshots:
        if entry.seq == seq:
            return seq, entry
    if seq < now.state.horizon:
        raise SnapshotNotFound(
            f"the state at {when!r} (seq {seq}) is not kept: rows were freed when segments were merged, or a restore "
            f"changed the columns; states from seq {now.state.horizon} on are whole, and so are snapshots: {there}"
        )
    return seq, None


def _seq_by_time(catalog: SpaceCatalog, connection: sqlite3.Connection, now: View, when: datetime.datetime) -> int:
    """The seq of the last state committed by then."""
    try:
        time = (when.astimezone(datetime.UTC) - _EPOCH) // datetime.timedelta(microseconds=1)
    except (OverflowError, ValueError, OSError) as error:  # so near to the first or last year that no zone is known
        raise InvalidInput(f"{when!r} is not a time that can be looked for: {error}") from error
    noted = catalog.moment(connection, time, now.state.tallies["moment"])
    taken = [entry.seq for entry in now.known.snapshots if entry.time <= time]
    found = max([*taken, *([] if noted is None else [noted])], default=None)
    if found is None:
        raise SnapshotNotFound(
            f"nothing is known of the space at {when.isoformat()}; it may be older than its first commit"
        )
    return found
