"""The states of a space: snapshots, time travel, forks, and what differs between them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, SnapshotNotFound, SpaceExists, SpaceNotFound
from .all_rows import AllRows
from .forks.compare import Comparison, compare
from .forks.diff import Diff, diff
from .places import check_space_name
from .segments.flush import flushed_if_needed
from .state.past import Past, When, at, parse_when, view_at
from .state.view import View

if TYPE_CHECKING:
    from .forks.reembedding import Reembedding
    from .hub import Hub
    from .segments.background import Background
    from .space import Space
    from .state.store import Store


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a space that was given a name.

    Attributes
    ----------
    name : str
    seq : int
        Writes with a lower seq are in it.
    time : datetime
        When it was taken, UTC.
    rows : int or None
        How many it has; None if some were lost to damage and nothing tells how many.
    """

    name: str
    seq: int
    time: datetime
    rows: int | None


class Versions(AllRows):
    """What a space says of its states, and makes of them."""

    def __init__(self, store: Store, background: Background, hub: Hub, embedder: Any) -> None:
        super().__init__(store, embedder)
        self._background = background
        self._hub = hub  # which lives as long as any of its spaces

    @property
    def embedder(self) -> Any:
        """What turns texts into this space's vectors, or None."""
        return self._embedder

    @property
    def seq(self) -> int:
        """The seq of the next write: at(seq) is the present, as long as its rows are kept."""
        return self._store.view().state.next_seq

    @property
    def frozen(self) -> bool:
        """Whether the space can only be read: it was frozen, or is a snapshot or another state that is over."""
        return isinstance(self._store, Past) or self._store.view().state.frozen

    def snapshot(self, name: str) -> Space:
        """Keep the present state under a name. It takes no room until rows die that it sees, and no time.

        Parameters
        ----------
        name : str
            1…255 bytes of UTF-8 without control characters.

        Returns
        -------
        Space
            That state, which can only be read.

        Raises
        ------
        InvalidInput
            If the name is taken.

        Examples
        --------
        >>> import kinspace as ks
        >>> space = ks.connect(":memory:").create_space("docs", dims=2)
        >>> space.set("a", [1.0, 0.0])
        >>> monday = space.snapshot("monday")
        >>> space.delete("a")
        True
        >>> "a" in space, "a" in monday, "a" in space.at("monday")
        (False, True, True)
        """
        check_space_name(name, "a snapshot's name")
        with self._store.write("taking a snapshot", rows=False) as transaction:
            if any(entry.name == name for entry in transaction.view.known.snapshots):
                raise InvalidInput(f"snapshot {name!r} exists already; drop_snapshot it, or pick another name")
            view = transaction.view
            transaction.snapshot(name)
        then = View(view.meta, view.state, view.parts, view.indexes)  # what at(name) would read again
        return self._of(Past(self._store, then, f"snapshot {name!r}"))

    def snapshots(self) -> list[Snapshot]:
        """The snapshots there are, oldest first."""
        entries = self._store.with_catalog(lambda _, view: view.known.snapshots)
        return [
            Snapshot(
                entry.name,
                entry.seq,
                datetime.fromtimestamp(entry.time / 1_000_000, UTC),
                None if entry.rows < 0 else entry.rows,
            )
            for entry in entries
        ]

    def drop_snapshot(self, name: str) -> None:
        """Keep a snapshot no longer; what only it saw is freed by the next compaction.

        Raises
        ------
        SnapshotNotFound
            If there is none of that name.
        """
        check_space_name(name, "a snapshot's name")
        with self._store.write("dropping a snapshot", rows=False) as transaction:
            if all(entry.name != name for entry in transaction.view.known.snapshots):
                there = ", ".join(repr(entry.name) for entry in transaction.view.known.snapshots) or "none"
                raise SnapshotNotFound(f"there is no snapshot {name!r}; there are: {there}")
            transaction.drop_snapshot(name)
        self._background.look_after(self._store)

    def at(self, when: When) -> Space:
        """The space as it was, with everything that reads a space; writes raise Frozen.

        Parameters
        ----------
        when : str, int or datetime
            A snapshot's name; a seq, as `seq` gave it; or a time (without a zone: the system's), for the last state
            committed by then. Times are kept to the second once the log is flushed.

        Raises
        ------
        SnapshotNotFound
            If there is no such snapshot or state. Compaction frees what neither the present nor a snapshot sees, and
            with it the states between snapshots; those before the last compaction that freed rows can't be read.
        """
        return self._of(at(self._store, parse_when(when)))

    def restore(self, when: When) -> None:
        """Make the present what the space was: the same rows in the same order, and the same columns.

        It is a write like any other: snapshots stay what they are, those taken since too, and it takes little time.
        If it changes the columns, the states before it can be read as snapshots only: take one first, to go back.

        Raises
        ------
        SnapshotNotFound
            As for at().
        """
        parsed = parse_when(when)

        def restore() -> None:
            with self._store.write("restoring a snapshot") as transaction:
                then = view_at(self._store.catalog, transaction.connection, transaction.view, parsed)
                transaction.restore(then)

        flushed_if_needed(self._store, restore)
        self._background.look_after(self._store)

    def fork(self, name: str) -> Space:
        """A new space of the hub that begins with these rows and goes its own way.

        Its files are hard links where the file system has them, so it takes neither time nor room until it changes.
        It has no snapshots, and isn't frozen.

        Raises
        ------
        SpaceExists
            If the name is taken.
        """
        return self._hub._copy(name, self._store, self._embedder)

    def reembed(
        self,
        embedder: Any,
        into: str,
        *,
        text: str = "text",
        batch_size: int | None = None,
        progress: Any = None,
        queries: int | Sequence[str] = 100,
        k: int = 10,
    ) -> Reembedding:
        """Make a new space with the same keys, columns and order, and another embedder's vectors; compare answers.

        Interrupted or killed, the same call goes on where it was: at most a few seconds of work are lost. What is
        written to this space meanwhile is caught up with at the end. Until it is whole the new space can be read, and
        written by nobody else; this one stays as it is.

        Parameters
        ----------
        embedder
            As for create_space.
        into : str
            The new space's name, or that of one that an earlier call has begun.
        text : str
            The column that holds the texts; every row must have one.
        batch_size : int, optional
            Texts handed to the embedder at a time; by default what suits it.
        progress : bool or callable, optional
            Whether to show a bar on a terminal, by default yes; or a function of rows done and rows in all, which may
            raise to stop.
        queries : int or list of str
            Ask for the neighbours of so many rows, drawn at random, each leaving out the row itself; or for these
            texts, if both spaces have an embedder. 0 to compare nothing.
        k : int
            Hits of each answer.

        Returns
        -------
        Reembedding
            Its `space`; `rows`, `embedded`, `seconds`, `overlap`, `comparison`; a `frame`; as text, a table.

        Raises
        ------
        SpaceExists
            If there is a space of that name that is no unfinished re-embedding of this one.
        Conflict
            If another call is at it.
        InvalidInput
            If there is no such column, a text is null, or the embedder is not the one it was begun with.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     docs = hub.create_space("docs", embedder=ks.embed.Hashing(64))
        ...     stored = docs.add_texts(["a", "b"], ["cats and dogs", "ships at sea"])
        ...     done = docs.reembed(ks.embed.Hashing(256), into="wider")
        ...     done.rows, done.space.dims, done.overlap
        (2, 256, 1.0)
        """
        from .forks.reembedding import reembed

        return reembed(self, embedder, into, text, batch_size, progress, queries, k)

    def freeze(self) -> None:
        """Let no row change from now on; there is no way back. The space can be read, forked and deleted."""
        with self._store.write("freezing the space", rows=False) as transaction:
            transaction.freeze()

    def download_snapshot(self, path: str | os.PathLike[str] | None = None) -> Space:
        """An independent copy of the present, or of the state that this is, that can be written.

        Parameters
        ----------
        path : optional
            A folder, which becomes a hub (if it is none yet) that holds the space under its name; by default the copy
            is in memory, and vanishes with the process.

        Raises
        ------
        SpaceExists
            If the hub there has a space of that name.
        """
        from .connect import connect

        hub = connect(":memory:" if path is None else path)
        return hub._copy(self.name, self._store, self._embedder, link=path is None)

    def write_to_space(self, name: str, *, create: bool = True, overwrite: bool = False) -> Space:
        """Make a space of the hub hold what this one, or the state that this is, holds.

        Parameters
        ----------
        name : str
        create : bool
            Whether to make the space if there is none of that name.
        overwrite : bool
            Whether to replace the space of that name, with its snapshots; whoever has it open gets SpaceNotFound.

        Raises
        ------
        SpaceExists
            If there is one, and it is not to be replaced.
        SpaceNotFound
            If there is none, and none is to be made.
        """
        check_space_name(name)
        there = self._hub._catalog.find(name)
        if there is None and not create:
            raise SpaceNotFound(f"no space is named {name!r}, and create=False")
        if there is not None and not overwrite:
            raise SpaceExists(f"a space named {name!r} exists already; pick another name, or overwrite=True")
        return self._hub._copy(name, self._store, self._embedder, over=there)

    def diff(self, before: When | Versions, after: When | Versions | None = None) -> Diff:
        """What differs between two states, by key.

        Parameters
        ----------
        before, after : str, int, datetime or Space
            A snapshot's name, a seq or a time of this space, or another space; `after` is by default this one.

        Returns
        -------
        Diff
            The keys added and removed, and those changed, with the distance their vectors moved and the columns that
            differ.

        Examples
        --------
        >>> import kinspace as ks
        >>> space = ks.connect(":memory:").create_space("docs", dims=2)
        >>> space.multiset({"a": [1, 0], "b": [0, 1]})
        2
        >>> monday = space.snapshot("monday")
        >>> space.set("a", [0, 1])
        >>> space.diff("monday").changed.rows()
        [('a', 1.0, [])]
        """
        return diff(self._side(before)._store, self._side(after)._store)

    def compare(
        self,
        before: When | Versions,
        after: When | Versions | None = None,
        queries: Any = None,
        k: int = 10,
        *,
        keys: Sequence[Any] | None = None,
        exact: bool = True,
        where: Any = None,
    ) -> Comparison:
        """How the answers to some questions differ between two states.

        Parameters
        ----------
        before, after
            As for diff(). The two may hold other vectors under the same keys, of another model, even of other dims if
            the questions are texts or keys.
        queries : array-like (n, dims), or list of str, optional
            Vectors, or texts if both have an embedder.
        k : int
            Hits of each answer.
        keys : sequence, optional
            Instead of queries: ask for the neighbours of these rows, as each of the two has them.
        exact, where
            As for nearest_neighbors.

        Returns
        -------
        Comparison
            overlap@k, and for each question which hits came, went and moved.
        """
        search = {"exact": exact, "where": where}
        return compare(self._side(before), self._side(after), queries, keys, k, search)

    def _side(self, which: When | Versions | None) -> Versions:
        if which is None:
            return self
        return which if isinstance(which, Versions) else self.at(which)

    def _of(self, store: Store) -> Space:
        from .space import Space

        return Space(store, self._background, self._hub, self._embedder)
