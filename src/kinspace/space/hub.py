"""A hub: a folder of named spaces."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from ..errors import Closed, Corrupt, InvalidInput, SpaceExists, SpaceNotFound, Unavailable
from ..storage.catalog import SpaceCatalog
from ..storage.catalog.database import parse_durability
from ..storage.files import FolderLock, list_folder, new_folder, os_errors, remove_if_unused, sync, sync_tree
from .background import Background
from .copies import copy_into
from .merge import Merge, merge
from .meta import Meta
from .places import (
    check_space_name,
    disown_memory_folders,
    memory_folder,
    open_catalog,
    parse_path,
    remove_memory_folders,
)
from .space import Space
from .store import Store

_open_hubs: weakref.WeakSet[Hub] = weakref.WeakSet()


def connect(path: str | os.PathLike[str], *, durability: Literal["full", "normal", "off"] = "full") -> Hub:
    """Open the hub in a folder, or make a new one there.

    Parameters
    ----------
    path : str or path
        A folder; made, with its parents, if there is none. ``":memory:"`` is a hub that vanishes when it is closed:
        it lives in the system's temporary folder, and nothing of it is synced to disk.
    durability : {"full", "normal", "off"}
        "full": an acknowledged write survives a power cut. "normal": it survives the process, and perhaps not a power
        cut; the hub stays whole. "off": neither is promised after a power cut.

    Raises
    ------
    InvalidInput
        If the path is a file or a URL.
    Corrupt
        If spaces are there but hub.sqlite is not.
    Unavailable
        If the folder can't be made or read.

    Examples
    --------
    >>> with connect(":memory:") as hub:
    ...     space = hub.create_space("docs", dims=2)
    ...     space.set("a", [1.0, 0.0])
    ...     hub.list_spaces()
    ['docs']
    """
    durability_name = parse_durability(durability)
    if isinstance(path, str) and path == ":memory:":
        folder, lock = memory_folder()
        return Hub(folder / "hub", durability="off", temporary=lock)
    return Hub(parse_path(path), durability=durability_name)


class Hub:
    """Named spaces in one folder. Use connect() to get one; threads may share it; close it, or use a with block."""

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

    def create_space(
        self,
        name: str,
        dims: int | None = None,
        metric: str = "cosine",
        *,
        dtype: str = "float32",
        key_type: str = "str",
        embedder: Any = None,
        exist_ok: bool = False,
    ) -> Space:
        """Make a new, empty space.

        Parameters
        ----------
        name : str
            1…255 bytes of UTF-8 without control characters; any other character is just data.
        dims : int
            Length of every vector, 1…65,536. May be left out if the embedder knows it.
        metric : {"cosine", "l2", "ip"}
            Smaller is nearer: 1 − cos in [0, 2], Euclidean distance, or −dot.
        dtype : {"float32"}
            How vectors are stored.
        key_type : {"str", "int"}
            What keys are.
        embedder : optional
            Turns texts into vectors for add_texts and search; its identity is stored, and another one is refused.
        exist_ok : bool
            Return the space of that name if there is one and its parameters are these.

        Raises
        ------
        SpaceExists
            If the name is taken (with exist_ok: by a space with other parameters).
        InvalidInput
            If an argument is out of range.
        """
        check_space_name(name)
        meta = Meta.parse(dims, metric, dtype, key_type, embedder)
        self._check_open()
        with self._lock:
            while True:
                if name not in self:
                    try:
                        return self._space(self._store(name, self._create(name, meta)), embedder)
                    except SpaceExists:  # another process was quicker
                        pass
                try:
                    space = self.get_space(name, embedder=embedder if exist_ok else None)
                except SpaceNotFound:  # it was being deleted: the name is free now
                    continue
                if not exist_ok:
                    raise SpaceExists(
                        f"a space named {name!r} exists already; get_space it, pick another name, or exist_ok=True"
                    )
                if space._store.meta != meta:
                    raise SpaceExists(
                        f"space {name!r} exists with other parameters: {space._store.meta}; asked for was {meta}"
                    )
                return space

    def import_space(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        metric: str | None = None,
        key: str = "key",
        vector: str = "vector",
        key_type: str | None = None,
        dtype: str = "float32",
        embedder: Any = None,
        batch_size: int | None = None,
        progress: bool | None = None,
    ) -> Space:
        """Make a new space of a file's rows, with the dims and the type of keys that it has; all or nothing.

        Parameters
        ----------
        name : str
        path : str or path
            Parquet, Arrow, ``.npy`` (with x.rows.parquet beside x.npy, or without), ``.zarr``, ``.zarr.zip``, HDF5 as
            ann-benchmarks has it, ``.fvecs``, ``.bvecs`` or ``.ivecs``, by its suffix.
        metric : {"cosine", "l2", "ip"}, optional
            By default the one that the file names, or else "cosine".
        key, vector : str
            A table's columns that hold keys and vectors.
        key_type : {"str", "int"}, optional
            By default that of the file's keys; where it has none, row numbers are the keys, as "int" or, of HDF5 and
            vecs, as decimal text.
        dtype, embedder
            As for create_space.
        batch_size, progress
            As for Space.load.

        Raises
        ------
        SpaceExists
            If the name is taken.
        InvalidInput, Corrupt
            If the file is not what its suffix says, or is damaged. Whatever the error, there is no space of that name.
        """
        from .importing import filling

        check_space_name(name)
        self._check_open()
        if name in self:
            raise SpaceExists(f"a space named {name!r} exists already; pick another name, or load() into that one")
        options = {"metric": metric, "key_type": key_type, "dtype": dtype, "embedder": embedder}
        meta, load = filling(self, path, name, key, vector, options, self._durability, batch_size, progress)
        self._create(name, meta, load)
        space = self.get_space(name, embedder=embedder)
        self._background.look_after(space._store)
        return space

    def get_space(self, name: str, *, embedder: Any = None, download_snapshot: bool = False) -> Space:
        """The space of that name.

        Parameters
        ----------
        name : str
        embedder : optional
            Needed only if the space was made with an embedder this version doesn't know by itself.
        download_snapshot : bool
            Return an independent copy in memory instead, as Space.download_snapshot() does.

        Raises
        ------
        SpaceNotFound
            If there is none; the message lists those there are.
        """
        check_space_name(name)
        self._check_open()
        with self._lock:
            id = self._id_of(name)
            try:
                store = self._store(name, id)
                store.view()
            except SpaceNotFound:  # a process died while it was deleting it
                self._forget(name, id)
                raise
            except Corrupt:
                if self._catalog.find(name) != id:
                    raise SpaceNotFound(f"space {name!r} was deleted") from None
                if id not in self._stores:
                    raise
                store = self._stores[id]  # every call will say so, but check(), which says what
        space = self._space(store, embedder)
        return space.download_snapshot() if download_snapshot else space

    def list_spaces(self) -> list[str]:
        """The spaces' names, sorted."""
        self._check_open()
        return sorted(self._catalog.spaces())

    def delete_space(self, name: str) -> None:
        """Delete a space with all it holds; whoever has it open gets SpaceNotFound from then on.

        Raises
        ------
        SpaceNotFound
            If there is none of that name.
        """
        check_space_name(name)
        self._check_open()
        with self._lock:
            self._delete(name, self._id_of(name))

    def merge(
        self,
        fork: str | Space,
        into: str | Space,
        on_conflict: Literal["error", "theirs", "ours"] = "error",
    ) -> Merge:
        """Bring what has changed in a fork since it was made into the space it was made of, or into a sibling.

        A row is told by its key. What only one side has changed since the fork was made is taken; a key that both have
        changed, to other vectors or columns, is a conflict.

        Parameters
        ----------
        fork, into : str or Space
            `into` is changed, all or nothing; `fork` stays as it is.
        on_conflict : {"error", "theirs", "ours"}
            What becomes of a conflict: nothing is merged and Conflict is raised; the fork's row is taken, or its
            absence; the row that `into` has, or its absence, stays.

        Returns
        -------
        Merge
            How many rows were added, changed and removed, and the keys in conflict.

        Raises
        ------
        Conflict
            If there are conflicts; its `keys` are theirs.
        InvalidInput
            If the two are not related by a fork, or hold other kinds of vectors or keys.

        Examples
        --------
        >>> with connect(":memory:") as hub:
        ...     docs = hub.create_space("docs", dims=2)
        ...     docs.multiset({"a": [1, 0], "b": [0, 1]})
        ...     docs.fork("trial").set("c", [1, 1])
        ...     hub.merge("trial", into="docs").added, len(docs)
        2
        (1, 3)
        """
        sides = [self.get_space(one) if isinstance(one, str) else one for one in (fork, into)]
        done = merge(sides[0]._store, sides[1]._store, on_conflict)
        sides[1]._after_write()
        return done

    def _delete(self, name: str, id: str) -> None:
        try:
            with self._store(name, id).write("deleting the space", rows=False) as transaction:
                transaction.delete_space()  # from here on nobody can write to it
        except (Corrupt, SpaceNotFound):
            pass  # a damaged space can be deleted too, and one that a dead process had begun to delete
        self._forget(name, id)

    def _id_of(self, name: str) -> str:
        id = self._catalog.find(name)
        if id is None:
            there = ", ".join(map(repr, self.list_spaces())) or "none"
            raise SpaceNotFound(f"no space is named {name!r}; there are: {there}")
        return id

    def _space(self, store: Store, embedder: Any) -> Space:
        return Space(store, self._background, self, embedder)

    def _forget(self, name: str, id: str) -> None:
        self._catalog.remove(name, id)
        store = self._stores.pop(id, None)
        if store is not None:
            store.forget()
            store.indexes.wait_for(None)
        remove_if_unused(self._spaces / id)

    def __contains__(self, name: object) -> bool:
        self._check_open()
        try:
            check_space_name(name)
        except InvalidInput:
            return False
        return self._catalog.find(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.list_spaces())

    def __len__(self) -> int:
        return len(self.list_spaces())

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

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Hub {str(self.path)!r}{' closed' if self._closed else ''}>"

    def _create(self, name: str, meta: Meta, load: Callable[[Path], None] | None = None) -> str:
        """A new space's folder: with a catalog, and then what `load` puts there, before it gets its name."""

        def fill(folder: Path) -> None:
            fields = {**meta.as_dict(), "id": folder.name}
            SpaceCatalog.create(folder / "catalog.sqlite", fields, durability=self._durability).database.close()
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

    def _store(self, name: str, id: str) -> Store:
        store = self._stores.get(id)
        if store is None:
            store = self._stores[id] = Store(self._spaces / id, name, durability=self._durability)
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


@atexit.register
def _close_all() -> None:
    """Close what the program left open; work in the background is not waited for, since what it needs is going too."""
    for hub in list(_open_hubs):
        hub._background.end_builds()
        hub._close(wait=False)
    remove_memory_folders()


def _abandon_all() -> None:
    disown_memory_folders()
    for hub in list(_open_hubs):
        hub._abandon()


os.register_at_fork(after_in_child=_abandon_all)
