"""One space opened by this process: its catalog, the view everyone reads, and the one way to change it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ...errors import Corrupt, Frozen, KinspaceError, SpaceNotFound, Unavailable
from ...storage.catalog import LogEntry, SegmentEntry, SnapshotEntry, SpaceCatalog, State, Tally, TombstoneEntry
from ...storage.files import FolderLock, list_folder, remove_if_unused
from ...storage.reader import SegmentReader
from ...storage.replace import sweep_unfinished
from ..parts.index import Indexes
from ..parts.meta import Meta
from ..parts.part import Part
from ..parts.tail import Tail
from .fitted import read_fitted
from .history import applied
from .transaction import Transaction
from .view import NOTHING, Known, View

if TYPE_CHECKING:
    import sqlite3

_LOOKS = 10  # how often a reader looks again while another process swaps segments
_T = TypeVar("_T")


class Store:
    """Views to read, transactions to write. Safe to use from many threads; processes take turns to write."""

    slow_query_seconds: float | None = None  # queries that take as long are logged

    def __init__(self, folder: Path, name: str, *, durability: str) -> None:
        self.folder = folder
        self.name = name
        try:
            self._lock = FolderLock.share(folder)
        except FileNotFoundError as error:
            raise Corrupt(f"{folder}, the folder of space {name!r}, is missing; restore it from a backup") from error
        except OSError as error:
            raise Unavailable(f"{folder}, the folder of space {name!r}, can't be opened: {error}") from error
        path = folder / "catalog.sqlite"
        if not path.exists():
            raise Corrupt(f"{path}, the catalog of space {name!r}, is missing; restore it from a backup")
        self.catalog = SpaceCatalog.open(path, durability=durability)
        fields = self.catalog.meta()
        if fields.pop("id", None) != folder.name:
            raise Corrupt(f"{path} is the catalog of another space; restore the one that belongs there")
        self.meta = Meta.of_stored(fields)
        self.segments = folder / "segments"
        self.merging = folder / "merging"  # empty; who merges holds its lock
        self.indexing = folder / "indexing"  # likewise, of who builds indexes
        self.durable = durability != "off"
        self.indexes = Indexes(self.meta)
        self._viewing = threading.RLock()
        self._sweeping = threading.Lock()
        self._view: View | None = None
        self._deleted = False
        self._mark = self.catalog.database.mark
        self._seen: object = None  # what the catalog said of changes before the view was loaded

    def view(self) -> View:
        """The newest view: it has every write acknowledged before this call, by any process."""
        if self._mark.words == self._seen:
            view = self._view
            if view is not None:
                return view
        return self._newest()

    def _newest(self) -> View:
        """The newest view, when the catalog's mark can't tell that it is the one there is."""
        self._check_there()
        if self.catalog.database.changes() == self._seen and self._view is not None:
            return self._view
        return self.with_catalog(lambda _, view: view)

    def with_catalog(self, read: Callable[[sqlite3.Connection, View], _T]) -> _T:
        """read(connection, newest view), both of one state of the catalog."""
        self._check_there()
        for _ in range(_LOOKS):
            changes = self.catalog.database.changes()
            with self._viewing, self.catalog.database.read(f"reading space {self.name!r}") as connection:
                try:
                    view = self._load(connection)
                except FileNotFoundError as error:
                    missing = error  # perhaps another process has just replaced it
                    continue
                self._view, self._seen = view, changes
                return read(connection, view)
        raise Corrupt(f"{missing.filename} is missing though the catalog names it; restore it from a backup")

    @property
    def readonly(self) -> bool:
        """Whether nothing can be written to its folder."""
        return self.catalog.database.readonly

    def fitted(self) -> bytes:
        """What the space's embedder was fitted to."""
        return read_fitted(self)

    def last_view(self) -> View:
        """The view this process saw last, without looking for changes."""
        view = self._view
        return self.view() if view is None else view

    def renew(self) -> None:
        """Have readers see what is known of segments by now, and was not when the view was made: their indexes."""
        with self._viewing:
            self.indexes.renewals += 1
            if self._view is not None:
                self._view = self._view.again()

    @contextmanager
    def write(self, doing: str, *, rows: bool = True) -> Iterator[Transaction]:
        """Change the space, all or nothing; leaving the block commits and publishes the next view.

        Without `rows` what the space holds stays as it is, so that a frozen space may be changed too.
        """
        self._check_there()
        with self.catalog.database.write(doing) as connection:
            with self._viewing:
                try:
                    self._view = self._load(connection)
                except FileNotFoundError as error:
                    raise Corrupt(
                        f"{error.filename} is missing though the catalog names it; restore it from a backup"
                    ) from error
                view = self._view
            if rows:
                self._check_thawed(view, doing)
            self.catalog.renew(connection)
            transaction = Transaction(self.catalog, connection, view)
            try:
                yield transaction
            finally:
                del transaction.view  # lest the caller's variable keep segments in use
            if not transaction.changed:
                return
            state = transaction.next_state(view.state.version)
            self.catalog.put_state(connection, state)
        if transaction.restructured:
            self.catalog.database.checkpoint()
        with self._viewing:
            if self._view is not view or transaction.restructured or transaction.rewound:
                self._seen = None  # somebody has looked already, or segments changed: read it again when next asked
            else:
                self._view = self._advance(
                    state, view.every, transaction.log, transaction.dead, [], view.known.snapshots, view.known
                )
                self._seen = self._mark.last

    def present(self, doing: str) -> None:
        """Raise Frozen if this is a state that is over, which nothing can be done to."""

    def writable(self, doing: str) -> None:
        """Raise what write() would, before much has been done for it."""
        self._check_thawed(self.view(), doing)

    def sweep(self) -> None:
        """Remove segment folders that no transaction names and nobody uses."""
        if self.catalog.database.readonly or not self.segments.exists():
            return
        with self._sweeping, contextlib.suppress(Corrupt):  # what can't be read names nothing, and nothing is removed
            named = self._named()
            for folder in list_folder(self.segments):
                if folder.name in named:
                    sweep_unfinished(folder)
                else:
                    self.indexes.wait_for(folder.name)
                    remove_if_unused(folder, lambda name=folder.name: name in self._named(apart=True))  # type: ignore[misc]

    def swept(self) -> bool:
        """Whether every segment folder there is has a name: none is left that somebody uses still."""
        return {folder.name for folder in list_folder(self.segments)} <= self._named()

    def names(self, id: str) -> bool:
        """Whether the catalog names that segment; in doubt, True."""
        try:
            return id in self._named()
        except KinspaceError:
            return True

    def _named(self, *, apart: bool = False) -> set[str]:
        """The segments there are; `apart` for one that has a folder's lock, which a thread that reads may wait for."""
        database = self.catalog.database
        with (database.read_apart if apart else database.read)("sweeping") as connection:
            state = self.catalog.state(connection)
            return {entry.id for entry in self.catalog.segments(connection, state.tallies["segment"])}

    def forget(self) -> None:
        """The space was deleted: every later call says so."""
        self._deleted = True
        self.close()

    def close(self) -> None:
        """Close the catalog; views already taken stay readable."""
        self.catalog.database.close()
        self._view = self._seen = None
        self._lock.release()

    def check_open(self) -> None:
        """Raise Closed if the hub was closed, SpaceNotFound if the space was deleted as far as is known here."""
        self._check_there()
        self.catalog.database.check_open()

    def _check_there(self) -> None:
        if self._deleted:
            raise SpaceNotFound(f"space {self.name!r} was deleted")

    def _check_thawed(self, view: View, doing: str) -> None:
        if view.state.frozen:
            what = "is frozen" if view.state.filling is None else "is not whole yet, reembed() is to be run to its end"
            raise Frozen(f"space {self.name!r} {what}: {doing} is not possible; write to a fork of it")

    def _load(self, connection: sqlite3.Connection) -> View:
        """The view at this transaction's state, from the last one and what has changed since."""
        state = self.catalog.state(connection)
        if state.deleted:
            self._deleted = True
            self._check_there()
        last = self._view
        if last is not None and last.state.version == state.version:
            return last
        catalog, now = self.catalog, state.tallies
        was = State().tallies if last is None else last.state.tallies
        known = NOTHING if last is None else last.known
        snapshots = known.snapshots
        if now["snapshot"] != was["snapshot"]:
            snapshots = tuple(catalog.snapshots(connection, now["snapshot"]))
        tail = self._tail(connection, last)
        onward = tail is not None and now["revival"] == was["revival"] and set(known.snapshots) <= set(snapshots)
        moved = now["segment"] != was["segment"]
        afresh = not onward or (moved and now["revival"].rows > 0)
        every = () if last is None else last.every
        if moved or tail is None or last is None:
            every = self._parts(catalog.segments(connection, now["segment"]), every, tail)
        if afresh:
            every = tuple(part.whole() for part in every)
        read = Known(known.log if tail is not None else 0, 0 if afresh or moved else known.tombstone)
        log_before = was["log"] if read.log else Tally()
        dead_before = was["tombstone"] if read.tombstone else Tally()
        log = catalog.log(connection, read.log, self.meta.dims, log_before, now["log"])
        dead = catalog.events(connection, "tombstone", read.tombstone, dead_before, now["tombstone"])
        revived = catalog.events(connection, "revival", 0, Tally(), now["revival"]) if afresh else []
        return self._advance(state, every, log, dead, revived, snapshots, read)

    def _tail(self, connection: sqlite3.Connection, last: View | None) -> Part | None:
        """The last view's log, if what it holds is still the beginning of the log."""
        if last is None:
            return None
        first = self.catalog.first_log_id(connection)
        source = last.tail.source
        assert isinstance(source, Tail)
        return last.tail if source.first_id in (0, first) else None

    def _parts(self, entries: list[SegmentEntry], every: tuple[Part, ...], tail: Part | None) -> tuple[Part, ...]:
        old = {part.source.entry.id: part for part in every if isinstance(part.source, SegmentReader)}
        segments = []
        for entry in entries:
            kept = old.get(entry.id)
            source = (
                kept.source
                if kept is not None
                else SegmentReader(self.segments, entry, self.meta.dims, self.meta.key_type, dtype=self.meta.dtype)
            )
            segments.append(kept or Part(source, entry.rows))
        return (*segments, tail or Part(Tail(self.meta.dims, self.meta.dtype), 0))

    def _advance(
        self,
        state: State,
        parts: tuple[Part, ...],
        log: list[LogEntry],
        dead: list[TombstoneEntry],
        revived: list[TombstoneEntry],
        snapshots: tuple[SnapshotEntry, ...],
        before: Known,
    ) -> View:
        """The next view: new rows at the end of the log, then what became of rows."""
        tail = parts[-1].source
        assert isinstance(tail, Tail)
        for entry in log:
            if entry.id > tail.last_id:
                tail.append(entry)
        parts = applied((*parts[:-1], parts[-1].grown(tail.rows)), dead, revived, snapshots)
        tombstone = max([before.tombstone, *(entry.id for entry in dead)])
        return View(self.meta, state, parts, self.indexes, Known(tail.last_id, tombstone, snapshots))
