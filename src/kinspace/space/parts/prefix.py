"""The first components of stored vectors as rows of their own, where they lie: nothing of the vectors is copied."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from ... import _core
from ...storage.dtypes import array_width, decode
from ...storage.reader import SegmentReader
from ...storage.segment import search_norms
from .meta import Meta
from .part import Part

KEPT = 8  # lengths that a segment keeps norms for, and a view its scan; the oldest goes first
_T = TypeVar("_T")


def prefix_rows(part: Part, meta: Meta, dims: int) -> _core.Rows:
    """The first `dims` components of a part's vectors as the core sees them; each chunk has been checked."""
    if isinstance(part.source, SegmentReader):
        return segment_prefix(part.source, meta, dims)
    return part.source.core_rows(part.rows, dims)


def segment_prefix(reader: SegmentReader, meta: Meta, dims: int) -> _core.Rows:
    """The same of a segment. For the length that its graph is over they are one object as long as it is open."""
    kept: dict[int, _core.Rows] = reader.prefixes
    rows = kept.get(dims)
    if rows is None:
        reader.check_chunks()
        dtype, base = reader.dtype, reader.entry.base
        bodies = [chunk.body[:, : array_width(dtype, dims)] for chunk in reader.chunks]
        norms = np.concatenate([search_norms(decode(body, dtype, dims)) for body in bodies])
        made = _core.Rows(bodies, norms=norms, order=reader.seqs, order_base=base, dims=dims, dtype=dtype)
        rows = keep(kept, dims, made, meta.index_dims)
    return rows


def keep(kept: dict[int, _T], dims: int, made: _T, always: int | None = None) -> _T:
    """Put in what was made for a length, unless another thread was quicker; returns what is there."""
    there = kept.setdefault(dims, made)
    for oldest in [one for one in list(kept) if one != always][:-KEPT]:
        kept.pop(oldest, None)
    return there
