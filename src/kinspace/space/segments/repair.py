"""Repair: a damaged segment is written anew of what can be read of it, and the damaged one put aside."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import Conflict, Corrupt, KinspaceError, SpaceNotFound, Unavailable
from ...storage.catalog import SegmentEntry
from ...storage.files import FolderLock, os_errors
from ...storage.reader import check_segment
from ...storage.replace import replace_folder
from ...storage.salvage import Remains
from ...storage.segment import Block, Written, write_segment
from ...types import Key
from ..state.store import Store
from ..state.transaction import Transaction
from ..state.view import Known, View
from .beside import made_anew
from .check import Problem, check_fitted, check_index, named_segments
from .flush import hash_keys
from .indexing import index_now
from .losses import Losses, losses, lost_to_snapshots

QUARANTINE = "quarantine"  # beside segments/; never swept
_COLUMN_ROWS = 65_536  # of columns in memory at a time


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did, and what is lost."""

    rebuilt: list[Path] = field(default_factory=list)  # files that were damaged, where they are whole now
    quarantined: list[Path] = field(default_factory=list)  # folders that hold the damaged files
    lost: list[Key] = field(default_factory=list)  # keys whose rows are gone
    lost_unknown: int = 0  # rows that are gone, and nothing says which
    lost_dead: list[Key] = field(default_factory=list)  # keys of rows that are gone and were replaced or deleted before
    columns_lost: list[Key] = field(default_factory=list)  # keys whose vector is there and whose columns are null now
    problems: list[Problem] = field(default_factory=list)  # what could not be repaired

    @property
    def ok(self) -> bool:
        """True if no row and no column is lost, and nothing damaged is left."""
        return not (self.lost or self.lost_unknown or self.columns_lost or self.problems)


def repair(store: Store) -> RepairReport:
    """Write what is damaged anew as far as it follows from what is not; the report tells the rest."""
    if store.catalog.database.readonly:
        raise Unavailable(f"{store.folder} can only be read; copy it to where it can be written, and repair it there")
    with os_errors(f"locking {store.merging}"):
        store.merging.mkdir(exist_ok=True)
        lock = FolderLock.alone(store.merging, wait=True)  # lest a merge replaces what is being repaired
    try:
        return _Repair(store).run()
    finally:
        if lock is not None:
            lock.release()
        with contextlib.suppress(KinspaceError):  # it can wait, and the report can't
            store.sweep()


class _Repair:
    """One repair under way; whoever runs it holds the right to merge."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._report = RepairReport()
        self._unknown = 0
        self._doubtful: list[Key] = []

    def run(self) -> RepairReport:
        """Every damaged segment, then the indexes; what fails is in the report, beside what was done before."""
        store, report = self._store, self._report
        problems, entries, locks = named_segments(store)
        indexes: list[Path] = []
        try:
            for problem in problems:
                what = f"a catalog can't be repaired, restore it from a backup: {problem.what}"
                report.problems.append(Problem(problem.file, what, problem.keys))
            report.problems.extend(check_fitted(store))
            for entry in [] if problems else entries:
                if check_segment(store.segments, entry, store.meta.dims, store.meta.key_type, dtype=store.meta.dtype):
                    try:
                        with os_errors(f"repairing {store.segments / entry.id}"):
                            self._segment(entry)
                    except (Conflict, Corrupt, Unavailable) as error:
                        report.problems.append(Problem(store.segments / entry.id, str(error), entry.rows))
                else:
                    indexes.extend(Path(damaged.file) for damaged in check_index(store, entry))
        finally:
            for lock in locks:
                lock.release()
        if indexes or report.rebuilt:
            self._index(indexes)
        lost = [*report.lost, *self._gone_for_good()]
        return replace(report, lost=lost, lost_unknown=self._unknown)

    def _segment(self, entry: SegmentEntry) -> None:
        store = self._store
        remains = Remains(store.segments, entry, store.meta.dims, store.meta.key_type, dtype=store.meta.dtype)
        damaged = remains.damaged
        quarantined = self._put_aside(remains.folder)
        rows = np.empty(0, np.int64)
        if remains.seqs is not None:  # without them nothing tells which are live
            rows = np.flatnonzero(remains.whole & remains.known)
        written = self._write(remains, rows) if len(rows) else None
        lost = self._swap(remains, rows, written)
        if lost is None:
            return
        report = self._report
        if quarantined is not None:
            report.quarantined.append(quarantined)
        if written is not None:
            report.rebuilt.extend(written.folder / name for name in damaged)
        report.lost.extend(lost.lost)
        report.lost_dead.extend(lost.dead)
        report.columns_lost.extend(lost.columns)
        self._doubtful += lost.doubtful
        self._unknown += lost.unknown

    def _put_aside(self, folder: Path) -> Path | None:
        """The damaged folder's files by another name, before anything is done: readers may go on with their own."""
        if not folder.is_dir():
            return None
        aside = self._store.folder / QUARANTINE / folder.name
        replace_folder(
            aside,
            lambda new: _link_tree(folder, new),
            lambda _: None,  # what a repair left that was killed
            durable=self._store.durable,
        )
        return aside

    def _write(self, remains: Remains, rows: NDArray[np.int64]) -> Written:
        """A new segment of those rows, live and dead alike, each with its seq."""
        store, seqs = self._store, remains.seqs
        assert seqs is not None

        def block(start: int, stop: int) -> Block:
            here = rows[start:stop]
            keys = remains.keys(here)
            return Block(keys, hash_keys(store.meta, keys), remains.vectors(here), seqs[here])

        return write_segment(
            store.segments,
            len(rows),
            store.meta.dims,
            store.meta.key_type,
            block,
            lambda: remains.frames(rows, _COLUMN_ROWS),
            dtype=store.meta.dtype,
            durable=store.durable,
        )

    def _swap(self, remains: Remains, rows: NDArray[np.int64], written: Written | None) -> Losses | None:
        """Put it in the damaged segment's place, for which no view is needed: there may be none.

        What is lost by it; None if the space was emptied meanwhile.
        """
        store, catalog, old = self._store, self._store.catalog, remains.entry.id
        lost = None
        try:
            with catalog.database.write("repairing a segment") as connection:
                state = catalog.state(connection)
                if state.deleted:
                    raise SpaceNotFound(f"space {store.name!r} was deleted")
                if any(one.id == old for one in catalog.segments(connection, state.tallies["segment"])):
                    catalog.renew(connection)
                    lost = losses(store, connection, state, remains, rows)
                    snapshots = tuple(catalog.snapshots(connection, state.tallies["snapshot"]))
                    view = View(store.meta, state, (), store.indexes, Known(snapshots=snapshots))
                    fewer = lost_to_snapshots(store, connection, view, remains.entry, lost, remains.seqs)
                    transaction = Transaction(catalog, connection, view)
                    transaction.swap([] if written is None else [written], [old], 0, lost.gone)
                    transaction.recount(fewer)
                    catalog.put_state(connection, transaction.next_state(state.version))
        except BaseException:
            if written is not None and not store.names(written.id):
                written.discard()
            raise
        if lost is None and written is not None:
            written.discard()
        return lost

    def _index(self, damaged: list[Path]) -> None:
        """Make the indexes; without one a segment is searched too."""
        try:
            index_now(self._store, None)
            self._report.rebuilt.extend(damaged)
        except KinspaceError as error:
            what = f"no index was made, so the segment is searched without: {error}"
            self._report.problems.extend(Problem(folder, what, 0) for folder in damaged)

    def _gone_for_good(self) -> list[Key]:
        """Of the keys in doubt those that no row has: the others were replaced before."""
        keys = list(dict.fromkeys(self._doubtful))
        if not keys:
            return []
        try:
            found = self._store.view().find_many(keys, hash_keys(self._store.meta, keys))
        except KinspaceError:  # something else is damaged still
            return keys
        return [keys[place] for place in np.flatnonzero(found < 0).tolist()]


def _link_tree(source: Path, target: Path) -> None:
    """The files of a segment under another name, copied where there are no links; without what is made anew."""

    def skipped(folder: str, names: list[str]) -> set[str]:
        left = {*made_anew(source), *(name for name in names if name.startswith("."))}
        return (left if Path(folder) == source else set()) | {name for name in names if Path(folder, name).is_symlink()}

    shutil.copytree(source, target, ignore=skipped, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
