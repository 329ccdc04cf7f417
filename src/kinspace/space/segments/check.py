"""Reading every byte of a space, to say what is damaged."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from ...embed.embedder import fitted_digest
from ...errors import Corrupt, KinspaceError
from ...storage.catalog import SegmentEntry, Tally
from ...storage.files import FolderLock
from ...storage.reader import SegmentReader, check_segment
from ..state.fitted import FILE
from ..state.store import Store
from .beside import made_anew, read_made


@dataclass(frozen=True, slots=True)
class Problem:
    """One damaged file."""

    file: Path
    what: str
    keys: int  # rows it touches


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    problems: list[Problem]

    @property
    def ok(self) -> bool:
        """True if nothing is damaged."""
        return not self.problems


def check(store: Store) -> Report:
    """Verify the catalog and every file it names, from the disk."""
    problems, entries, locks = named_segments(store)
    for entry in entries:
        found = check_segment(store.segments, entry, store.meta.dims, store.meta.key_type, dtype=store.meta.dtype)
        problems += [Problem(file, what, entry.rows) for file, what in found]
        if not found:
            problems += check_index(store, entry)
    for lock in locks:
        lock.release()
    return Report([*problems, *check_fitted(store)])


def check_fitted(store: Store) -> list[Problem]:
    """Read what the space's embedder was fitted to, if it was; without it no row is lost, and no text embedded."""
    try:
        if fitted_digest(store.meta.embedder) is not None:
            store.fitted()
    except KinspaceError as error:
        return [Problem(store.folder / FILE, str(error), 0)]
    return []


def named_segments(store: Store) -> tuple[list[Problem], list[SegmentEntry], list[FolderLock]]:
    """What is wrong with the catalog, the segments it names (none if that can't be read), and a lock on each."""
    catalog = store.catalog
    path = catalog.database.path
    problems = [Problem(path, what, 0) for what in catalog.database.check()]
    locks: list[FolderLock] = []
    try:
        with catalog.database.read("checking it") as connection:
            tallies = catalog.state(connection).tallies
            entries = catalog.segments(connection, tallies["segment"])
            catalog.log(connection, 0, store.meta.dims, Tally(), tallies["log"])
            for table in ("tombstone", "revival"):
                catalog.events(connection, table, 0, Tally(), tallies[table])
            catalog.snapshots(connection, tallies["snapshot"])
            catalog.check_moments(connection, tallies["moment"])
            locks = lock_segments(store, entries)
    except Corrupt as error:
        return [*problems, Problem(path, str(error), 0)], [], locks
    return problems, entries, locks


def lock_segments(store: Store, entries: list[SegmentEntry]) -> list[FolderLock]:
    """Keep segments from being removed by a merge, but for those that are missing."""
    locks = []
    for entry in entries:
        with contextlib.suppress(OSError):
            locks.append(FolderLock.share(store.segments / entry.id))
    return locks


def check_index(store: Store, entry: SegmentEntry) -> list[Problem]:
    """Read what a segment has that can be made anew; damage costs no row anything but time, until it is."""
    folder = store.segments / entry.id
    there = made_anew(folder)
    problems: list[Problem] = []
    if not there:
        return problems
    reader = SegmentReader(store.segments, entry, store.meta.dims, store.meta.key_type, dtype=store.meta.dtype)
    try:
        for name in there:
            try:
                read_made(reader, store.meta, name)
            except KinspaceError as error:
                problems.append(Problem(folder / name, f"{error} (it is made again by itself: index() does it now)", 0))
    finally:
        reader.close()
    return problems
