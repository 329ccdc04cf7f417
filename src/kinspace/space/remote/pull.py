"""Pulling: a published space becomes a local one, whole and checked to the last byte before it has a name."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...embed.embedder import fitted_digest
from ...errors import Corrupt, InvalidInput
from ...storage.catalog import SpaceCatalog, State
from ...storage.manifest import PublishedSegment, PublishedSpace
from ...storage.objects import Objects, open_objects
from ...storage.reader import SegmentReader
from ..parts.meta import Meta
from ..state.fitted import FILE, fetch_fitted
from .hub import find_space, read_manifest
from .space import check_columns, parse_meta

_AT_ONCE = 4  # files downloaded at a time


class Pulled:
    """One space of what is published under a URL, found and not yet downloaded."""

    def __init__(self, url: str, name: str | None, options: Mapping[str, Any] | None) -> None:
        self._objects = open_objects(url, options)
        manifest = read_manifest(self._objects)
        if name is None and len(manifest.spaces) != 1:
            there = ", ".join(map(repr, sorted(manifest.spaces)))
            raise InvalidInput(f"{self._objects.url} holds more than one space, or none: say which; there are: {there}")
        self.name = next(iter(manifest.spaces)) if name is None else name
        self._space: PublishedSpace = find_space(manifest, self.name, self._objects.url)
        self.meta: Meta = parse_meta(self._space, self._objects.url)
        check_columns(self._space, self.name, self._objects.url)

    def fill(self, folder: Path, durability: str) -> None:
        """Fill the folder of a new space, which has its inner ones."""
        segments = folder / "segments"
        for segment in self._space.segments:
            _download(self._objects, segment, segments / segment.entry.id)
            _check(self._objects, segment, segments, self.meta)
        if fitted_digest(self.meta.embedder) is not None:
            (folder / FILE).write_bytes(fetch_fitted(self._objects, self.meta))
        seq = self._space.seq
        SpaceCatalog.create(
            folder / "catalog.sqlite",
            {**self.meta.as_dict(), "id": folder.name},
            durability=durability,
            state=State(
                version=1, next_seq=seq, horizon=seq, columns=self._space.columns, full_text=self._space.full_text
            ),
            segments=[segment.entry for segment in self._space.segments],
        ).database.close()


def _download(objects: Objects, segment: PublishedSegment, folder: Path) -> None:
    folder.mkdir()

    def fetch(name: str) -> None:
        path, size = folder / name, segment.entry.files[name][0]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in objects.stream(f"{segment.place}/{name}", 0, size, size):
                file.write(piece)

    with ThreadPoolExecutor(_AT_ONCE, "kinspace-pull") as pool:
        waiting = [pool.submit(fetch, name) for name in segment.entry.files]
        try:
            for one in waiting:
                one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _check(objects: Objects, segment: PublishedSegment, parent: Path, meta: Meta) -> None:
    try:
        reader = SegmentReader(parent, segment.entry, meta.dims, meta.key_type, dtype=meta.dtype, strict=True)
        try:
            reader.check_all()
            reader.arrow_path  # noqa: B018  # strict: it fits the rows
        finally:
            reader.close()
    except Corrupt as error:
        raise Corrupt(f"{objects.at(segment.place)} is damaged: {error}; nothing was pulled") from error
