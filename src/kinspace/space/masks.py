"""Filters as row bitmaps: one a part, kept for as long as the segment lives."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..storage.reader import SegmentReader
from .bits import Words, unpack
from .part import Part
from .view import View

if TYPE_CHECKING:
    import polars as pl

    from ..filter import Predicate

_K = TypeVar("_K")
_V = TypeVar("_V")

KEPT = 64  # bitmaps that a segment, and filters that a view keeps; the oldest goes first


def predicate_of(view: View, where: Any, params: Any = None) -> Predicate:
    """The compiled filter; InvalidInput says what is wrong with it and lists the columns there are."""
    from ..filter import compile_predicate

    return compile_predicate(where, full_schema(view), params)


def full_schema(view: View) -> pl.Schema:
    """The key, the columns and the vector, with their types."""
    import polars as pl

    key = pl.Int64() if view.meta.key_type == "int" else pl.String()
    return pl.Schema({"key": key, **view.schema, "vector": pl.Array(pl.Float32, view.meta.dims)})


def masks_where(view: View, where: Any, params: Any = None) -> list[Words] | None:
    """For each part the rows that match a filter as the caller gave it, None if there is none.

    Of text they are kept as long as the view, unless it may mean something else by then: ``"until > now()"``.
    """
    if type(where) is not str:
        if where is None and params is None:
            return None
        if where is None:
            raise InvalidInput("params are for a filter; give where= too")
        return masks_of(view, predicate_of(view, where, params))
    asked: Hashable = where
    if params is not None:
        from ..filter import params_key

        asked = (where, params_key(params))
    found = view.masks.get(asked)
    if found is None:
        predicate = predicate_of(view, where, params)
        found = masks_of(view, predicate)
        if predicate.lasting:
            _keep(view.masks, asked, found)
    return found


def masks_of(view: View, predicate: Predicate) -> list[Words]:
    """For each part the rows that match, dead ones too."""
    return [_mask(view, number, predicate) for number in range(len(view.parts))]


def _mask(view: View, number: int, predicate: Predicate) -> Words:
    from ..filter import pack_bits

    part = view.parts[number]
    if part.rows == 0:
        return np.empty(0, np.uint64)
    names = [name for name in predicate.columns if name not in ("key", "vector")]
    kept: dict[Any, Words] | None = None
    name = (predicate.key, *(str(view.schema[column]) for column in names))
    if isinstance(part.source, SegmentReader):
        kept = part.source.masks
        if name in kept:
            return kept[name]
    found, whole = _evaluate(view, part, predicate, names)
    words = pack_bits(found)
    if kept is not None and whole:
        _keep(kept, name, words)
    return words


def _keep(kept: dict[_K, _V], name: _K, made: _V) -> None:
    """Put in what was made, whatever other threads put in meanwhile."""
    for oldest in list(kept)[: 1 - KEPT]:
        kept.pop(oldest, None)
    kept[name] = made


def _evaluate(view: View, part: Part, predicate: Predicate, names: list[str]) -> tuple[NDArray[np.bool_], bool]:
    """Whether each row matches, and whether dead ones were looked at: they can't make the filter fail."""
    frame = part.frame(view.schema, names)
    if "vector" in predicate.columns:
        import polars as pl

        vectors = part.core_rows.gather(np.arange(part.rows, dtype=np.int64))
        frame = frame.with_columns(pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, view.meta.dims)))
    try:
        return predicate.evaluate(frame), True
    except InvalidInput:
        if part.live is None:
            raise
        live = part.live_rows()
        found = np.zeros(part.rows, np.bool_)
        found[live] = predicate.evaluate(frame[live])
        return found, False


def matching(view: View, predicate: Predicate) -> NDArray[np.int64]:
    """Positions of the live rows that match."""
    found = []
    for start, part, words in zip(view.starts, view.parts, masks_of(view, predicate), strict=False):
        bits = unpack(words, part.rows)
        if part.live is not None:
            bits = bits & unpack(part.live, part.rows)
        found.append(np.flatnonzero(bits) + start)
    return np.concatenate(found)
