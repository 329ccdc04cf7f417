"""What differs between two states of a space, or two spaces: keys added, removed, changed, and how far they moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...errors import InvalidInput
from ...storage.dtypes import encode
from ...types import Key
from ..parts.meta import Meta
from ..state.store import Store
from ..state.view import View
from .lineage import parted_at, unlike

if TYPE_CHECKING:
    import polars as pl

_ROWS = 4_096  # compared at a time


@dataclass(frozen=True, eq=False)
class Diff:
    """What one state has that another has not.

    Attributes
    ----------
    added, removed : polars.DataFrame
        `key`, in insertion order of the state that has them.
    changed : polars.DataFrame
        `key`, in the later state's insertion order; `distance` (Float64), how far the vector has moved by the space's
        metric, 0.0 if it has not, null between vectors of different dims, or where bits are compared with what is none;
        `columns` (List(String)), those that differ.
    """

    added: pl.DataFrame
    removed: pl.DataFrame
    changed: pl.DataFrame

    def __bool__(self) -> bool:
        return any(frame.height for frame in (self.added, self.removed, self.changed))

    def __repr__(self) -> str:
        return f"<Diff: {self.added.height:,} added, {self.removed.height:,} removed, {self.changed.height:,} changed>"


def diff(before: Store, after: Store) -> Diff:
    """Compare two states by key; rows that both have from a common past are not looked at."""
    import polars as pl

    if before.meta.key_type != after.meta.key_type:
        raise InvalidInput(f"keys of the one are {before.meta.key_type}, of the other {after.meta.key_type}")
    old, new = before.view(), after.view()
    old_places, new_places = unlike(old, new, parted_at(before, after) or 0)
    old_keys, new_keys = old.keys(old_places), new.keys(new_places)
    was = dict(zip(old_keys, old_places.tolist(), strict=True))
    there = set(new_keys)
    pairs = [(key, was[key], place) for key, place in zip(new_keys, new_places.tolist(), strict=True) if key in was]
    dtype = pl.String if after.meta.key_type == "str" else pl.Int64

    def keys(found: list[Key]) -> pl.DataFrame:
        return pl.DataFrame({"key": pl.Series(found, dtype=dtype)})

    frames = [_changed(old, new, pairs[start : start + _ROWS], dtype) for start in range(0, len(pairs), _ROWS)]
    empty = pl.DataFrame(schema=_shape(dtype))
    return Diff(
        keys([key for key in new_keys if key not in was]),
        keys([key for key in old_keys if key not in there]),
        pl.concat([empty, *frames]),
    )


def same(ours: View, our_places: NDArray[np.int64], theirs: View, their_places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether rows are the same, one by one: vectors to the bit, and columns."""
    moved = _moved(ours.vectors(our_places), theirs.vectors(their_places))
    differing = _differing(ours, our_places, theirs, their_places)
    for differs in differing.values():
        moved = moved | differs
    return ~moved


def _changed(old: View, new: View, pairs: list[tuple[Key, int, int]], dtype: type[pl.DataType]) -> pl.DataFrame:
    import polars as pl

    olds, news = (np.array([pair[side] for pair in pairs], np.int64) for side in (1, 2))
    before, after = old.vectors(olds), new.vectors(news)
    moved = _moved(before, after)
    differing = _differing(old, olds, new, news)
    rows = []
    for place, (key, *_) in enumerate(pairs):
        columns = [name for name, differs in differing.items() if differs[place]]
        if not moved[place] and not columns:
            continue
        distance: float | None = 0.0
        if moved[place]:
            distance = _distance(new.meta, before[place], after[place]) if old.meta.dims == new.meta.dims else None
        rows.append((key, distance, columns))
    return pl.DataFrame(rows, schema=_shape(dtype), orient="row")


def _distance(meta: Meta, before: NDArray[np.float32], after: NDArray[np.float32]) -> float | None:
    """By the space's metric; None if that is of bits and one of them is none."""
    if meta.dtype == "bit":
        if not all(np.isin(side, (0, 1)).all() for side in (before, after)):
            return None
        rows = _core.Rows([encode(after[None], "bit")], dims=meta.dims, dtype="bit")
        return float(_core.Scan([rows], metric=meta.metric).distances(before, np.zeros(1, np.int64))[0])
    if meta.metric == "ip":
        return -_core.pair("dot", before, after)
    return _core.pair(cast("Literal['cosine', 'l2']", meta.metric), before, after)


def _shape(key: Any) -> dict[str, Any]:
    """The columns of `changed`."""
    import polars as pl

    return {"key": key, "distance": pl.Float64, "columns": pl.List(pl.String)}


def _moved(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.bool_]:
    if before.shape[1] != after.shape[1]:
        return np.ones(len(before), np.bool_)
    found: NDArray[np.bool_] = (before.view(np.uint32) != after.view(np.uint32)).any(axis=1)
    return found


def _differing(old: View, olds: NDArray[np.int64], new: View, news: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """By column, which rows have another value; a column that one side has not is null there."""
    if not old.schema and not new.schema:
        return {}
    import polars as pl

    before, after = old.take(olds), new.take(news)
    found = {}
    for name in dict.fromkeys((*new.schema, *old.schema)):
        sides = [
            frame.get_column(name) if name in frame.columns else pl.Series(name, [None] * len(olds))
            for frame in (before, after)
        ]
        if sides[0].dtype.is_nested() or sides[1].dtype.is_nested():
            differs = [one != other for one, other in zip(*(side.to_list() for side in sides), strict=True)]
            found[name] = np.array(differs, np.bool_)
        else:
            found[name] = sides[0].ne_missing(sides[1]).to_numpy()
    return found
