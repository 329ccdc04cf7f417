"""Flush: the log's rows become one immutable segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...storage.files import FolderLock, os_errors
from ...storage.reader import SegmentReader
from ...storage.segment import Block, Written, write_segment
from ...types import Key
from ..parts.meta import Meta
from ..parts.part import Part
from ..state.history import seen_by_snapshots
from ..state.past import events_before
from ..state.store import Store
from ..state.transaction import LogInTheWay
from ..state.view import View
from .widened import kept_columns

if TYPE_CHECKING:
    import sqlite3

    import polars as pl

_T = TypeVar("_T")

LOG_ROWS = 8_192  # a log of so many rows,
APART = 0.1  # of the live rows: if more dead ones are kept than that, they get a segment of their own
_COLUMN_ROWS = 65_536  # of columns in memory at a time
LOG_BYTES = 16 << 20  # … or of so many bytes of vectors, is written as a segment


def log_is_full(view: View, times: int = 1) -> bool:
    """Whether the log holds `times` what a flush waits for."""
    rows = view.tail.rows
    return rows >= times * LOG_ROWS or rows * view.meta.dims * 4 >= times * LOG_BYTES


def turn(store: Store, folder: Path, *, wait: bool) -> FolderLock | None:
    """The right to flush (the segments' folder) or to merge (its own), held by one among all processes.

    None if it is taken and not waiting.
    """
    store.view()  # says so if the space is closed or deleted
    with os_errors(f"locking {folder}"):
        folder.mkdir(exist_ok=True)  # an empty folder is easily lost when a hub is copied
        return FolderLock.alone(folder, wait=wait)


def flush(store: Store, *, wait: bool = True) -> bool:
    """Write the log as a segment; False if there was nothing to write, or another was at it and not waiting."""
    lock = turn(store, store.segments, wait=wait)
    if lock is None:
        return False
    try:
        view = store.view()
        if view.tail.rows == 0:
            return False
        return replace(store, view, [view.tail])
    finally:
        lock.release()


def flushed_if_needed(store: Store, change: Callable[[], _T]) -> _T:
    """change(), after a flush if it finds the log in its way."""
    while True:
        try:
            return change()
        except LogInTheWay:
            flush(store)


def replace(store: Store, view: View, parts: list[Part], *, afresh: bool = False) -> bool:
    """Write what is to be kept of these parts of a view as segments in their place; the caller holds the lock.

    That is the live rows, and the dead ones that a snapshot sees: these go apart if there are many. False if it would
    change nothing, or the parts have changed meanwhile. With `afresh` no index is made out of one that knows dead rows.
    """
    columns = kept_columns(view, parts)
    whole = view.of(parts, columns)
    sources = {id(part.source): part for part in parts}
    kept = Kept(whole, [sources[id(part.source)] for part in whole.parts if part.rows], _seen(store, view))
    tailed = view.tail in parts
    if not tailed and len(kept.gone) == 0 and len(kept.groups) >= len(parts):
        return False
    names = [part.source.entry.id for part in parts if isinstance(part.source, SegmentReader)]
    written: list[Written] = []
    there = False
    try:
        written.extend(write_rows(store.segments, whole, group, durable=store.durable) for group in kept.groups)
        with store.write("replacing segments", rows=False) as transaction:
            now = {id(part.source) for part in transaction.view.every}
            there = all(id(part.source) in now for part in parts)  # unless somebody emptied the space meanwhile
            there &= transaction.view.state.tallies["revival"] == view.state.tallies["revival"]  # or brought rows back
            if there:
                transaction.swap(written, names, view.known.log if tailed else 0, kept.gone)
                if kept.live:
                    known = [part for part in parts if not (afresh and part.dead)]
                    store.indexes.remember(written[0].id, written[0].rows, known)
    except BaseException:
        there = any(store.names(one.id) for one in written)
        raise
    finally:
        if not there:
            for one in written:
                one.discard()
    return there


class Kept:
    """Which rows of some parts are to be kept; `whole` is a view of exactly these parts, all of their rows live."""

    def __init__(self, whole: View, parts: list[Part], seen: NDArray[np.uint64]) -> None:
        live, past, gone = [], [], [np.empty(0, np.uint64)]
        for part, start in zip(parts, whole.starts, strict=False):
            live.append(part.live_rows() + start)
            rows = part.dead_rows()
            seqs = part.seqs(rows)
            stays = np.isin(seqs, seen)
            past.append(rows[stays] + start)
            gone.append(seqs[~stays])
        self.gone = np.concatenate(gone)  # seqs of the others
        now, then = np.concatenate(live), np.concatenate(past)
        self.live = len(now) > 0  # whether the first group holds the live rows
        apart = len(then) > APART * len(now)
        groups = [now, then] if apart else [np.concatenate([now, then])]
        self.groups = [_by_seq(whole, group) for group in groups if len(group)]  # positions, by seq


def _seen(store: Store, view: View) -> NDArray[np.uint64]:
    """Seqs of the rows that died before the view and that a snapshot sees."""

    def read(connection: sqlite3.Connection, now: View) -> NDArray[np.uint64]:
        if not now.known.snapshots:
            return np.empty(0, np.uint64)
        events = events_before(store.catalog, connection, now.state, view.state.next_seq)
        return seen_by_snapshots(*events, now.known.snapshots)

    return store.with_catalog(read)


def _by_seq(view: View, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    seqs = view.seqs(positions)
    in_order = bool((seqs[1:] > seqs[:-1]).all())
    return positions if in_order else positions[np.argsort(seqs, kind="stable")]


def write_rows(folder: Path, view: View, positions: NDArray[np.int64], *, durable: bool) -> Written:
    """A new segment in that folder of those rows of a view, which keep their seqs."""
    meta = view.meta

    def block(start: int, stop: int) -> Block:
        here = positions[start:stop]
        keys = view.keys(here)
        block = Block(keys, hash_keys(meta, keys), view.vectors(here), view.seqs(here))
        for part in view.parts:
            if isinstance(part.source, SegmentReader):
                part.source.let_go()
        return block

    def columns() -> Iterator[pl.DataFrame]:
        for start in range(0, len(positions), _COLUMN_ROWS):
            yield view.take(positions[start : start + _COLUMN_ROWS])

    return write_segment(
        folder, len(positions), meta.dims, meta.key_type, block, columns, dtype=meta.dtype, durable=durable
    )


def hash_keys(meta: Meta, keys: list[Key]) -> NDArray[np.uint64]:
    """The keys' hashes."""
    from ...storage.keys import parse_keys

    return parse_keys(keys, meta.key_type)[1]
