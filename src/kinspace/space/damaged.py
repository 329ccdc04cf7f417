"""Serving around damage: a read-only space over those segments that are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import SpaceNotFound
from ..storage.catalog import Tally
from ..storage.files import FolderLock
from ..storage.reader import SegmentReader, check_segment
from ..types import Key
from .parts.index import Indexes
from .parts.part import Part
from .parts.tail import Tail
from .segments.background import Background
from .segments.check import Problem, lock_segments
from .space import Space
from .state.history import applied
from .state.past import Past, events_before
from .state.store import Store
from .state.view import View

if TYPE_CHECKING:
    from .hub import Hub


def whole_view(store: Store) -> tuple[View, list[Problem]]:
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
            dead, revived = events_before(catalog, connection, state, state.next_seq)
            locks = lock_segments(store, entries)
        tail, parts = Tail(meta.dims, meta.dtype), []
        for entry in entries:
            found = check_segment(store.segments, entry, meta.dims, meta.key_type, dtype=meta.dtype)
            skipped += [Problem(file, what, entry.rows) for file, what in found]
            if not found:
                parts.append(
                    Part(SegmentReader(store.segments, entry, meta.dims, meta.key_type, dtype=meta.dtype), entry.rows)
                )
    finally:
        for lock in locks:
            lock.release()
    for one in log:
        tail.append(one)
    every = applied((*parts, Part(tail, tail.rows)), dead, revived)
    return View(meta, state, every, Indexes(meta)), skipped  # indexes of its own: nothing is built for it


class SoundSpace(Space):
    """A space without the rows of its damaged segments, as it was when it was opened. Read-only: writes raise Frozen.

    A key of a damaged segment is KeyNotFound here, and a search finds the nearest of the rows that are left.
    """

    def __init__(self, store: Store, background: Background, hub: Hub, embedder: Any = None) -> None:
        view, self._skipped = whole_view(store)
        super().__init__(
            Past(store, view, "what is whole", "open it without skip_damaged, and repair() it"),
            background,
            hub,
            embedder,
        )

    @property
    def skipped(self) -> list[Problem]:
        """The damaged files, and how many rows the segment of each has."""
        return list(self._skipped)

    def _no_such(self, key: Key) -> str:
        damaged = len(self._skipped)
        return super()._no_such(key) + (f"; segments with {damaged} damaged files are left out" if damaged else "")
