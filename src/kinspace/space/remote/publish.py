"""Publishing a space: an immutable copy under a URL, which one manifest puts in force."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash

from ...errors import InvalidInput
from ...storage.catalog import SegmentEntry
from ...storage.files import os_errors
from ...storage.manifest import Manifest, PublishedSegment, PublishedSpace, commit_of, newest
from ...storage.objects import Objects, commit, open_objects, refuse_unconditional
from ...storage.reader import SegmentReader
from ..parts.part import Part
from ..places import check_space_name
from ..segments.flush import write_rows
from ..state.fitted import publish_fitted
from ..state.store import Store
from ..state.view import View

_AT_ONCE = 3  # files uploaded at a time


@dataclass(frozen=True, slots=True)
class Published:
    """What was published.

    Attributes
    ----------
    url, name : str
        Where, and the space's name there.
    commit : str
        The commit's random id, which the manifest carries.
    rows, bytes : int
        Of the published copy.
    uploaded : int
        Bytes that had to be sent: the others were there already.
    """

    url: str
    name: str
    commit: str
    rows: int
    bytes: int
    uploaded: int


def publish(
    store: Store, view: View, url: str, name: str, options: Mapping[str, Any] | None, *, single_writer: bool
) -> Published:
    """Upload what is missing of a view, then commit a manifest that names it all; see Space.publish."""
    check_space_name(name)
    if type(single_writer) is not bool:
        raise InvalidInput(f"single_writer is True or False; got {single_writer!r}")
    objects = open_objects(url, options, make=True)
    if not single_writer:
        refuse_unconditional(objects)
    previous = newest(objects)
    made = {one.source: one for space in _spaces(previous) for one in space.segments if one.source}
    segments, uploaded = [], publish_fitted(objects, store)
    for part in view.parts:
        if part.dead == part.rows:
            continue
        source = _source(part)
        if source in made:
            segments.append(made[source])
            continue
        with _without_dead_rows(store, view, part) as (reader, entry):
            place = f"segments/{entry.id}-{xxhash.xxh3_64_hexdigest(entry.body().encode())}"
            uploaded += _upload(objects, place, reader)
        segments.append(PublishedSegment(entry, place, source))
    space = PublishedSpace(
        meta=store.meta.as_dict(),
        columns=view.state.columns,
        rows=sum(one.entry.rows for one in segments),
        seq=max([view.state.next_seq, *(one.entry.last + 1 for one in segments)]),
        version=view.state.version,
        segments=tuple(segments),
        full_text=view.state.full_text,
    )
    manifest = Manifest.following(previous, name, space)
    commit(objects, manifest.path, manifest.body(), commit_of, single=single_writer)
    return Published(objects.url, name, manifest.commit, space.rows, space.bytes, uploaded)


def _spaces(manifest: Manifest | None) -> list[PublishedSpace]:
    return [] if manifest is None else list(manifest.spaces.values())


def _source(part: Part) -> str:
    """What tells one set of live rows of a segment from any other; "" if they are all, or the log's."""
    if part.live is None or part.dead == 0 or not isinstance(part.source, SegmentReader):
        return ""
    return f"{part.source.entry.id}-{xxhash.xxh3_128_hexdigest(part.dead_rows().tobytes())}"


@contextmanager
def _without_dead_rows(store: Store, view: View, part: Part) -> Iterator[tuple[SegmentReader, SegmentEntry]]:
    """A segment of exactly the part's live rows: its own, or one that is there for as long as the block."""
    if isinstance(part.source, SegmentReader) and part.dead == 0:
        entry = part.source.entry
        yield part.source, replace(entry, id=entry.id[:16])  # one that is cached has a longer name
        return
    start = next(start for one, start in zip(view.parts, view.starts, strict=False) if one is part)
    with _workplace(store) as folder:
        written = write_rows(folder, view, part.live_rows() + start, durable=False)
        try:
            entry = SegmentEntry(written.id, written.rows, 0, written.first, written.last, written.files)
            reader = SegmentReader(folder, entry, store.meta.dims, store.meta.key_type, dtype=store.meta.dtype)
            try:  # the same rows get the same id again, and are not sent twice
                yield reader, replace(entry, id=xxhash.xxh3_64_hexdigest(entry.body().encode()))
            finally:
                reader.close()
        finally:
            written.discard()


@contextmanager
def _workplace(store: Store) -> Iterator[Path]:
    """Where a segment can be written that no catalog will name: whatever a killed process leaves there is swept."""
    if not store.catalog.database.readonly:
        yield store.segments
        return
    with os_errors("making a temporary folder"), tempfile.TemporaryDirectory(prefix="kinspace-publish-") as folder:
        yield Path(folder)


def _upload(objects: Objects, place: str, reader: SegmentReader) -> int:
    """Send the files that are not there; returns their bytes.

    What is there of the right size is whole, and the same: the place's name stands for every file's checksum.
    """
    there = objects.list(place)
    files = reader.entry.files
    missing = [name for name, (size, _) in files.items() if there.get(name) != size]
    if not missing:
        return 0
    reader.check_all()  # damage is not to be spread
    reader.let_go()
    with ThreadPoolExecutor(_AT_ONCE, "kinspace-upload") as pool:
        sent = [pool.submit(objects.upload, f"{place}/{name}", reader.folder / name) for name in missing]
        try:
            for one in sent:
                one.result()
        finally:
            pool.shutdown(cancel_futures=True)
    return sum(files[name][0] for name in missing)
