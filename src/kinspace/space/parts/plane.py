"""A segment's plane: its rows' codes, in a folder of the segment that may be removed at any time and is then made anew.

Exact searches scan it instead of the vectors: it proves which rows can't be among the nearest, and the rest are read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...errors import Corrupt, KinspaceError
from ...storage.dtypes import decode
from ...storage.reader import SegmentReader
from ...storage.replace import read_folder
from ...storage.sealed import read_sealed
from ...types import Metric
from .index import Indexes, attributes_of, folder_bytes, folder_identity, known, put_beside
from .meta import Meta
from .part import Part
from .prefix import keep
from .rotation import SAMPLE, principal_axes, rotated
from .tail import Tail

PLANE_ROWS = 1_024  # parts of fewer rows are scanned as they are
FOLDER = "plane"
KIND = "plane"
_BLOCK = 4_096  # rows encoded at a time
_SAMPLE = 4_096  # rows whose mean is taken for that of all


def coded(part: Part) -> SegmentReader | None:
    """The part's segment, if it is one that has a plane."""
    source = part.source
    if not isinstance(source, SegmentReader) or source.dtype == "bit":
        return None
    return source if part.rows >= PLANE_ROWS else None


def planes(parts: tuple[Part, ...], meta: Meta, indexes: Indexes, dims: int | None = None) -> list[_core.Plane | None]:
    """The plane each part is searched by, or its first `dims` components; read if it is there now and was not before.

    None where there is none yet: then the vectors are scanned.
    """
    found: list[_core.Plane | None] = []
    retry = []
    for part in parts:
        reader = coded(part)
        if reader is not None:
            plane = find_plane(reader, meta)
            found.append(plane if dims is None or plane is None else _prefix(reader, plane, dims, meta))
            if plane is None:
                retry.append(known(reader).retry_plane)
        else:
            length = None if meta.rotate else dims  # the log is not rotated, and compared whole
            found.append(part.source.plane(part.rows, meta.metric, length) if isinstance(part.source, Tail) else None)
    if retry and min(retry) <= time.monotonic():
        indexes.lacking()
    return found


def _prefix(reader: SegmentReader, plane: _core.Plane, dims: int, meta: Meta) -> _core.Plane:
    kept = known(reader).prefix_planes
    there = kept.get(dims)
    return there or keep(kept, dims, plane.sketch(dims) if meta.rotate else plane.prefix(dims, reader.rows))


def lack_plane(parts: tuple[Part, ...]) -> list[SegmentReader]:
    """The segments that should have a plane and have none in this process."""
    return [reader for part in parts if (reader := coded(part)) is not None and known(reader).plane is None]


def find_plane(reader: SegmentReader, meta: Meta) -> _core.Plane | None:
    """The segment's plane; None if it is missing or damaged."""
    index = known(reader)
    if index.plane is None:
        with index.lock:
            there = folder_identity(reader.folder / FOLDER)
            if index.plane is None and there is not None and there != index.damaged_plane:
                try:
                    index.plane = read_plane(reader, meta)
                except KinspaceError:
                    index.damaged_plane = there
    return index.plane


def read_plane(reader: SegmentReader, meta: Meta) -> _core.Plane:
    """The plane in a segment's folder, each byte of it checked; Corrupt if it is damaged, or that of other vectors."""
    folder = reader.folder / FOLDER
    stored = read_folder(folder, lambda there: read_sealed(there, KIND))
    wanted = {**attributes_of(reader, meta), "rotate": meta.rotate}
    told = {name: stored.attributes.get(name) for name in wanted}
    if told != wanted:
        raise Corrupt(f"{folder} is not the plane of this segment: it is of {told}")
    try:
        return _core.Plane.restore(reader.entry.rows, meta.dims, metric=_metric(meta), arrays=stored.arrays)
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no plane that can be read: {error}") from error


def make_plane(reader: SegmentReader, meta: Meta, threads: int, check: Callable[[], None]) -> _core.Plane:
    """Encode a segment's rows. `check` is called now and then; what it raises ends it."""
    rows, metric = reader.entry.rows, _metric(meta)
    sample = _sample(reader, SAMPLE if meta.rotate else _SAMPLE, check)
    if meta.rotate:
        axes = principal_axes(sample, metric)
        plane = _core.Plane(rows, meta.dims, metric=metric, mean=axes.mean, rotation=axes.rotation, defect=axes.defect)
    else:
        axes = None
        plane = _core.Plane(rows, meta.dims, metric=metric, mean=mean_of(sample, metric))
    first = 0
    for chunk in reader.chunks:
        for start in range(0, len(chunk.body), _BLOCK):
            check()
            block = chunk.body[start : start + _BLOCK]
            if axes is None:
                coded = _core.Rows([block], dims=meta.dims, dtype=meta.dtype)
            else:
                coded = _core.Rows([rotated(decode(block, meta.dtype, meta.dims), axes, metric)])
            plane.encode(coded, first=first, threads=threads)
            first += len(block)
        reader.let_go([chunk])
    return plane


def _sample(reader: SegmentReader, count: int, check: Callable[[], None]) -> NDArray[np.float32]:
    """So many rows, or all, evenly apart. Each chunk is checked, and none stays in memory: all are read once more."""
    rows = reader.entry.rows
    wanted = np.unique(np.linspace(0, rows - 1, min(rows, count)).astype(np.int64))
    found, first = [], 0
    for chunk in reader.chunks:
        check()
        chunk.check()
        low, high = np.searchsorted(wanted, (first, first + len(chunk.body)))
        found.append(decode(chunk.body[wanted[low:high] - first], reader.dtype, reader.dims))
        first += len(chunk.body)
        reader.let_go([chunk])
    return np.concatenate(found)


def keep_plane(reader: SegmentReader, meta: Meta, plane: _core.Plane, *, durable: bool) -> None:
    """Store a plane beside its segment, and have it searched from now on."""
    put_beside(
        reader, FOLDER, KIND, plane.arrays(), {**attributes_of(reader, meta), "rotate": meta.rotate}, durable=durable
    )
    known(reader).plane = plane
    with contextlib.suppress(KinspaceError):  # mapped, it can leave the memory again
        known(reader).plane = read_plane(reader, meta)


def plane_bytes(reader: SegmentReader) -> int:
    """Bytes on disk of a segment's plane; 0 if there is none."""
    return folder_bytes(reader.folder / FOLDER)


def _metric(meta: Meta) -> Metric:
    return cast("Metric", meta.metric)  # bits have no planes


def mean_of(sample: NDArray[np.float32], metric: str) -> NDArray[np.float32]:
    """The mean of rows as they are encoded: of unit length for cosine. Any mean is right: a good one saves bits."""
    wide = sample.astype(np.float64)
    if metric == "cosine":
        norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        wide = wide[norms > 0] / norms[norms > 0, None]
    mean = wide.mean(axis=0) if len(wide) else np.zeros(sample.shape[1])
    within = np.abs(mean) <= np.finfo(np.float32).max
    return np.where(within, mean, 0).astype(np.float32)
