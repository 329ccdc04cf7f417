"""A space as the source of a select."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...embed.embedder import query_vector
from ...errors import InvalidInput, KeyNotFound
from ...explain import UNTRACED, Trace
from ...length import Length
from ...query.facets import count_values
from ...query.nearest import Nearest
from ...query.source import Search
from ...storage.keys import parse_key
from ..columns.counting import count, facet_counts
from ..columns.masks import full_schema, masks_of, matching
from ..parts.effort import Effort, parse_effort
from ..parts.fit import space_query
from ..parts.meta import Meta
from ..parts.traced import view_of
from ..state.slow import filter_text, watched
from ..state.trained import warn_if_untrained
from .examples import examples_of
from .rerank import check_answerable
from .searches import RankedSearch, SpaceSearch

if TYPE_CHECKING:
    from ...filter import Predicate
    from ..state.store import Store


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

    @contextmanager
    def open(self, trace: Trace = UNTRACED) -> Iterator[SpaceRows]:
        """The rows of the newest view."""
        with watched(self._store, "select", trace) as told:
            told.note(space=self._store.name)
            yield SpaceRows(self._store, self._embedder, told)


class SpaceRows:
    """The rows of one view. A handle is a row's position."""

    def __init__(self, store: Store, embedder: Any, trace: Trace) -> None:
        self._name = store.name
        self._embedder = embedder
        self._trace = trace
        self._view = view_of(store, trace)

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
        if where is None:
            return every
        with self._trace.stage("filter") as stage:
            _tell(stage, where)
            found = every[np.isin(every, matching(self._view, where, stage))]
            stage.note(allowed=len(found))
        return found

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
        masks = None
        if where is not None:
            with self._trace.stage("filter") as stage:
                _tell(stage, where)
                masks = masks_of(view, where, stage)
        effort = _effort(asked)
        if asked.examples is not None or asked.ranking is not None:
            given = query
            if asked.examples is not None:
                given = examples_of(view, asked.examples, asked.ranking, length, self._name)
            return RankedSearch(view, given, effort, length, asked.ranking, masks, left_out, self._trace)
        return SpaceSearch(view, query, effort, length, masks, left_out, self._trace)

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Those rows, in that order."""
        with self._trace.stage("fetch", rows=len(handles), columns=len(columns)):
            return self._taken(handles, columns)

    def _taken(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        frame = self._view.take(handles, [name for name in columns if name not in ("key", "vector")])
        if "vector" in columns:
            vectors = pl.Series("vector", self._view.vectors(handles), dtype=pl.Array(pl.Float32, self._view.meta.dims))
            frame = frame.with_columns(vectors)
        return pl.DataFrame([frame.get_column(name) for name in columns])

    def count(self, where: Predicate | None) -> int:
        """The live rows that match."""
        with self._trace.stage("count") as stage:
            if where is not None:
                _tell(stage, where)
            return count(self._view, where)

    def facets(self, column: str, where: Predicate | None, limit: int | None) -> tuple[pl.Series, NDArray[np.int64]]:
        """The values of a column among the live rows that match."""
        if column in self._view.schema:
            with self._trace.stage("facets", column=column) as stage:
                if where is not None:
                    _tell(stage, where)
                return facet_counts(self._view, column, where, limit)
        return count_values(self.take(self.matching(where), [column]).get_column(column), limit)


def _tell(stage: Trace, where: Predicate) -> None:
    if stage.wanted:
        stage.note(where=filter_text(where.expr))


def _effort(asked: Nearest) -> Effort:
    return parse_effort(asked.exact, asked.ef_search, asked.recall)


def _length(meta: Meta, asked: Nearest) -> Length:
    length = asked.length(meta.dims)
    if asked.key is not None:  # which is whole
        check_answerable(meta, length, meta.dims)
    return length
