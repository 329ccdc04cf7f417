"""A segment's index: its graph, in a folder of the segment that may be removed at any time and is then made anew."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from .. import _core
from ..errors import Corrupt, KinspaceError
from ..storage.files import os_errors
from ..storage.graph import read_graph, write_graph
from ..storage.reader import SegmentReader
from ..storage.replace import read_folder, replace_folder
from .meta import Meta
from .part import Part

INDEX_ROWS = 4_096  # segments of fewer rows are always scanned
M = 16
EF_CONSTRUCTION = 200
FOLDER = "index"
_PATIENCE = 1.0  # seconds
_making = threading.Lock()


class Index:
    """What this process knows of one segment's index."""

    __slots__ = ("damaged", "graph", "lock", "retry")

    def __init__(self) -> None:
        self.graph: _core.Graph | None = None
        self.damaged: object = None  # which folder it was that could not be read
        self.retry = 0.0  # when to try again to make it, by time.monotonic()
        self.lock = threading.Lock()


class Origin(NamedTuple):
    """A graph that has rows of a new segment, and the seq of each of its rows. Its own segment may be gone."""

    graph: _core.Graph
    seqs: NDArray[np.uint64]


class Indexes:
    """The graphs of a space's segments, for its views; `lacking` is called when there should be one and is not."""

    def __init__(self, meta: Meta) -> None:
        self.lacking: Callable[[], None] = lambda: None
        self.origins: dict[str, Origin] = {}  # of segments that are merged of others, until they have been indexed
        self.foreground = 0  # callers who build now, and have the background wait
        self._meta = meta
        self._building: str | None = None
        self._built = threading.Condition()

    @contextmanager
    def building(self) -> Iterator[Callable[[str], None]]:
        """The background says which segment it holds, and lets go of it before the end of the block."""

        def holds(segment: str) -> None:
            self._building = segment

        try:
            yield holds
        finally:
            with self._built:
                self._building = None
                self._built.notify_all()

    def wait_for(self, segment: str | None) -> None:
        """Until the background does not hold that segment (None: any), which is not wanted now; but not for long."""
        with self._built:
            self._built.wait_for(lambda: self._building is None or segment not in (None, self._building), _PATIENCE)

    def graphs(self, parts: tuple[Part, ...]) -> list[_core.Graph | None]:
        """Each part's graph, if it has one."""
        readers = [segment_of(part) for part in parts]
        graphs = [None if reader is None else self.find(reader) for reader in readers]
        missing = [one for one, graph in zip(readers, graphs, strict=True) if one is not None and graph is None]
        if missing and min(known(reader).retry for reader in missing) <= time.monotonic():
            self.lacking()
        return graphs

    def find(self, reader: SegmentReader) -> _core.Graph | None:
        """The segment's graph, read if it is there now and was not before; None if it is missing or damaged."""
        index = known(reader)
        if index.graph is None:
            with index.lock:
                there = _identity(reader.folder / FOLDER)
                if index.graph is None and there is not None and there != index.damaged:
                    try:
                        index.graph = read_index(reader, self._meta)
                    except KinspaceError:
                        index.damaged = there
        return index.graph

    def lack(self, parts: tuple[Part, ...]) -> list[SegmentReader]:
        """The segments that should have a graph and have none in this process, largest first."""
        readers = [reader for part in parts if (reader := segment_of(part)) is not None]
        return sorted((one for one in readers if known(one).graph is None), key=lambda one: -one.entry.rows)

    def remember(self, segment: str, rows: int, parts: list[Part]) -> None:
        """These parts became that segment: if one has a graph of half of its rows or more, its own begins with that."""
        for part in parts:
            reader = segment_of(part)
            graph = None if reader is None else known(reader).graph
            if reader is not None and graph is not None and 2 * (part.rows - part.dead) >= rows:
                self.origins[segment] = Origin(graph, reader.seqs + np.uint64(reader.entry.base))

    def forget_origins(self, parts: tuple[Part, ...]) -> None:
        """Those of segments that are gone."""
        there = {part.source.entry.id for part in parts if isinstance(part.source, SegmentReader)}
        for segment in self.origins.keys() - there:
            self.origins.pop(segment, None)


def segment_of(part: Part) -> SegmentReader | None:
    """The part's segment, if it is one that has an index."""
    source = part.source
    if not isinstance(source, SegmentReader) or source.dtype == "bit":
        return None
    return source if part.rows >= INDEX_ROWS else None


def known(reader: SegmentReader) -> Index:
    """What is known of a segment's index."""
    if reader.index is None:
        with _making:
            if reader.index is None:
                reader.index = Index()
    index: Index = reader.index
    return index


def read_index(reader: SegmentReader, meta: Meta) -> _core.Graph:
    """The graph in a segment's folder, each byte of it checked; Corrupt if it is damaged, or that of other vectors."""
    folder = reader.folder / FOLDER
    stored = read_folder(folder, read_graph)
    told = {name: stored.attributes.get(name) for name in _attributes(reader, meta)}
    if told != _attributes(reader, meta):
        raise Corrupt(f"{folder} is not the index of this segment: it is of {told}")
    try:
        graph = _core.Graph.restore(reader.rows, stored.arrays)
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no graph that can be read: {error}") from error
    if (graph.n, graph.metric, graph.M, graph.ef_construction) != (reader.entry.rows, meta.metric, M, EF_CONSTRUCTION):
        raise Corrupt(f"{folder} holds another graph than it says")
    return graph


def write_index(reader: SegmentReader, meta: Meta, graph: _core.Graph, *, durable: bool) -> None:
    """Put the graph in its segment's folder, in the place of what is there; a segment that is gone stays so."""
    target = reader.folder / FOLDER
    with os_errors(f"writing {target}"):
        if target.is_symlink() or target.is_file():
            target.unlink()
    arrays, attributes = graph.arrays(), _attributes(reader, meta)
    replace_folder(
        target,
        lambda folder: write_graph(folder, arrays, attributes),
        lambda _: None,  # whatever is there may go
        parents=False,
        durable=durable,
    )


def index_bytes(reader: SegmentReader) -> int:
    """Bytes on disk of a segment's index; 0 if there is none that can be used, as far as is known."""
    index, folder = known(reader), reader.folder / FOLDER
    if index.graph is None and _identity(folder) in (None, index.damaged):
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _attributes(reader: SegmentReader, meta: Meta) -> dict[str, object]:
    entry = reader.entry
    vectors = sorted((name, *file) for name, file in entry.files.items() if name.startswith("vectors/"))
    return {
        "metric": meta.metric,
        "M": M,
        "ef_construction": EF_CONSTRUCTION,
        "rows": entry.rows,
        "dims": meta.dims,
        "of": xxhash.xxh3_64_hexdigest(json.dumps(vectors, separators=(",", ":")).encode()),
    }


def _identity(folder: Path) -> object:
    """What tells one folder of a name from the next; None if there is none."""
    try:
        status = os.lstat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns
