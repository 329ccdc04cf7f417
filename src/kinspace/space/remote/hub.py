"""A hub that was published under a URL: its spaces open as they are, read by fetching what is asked for."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping
from typing import Any, NoReturn

from ...errors import Closed, Corrupt, Frozen, InvalidInput, SpaceNotFound, Unavailable
from ...storage.manifest import Manifest, PublishedSpace, newest
from ...storage.objects import Objects, open_objects
from ...storage.reader import SegmentReader
from ...storage.remote import Cache, default_cache, parse_budget
from ..hub import Hub
from ..parts.meta import Meta
from ..places import check_space_name, parse_path
from ..space import Space
from .space import RemoteSpace, RemoteStore


class RemoteHub(Hub):
    """Published spaces, as of one commit; refresh() takes the newest. Use connect(url) to get one.

    What has been fetched is kept in the cache's folder. Threads may share the hub, and processes the cache.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None, cache: Any, cache_bytes: int) -> None:
        folder = default_cache() if cache is None else parse_path(os.fspath(cache) if _is_path(cache) else cache)
        budget = parse_budget(cache_bytes)
        self._objects = open_objects(url, options)
        self._closed = False
        self._lock = threading.RLock()
        self._manifest = read_manifest(self._objects)
        self._cache = Cache(folder / "segments", budget)
        self._cache.trim()
        self._readers: weakref.WeakValueDictionary[str, SegmentReader] = weakref.WeakValueDictionary()
        self._remote: dict[str, RemoteStore] = {}
        self.path = folder  # of the cache
        self._process = os.getpid()

    @property
    def url(self) -> str:
        """Where it is published."""
        return self._objects.url

    @property
    def commit(self) -> str:
        """The id of the commit that is read: what publish returned."""
        return self._manifest.commit

    def refresh(self) -> bool:
        """Take the newest commit; whether it is another one. Spaces that were got before stay as they are."""
        self._check_open()
        manifest = read_manifest(self._objects)
        with self._lock:
            if manifest.number <= self._manifest.number:
                return False
            self._manifest, self._remote = manifest, {}
            return True

    def list_spaces(self) -> list[str]:
        """The names of the spaces that are published here, sorted."""
        self._check_open()
        return sorted(self._manifest.spaces)

    def get_space(
        self, name: str, *, embedder: Any = None, download_snapshot: bool = False, skip_damaged: bool = False
    ) -> Space:
        """The published space of that name, to be read.

        Raises
        ------
        SpaceNotFound
            If there is none; the message lists those there are.
        """
        if skip_damaged:
            raise InvalidInput(
                "skip_damaged is for hubs in a folder; what is published damaged has to be published again"
            )
        check_space_name(name)
        self._check_open()
        with self._lock:
            published = find_space(self._manifest, name, self.url)
            if name not in self._remote:
                store = RemoteStore(
                    name, published, self._objects, lambda meta: self._open(published, meta), self._is_closed
                )
                store.slow_query_seconds = self._slow_query_seconds
                self._remote[name] = store
            space = RemoteSpace(self._remote[name], self, embedder)
        return space.download_snapshot() if download_snapshot else space

    def _open(self, published: PublishedSpace, meta: Meta) -> list[SegmentReader]:
        readers = []
        for segment in published.segments:
            reader = self._readers.get(segment.place)
            if reader is None:
                reader = self._cache.open(self._objects, segment, meta.dims, meta.key_type, meta.dtype)
                self._readers[segment.place] = reader
            readers.append(reader)
        return readers

    def create_space(self, *arguments: Any, **named: Any) -> NoReturn:
        """Raises Frozen: what is published does not change."""
        self._refuse()

    def import_space(self, *arguments: Any, **named: Any) -> NoReturn:
        """Raises Frozen: what is published does not change."""
        self._refuse()

    def delete_space(self, name: str) -> NoReturn:
        """Raises Frozen: what is published does not change."""
        self._refuse()

    def merge(self, *arguments: Any, **named: Any) -> NoReturn:
        """Raises Frozen: what is published does not change."""
        self._refuse()

    def pull(self, *arguments: Any, **named: Any) -> NoReturn:
        """Raises Frozen: pull into a hub of your own."""
        self._refuse()

    def close(self) -> None:
        """Let go of the cache; twice is fine."""
        self._closed = True
        with self._lock:
            self._remote = {}

    def __contains__(self, name: object) -> bool:
        self._check_open()
        return name in self._manifest.spaces

    def __repr__(self) -> str:
        return f"<RemoteHub {self.url!r}{' closed' if self._closed else ''}>"

    def _refuse(self) -> NoReturn:
        self._check_open()
        raise Frozen(f"{self.url} is published and can only be read; connect to a folder to write")

    def _is_closed(self) -> bool:
        return self._closed or self._process != os.getpid()  # what fetches does not survive fork()

    def _check_open(self) -> None:
        if self._is_closed():
            raise Closed(f"the hub {self.url} was closed; connect again")


def read_manifest(objects: Objects) -> Manifest:
    """The newest manifest, each of its names one that a space can have; Unavailable if there is none."""
    manifest = newest(objects)
    if manifest is None:
        raise Unavailable(f"nothing is published at {objects.url}: there is no manifest")
    try:
        for name in manifest.spaces:
            check_space_name(name)
    except InvalidInput as error:
        raise Corrupt(f"{objects.at(manifest.path)}: {error}") from error
    return manifest


def find_space(manifest: Manifest, name: str, url: str) -> PublishedSpace:
    """The space of that name."""
    if name not in manifest.spaces:
        there = ", ".join(map(repr, sorted(manifest.spaces))) or "none"
        raise SpaceNotFound(f"no space named {name!r} is published at {url}; there are: {there}")
    return manifest.spaces[name]


def _is_path(value: object) -> bool:
    return isinstance(value, os.PathLike)
