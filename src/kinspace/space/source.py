"""A space as the source of a select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..embed.embedder import query_vector
from ..errors import InvalidInput, KeyNotFound
from ..length import Length
from ..query.facets import count_values
from ..query.nearest import Nearest
from ..query.source import Search
from ..storage.keys import parse_key
from .counting import count, facet_counts
from .effort import Effort, parse_effort
from .examples import examples_of
from .fit import space_query
from .masks import full_schema, masks_of, matching
from .meta import Meta
from .rerank import check_answerable
from .searches import RankedSearch, SpaceSearch
from .trained import warn_if_untrained

if TYPE_CHECKING:
    from ..filter import Predicate
    from .store import Store


class SpaceSource:
    """Where a select on a space gets its rows."""

    fixed = None  # columns come with the rows that have them

    def __init__(self, store: Store, embedder: Any) -> None:
        self._store = store
        self._embedder = embedder

    def checked(self, asked: Nearest) -> Nearest:
        """Check the query against what the space is: that never changes."""
        meta = self._store.meta
        if asked.index is not None:
            raise InvalidInput("an index is of a frame's rows; leave it out here: .nearest(query)")
        if asked.column not in (None, "vector"):
            raise InvalidInput(f"a space has one column of vectors, 'vector'; got {asked.column!r}: leave it out")
        if asked.metric not in (None, meta.metric):
            raise InvalidInput(f"this space's metric is {meta.metric!r}; got {asked.metric!r}")
        _effort(asked)
        length = _length(meta, asked)
        warn_if_untrained(self._store, length.dims, stacklevel=3)  # who calls Select.nearest
        if asked.key is not None:
            return replace(asked, key=parse_key(asked.key, meta.key_type)[0])
        if asked.vector is not None:
            return replace(asked, vector=space_query(meta, asked.vector, length).copy())
        if asked.text is not None and self._embedder is None:
            raise InvalidInput(
                "nearest(text=) needs an embedder; give one to create_space(embedder=…) or get_space(embedder=…)"
            )
        return asked

    def open(self) -> SpaceRows:
        """The rows of the newest view."""
        return SpaceRows(self._store, self._embedder)


class SpaceRows:
    """The rows of one view. A handle is a row's position."""

    def __init__(self, store: Store, embedder: Any) -> None:
        self._name = store.name
        self._embedder = embedder
        self._view = store.view()

    @cached_property
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

    def seqs(self, handles: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The rows' seqs."""
        return self._view.seqs(handles)

    def search(self, asked: Nearest, where: Predicate | None) -> Search:
        """A search of the space by its own metric."""
        view = self._view
        length = _length(view.meta, asked)
        query, left_out = asked.vector, -1
        if asked.key is not None:
            left_out = view.find(*parse_key(asked.key, view.meta.key_type))
            if left_out < 0:
                raise KeyNotFound(f"no row of space {self._name!r} has the key {asked.key!r}")
            query = view.vector(left_out)
        elif asked.text is not None:
            query = space_query(view.meta, query_vector(self._embedder, asked.text), length)
        masks = None if where is None else masks_of(view, where)
        effort = _effort(asked)
        if asked.examples is not None or asked.ranking is not None:
            given = query
            if asked.examples is not None:
                given = examples_of(view, asked.examples, asked.ranking, length, self._name)
            return RankedSearch(view, given, effort, length, asked.ranking, masks, left_out)
        return SpaceSearch(view, query, effort, length, masks, left_out)

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Those rows, in that order."""
        frame = self._view.take(handles, [name for name in columns if name not in ("key", "vector")])
        if "vector" in columns:
            vectors = pl.Series("vector", self._view.vectors(handles), dtype=pl.Array(pl.Float32, self._view.meta.dims))
            frame = frame.with_columns(vectors)
        return pl.DataFrame([frame.get_column(name) for name in columns])

    def count(self, where: Predicate | None) -> int:
        """The live rows that match."""
        return count(self._view, where)

    def facets(self, column: str, where: Predicate | None, limit: int | None) -> tuple[pl.Series, NDArray[np.int64]]:
        """The values of a column among the live rows that match."""
        if column in self._view.schema:
            return facet_counts(self._view, column, where, limit)
        return count_values(self.take(self.matching(where), [column]).get_column(column), limit)


def _effort(asked: Nearest) -> Effort:
    return parse_effort(asked.exact, asked.ef_search, asked.recall)


def _length(meta: Meta, asked: Nearest) -> Length:
    length = asked.length(meta.dims)
    if asked.key is not None:  # which is whole
        check_answerable(meta, length, meta.dims)
    return length
