"""What is remembered of the files in a folder, so that they are known again: each file's bytes and checksum."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import Corrupt, Unavailable
from .files import digest, map_bytes
from .layout import Chunk, is_chunk, trailers

Remembered = Mapping[str, tuple[int, str]]  # path in the folder -> bytes, checksum in hex


def remember(folder: Path, chunks: list[Chunk]) -> dict[str, tuple[int, str]]:
    """Each file's bytes and checksum: of the whole, or those a Zarr chunk or a shard (of these chunks) carries."""
    carried = trailers(chunks)
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if not is_chunk(name):
            checksum = digest(path)
        else:  # any other array is one chunk, its checksum the last four bytes
            checksum = carried[path] if path in carried else map_bytes(path)[-4:].tobytes().hex()
        files[name] = path.stat().st_size, checksum
    return files


def verify(folder: Path, files: Remembered, name: str) -> None:
    """Compare a file with what is remembered of it; Zarr's chunks check themselves when they are read."""
    size, expected = files.get(name, (0, ""))
    path = folder / name
    if size == 0:
        raise Corrupt(f"{path}: the catalog does not name this file")
    try:
        held = path.stat().st_size
        if held != size:
            raise Corrupt(f"{path} has {held:,} bytes where {size:,} were written; restore it from a backup")
        if not is_chunk(name) and digest(path) != expected:
            raise Corrupt(f"{path} is damaged: its checksum does not match; restore it from a backup")
    except FileNotFoundError as error:
        raise Corrupt(f"{path} is missing; restore it from a backup") from error
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error}") from error
