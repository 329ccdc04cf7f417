"""What a foreign Zarr group may be made of: files that stay inside it, of sizes that fit what they say."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from zarr.storage import WrapperStore

from ...errors import Corrupt, InvalidInput

METADATA_BYTES = 1 << 20  # of a zarr.json
CHUNK_BYTES = 256 << 20
_RATIO = 200  # a member of a zip above 1 MiB that shrank to less was made to hurt
_SMALL = 1 << 20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass
class Sizes:
    """Bytes of a group's files: of the array of each name together, and of the largest chunk."""

    total: dict[str, int] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)
    root: set[str] = field(default_factory=set)  # names of the files that no array holds

    def add(self, where: str, name: str, size: int) -> None:
        """Count a file; InvalidInput if it is metadata of a size that metadata never has."""
        parts = PurePosixPath(name).parts
        if parts[-1] == "zarr.json" and size > METADATA_BYTES:
            raise InvalidInput(f"{where}: {name} has {size:,} bytes; metadata has at most {METADATA_BYTES:,}")
        if len(parts) == 1:
            self.root.add(name)
        elif parts[-1] != "zarr.json":
            self.total[parts[0]] = self.total.get(parts[0], 0) + size
            self.largest[parts[0]] = max(self.largest.get(parts[0], 0), size)


def look_at_folder(folder: Path) -> Sizes:
    """Sizes of a folder's files; InvalidInput if one of them is a link out of it, or no file at all."""
    sizes, root = Sizes(), folder.resolve()
    for path in _walk(folder):
        told = path.stat() if _leads_inside(path, root) else None
        if told is None:
            raise InvalidInput(f"{path} is a link that leads out of {folder}; put what it leads to there instead")
        if stat.S_ISREG(told.st_mode):
            sizes.add(str(folder), path.relative_to(folder).as_posix(), told.st_size)
        elif not stat.S_ISDIR(told.st_mode):
            raise InvalidInput(f"{path} is no file and no folder; a Zarr group has nothing else")
    return sizes


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(place, name)


def _leads_inside(path: Path, root: Path) -> bool:
    if not path.is_symlink():
        return True
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # it leads nowhere, or round in a circle
        return False


def look_at_zip(path: Path) -> Sizes:
    """Sizes of a zip's members; InvalidInput if one isn't what zarr's ZipStore writes, or grows beyond reason."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise InvalidInput(f"{path} is not a zip: {error}") from error
    except (ValueError, NotImplementedError, struct.error, OverflowError) as error:
        raise Corrupt(f"{path} is damaged: its list of members can't be read: {error}") from error
    sizes, seen, packed = Sizes(), set[str](), 0
    for member in members:
        name = member.filename
        _check_name(path, name)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidInput(f"{path} holds {name!r}, which is a link or special; it is not read")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InvalidInput(f"{path} holds {name!r} encrypted or packed in a way that is not read; store it plain")
        if name in seen:
            raise InvalidInput(f"{path} holds {name!r} twice")
        seen.add(name)
        if member.file_size > max(_SMALL, _RATIO * member.compress_size):
            raise InvalidInput(
                f"{path} holds {name!r} of {member.file_size:,} bytes packed in {member.compress_size:,}: "
                "a ratio that vectors don't have"
            )
        packed += member.compress_size
        if not member.is_dir():
            sizes.add(str(path), name, member.file_size)
    if packed > path.stat().st_size:
        raise InvalidInput(f"{path} holds members that lie upon each other")
    return sizes


def _check_name(path: Path, name: str) -> None:
    parts = name.removesuffix("/").split("/")
    if not name.isprintable() or "\\" in name or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        raise InvalidInput(f"{path} holds a member called {name!r}, which is no path inside a Zarr group")


@dataclass(frozen=True)
class Limit:
    """What a chunk of an array may be: bytes when decoded, and how many items it may say it has, if it says so."""

    decoded: int
    packed: bool  # by zstd
    items: int | None = None
    trailer: int = 0  # bytes of checksum after it


class Guarded(WrapperStore[Any]):
    """A store whose chunks are there, and looked at before any codec makes room for what they say they hold."""

    def __init__(self, store: Any, where: Path, limits: dict[str, Limit]) -> None:
        super().__init__(store)
        self._where = where
        self._limits = limits  # by the array's name; filled once its metadata is known

    def _with_store(self, store: Any) -> Guarded:
        return Guarded(store, self._where, self._limits)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        value = await self._store.get(key, prototype, byte_range)
        name, _, rest = key.partition("/")
        limit = self._limits.get(name)
        if limit is None or not rest or rest == "zarr.json":
            return value
        if value is None:
            raise Corrupt(f"{self._where} is damaged: its chunk {key} is missing")
        _check_chunk(f"{self._where} is damaged: its chunk {key}", value.as_numpy_array().tobytes(), limit)
        return value


def _check_chunk(what: str, body: bytes, limit: Limit) -> None:
    frame = body[: len(body) - limit.trailer]
    if limit.packed:
        size = zstd_size(frame)
        if size is None:
            raise Corrupt(f"{what} is not one zstd frame that says its size")
    else:
        size = len(frame)
        if limit.items is not None and int.from_bytes(frame[:4], "little") > limit.items:
            raise Corrupt(f"{what} says it has more than {limit.items:,} rows")
    if size > limit.decoded or (limit.items is None and size != limit.decoded):
        raise Corrupt(f"{what} holds {size:,} bytes; expected {limit.decoded:,}")


def zstd_size(frame: bytes) -> int | None:
    """The content size that a zstd frame states (RFC 8878); None unless the bytes are exactly one that does."""
    if len(frame) < 6 or frame[:4] != _ZSTD_MAGIC:
        return None
    about = frame[4]
    single = about >> 5 & 1
    width = (single, 2, 4, 8)[about >> 6]
    at = 5 + (1 - single) + (0, 1, 2, 4)[about & 3]
    if not width or len(frame) < at + width:
        return None
    size = int.from_bytes(frame[at : at + width], "little") + (256 if width == 2 else 0)
    at += width
    last = False
    while not last:
        if len(frame) < at + 3:
            return None
        block = int.from_bytes(frame[at : at + 3], "little")
        last, kind = bool(block & 1), block >> 1 & 3
        at += 3 + (1 if kind == 1 else block >> 3)
    at += 4 * (about >> 2 & 1)
    return size if at == len(frame) else None
