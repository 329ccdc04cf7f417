"""Published segments, cached on disk: what is asked for is fetched into files where it belongs, under a byte budget."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Corrupt, InvalidInput, Unavailable
from ..types import Dtype
from .files import FolderLock, list_folder, os_errors, remove_if_unused
from .keys import KeyType
from .manifest import PublishedSegment
from .objects import Objects
from .reader import SegmentReader

_AT_ONCE = 4  # pieces fetched at a time
_TRIES = 100  # of using a folder that is removed again and again meanwhile
_SHARE = 16  # the budget is looked after whenever so small a part of it has been fetched


def default_cache() -> Path:
    """The system's folder for what can be fetched again."""
    base = Path.home() / "Library" / "Caches" if sys.platform == "darwin" else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or base) / "kinspace"


class Cache:
    """A folder of cached segments, which many processes may share.

    While a segment is open its folder is locked and stays. Of the others those used least recently go, once all of
    them take more than the budget.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self.folder = folder
        self._budget = budget
        self._since = 0  # bytes fetched since the budget was looked after
        self._counting = threading.Lock()
        with os_errors(f"making the cache {folder}"):
            folder.mkdir(parents=True, exist_ok=True)

    def open(
        self, objects: Objects, published: PublishedSegment, dims: int, key_type: KeyType, dtype: Dtype
    ) -> SegmentReader:
        """The segment, to be read as if it were here."""
        body = [objects.url, objects.identity, published.place, published.entry.body()]
        name = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:40]  # a stranger's never passes for another's
        entry = replace(published.entry, id=name)
        for _ in range(_TRIES):
            with os_errors(f"opening {self.folder / name}"):
                (self.folder / name).mkdir(exist_ok=True)
                try:
                    lock = FolderLock.share(self.folder / name)
                except FileNotFoundError:
                    continue
            try:
                with contextlib.suppress(OSError):
                    os.utime(self.folder / name)  # used just now
                fetcher = CachedSegment(self, objects, published, self.folder / name)
                return SegmentReader(self.folder, entry, dims, key_type, fetcher, dtype=dtype)
            finally:
                lock.release()  # the reader holds one of its own
        raise Unavailable(f"{self.folder / name} was removed {_TRIES} times while it was being opened; try again")

    def fetched(self, size: int) -> None:
        """Bytes were put there; those of others may have to go."""
        with self._counting:
            self._since += size
            if self._since * _SHARE < self._budget:
                return
            self._since = 0
        self.trim()

    def trim(self) -> None:
        """Remove what was used least recently and is not in use, until the rest is within the budget."""
        held = []
        for folder in list_folder(self.folder):
            with contextlib.suppress(OSError):  # another process removes it
                held.append((folder.stat().st_mtime_ns, _bytes_on_disk(folder), folder))
        total = sum(size for _, size, _ in held)
        for _, size, folder in sorted(held):
            if total <= self._budget:
                return
            remove_if_unused(folder)
            if not folder.exists():
                total -= size


class CachedSegment:
    """One segment's files, fetched as they are asked for. Made for SegmentReader, as its fetcher."""

    def __init__(self, cache: Cache, objects: Objects, published: PublishedSegment, folder: Path) -> None:
        self._cache = cache
        self._objects = objects
        self._place = published.place
        self._files = published.entry.files
        self._folder = folder

    def url(self, path: Path) -> str:
        return self._objects.at(f"{self._place}/{self._name(path)}")

    def file(self, path: Path, *, again: bool = False) -> None:
        size = self._size(path)
        with os_errors(f"caching {path}"):
            if not again and path.exists() and path.stat().st_size == size:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            try:
                with part.open("xb") as file:
                    for piece in self._stream(path, 0, size):
                        file.write(piece)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        self._cache.fetched(size)

    def reserve(self, path: Path) -> None:
        size = self._size(path)
        with os_errors(f"caching {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                if os.fstat(descriptor).st_size != size:
                    os.truncate(descriptor, size)
            finally:
                os.close(descriptor)

    def fetch(self, pieces: list[tuple[Path, int, int]]) -> None:
        if len(pieces) < 2:
            for piece in pieces:
                self._fetch(*piece)
            return
        with ThreadPoolExecutor(_AT_ONCE, "kinspace-fetch") as pool:
            waiting = [pool.submit(self._fetch, *piece) for piece in pieces]
            try:
                for one in waiting:
                    one.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _fetch(self, path: Path, start: int, stop: int) -> None:
        with os_errors(f"caching {path}"):
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                at = start
                for piece in self._stream(path, start, stop):
                    left = memoryview(piece)
                    while len(left):
                        written = os.pwrite(descriptor, left, at)
                        left, at = left[written:], at + written
            finally:
                os.close(descriptor)
        self._cache.fetched(stop - start)

    def _stream(self, path: Path, start: int, stop: int) -> Iterator[Any]:
        return self._objects.stream(f"{self._place}/{self._name(path)}", start, stop, self._size(path))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _size(self, path: Path) -> int:
        name = self._name(path)
        if name not in self._files:
            raise Corrupt(f"{self.url(path)}: the manifest does not name this file")
        return self._files[name][0]


def parse_budget(value: object) -> int:
    """Bytes, or InvalidInput."""
    if type(value) is not int or value < 0:
        raise InvalidInput(f"cache_bytes is a whole number of bytes, at least 0; got {value!r}")
    return value


def _bytes_on_disk(folder: Path) -> int:
    return sum(512 * path.lstat().st_blocks for path in folder.rglob("*"))
