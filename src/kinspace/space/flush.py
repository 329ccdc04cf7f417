"""Flush: the log's rows become one immutable segment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..storage.files import FolderLock, os_errors
from ..storage.reader import SegmentReader
from ..storage.segment import Block, Written, write_segment
from ..types import Key
from .meta import Meta
from .part import Part
from .store import Store
from .view import View

if TYPE_CHECKING:
    import polars as pl

LOG_ROWS = 8_192  # a log of so many rows,
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


def replace(store: Store, view: View, parts: list[Part]) -> bool:
    """Write the live rows of these parts of a view as one segment in their place; the caller holds the lock."""
    source = live_rows(view, parts)
    written = write_rows(store.segments, view, source, durable=store.durable) if len(source) else None
    names = [part.source.entry.id for part in parts if isinstance(part.source, SegmentReader)]
    through = view.log_through if view.tail in parts else 0
    gone = dead_seqs(parts)
    try:
        with store.write("replacing segments") as transaction:
            now = {id(part.source) for part in transaction.view.parts}
            there = all(id(part.source) in now for part in parts)  # unless somebody emptied the space meanwhile
            if there:
                transaction.swap(written, names, through, gone)
                if written is not None:
                    store.indexes.remember(written.id, written.rows, parts)
    except BaseException:
        there = written is not None and store.names(written.id)
        raise
    finally:
        if written is not None and not there:
            written.discard()
    return there


def live_rows(view: View, parts: list[Part]) -> NDArray[np.int64]:
    """Positions of the parts' live rows, by seq."""
    starts = {id(part): start for part, start in zip(view.parts, view.starts, strict=False)}
    positions = np.concatenate([part.live_rows() + starts[id(part)] for part in parts])
    seqs = view.seqs(positions)
    in_order = bool((seqs[1:] > seqs[:-1]).all())
    return positions if in_order else positions[np.argsort(seqs, kind="stable")]


def dead_seqs(parts: list[Part]) -> NDArray[np.uint64]:
    """Seqs of the parts' dead rows."""
    gone = [part.seqs(part.dead_rows()) for part in parts if part.dead]
    return np.concatenate(gone) if gone else np.empty(0, np.uint64)


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

    return write_segment(folder, len(positions), meta.dims, meta.key_type, block, columns, durable=durable)


def hash_keys(meta: Meta, keys: list[Key]) -> NDArray[np.uint64]:
    """The keys' hashes."""
    from ..storage.keys import parse_keys

    return parse_keys(keys, meta.key_type)[1]
