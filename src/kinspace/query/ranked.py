"""Searches of a frame that are ranked otherwise than by the distance to one query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .. import _core
from ..arrays import Column, Cut, as_column, as_vector
from ..errors import InvalidInput
from ..knn import search
from ..length import Length, parse_length, parse_query
from ..ranking import Examples, Ranking, average, averages, best, ranked
from ..ranking.boost import Boost, compile_boost
from ..ranking.searched import Between, Found, between_vectors
from ..types import Metric, parse_metric
from .shortened import shortened


@dataclass(frozen=True)
class FrameSearched:
    """The rows of a frame that one search may return; ids are row numbers."""

    frame: pl.DataFrame
    column: str
    rows: Column
    metric: Metric
    allowed: NDArray[np.bool_] | None
    effort: Mapping[str, Any]
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
            reranks = self.effort["dims"] is not None and self.dims == self.rows.dims
            if reranks:
                return (*shortened(self.rows, queries, k, self.metric, self.allowed, self.effort), False)
            return (*search(self._compared, queries[: self.dims], k, self.metric, self.allowed), True)
        found = [self.nearest(query, k) for query in queries]
        ids, distances, proven = zip(*found, strict=True)
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


def ranked_rows(
    frame: pl.DataFrame,
    rows: Column,
    column: str,
    query: Any,
    k: int,
    metric: str,
    allowed: NDArray[np.bool_] | None,
    effort: Mapping[str, Any],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Row numbers and distances, in the order that examples, diversity and boost ask for."""
    examples: Examples | None = effort["examples"]
    ranking: Ranking | None = effort["ranking"]
    length = parse_length(rows.dims or _longest(query, examples), effort["dims"], effort["rerank"], effort["expand"])
    if examples is None:
        queries = parse_query(query, length)[None]
        negative = queries[:0]
    else:
        queries, negative = _vectors(examples, length)
    dims = length.full if length.reranks(queries.shape[1]) else length.dims
    searched = FrameSearched(frame, column, rows, parse_metric(metric), allowed, effort, dims)
    boost = None if ranking is None or ranking.boost is None else compile_boost(ranking.boost, frame.schema)
    averaged = examples is not None and averages(examples, metric, ranking)
    if not rows.n:
        return np.empty(0, np.int64), np.empty(0)
    if examples is not None and not averaged:
        return best(searched, queries, negative, k)[:2]
    if examples is not None:
        queries = average(queries, negative, metric)[None]
    if ranking is None:
        return searched.nearest(queries[0], k)[:2]
    return ranked(searched, queries, k, ranking, boost, exact=bool(effort["exact"]))[0][:2]


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
