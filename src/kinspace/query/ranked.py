"""Searches of a frame that are ranked otherwise than by the distance to one query."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .. import _core
from ..arrays import Column, Cut, as_column, as_vector
from ..errors import InvalidInput
from ..length import Length, parse_query
from ..ranking import Examples, average, averages, best, ranked
from ..ranking.boost import Boost, compile_boost
from ..ranking.searched import Between, Found, between_vectors
from ..types import Metric, parse_metric
from .nearest import Nearest
from .shortened import shortened


@dataclass(frozen=True)
class FrameSearched:
    """The rows of a frame that one search may return; ids are row numbers."""

    frame: pl.DataFrame
    column: str
    rows: Column
    metric: Metric
    allowed: NDArray[np.bool_] | None
    length: Length
    dims: int  # how many components the distances are of

    @property
    def most(self) -> int:
        """The frame's rows."""
        return self.frame.height

    @cached_property
    def _compared(self) -> Column:
        return self.rows if self.dims == self.rows.dims else Cut(self.rows, self.dims)

    def nearest(self, queries: NDArray[np.float32], k: int) -> Found:
        """As a select without a ranking has them; after a rerank nothing is proven."""
        if queries.ndim == 1:
            query = queries if self.dims == self.rows.dims else queries[: self.dims]
            found = shortened(self.rows, query, self.length, k, self.metric, self.allowed)
            return (*found, not self.length.reranks(len(query)))
        each = [self.nearest(query, k) for query in queries]
        ids, distances, proven = zip(*each, strict=True)
        return np.stack(ids), np.stack(distances), all(proven)

    def _block(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        if len(ids) == self._compared.n and bool((ids[1:] > ids[:-1]).all()):
            return self._compared.finite(0, self._compared.n)
        rows = as_column(self.frame[self.column].gather(ids), f"column {self.column!r}")
        return (rows if self.dims == rows.dims else Cut(rows, self.dims)).finite(0, rows.n)

    def distances(self, query: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """In double, of the components that are ranked by."""
        if not len(ids):
            return np.empty(0)
        scan = _core.Scan([_core.Rows([self._block(ids)])], metric=self.metric)
        return scan.distances(np.ascontiguousarray(query[: self.dims]), np.arange(len(ids)))

    def between(self, ids: NDArray[np.int64]) -> Between:
        """Their vectors' distances, cut to these components."""
        return between_vectors(np.ascontiguousarray(self._block(ids)), self.metric)

    def order(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Their row numbers."""
        return ids

    def every(self) -> NDArray[np.int64]:
        """All that the filter allows."""
        return np.arange(self.most) if self.allowed is None else np.flatnonzero(self.allowed)

    def boosts(self, boost: Boost, ids: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Out of the columns of these rows."""
        read = self.frame.select(boost.columns or self.frame.columns[:1])
        return boost.of(read[self.every() if ids is None else ids])


class Ranked:
    """A search of a frame in the order that examples, diversity and boost ask for."""

    def __init__(
        self,
        frame: pl.DataFrame,
        rows: Column,
        asked: Nearest,
        query: NDArray[np.float32] | None,
        allowed: NDArray[np.bool_] | None,
        left_out: NDArray[np.int64],
    ) -> None:
        examples, ranking, metric = asked.examples, asked.ranking, parse_metric(asked.metric or "cosine")
        self._exact = asked.exact
        self._ranking = ranking
        self._boost = None if ranking is None or ranking.boost is None else compile_boost(ranking.boost, frame.schema)
        length = asked.length(rows.dims or _longest(query, examples))
        averaged = examples is None or averages(examples, metric, ranking)
        if examples is None:
            assert query is not None  # one of the two is given
            positive = parse_query(query, length)[None]
            negative = positive[:0]
        else:
            positive, negative = _vectors(examples, length)
            if averaged:
                positive, negative = average(positive, negative, metric)[None], negative[:0]
        self._positive, self._negative, self._averaged = positive, negative, averaged
        self.query = positive[0] if averaged else np.concatenate([positive, negative])
        self.left_out = left_out
        self.by_candidates = not averaged or ranking is not None or length.reranks(positive.shape[1])
        dims = length.full if length.reranks(self.query.shape[-1]) else length.dims
        assert asked.column is not None  # checked
        self._rows = FrameSearched(frame, asked.column, rows, metric, allowed, length, dims)

    def nearest(self, k: int, *, exact: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rank them."""
        if not self._rows.most:
            return np.empty(0, np.int64), np.empty(0)
        if not self._averaged:
            return best(self._rows, self._positive, self._negative, k)[:2]
        if self._ranking is None:
            return self._rows.nearest(self._positive[0], k)[:2]
        return ranked(self._rows, self._positive, k, self._ranking, self._boost, exact=exact or self._exact)[0][:2]


def _longest(query: Any, examples: Examples | None) -> int:
    """What stands for the length of a frame's vectors if there is none."""
    given = [query] if examples is None else [*examples.positive, *examples.negative]
    return max(len(as_vector(one, what="the query")) for one in given)


def _vectors(examples: Examples, length: Length) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The examples, all of the length of the shortest."""
    for one in [*examples.positive, *examples.negative]:
        if isinstance(one, (str, bytes, int, np.integer)):
            raise InvalidInput(f"a frame has no keys; give vectors as examples; got {one!r:.80}")
    both = [parse_query(one, length) for one in (*examples.positive, *examples.negative)]
    components = min(map(len, both))
    cut = np.stack([one[:components] for one in both])
    return cut[: len(examples.positive)], cut[len(examples.positive) :]
