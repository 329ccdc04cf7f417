"""Stores for memory:// URLs that count what is fetched, or fail where a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from obstore.store import MemoryStore

from kinspace.storage import objects


class Watched:
    """A store in memory that remembers each read, and runs a hook around each write."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.reads: list[tuple[str, int]] = []  # path, bytes asked for (0: all)
        self.writes: list[str] = []
        self.around_put: Callable[[str, Callable[[], Any]], Any] = lambda path, put: put()
        self.before_get: Callable[[str], None] = lambda path: None

    def get(self, path: str, *, options: Any = None) -> Any:
        self.before_get(path)
        start, stop = (options or {}).get("range", (0, 0))
        self.reads.append((path, stop - start))
        return self.inner.get(path, options=options)

    def put(self, path: str, file: Any, **options: Any) -> Any:
        self.writes.append(path)
        return self.around_put(path, lambda: self.inner.put(path, file, **options))

    def list(self, prefix: str) -> Any:
        return self.inner.list(prefix)

    def delete(self, paths: list[str]) -> None:
        self.inner.delete(paths)

    def names(self) -> set[str]:
        return {one["path"] for piece in self.inner.list() for one in piece}

    def fetched(self) -> int:
        """Bytes read by range since last asked."""
        total = sum(size for _, size in self.reads)
        self.reads.clear()
        return total


def watched(url: str) -> Watched:
    """The store of that memory:// URL from now on."""
    store = Watched()
    objects._memory[url] = store
    return store


def is_manifest(path: str) -> bool:
    return path.startswith("manifests/")
