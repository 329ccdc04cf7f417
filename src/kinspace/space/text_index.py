"""A segment's full text: its words' index, in a folder of the segment that may be removed at any time."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator

import xxhash

from ..errors import Corrupt, KinspaceError
from ..storage.reader import SegmentReader
from ..storage.replace import read_folder
from ..storage.sealed import read_sealed
from ..text.analysis import rules
from ..text.fulltext import Piece, make_pieces, restored, stored
from .index import folder_bytes, folder_identity, put_beside
from .text_columns import TextColumns, texts_of

FOLDER = "text"
KIND = "text"
KEPT_ROWS = 1_024  # of segments with fewer rows it is made when first wanted, and not stored
_BATCH = 8_192  # rows read at a time
_RETRY = 60.0  # seconds before the background tries again to write what could not be written
_making = threading.Lock()


class SegmentText:
    """What this process knows of one segment's full text."""

    __slots__ = ("columns", "damaged", "lock", "pieces", "retry")

    def __init__(self) -> None:
        self.columns: TextColumns | None = None  # that `pieces` are of
        self.pieces: list[Piece] = []
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
) -> list[Piece]:
    """The segment's full text: at hand, read, or made now and, with `keep`, put beside the segment.

    What can't be written is used all the same.
    """
    text = known_text(reader)
    if text.columns == columns:
        return text.pieces
    with text.lock:
        if text.columns == columns:
            return text.pieces
        pieces = _read(reader, columns, text)
        if pieces is None:
            pieces = list(make_pieces(_texts(reader, columns), columns.language, check))
            if keep and reader.entry.rows >= KEPT_ROWS:
                with contextlib.suppress(KinspaceError):
                    keep_text(reader, columns, pieces, durable=durable)
                    pieces = read_text(reader, columns)  # mapped, it can leave the memory again
        text.pieces, text.columns = pieces, columns
        return pieces


def _read(reader: SegmentReader, columns: TextColumns, text: SegmentText) -> list[Piece] | None:
    there = folder_identity(reader.folder / FOLDER)
    if there is None or there == text.damaged:
        return None
    try:
        return read_text(reader, columns)
    except KinspaceError:
        text.damaged = there
        return None


def read_text(reader: SegmentReader, columns: TextColumns | None = None) -> list[Piece]:
    """The full text in a segment's folder, each byte of it checked; Corrupt if it is damaged, or not of these columns.

    Of whatever columns it is, if none are given.
    """
    folder = reader.folder / FOLDER
    sealed = read_folder(folder, lambda there: read_sealed(there, KIND))
    wanted = _attributes(reader, columns)
    told = {name: sealed.attributes.get(name) for name in wanted}
    if told != wanted:
        raise Corrupt(f"{folder} is not the text of this segment's columns: it is of {told}")
    try:
        pieces = restored(sealed.arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no text that can be read: {error}") from error
    if (pieces[-1].stop if pieces else 0) != reader.entry.rows:
        raise Corrupt(f"{folder} holds text of other rows than it says")
    return pieces


def keep_text(reader: SegmentReader, columns: TextColumns, pieces: list[Piece], *, durable: bool) -> None:
    """Put the full text into its segment's folder, in the place of what is there."""
    put_beside(reader, FOLDER, KIND, stored(pieces), _attributes(reader, columns), durable=durable)


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
