"""A segment's index: its graph, in a folder of the segment that may be removed at any time and is then made anew."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from ... import _core
from ...errors import Corrupt, KinspaceError
from ...storage.files import os_errors
from ...storage.reader import SegmentReader
from ...storage.replace import read_folder, replace_folder
from ...storage.sealed import read_sealed, write_sealed
from .expand import Curve, parse_curve
from .meta import Meta
from .part import Part
from .prefix import segment_prefix

if TYPE_CHECKING:
    from ..columns.index import ColumnIndex
    from ..columns.zones import Zoned

INDEX_ROWS = 4_096  # segments of fewer rows are always scanned
M = 16
EF_CONSTRUCTION = 200
FOLDER = "index"
KIND = "hnsw"
_PATIENCE = 1.0  # seconds
_making = threading.Lock()


class Index:
    """What this process knows of one segment's index, its plane, its zones and the indexes of its columns."""

    def __init__(self) -> None:
        self.graph: _core.Graph | None = None
        self.curve: Curve = ()  # of a graph over first components
        self.damaged: object = None  # which folder it was that could not be read
        self.plane: _core.Plane | None = None
        self.prefix_planes: dict[int, _core.Plane] = {}  # of its first components
        self.damaged_plane: object = None
        self.retry = 0.0  # when to try again to make it, by time.monotonic()
        self.retry_plane = 0.0
        self.zones: Zoned | None = None
        self.columns: dict[str, ColumnIndex] = {}
        self.damaged_columns: dict[str, object] = {}  # folders of zones and of columns' indexes, likewise
        self.retry_columns = 0.0
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
        self.renewals = 0  # how often there was more for views to be searched by than before
        self.foreground = 0  # callers who build now, and have the background wait
        self._meta = meta
        self._held: list[str] = []  # segments that the background works on
        self._built = threading.Condition()

    @contextmanager
    def building(self) -> Iterator[Callable[[str], None]]:
        """The background says which segment it holds, and lets go of it before the end of the block."""
        held: list[str] = []

        def holds(segment: str) -> None:
            held.append(segment)
            self._held.append(segment)

        try:
            yield holds
        finally:
            with self._built:
                for segment in held:
                    self._held.remove(segment)
                self._built.notify_all()

    def wait_for(self, segment: str | None) -> None:
        """Until the background does not hold that segment (None: any), which is not wanted now; but not for long."""
        with self._built:
            self._built.wait_for(lambda: not self._held if segment is None else segment not in self._held, _PATIENCE)

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
                there = folder_identity(reader.folder / FOLDER)
                if index.graph is None and there is not None and there != index.damaged:
                    try:
                        graph, index.curve = read_index(reader, self._meta)
                        index.graph = graph  # last: then it is used
                    except KinspaceError:
                        index.damaged = there
        return index.graph

    def curves(self, parts: tuple[Part, ...]) -> list[Curve]:
        """What was measured of the graphs over first components that are used."""
        indexes = [known(reader) for part in parts if (reader := segment_of(part)) is not None]
        return [index.curve for index in indexes if index.graph is not None]

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


def index_rows(reader: SegmentReader, meta: Meta) -> _core.Rows:
    """What a segment's graph is over: its vectors, or their first components."""
    return reader.rows if meta.index_dims is None else segment_prefix(reader, meta, meta.index_dims)


def read_index(reader: SegmentReader, meta: Meta) -> tuple[_core.Graph, Curve]:
    """The graph in a segment's folder and what was measured of it, each byte of it checked.

    Corrupt if it is damaged, or that of other vectors.
    """
    folder = reader.folder / FOLDER
    stored = read_folder(folder, lambda there: read_sealed(there, KIND))
    wanted = {**attributes_of(reader, meta), "M": M, "ef_construction": EF_CONSTRUCTION, "index_dims": meta.index_dims}
    told = {name: stored.attributes.get(name) for name in wanted}
    if told != wanted:
        raise Corrupt(f"{folder} is not the index of this segment: it is of {told}")
    try:
        graph = _core.Graph.restore(index_rows(reader, meta), stored.arrays)
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no graph that can be read: {error}") from error
    if (graph.n, graph.metric, graph.M, graph.ef_construction) != (reader.entry.rows, meta.metric, M, EF_CONSTRUCTION):
        raise Corrupt(f"{folder} holds another graph than it says")
    return graph, () if meta.index_dims is None else parse_curve(stored.attributes.get("expand"))


def write_index(reader: SegmentReader, meta: Meta, graph: _core.Graph, curve: Curve, *, durable: bool) -> None:
    """Put the graph in its segment's folder, in the place of what is there; a segment that is gone stays so."""
    attributes = {**attributes_of(reader, meta), "M": M, "ef_construction": EF_CONSTRUCTION}
    if meta.index_dims is not None:
        attributes |= {"index_dims": meta.index_dims, "expand": curve}
    put_beside(reader, FOLDER, KIND, graph.arrays(), attributes, durable=durable)


def put_beside(
    reader: SegmentReader,
    name: str,
    kind: str,
    arrays: Mapping[str, NDArray[Any]],
    attributes: Mapping[str, object],
    others: Callable[[Path], None] | None = None,
    *,
    durable: bool,
) -> None:
    """Put what can be made anew into a folder of its segment, in the place of what is there; others as write_sealed."""
    target = reader.folder / name
    with os_errors(f"writing {target}"):
        if target.is_symlink() or target.is_file():
            target.unlink()
    replace_folder(
        target,
        lambda folder: write_sealed(folder, kind, arrays, attributes, others=others),
        lambda _: None,  # whatever is there may go
        parents=False,
        durable=durable,
    )


def index_bytes(reader: SegmentReader) -> int:
    """Bytes on disk of a segment's index; 0 if there is none that can be used, as far as is known."""
    index, folder = known(reader), reader.folder / FOLDER
    if index.graph is None and folder_identity(folder) in (None, index.damaged):
        return 0
    return folder_bytes(folder)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in it; of what goes while they are counted, as when it is replaced, none."""
    total = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(inner, name)).st_size
    return total


def attributes_of(reader: SegmentReader, meta: Meta) -> dict[str, object]:
    """What tells whether a folder is of this segment's vectors."""
    entry = reader.entry
    vectors = sorted((name, *file) for name, file in entry.files.items() if name.startswith("vectors/"))
    return {
        "metric": meta.metric,
        "rows": entry.rows,
        "dims": meta.dims,
        "of": xxhash.xxh3_64_hexdigest(json.dumps(vectors, separators=(",", ":")).encode()),
    }


def folder_identity(folder: Path) -> object:
    """What tells one folder of a name from the next; None if there is none."""
    try:
        status = os.lstat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns
