"""The first components of stored vectors as rows of their own, where they lie: nothing of the vectors is copied."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from .. import _core
from ..storage.reader import SegmentReader
from ..storage.segment import search_norms
from .meta import Meta
from .part import Part

KEPT = 8  # lengths that a segment keeps norms for, and a view its scan; the oldest goes first
_T = TypeVar("_T")


def prefix_rows(part: Part, meta: Meta, dims: int) -> _core.Rows:
    """The first `dims` components of a part's vectors as the core sees them; each chunk has been checked."""
    if not isinstance(part.source, SegmentReader):
        return part.source.core_rows(part.rows, dims)
    source = part.source
    kept: dict[int, _core.Rows] = source.prefixes
    rows = kept.get(dims)
    if rows is None:
        source.check_chunks()
        bodies = [chunk.body[:, :dims] for chunk in source.chunks]
        norms = np.concatenate([search_norms(body) for body in bodies])
        rows = keep(kept, dims, _core.Rows(bodies, norms=norms, order=source.seqs, order_base=source.entry.base))
    return rows


def keep(kept: dict[int, _T], dims: int, made: _T) -> _T:
    """Put in what was made for a length, unless another thread was quicker; returns what is there."""
    there = kept.setdefault(dims, made)
    for oldest in list(kept)[:-KEPT]:
        kept.pop(oldest, None)
    return there
