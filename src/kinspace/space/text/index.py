"""A segment's full text: its words' index, in a folder of the segment that may be removed at any time."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import xxhash

from ...errors import Corrupt, KinspaceError, Unavailable
from ...storage.reader import SegmentReader
from ...storage.replace import read_folder
from ...storage.sealed import OTHERS, read_sealed
from ...text.analysis import rules
from ...text.fulltext import TextIndex, make_index, open_index
from ..parts.index import folder_bytes, folder_identity, put_beside
from .columns import TextColumns, texts_of

FOLDER = "text"
KIND = "text"
KEPT_ROWS = 1_024  # of segments with fewer rows it is made when first wanted, and not stored
_BATCH = 8_192  # rows read at a time
_RETRY = 60.0  # seconds before the background tries again to write what could not be written
_making = threading.Lock()


class SegmentText:
    """What this process knows of one segment's full text."""

    __slots__ = ("columns", "damaged", "index", "lock", "retry")

    def __init__(self) -> None:
        self.columns: TextColumns | None = None  # that `index` is of
        self.index: TextIndex | None = None
        self.damaged: object = None  # which folder it was that could not be read
        self.retry = 0.0
        self.lock = threading.Lock()


def known_text(reader: SegmentReader) -> SegmentText:
    """What is known of a segment's full text."""
    if reader.text is None:
        with _making:
            if reader.text is None:
                reader.text = SegmentText()
    found: SegmentText = reader.text
    return found


def has_text(reader: SegmentReader, columns: TextColumns) -> bool:
    """Whether the segment's full text is at hand."""
    return known_text(reader).columns == columns


def segment_text(
    reader: SegmentReader,
    columns: TextColumns,
    *,
    keep: bool,
    durable: bool,
    check: Callable[[], None] = lambda: None,
) -> TextIndex:
    """The segment's full text: at hand, read, or made now; with `keep` beside the segment, or else in memory.

    What can't be written is used all the same.
    """
    text = known_text(reader)
    with text.lock:
        if text.columns != columns or text.index is None:
            index = _read(reader, columns, text)
            if index is None and keep and reader.entry.rows >= KEPT_ROWS:
                with contextlib.suppress(KinspaceError):
                    keep_text(reader, columns, durable=durable, check=check)
                    index = read_text(reader, columns)
            if index is None:
                index = make_index(_texts(reader, columns), columns.language, reader.entry.rows, check=check)
            text.index, text.columns = index, columns
        return text.index


def _read(reader: SegmentReader, columns: TextColumns, text: SegmentText) -> TextIndex | None:
    there = folder_identity(reader.folder / FOLDER)
    if there is None or there == text.damaged:
        return None
    try:
        return read_text(reader, columns)
    except KinspaceError:
        text.damaged = there
        return None


def read_text(reader: SegmentReader, columns: TextColumns | None = None) -> TextIndex:
    """The full text in a segment's folder, each byte of it checked; Corrupt if it is damaged, or not of these columns.

    Of whatever columns it is, if none are given.
    """
    return read_folder(reader.folder / FOLDER, lambda folder: _opened(reader, columns, folder))


def _opened(reader: SegmentReader, columns: TextColumns | None, folder: Path) -> TextIndex:
    sealed = read_sealed(folder, KIND)
    wanted = _attributes(reader, columns)
    told = {name: sealed.attributes.get(name) for name in wanted}
    if told != wanted:
        raise Corrupt(f"{folder} is not the text of this segment's columns: it is of {told}")
    try:
        index = open_index(folder / OTHERS)
    except (TypeError, ValueError, OSError) as error:
        raise Corrupt(f"{folder} holds no text that can be read: {error}") from error
    if index.rows != reader.entry.rows:
        raise Corrupt(f"{folder} holds text of {index.rows} rows where the segment has {reader.entry.rows}")
    return index


def keep_text(
    reader: SegmentReader, columns: TextColumns, *, durable: bool, check: Callable[[], None] = lambda: None
) -> None:
    """Make the full text in its segment's folder, in the place of what is there."""

    def make(folder: Path) -> None:
        try:
            make_index(_texts(reader, columns), columns.language, reader.entry.rows, folder=folder, check=check)
        except ValueError as error:  # tantivy's, of whatever the disk refused
            raise Unavailable(f"{folder} can't be written: {error}") from error

    put_beside(reader, FOLDER, KIND, {}, _attributes(reader, columns), make, durable=durable)


def text_bytes(reader: SegmentReader) -> int:
    """Bytes on disk of a segment's full text; 0 if there is none."""
    return folder_bytes(reader.folder / FOLDER)


def may_try(reader: SegmentReader) -> bool:
    """Whether the background may make it: not soon after that has failed."""
    return known_text(reader).retry <= time.monotonic()


def failed(reader: SegmentReader) -> None:
    """Have the background wait before it tries again."""
    known_text(reader).retry = time.monotonic() + _RETRY


def _attributes(reader: SegmentReader, columns: TextColumns | None) -> dict[str, object]:
    """What tells whether a folder is of this segment's columns, and by the rules of now."""
    of = xxhash.xxh3_64_hexdigest(json.dumps(reader.entry.files["rows.arrow"], separators=(",", ":")).encode())
    about: dict[str, object] = {"rows": reader.entry.rows, "of": of}
    if columns is not None:
        about |= {**columns.as_dict(), "rules": rules(columns.language)}
    return about


def _texts(reader: SegmentReader, columns: TextColumns) -> Iterator[list[str]]:
    names = [name for name in columns.names if name in reader.columns]
    for start in range(0, reader.entry.rows, _BATCH):
        stop = min(start + _BATCH, reader.entry.rows)
        yield texts_of(reader.between(start, stop, names), names) if names else [""] * (stop - start)
