"""Columns whose types have changed since a snapshot was taken: what was stored in the older type stays in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...storage.reader import SegmentReader
from ..parts.part import Part
from ..state.view import View

if TYPE_CHECKING:
    from ...storage.columns import Schema


def kinds(view: View) -> Callable[[Part], object]:
    """What tells apart the segments that can't become one: their types of columns that snapshots have otherwise."""
    names = _changed(view)
    if not names:
        return lambda part: None
    return lambda part: tuple((name, str(dtype)) for name, dtype in _stored(part).items() if name in names)


def kept_columns(view: View, parts: list[Part]) -> bytes | None:
    """The columns of a segment made of these parts, which are of one kind: all that the present or a snapshot has.

    None if these are the view's own.
    """
    if all(entry.columns == view.state.columns for entry in view.known.snapshots):
        return None
    from ...storage.columns import decode_schema, encode_schema

    names = _changed(view)
    schema = dict(view.schema)
    for entry in view.known.snapshots:
        schema = decode_schema(entry.columns) | schema
    for part in parts:
        schema |= {name: dtype for name, dtype in _stored(part).items() if name in names}
    return encode_schema(schema)


def _changed(view: View) -> set[str]:
    """Columns that have another type in a snapshot than in the present, or in another snapshot."""
    schemas = {entry.columns for entry in view.known.snapshots} - {view.state.columns}
    if not schemas:
        return set()
    from ...storage.columns import decode_schema

    known: Schema = dict(view.schema)
    changed = set()
    for schema in map(decode_schema, schemas):
        for name, dtype in schema.items():
            if known.setdefault(name, dtype) != dtype:
                changed.add(name)
    return changed


def _stored(part: Part) -> Schema:
    """The types a segment's columns have in its file; the log's are those of the present."""
    return dict(part.source.types) if isinstance(part.source, SegmentReader) else {}
