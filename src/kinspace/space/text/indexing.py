"""Making the full text that segments lack, in the background or now."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...errors import KinspaceError
from ...storage.reader import SegmentReader
from ..state.store import Store
from ..state.view import View
from .columns import TextColumns, text_columns
from .index import KEPT_ROWS, failed, has_text, keep_text, known_text, may_try, read_text, segment_text

_log = logging.getLogger("kinspace")


class _Stopped(Exception):
    """It is not wanted any more."""


def lacks_text(view: View) -> bool:
    """Whether a segment's full text is not at hand."""
    columns = text_columns(view)
    return columns is not None and any(not has_text(reader, columns) for reader in _readers(view))


def make_texts(store: Store, stopped: Callable[[], bool] = lambda: False, *, anew: bool = False) -> None:
    """Make the full text that is missing; what fails is left to the first search.

    With `anew` what is there is read from the disk again, and a failure is raised.
    """
    view = store.view()
    columns = text_columns(view)
    if columns is None or store.readonly:
        return
    wanted = [reader.entry.id for reader in _readers(view) if anew or not has_text(reader, columns)]
    del view  # nor readers, lest it keep segments that are not wanted any more
    gone = False
    for segment in wanted:
        if stopped():
            break
        with store.indexes.building() as holds:
            holds(segment)
            _make(store, segment, columns, stopped, anew=anew)
        gone |= not store.last_view().has(segment)
    if gone:
        store.sweep()  # of segments that were only held for this


def _make(store: Store, segment: str, columns: TextColumns, stopped: Callable[[], bool], *, anew: bool) -> None:
    reader = store.view().segment(segment)
    if reader is None or not (anew or may_try(reader)):
        return

    def check() -> None:
        if stopped() or not store.view().has(segment):
            raise _Stopped

    try:
        if anew and not _is_whole(reader, columns):
            known_text(reader).columns = None  # whatever is at hand: what is on the disk is damaged, or not there
        segment_text(reader, columns, keep=True, durable=store.durable, check=check)
        if anew and not _is_whole(reader, columns):
            keep_text(reader, columns, durable=store.durable, check=check)  # says why it can't be written
    except _Stopped:
        pass
    except Exception as error:
        if anew:
            raise
        failed(reader)
        if not isinstance(error, (KinspaceError, MemoryError)) and not stopped() and reader.folder.exists():
            _log.warning("text of space %r was not indexed, the first search will do it: %s", store.name, error)


def _is_whole(reader: SegmentReader, columns: TextColumns) -> bool:
    """Whether a segment's full text is on the disk, and no byte of it is damaged."""
    try:
        read_text(reader, columns)
    except KinspaceError:
        return False
    return True


def _readers(view: View) -> list[SegmentReader]:
    """The segments whose full text is stored."""
    readers = [part.source for part in view.parts if isinstance(part.source, SegmentReader)]
    return [reader for reader in readers if reader.entry.rows >= KEPT_ROWS]
