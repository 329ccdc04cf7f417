"""Re-embedding: a space's rows in a new space, with another embedder's vectors; killed, it goes on where it was.

The new space's rows have the seqs of those they were made of. So what is missing, and what has died or come back since,
follows from the seqs of both, and nothing else has to be kept. Until it is whole, it is frozen for everybody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Conflict, InvalidInput, KinspaceError, SpaceExists
from ...storage.catalog import SpaceCatalog, State
from ...storage.files import FolderLock, os_errors
from ...storage.segment import Block, write_segment
from ...types import parse_count
from ..exchange.text_batches import batch_rows, embedded
from ..parts.fit import fit
from ..parts.meta import Meta
from ..places import check_space_name
from ..segments.flush import hash_keys
from ..state.fitted import same_embedder, write_fitted

if TYPE_CHECKING:
    from ..hub import Hub
    from ..segments.background import Background
    from ..state.store import Store
    from ..state.view import View

_SEGMENT_ROWS = 4_096  # so many rows are committed at a time,
_SECONDS = 5.0  # … or what has been embedded in so long
_PASSES = 10  # over what was written to the source meanwhile
_LOOKED_AT = 65_536  # texts in memory at a time
_FOLDER = "filling"  # empty; who fills the space holds its lock

Told = Callable[[int, int], object]


class Refill:
    """One run of re-embedding a space into another, new or begun before."""

    def __init__(
        self, source: Store, hub: Hub, background: Background, embedder: Any, into: str, text: str, rows: int | None
    ) -> None:
        meta = source.meta
        self._source = source
        self._background = background
        self._embedder = embedder
        self._text = text
        new = Meta.parse(None, meta.metric, meta.dtype, meta.key_type, embedder)
        self._meta = replace(
            meta,
            dims=new.dims,
            embedder=new.embedder,
            matryoshka=new.matryoshka,
            index_dims=None,
            rotate=None,
            lineage=(),
        )
        suits = min(batch_rows(embedder, self._meta), _SEGMENT_ROWS)
        self._rows = suits if rows is None else parse_count(rows, "batch_size")
        check_space_name(into)
        _check_text(source.view(), text)
        self.embedded = 0
        self.target = self._target(hub, into)

    def run(self, told: Told) -> View:
        """Embed until the new space has the rows that the source has; the source's view that it was."""
        folder = self.target.folder / _FOLDER
        with os_errors(f"locking {folder}"):
            folder.mkdir(exist_ok=True)
            lock = FolderLock.alone(folder)
        if lock is None:
            raise Conflict(f"space {self.target.name!r} is being filled by another reembed(); wait for that")
        try:
            for _ in range(_PASSES):
                view = self._source.view()
                if not self._pass(view, told):
                    break
            with self.target.write("finishing a re-embedding", rows=False) as transaction:
                transaction.filled(view)
        finally:
            lock.release()
        self._background.look_after(self.target)
        return view

    def _target(self, hub: Hub, into: str) -> Store:
        mark = (self._source.folder.name, self._text)
        if into not in hub:
            view = self._source.view()
            _check_texts(view, view.live()[1], self._text)
            now = view.state
            state = State(
                1, frozen=True, filling=mark, columns=now.columns, indexed=now.indexed, full_text=now.full_text
            )

            def fill(folder: Path) -> None:
                SpaceCatalog.create(
                    folder / "catalog.sqlite",
                    {**self._meta.as_dict(), "id": folder.name},
                    durability=hub._durability,
                    state=state,
                ).database.close()
                write_fitted(folder, self._embedder)

            with suppress(SpaceExists):  # another process was quicker, and may have begun the same
                hub._make(into, fill)
        with hub._lock:
            store = hub._get(into, insist=False)
        if store.view().state.filling != mark:
            raise SpaceExists(
                f"a space named {into!r} exists already, and is no unfinished re-embedding of column {self._text!r} of "
                f"space {self._source.name!r}; pick another name, or delete it"
            )
        same_embedder(store, self._embedder)
        return store

    def _pass(self, view: View, told: Told) -> int:
        """Make up for what differs from that view of the source; how many rows did."""
        target = self.target
        seqs, places = view.live()
        with target.write("re-embedding", rows=False) as transaction:
            before = len(transaction.view)
            transaction.follow(seqs)
        now = target.view()
        have = now.live()[0]
        missing = places[~np.isin(seqs, have, assume_unique=True)]
        _check_texts(view, missing, self._text)
        done = len(have)
        told(done, len(seqs))
        pending: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        since = time.monotonic()
        try:
            for start in range(0, len(missing), self._rows):
                here = missing[start : start + self._rows]
                pending.append((here, self._vectors(view, here)))
                if sum(len(one) for one, _ in pending) >= _SEGMENT_ROWS or time.monotonic() - since > _SECONDS:
                    self._commit(view, pending)
                    since = time.monotonic()
                done += len(here)
                told(done, len(seqs))
        except BaseException:
            with suppress(KinspaceError):
                self._commit(view, pending)  # what was embedded needn't be again
            raise
        self._commit(view, pending)
        return len(missing) + abs(before - len(have))

    def _vectors(self, view: View, places: NDArray[np.int64]) -> NDArray[np.float32]:
        keys = view.keys(places)
        texts = view.take(places, [self._text]).get_column(self._text).to_list()
        return fit(embedded(self._embedder, self._meta, keys, texts), self._meta.dtype, keys)

    def _commit(self, view: View, pending: list[tuple[NDArray[np.int64], NDArray[np.float32]]]) -> None:
        if not pending:
            return
        places, vectors = (np.concatenate(side) for side in zip(*pending, strict=True))
        pending.clear()
        store, meta = self.target, self._meta

        def block(start: int, stop: int) -> Block:
            here = places[start:stop]
            keys = view.keys(here)
            return Block(keys, hash_keys(meta, keys), vectors[start:stop], view.seqs(here))

        written = write_segment(
            store.segments,
            len(places),
            meta.dims,
            meta.key_type,
            block,
            lambda: iter([view.take(places)]),
            dtype=meta.dtype,
            durable=store.durable,
        )
        try:
            with store.write("re-embedding", rows=False) as transaction:
                transaction.put_copies(written)
        except BaseException:
            if not store.names(written.id):
                written.discard()
            raise
        self.embedded += len(places)
        self._background.look_after(store)


def _check_text(view: View, text: object) -> None:
    import polars as pl

    from ...filter import check_column

    name = check_column(text, view.schema, " to embed (say which with text=)")
    if view.schema[name] != pl.String:
        raise InvalidInput(f"column {name!r} is to be texts; it is {view.schema[name]}")


def _check_texts(view: View, places: NDArray[np.int64], text: str) -> None:
    """Every row must have one, which is seen before the first is embedded."""
    for part in _pieces(places):
        texts = view.take(part, [text])
        missing = texts.get_column(text).is_null()
        if missing.any():
            key = texts.get_column("key")[missing.arg_max() or 0]
            raise InvalidInput(f"key {key!r}: column {text!r} is null, so there is nothing to embed; give it a text")


def _pieces(places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(places), _LOOKED_AT):
        yield places[start : start + _LOOKED_AT]
