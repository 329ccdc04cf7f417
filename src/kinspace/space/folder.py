"""A hub's folder: its catalog, the spaces open in this process, and how the spaces' folders come and go."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import Closed, Conflict, Corrupt, SpaceExists, SpaceNotFound, Unavailable
from ..storage.catalog import SpaceCatalog
from ..storage.files import FolderLock, list_folder, new_folder, os_errors, remove_if_unused, sync, sync_tree
from .forks.copies import copy_into
from .parts.meta import Meta
from .places import check_space_name, disown_memory_folders, open_catalog, remove_memory_folders
from .segments.background import Background
from .space import Space
from .state.fitted import write_fitted
from .state.store import Store

if TYPE_CHECKING:
    from .hub import Hub

if TYPE_CHECKING:
    pass

_open_hubs: weakref.WeakSet[HubFolder] = weakref.WeakSet()


class HubFolder:
    """What stands behind a Hub."""

    _slow_query_seconds: float | None = None

    def __init__(self, folder: Path, *, durability: str, temporary: FolderLock | None = None) -> None:
        self.path = folder
        self._durability = durability
        self._lock = threading.RLock()
        self._stores: dict[str, Store] = {}
        self._background = Background()
        weakref.finalize(self, self._background.close, wait=False).atexit = False
        self._closed = False
        self._temporary = temporary
        self._catalog = open_catalog(folder, durability)
        self._spaces = folder / "spaces"
        _open_hubs.add(self)
        self._sweep()

    def _get(self, name: str, *, insist: bool) -> Store:
        """The space of that name, opened; if it was deleted but for its name, that goes too, or must (insist)."""
        with self._lock:
            id = self._id_of(name)
            try:
                store = self._store(name, id)
                store.view()
            except SpaceNotFound:  # a process died while it was deleting it
                try:
                    self._forget(name, id)
                except (Conflict, Unavailable):
                    if insist:
                        raise
                raise
            except Corrupt:
                if self._catalog.find(name) != id:
                    raise SpaceNotFound(f"space {name!r} was deleted") from None
                if id not in self._stores:
                    raise
                store = self._stores[id]  # every call will say so, but check(), which says what
        return store

    def _delete(self, name: str, id: str) -> None:
        if self._catalog.database.readonly:
            raise Unavailable(f"{self.path} can only be read; no space can be deleted from it")
        try:
            with self._store(name, id).write("deleting the space", rows=False) as transaction:
                transaction.delete_space()  # from here on nobody can write to it
        except (Corrupt, SpaceNotFound):
            pass  # a damaged space can be deleted too, and one that a dead process had begun to delete
        try:
            self._forget(name, id)
        except (Conflict, Unavailable) as error:
            doubt = f"deleting space {name!r} is in doubt: its rows are gone, its name may still be there"
            raise type(error)(f"{doubt} ({error}); delete it again") from error

    def _id_of(self, name: str) -> str:
        id = self._catalog.find(name)
        if id is None:
            there = ", ".join(map(repr, sorted(self._catalog.spaces()))) or "none"
            raise SpaceNotFound(f"no space is named {name!r}; there are: {there}")
        return id

    def _space(self, store: Store, embedder: Any) -> Space:
        return Space(store, self._background, cast("Hub", self), embedder)

    def _forget(self, name: str, id: str) -> None:
        self._catalog.remove(name, id)
        store = self._stores.pop(id, None)
        if store is not None:
            store.forget()
            store.indexes.wait_for(None)
        remove_if_unused(self._spaces / id)

    def close(self) -> None:
        """Stop background work and close every space; twice is fine. What was acknowledged is stored already."""
        self._close(wait=True)

    def _close(self, *, wait: bool) -> None:
        if self._closed:
            return
        self._closed = True
        if self._background.close(wait=wait):
            with self._lock:
                for store in self._stores.values():
                    store.close()
                self._catalog.database.close()
        if self._temporary is not None:
            self._temporary.release()
            remove_if_unused(self.path.parent)

    def _create(self, name: str, meta: Meta, embedder: Any, load: Callable[[Path], None] | None = None) -> str:
        """A new space's folder: with a catalog, and then what `load` puts there, before it gets its name."""

        def fill(folder: Path) -> None:
            fields = {**meta.as_dict(), "id": folder.name}
            SpaceCatalog.create(folder / "catalog.sqlite", fields, durability=self._durability).database.close()
            write_fitted(folder, embedder)
            if load is not None:
                load(folder)

        return self._make(name, fill)

    def _copy(self, name: str, store: Store, embedder: Any, *, link: bool = True, over: str | None = None) -> Space:
        """A new space of what the store shows; in the place of the space in folder `over`, if that is given."""
        check_space_name(name)
        self._check_open()
        with self._lock:

            def fill(folder: Path) -> None:
                copy_into(folder, store, link=link, durability=self._durability)

            space = self._space(self._store(name, self._make(name, fill, over)), embedder)
            if over is not None:
                self._forget(name, over)
            return space

    def _make(self, name: str, fill: Callable[[Path], None], over: str | None = None) -> str:
        """A new space's folder, filled and then named: in the place of the folder `over`, if that is given."""
        if self._catalog.database.readonly:
            raise Unavailable(f"{self.path} can only be read; no space can be made in it")
        if self._catalog.find(name) != over:
            raise SpaceExists(f"a space named {name!r} exists already; get_space it, or pick another name")
        with os_errors(f"making space {name!r} in {self.path}"):
            folder, lock = new_folder(self._spaces)
            try:
                for inner in ("segments", "merging", "indexing"):
                    (folder / inner).mkdir()
                fill(folder)
                if self._durability != "off":
                    sync_tree(folder)
                    sync(self._spaces)
                with contextlib.ExitStack() as replacing:
                    if over is not None:  # held, so that nobody writes to it between the two commits
                        with contextlib.suppress(Corrupt, SpaceNotFound):
                            old = self._store(name, over).write("replacing the space", rows=False)
                            replacing.enter_context(old).delete_space()
                    self._catalog.add(name, folder.name, over)
            except BaseException:
                lock.release()
                self._sweep_one(folder)  # unless the name is stored after all
                raise
            lock.release()
        return folder.name

    def _made(self, name: str, id: str) -> Store:
        try:
            return self._store(name, id)
        except (Conflict, Corrupt, Unavailable) as error:
            doubt = f"space {name!r} was made, whether it can be used is in doubt"
            raise type(error)(f"{doubt}: {error}") from error

    def _store(self, name: str, id: str) -> Store:
        store = self._stores.get(id)
        if store is None:
            store = self._stores[id] = Store(self._spaces / id, name, durability=self._durability)
            store.slow_query_seconds = self._slow_query_seconds
            self._background.serve(store)
            store.sweep()
        return store

    def _sweep(self) -> None:
        """Remove folders of spaces that were deleted, or never finished."""
        if self._catalog.database.readonly:
            return
        for folder in list_folder(self._spaces):
            self._sweep_one(folder)

    def _sweep_one(self, folder: Path) -> None:
        remove_if_unused(folder, lambda: folder.name in self._catalog.spaces().values())

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"the hub {self.path} was closed; connect again")

    def _abandon(self) -> None:
        """In a child after fork(): SQLite's connections may not be used there."""
        self._closed = True
        for database in (self._catalog.database, *(store.catalog.database for store in self._stores.values())):
            database.abandon()


def _close_all() -> None:
    """Close what the program left open; work in the background has ended, or been waited for long enough."""
    for hub in list(_open_hubs):
        hub._close(wait=False)
    remove_memory_folders()


def _abandon_all() -> None:
    disown_memory_folders()
    for hub in list(_open_hubs):
        hub._abandon()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_abandon_all)
