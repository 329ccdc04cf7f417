"""What lies in a segment's folder beside its own files, and may be removed at any time: its folders, their checks."""

from __future__ import annotations

from pathlib import Path

from ...storage.files import list_folder
from ...storage.reader import SegmentReader
from ..columns import files as column_files, zones
from ..parts import index, plane
from ..parts.meta import Meta
from ..parts.part import Part
from ..text import index as text_index

_FOLDERS = (index.FOLDER, plane.FOLDER, text_index.FOLDER, zones.FOLDER)


def made_anew(segment: Path) -> list[str]:
    """The names of the folders there are."""
    names = sorted(path.name for path in list_folder(segment))
    return [name for name in names if name in _FOLDERS or name.startswith(column_files.PREFIX)]


def read_made(reader: SegmentReader, meta: Meta, name: str) -> None:
    """Read every byte of one; Corrupt if it is damaged, or not of this segment."""
    if name == index.FOLDER:
        index.read_index(reader, meta)
    elif name == plane.FOLDER:
        plane.read_plane(reader, meta)
    elif name == zones.FOLDER:
        zones.read_zones(reader)
    elif name == text_index.FOLDER:
        text_index.read_text(reader)
    else:
        for column in reader.columns:
            if column_files.folder_of(column) == name:
                column_files.read_column_index(reader, column)


def column_bytes(part: Part) -> int:
    """Bytes on disk of a segment's zones and its columns' indexes."""
    if not isinstance(part.source, SegmentReader):
        return 0
    folder = part.source.folder
    others = (index.FOLDER, plane.FOLDER, text_index.FOLDER)
    names = [name for name in made_anew(folder) if name not in others]
    return sum(index.folder_bytes(folder / name) for name in names)
