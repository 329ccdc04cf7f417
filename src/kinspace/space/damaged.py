"""Serving around damage: a read-only space over those segments that are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..errors import Frozen, SpaceNotFound
from ..storage.catalog import Tally
from ..storage.files import FolderLock
from ..storage.reader import SegmentReader, check_segment
from ..types import Key
from .background import Background
from .check import Problem, Report, check, lock_segments
from .index import Indexes
from .part import Part
from .repair import RepairReport
from .space import Space
from .store import Store
from .tail import Tail
from .view import View


def whole_view(store: Store, indexes: Indexes) -> tuple[View, list[Problem]]:
    """The newest view without the segments that are damaged, and what is wrong with those. Every byte is read."""
    meta, catalog, skipped = store.meta, store.catalog, []
    locks: list[FolderLock] = []
    try:
        with catalog.database.read(f"reading space {store.name!r}") as connection:
            state = catalog.state(connection)
            if state.deleted:
                raise SpaceNotFound(f"space {store.name!r} was deleted")
            entries = catalog.segments(connection, state.tallies["segment"])
            log = catalog.log(connection, 0, meta.dims, Tally(), state.tallies["log"])
            dead = catalog.tombstones(connection, 0, Tally(), state.tallies["tombstone"])
            locks = lock_segments(store, entries)
        tail, parts = Tail(meta.dims), []
        for entry in entries:
            found = check_segment(store.segments, entry, meta.dims, meta.key_type)
            skipped += [Problem(file, what, entry.rows) for file, what in found]
            if not found:
                parts.append(Part(SegmentReader(store.segments, entry, meta.dims, meta.key_type), entry.rows))
    finally:
        for lock in locks:
            lock.release()
    for one in log:
        tail.append(one)
    parts.append(Part(tail, tail.rows))
    seqs = np.unique(np.concatenate([np.empty(0, np.uint64), *(one.seqs for one in dead)]))
    there = tuple(part.without(part.rows_of(seqs)) for part in parts)
    last = max((one.id for one in dead), default=0)
    return View(meta, state, there, tail.last_id, last, indexes), skipped


class SoundStore:
    """In a store's place: one view of what is whole, and Frozen for whoever wants to write."""

    def __init__(self, store: Store) -> None:
        self.name = store.name
        self.meta = store.meta
        self.catalog = store.catalog
        self.durable = store.durable
        self.indexes = Indexes(store.meta)  # of its own: nothing is built for it
        self._view, self.skipped = whole_view(store, self.indexes)

    def view(self) -> View:
        """The rows that were whole when the space was opened."""
        self.catalog.database.changes()  # says so if the hub is closed
        return self._view

    last_view = view

    def write(self, doing: str) -> NoReturn:
        """Nothing is written."""
        raise Frozen(f"{doing} is not possible: {self._why}")

    @property
    def segments(self) -> Path:
        """Who asks where segments lie is about to write one."""
        raise Frozen(f"nothing can be stored, flushed or compacted: {self._why}")

    @property
    def indexing(self) -> Path:
        """Likewise for indexes."""
        raise Frozen(f"no index can be built: {self._why}")

    @property
    def _why(self) -> str:
        return f"space {self.name!r} was opened with skip_damaged; open it without, and repair() it"


class SoundSpace(Space):
    """A space without the rows of its damaged segments, as it was when it was opened. Read-only: writes raise Frozen.

    A key of a damaged segment is KeyNotFound here, and a search finds the nearest of the rows that are left.
    """

    def __init__(self, store: Store, background: Background, hub: object, embedder: Any = None) -> None:
        self._whole = store
        self._sound = SoundStore(store)
        super().__init__(self._sound, background, hub, embedder)  # type: ignore[arg-type]  # a store for readers

    @property
    def skipped(self) -> list[Problem]:
        """The damaged files, and how many rows the segment of each has."""
        return list(self._sound.skipped)

    def check(self) -> Report:
        """Read every byte of the space, the damaged segments too, and say what is damaged."""
        return check(self._whole)

    def repair(self) -> RepairReport:
        """Nothing is written through this space."""
        self._sound.write("repairing")

    def _no_such(self, key: Key) -> str:
        damaged = len(self._sound.skipped)
        return super()._no_such(key) + (f"; segments with {damaged} damaged files are left out" if damaged else "")
