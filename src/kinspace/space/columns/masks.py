"""Filters as row bitmaps: one a part, kept for as long as the segment lives."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...explain import UNTRACED, Trace
from ...storage.reader import SegmentReader
from ..parts.bits import Words, are_set, unpack
from ..parts.part import Part
from ..state.slow import filter_text
from ..state.view import View

if TYPE_CHECKING:
    import polars as pl

    from ...filter import Predicate
    from ...filter.tree import Node

_K = TypeVar("_K")
_V = TypeVar("_V")

_MANY = 4  # if one row in so many has to be looked at, all are
KEPT = 64  # bitmaps that a segment, and filters that a view keeps; the oldest goes first


def predicate_of(view: View, where: Any, params: Any = None) -> Predicate:
    """The compiled filter; InvalidInput says what is wrong with it and lists the columns there are."""
    from ...filter import compile_predicate

    return compile_predicate(where, full_schema(view), params)


def full_schema(view: View) -> pl.Schema:
    """The key, the columns and the vector, with their types."""
    if view.filtered is None:
        import polars as pl

        key = pl.Int64() if view.meta.key_type == "int" else pl.String()
        view.filtered = pl.Schema({"key": key, **view.schema, "vector": pl.Array(pl.Float32, view.meta.dims)})
    return view.filtered


def masks_where(view: View, where: Any, params: Any = None, trace: Trace = UNTRACED) -> list[Words] | None:
    """For each part the rows that match a filter as the caller gave it, None if there is none.

    Of text and expressions they are kept as long as the view, unless they may mean something else by then:
    ``"until > now()"``.
    """
    if where is None:
        if params is not None:
            raise InvalidInput("params are for a filter; give where= too")
        return None
    with trace.stage("filter") as stage:
        if stage.wanted:
            stage.note(where=filter_text(where))
        return _masks_where(view, where, params, stage)


def _masks_where(view: View, where: Any, params: Any, stage: Trace) -> list[Words]:
    asked: Hashable = where
    if type(where) is not str or params is not None:
        from ...filter import Expression, params_key

        if isinstance(where, Expression) and params is None:
            asked = where.form
        elif type(where) is str:
            asked = (where, params_key(params))
        else:
            return masks_of(view, predicate_of(view, where, params), stage)
    found = view.masks.get(asked)
    if found is not None:
        stage.note(parts_cached=len(found))
        return found
    predicate = predicate_of(view, where, params)
    found = masks_of(view, predicate, stage)
    if predicate.lasting:
        keep(view.masks, asked, found)
    return found


def masks_of(view: View, predicate: Predicate, stage: Trace = UNTRACED) -> list[Words]:
    """For each part the rows that match, dead ones too."""
    return [_mask(view, number, predicate, stage) for number in range(len(view.parts))]


def _mask(view: View, number: int, predicate: Predicate, stage: Trace) -> Words:
    part = view.parts[number]
    if part.rows == 0:
        return np.empty(0, np.uint64)
    names = [name for name in predicate.columns if name not in ("key", "vector")]
    if not isinstance(part.source, SegmentReader):
        return _evaluated(view, part, predicate, names, stage)[0]
    kept = part.source.masks
    name = (predicate.key, *(str(view.schema[column]) for column in names))
    words = kept.get(name)
    if words is not None:
        stage.count("parts_cached")
    else:
        if predicate.tree is None or "vector" in predicate.columns:
            words, whole = _evaluated(view, part, predicate, names, stage)
        else:
            words, whole = _foreseen(view, part, predicate, predicate.tree, names, stage)
        if whole:
            keep(kept, name, words)
    return words


def _foreseen(
    view: View, part: Part, predicate: Predicate, tree: Node, names: list[str], stage: Trace
) -> tuple[Words, bool]:
    """The rows of a segment that match, of which only those are looked at that nothing else tells of."""
    from .foreseen import foresee
    from .index import pack_rows
    from .zones import ZONE_ROWS

    reader = part.source
    assert isinstance(reader, SegmentReader)
    told = foresee(reader, view.schema, view.state.indexed, tree)
    sure, doubtful = told.sure, told.open
    if not doubtful.any():
        stage.count("parts_foreseen")
        return sure, True
    blocks = np.bitwise_or.reduceat(doubtful, np.arange(0, len(doubtful), ZONE_ROWS // 64)) != 0
    low, high = np.flatnonzero(blocks)[[0, -1]] * ZONE_ROWS
    near = (int(low), min(int(high) + ZONE_ROWS, part.rows))
    if min(int(np.bitwise_count(doubtful).sum()), near[1] - near[0]) * _MANY > part.rows:
        return _evaluated(view, part, predicate, names, stage)
    stage.count("parts_narrowed")
    rows = np.flatnonzero(unpack(doubtful, part.rows))
    frame = part.near(rows, near, view.schema, predicate.columns)
    found, whole = _matches(part, predicate, frame, rows)
    return sure | pack_rows(rows[found], part.rows), whole


def keep(kept: dict[_K, _V], name: _K, made: _V, most: int = KEPT) -> None:
    """Put in what was made, whatever other threads put in meanwhile; the oldest go."""
    for oldest in list(kept)[: 1 - most]:
        kept.pop(oldest, None)
    kept[name] = made


def _evaluated(view: View, part: Part, predicate: Predicate, names: list[str], stage: Trace) -> tuple[Words, bool]:
    """The rows that match, each of which is looked at, and whether that is so of the dead ones too."""
    from ...filter import pack_bits

    stage.count("parts_evaluated")
    frame = part.frame(view.schema, names, keys="key" in predicate.columns or not names)
    if "vector" in predicate.columns:
        import polars as pl

        vectors = part.core_rows.gather(np.arange(part.rows, dtype=np.int64))
        frame = frame.with_columns(pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, view.meta.dims)))
    found, whole = _matches(part, predicate, frame)
    return pack_bits(found), whole


def _matches(
    part: Part, predicate: Predicate, frame: pl.DataFrame, rows: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.bool_], bool]:
    """Which of those rows, or of all, match, given what they hold; only live ones if dead ones make the filter fail."""
    try:
        return predicate.evaluate(frame), True
    except InvalidInput:
        if part.live is None:
            raise
        live = unpack(part.live, part.rows) if rows is None else are_set(part.live, rows)
        found = np.zeros(len(live), np.bool_)
        found[live] = predicate.evaluate(frame.filter(live))
        return found, False


def matching(view: View, predicate: Predicate, stage: Trace = UNTRACED) -> NDArray[np.int64]:
    """Positions of the live rows that match."""
    found = []
    for start, part, words in zip(view.starts, view.parts, masks_of(view, predicate, stage), strict=False):
        bits = unpack(words, part.rows)
        if part.live is not None:
            bits = bits & unpack(part.live, part.rows)
        found.append(np.flatnonzero(bits) + start)
    return np.concatenate(found)
