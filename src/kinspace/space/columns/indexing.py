"""Indexing columns: which ones, and segments that lack their zones or a column's index get them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable

from ...errors import InvalidInput, KinspaceError
from ...storage.reader import SegmentReader
from ..parts.index import known
from ..parts.part import Part
from ..state.store import Store
from ..state.view import View
from .files import (
    find_column_index,
    folder_of,
    keep_column_index,
    make_column_index,
    read_column_index,
)
from .index import can_be_indexed
from .zones import find_zones, keep_zones, make_zones, read_zones, types_of

COLUMN_ROWS = 1_024  # of segments with fewer rows columns are read as they are
RETRY = 60.0  # seconds before what failed is tried again in the background
_log = logging.getLogger("kinspace")


def index_columns(store: Store, columns: tuple[str, ...]) -> None:
    """Have these columns indexed too, in the segments there are and those to come; returns when it is done."""
    from ...filter import check_column

    if not columns:
        raise InvalidInput("index_column takes the names of columns; got none")
    store.present("indexing a column")
    with store.write("indexing a column", rows=False) as transaction:
        schema = transaction.view.schema
        for name in columns:
            check_column(name, schema, " to index")
            if not can_be_indexed(schema[name]):
                kinds = "numbers, strings, booleans, dates and times, and lists of them"
                raise InvalidInput(f"column {name!r} holds {schema[name]}; what can be indexed are {kinds}")
        indexed = tuple(dict.fromkeys((*transaction.view.state.indexed, *columns)))
        if indexed != transaction.view.state.indexed:
            transaction.index_columns(indexed)
    make_columns(store)


def drop_column_indexes(store: Store, columns: tuple[str, ...]) -> None:
    """Index these columns no longer, and free what their indexes take."""
    store.present("dropping a column's index")
    with store.write("dropping a column's index", rows=False) as transaction:
        indexed = transaction.view.state.indexed
        for name in columns:
            if name not in indexed:
                there = ", ".join(map(repr, indexed)) or "none"
                raise InvalidInput(f"column {name!r} is not indexed; those that are: {there}")
        transaction.index_columns(tuple(name for name in indexed if name not in columns))
    for part in store.view().parts:
        if isinstance(part.source, SegmentReader):
            for name in columns:
                known(part.source).columns.pop(name, None)
                shutil.rmtree(part.source.folder / folder_of(name), ignore_errors=True)


def lack_columns(view: View) -> list[SegmentReader]:
    """The segments without zones, or without the index of a column that should have one."""
    return [reader for part in view.parts if (reader := _described(part)) is not None and _lacking(reader, view)]


def make_columns(store: Store, stopped: Callable[[], bool] = lambda: False, *, anew: bool = False) -> None:
    """Make the zones and indexes that are missing; what fails is left for later: filters do without.

    With `anew` what is there is read from the disk again, and a failure is raised.
    """
    if store.readonly:
        return
    gone = False
    for segment in _segments(store, anew):
        if stopped():
            break
        with store.indexes.building() as holds:
            holds(segment)
            _make(store, segment, stopped, anew)
        gone |= not store.last_view().has(segment)
    if gone:
        store.sweep()  # of segments that were only held for this


def _segments(store: Store, anew: bool) -> list[str]:
    """Those that lack something, or all; no readers, lest they keep segments that are not wanted any more."""
    view = store.view()
    wanted = [reader for part in view.parts if (reader := _described(part)) is not None] if anew else lack_columns(view)
    return [reader.entry.id for reader in wanted]


def _make(store: Store, segment: str, stopped: Callable[[], bool], anew: bool) -> None:
    """What one segment lacks. No error leaves this in the background."""
    view = store.view()
    reader = view.segment(segment)
    if reader is None or (not anew and known(reader).retry_columns > time.monotonic()):
        return
    try:
        if anew:
            _read_again(reader, view)
        if find_zones(reader) is None:
            zones = make_zones(reader)
            if stopped():
                return
            keep_zones(reader, zones, durable=store.durable)
        for name in _missing(reader, view):
            index = None if stopped() else make_column_index(reader, name)
            if index is not None and not stopped():
                keep_column_index(reader, name, index, durable=store.durable)
    except Exception as error:
        if anew:
            raise
        known(reader).retry_columns = time.monotonic() + RETRY
        if not isinstance(error, (KinspaceError, MemoryError)) and not stopped() and reader.folder.exists():
            _log.warning("columns of space %r were not indexed, they are read instead: %s", store.name, error)


def _read_again(reader: SegmentReader, view: View) -> None:
    """Forget what is not on the disk as it should be."""
    index = known(reader)
    try:
        index.zones = read_zones(reader)
    except KinspaceError:
        index.zones = None
    for name in view.state.indexed:
        try:
            index.columns[name] = read_column_index(reader, name)
        except KinspaceError:
            index.columns.pop(name, None)


def _described(part: Part) -> SegmentReader | None:
    """The part's segment, if it is one whose columns have zones."""
    return part.source if isinstance(part.source, SegmentReader) and part.rows >= COLUMN_ROWS else None


def _lacking(reader: SegmentReader, view: View) -> bool:
    return find_zones(reader) is None or bool(_missing(reader, view))


def _missing(reader: SegmentReader, view: View) -> list[str]:
    """The columns whose index a segment should have, and has not."""
    types = types_of(reader) if view.state.indexed else {}
    return [
        name
        for name in view.state.indexed
        if name in types and can_be_indexed(types[name]) and find_column_index(reader, name) is None
    ]
