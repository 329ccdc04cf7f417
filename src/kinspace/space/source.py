"""A space as the source of a select."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..length import parse_length
from .effort import parse_effort
from .examples import examples_of
from .fit import space_query
from .masks import full_schema, masks_of, matching
from .ranked import search
from .rerank import nearest
from .trained import warn_if_untrained

if TYPE_CHECKING:
    from ..filter import Predicate
    from .store import Store


class SpaceSource:
    """Where a select on a space gets its rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self) -> SpaceRows:
        """The rows of the newest view."""
        return SpaceRows(self._store)


class SpaceRows:
    """The rows of one view. A handle is a row's position."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._view = store.view()

    @property
    def schema(self) -> pl.Schema:
        """The key, the columns, and the vector."""
        return full_schema(self._view)

    @property
    def columns(self) -> Sequence[str]:
        """The key and the columns: the vectors only when they are named."""
        return ["key", *self._view.schema]

    def matching(self, where: Predicate | None) -> NDArray[np.int64]:
        """Positions of the matching rows, in insertion order."""
        order = list(self._view.in_order())
        every = np.concatenate(order) if order else np.empty(0, np.int64)
        return every if where is None else every[np.isin(every, matching(self._view, where))]

    def nearest(
        self,
        column: str | None,
        query: Any,
        k: int,
        metric: str | None,
        where: Predicate | None,
        effort: Mapping[str, Any],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Search the space by its own metric."""
        if column not in (None, "vector"):
            raise InvalidInput(f"a space has one column of vectors, 'vector'; got {column!r}: leave it out")
        if metric not in (None, self._view.meta.metric):
            raise InvalidInput(f"this space's metric is {self._view.meta.metric!r}; got {metric!r}")
        asked = parse_effort(effort.get("exact", False), effort.get("ef_search"), effort.get("recall"))
        masks = None if where is None else masks_of(self._view, where)
        length = parse_length(self._view.meta.dims, effort["dims"], effort["rerank"], effort["expand"])
        warn_if_untrained(self._store, length.dims, stacklevel=3)  # who collects
        examples, ranking = effort["examples"], effort["ranking"]
        if examples is not None:
            given = examples_of(self._view, examples, ranking, length, self._store.name)
            return search(self._view, given, k, asked, length, ranking, masks=masks)[0][:2]
        vector = space_query(self._view.meta, query, length)
        if ranking is not None:
            return search(self._view, vector, k, asked, length, ranking, masks=masks)[0][:2]
        positions, distances, _ = nearest(self._view, vector, k, asked, length, masks=masks)
        return positions, distances

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Those rows, in that order."""
        frame = self._view.take(handles, [name for name in columns if name not in ("key", "vector")])
        if "vector" in columns:
            vectors = pl.Series("vector", self._view.vectors(handles), dtype=pl.Array(pl.Float32, self._view.meta.dims))
            frame = frame.with_columns(vectors)
        return pl.DataFrame([frame.get_column(name) for name in columns])
