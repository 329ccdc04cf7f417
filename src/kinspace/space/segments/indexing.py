"""Indexing: segments that should have an index and have none get one."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from ... import _core
from ...errors import Closed, KinspaceError, SpaceNotFound
from ...storage.reader import SegmentReader
from ...types import Metric
from ..columns.indexing import lack_columns, make_columns
from ..parts.expand import Curve, measure_expand
from ..parts.index import EF_CONSTRUCTION, M, Origin, index_rows, known, read_index, segment_of, write_index
from ..parts.meta import Meta
from ..parts.plane import coded, find_plane, keep_plane, lack_plane, make_plane, read_plane
from ..state.store import Store
from ..text.indexing import lacks_text, make_texts
from .flush import turn

LOOK_AGAIN = 0.5  # seconds, while another process builds
RETRY = 60.0  # seconds before what failed is tried again in the background
_NICE = 19  # the least a thread can have
_log = logging.getLogger("kinspace")
_T = TypeVar("_T")

Progress = Callable[[int, int], object]


class Stopped(Exception):
    """The build is not wanted any more."""


def lacks_index(store: Store) -> bool:
    """Whether a segment should have an index, a plane, full text, zones or a column's index, and has none here."""
    view = store.view()
    lack = store.indexes.lack(view.parts) or lack_plane(view.parts) or lack_columns(view) or lacks_text(view)
    return bool(lack)


def make_planes(
    store: Store, stopped: Callable[[], bool] = lambda: False, *, anew: bool = False, threads: int = 0
) -> None:
    """Make the planes that are missing; what fails is left for later: searches do without.

    With `anew` what is there is read from the disk again, and a failure is raised.
    """
    if store.readonly:
        return
    made = gone = False
    try:
        for segment in _without_plane(store, anew):
            if stopped():
                break
            with store.indexes.building() as holds:
                holds(segment)
                made |= _make_plane(store, segment, stopped, anew, threads)
            gone |= not store.last_view().has(segment)
    finally:
        if made:
            store.renew()
    if gone:
        store.sweep()  # of segments that were only held for this


def _without_plane(store: Store, anew: bool) -> list[str]:
    """The segments that should have a plane and have none in this process; with `anew` those that have one too."""
    parts = store.view().parts
    readers = [one for part in parts if (one := coded(part)) is not None] if anew else lack_plane(parts)
    return [reader.entry.id for reader in readers]  # no readers, lest they keep segments that are not wanted any more


def _make_plane(store: Store, segment: str, stopped: Callable[[], bool], anew: bool, threads: int) -> bool:
    """Whether the segment has a plane now that it had not. No error leaves this in the background, as of an index."""
    reader = store.view().segment(segment)
    if reader is None or (not anew and known(reader).retry_plane > time.monotonic()):
        return False

    def check() -> None:
        if stopped() or not store.view().has(segment):
            raise Stopped

    try:
        if not (_holds_plane(reader, store.meta) if anew else find_plane(reader, store.meta)):
            plane = make_plane(reader, store.meta, threads, check)
            keep_plane(reader, store.meta, plane, durable=store.durable)
    except Stopped:
        return False
    except Exception as error:
        if anew:
            raise
        known(reader).retry_plane = time.monotonic() + RETRY
        if not isinstance(error, (KinspaceError, MemoryError)) and not stopped() and reader.folder.exists():
            _log.warning("codes of space %r were not made, it is searched without: %s", store.name, error)
        return False
    return True


def index_in_background(store: Store, stopped: Callable[[], bool]) -> float | None:
    """Make what is missing, one segment after another; the seconds after which to look again, if at all.

    On one thread, which has the lowest priority while it builds a graph; `stopped` ends it.
    """
    if store.readonly:
        return None
    make_planes(store, stopped, threads=1)
    make_columns(store, stopped)
    make_texts(store, stopped)
    while not stopped():
        if store.indexes.foreground:
            return LOOK_AGAIN
        if _next(store) is None:
            store.indexes.forget_origins(store.view().parts)
            return None
        lock = turn(store, store.indexing, wait=False)
        if lock is None:
            return LOOK_AGAIN
        try:
            with store.indexes.building() as holds:
                _build_next(store, stopped, holds)
        finally:
            lock.release()
        store.renew()
        store.sweep()  # of a segment that was only held for this
    return None


def index_now(store: Store, progress: Progress | None) -> int:
    """Make every index that is missing or damaged; how many those were. What is there is read from the disk again."""
    indexes = store.indexes
    make_planes(store, anew=True)
    make_columns(store, anew=True)
    make_texts(store, anew=True)
    indexes.foreground += 1
    try:
        lock = turn(store, store.indexing, wait=True)
        assert lock is not None  # it was waited for
        try:
            readers = [reader for part in store.view().parts if (reader := segment_of(part)) is not None]
            wanted = [reader for reader in readers if not _is_there(store, reader)]
            done, total = 0, sum(reader.entry.rows for reader in wanted)
            for reader in wanted:
                _build(store, reader, 0, _part_of(progress, done, reader.entry.rows, total))
                done += reader.entry.rows
            return len(wanted)
        finally:
            lock.release()
            store.renew()
    finally:
        indexes.foreground -= 1


def _holds_plane(reader: SegmentReader, meta: Meta) -> bool:
    """Whether a segment's plane is on the disk and whole."""
    try:
        known(reader).plane = read_plane(reader, meta)
    except KinspaceError:
        return False
    return True


def _next(store: Store) -> SegmentReader | None:
    """The largest segment to be indexed, once what other processes have made has been read."""
    found, now = False, time.monotonic()
    for reader in store.indexes.lack(store.view().parts):
        if store.indexes.find(reader) is not None:
            found = True
        elif known(reader).retry <= now:
            break
    else:
        reader = None
    if found:
        store.renew()
    return reader


def _is_there(store: Store, reader: SegmentReader) -> bool:
    """Whether a segment's index is on the disk and whole."""
    try:
        graph, curve = read_index(reader, store.meta)
    except KinspaceError:
        return False
    index = known(reader)
    if index.graph is None:
        index.graph, index.curve = graph, curve
    return True


def _part_of(progress: Progress | None, before: int, rows: int, total: int) -> Progress | None:
    """What tells of one segment's build as of a part of all."""
    if progress is None:
        return None
    return lambda done, steps: progress(before + rows * done // max(1, steps), total)


def _build_next(store: Store, stopped: Callable[[], bool], holds: Callable[[str], None]) -> None:
    """Build what is missing first of all; no error leaves this, lest its traceback hold the segment."""
    reader = _next(store)  # another process may just have made what was missing
    if reader is None:
        return
    segment, gone = reader.entry.id, threading.Event()
    holds(segment)

    def check(*_: object) -> None:
        if stopped() or gone.is_set() or store.indexes.foreground or not store.last_view().has(segment):
            raise Stopped

    def look() -> None:  # on this thread: the one that builds should not hold what others wait for
        try:
            store.view()
            make_planes(store, stopped, threads=1)  # of segments that came meanwhile: searches need these sooner
            make_texts(store, stopped)
        except KinspaceError as error:
            if isinstance(error, (Closed, SpaceNotFound)):
                gone.set()

    try:
        _build(store, reader, 1, check, look)
    except (Closed, SpaceNotFound, Stopped):
        pass
    except Exception as error:
        known(reader).retry = time.monotonic() + RETRY
        if not stopped() and reader.folder.exists():
            _log.warning("an index of space %r was not made, it is searched without: %s", store.name, error)


def _build(
    store: Store,
    reader: SegmentReader,
    threads: int,
    progress: Progress | None,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    """Build one segment's graph, store it and have it searched from now on; gently if there is a `meanwhile`."""
    meta, origin = store.meta, store.indexes.origins.get(reader.entry.id)
    metric = cast("Metric", meta.metric)  # never over bits
    reader.check_chunks()
    rows = index_rows(reader, meta)

    def make() -> tuple[_core.Graph, Curve]:
        graph = linked()
        if meta.index_dims is None:
            return graph, ()
        total = rows.n
        return graph, measure_expand(reader.rows, rows, metric, lambda: progress and progress(total, total))

    def linked() -> _core.Graph:
        if origin is not None:
            return origin.graph.merged(rows, _moved(origin, reader), threads=threads, progress=progress)
        return _core.Graph.build(
            rows, metric=metric, M=M, ef_construction=EF_CONSTRUCTION, threads=threads, progress=progress
        )

    graph, curve = make() if meanwhile is None else _gently(make, meanwhile)
    write_index(reader, meta, graph, curve, durable=store.durable)
    known(reader).curve = curve
    known(reader).graph = graph
    store.indexes.origins.pop(reader.entry.id, None)


def _moved(origin: Origin, reader: SegmentReader) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The row of the new segment that each row of the graph became, -1 where it is gone."""
    seqs = reader.seqs + np.uint64(reader.entry.base)
    places = np.minimum(np.searchsorted(seqs, origin.seqs), len(seqs) - 1)
    return np.where(seqs[places] == origin.seqs, places, -1).astype(np.int64)


def _gently(make: Callable[[], _T], meanwhile: Callable[[], None]) -> _T:
    """make(), on a thread of the lowest priority, which can't be given back: so it has a thread of its own."""
    made: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        if sys.platform == "linux":  # elsewhere a thread has no number that could be used here
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            made.append(make())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="kinspace-indexing", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_AGAIN)
        meanwhile()
    if failed:
        raise failed.pop()
    return made.pop()
