"""Searches of a space that are ranked otherwise than by the distance to one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...explain import UNTRACED, Trace
from ...length import Length
from ...ranking import Ranking, best, ranked
from ...ranking.boost import Boost, compile_boost
from ...ranking.searched import Between, Found, between_vectors
from ...types import BIT_METRICS, parse_metric
from ..columns.masks import full_schema
from ..parts.bits import Words, unpack
from ..parts.effort import Effort
from ..state.view import Answer, View
from .examples import Asked, without
from .rerank import check_answerable, nearest


@dataclass(frozen=True)
class SpaceSearched:
    """The rows of a view that one search may return; ids are positions."""

    view: View
    effort: Effort
    length: Length
    components: int  # of what is asked with
    masks: Sequence[Words | None] | None
    exclude: int = -1
    threads: int = 0
    trace: Trace = UNTRACED
    visited: list[Any] = field(default_factory=list)  # rows that what was asked is compared with: int, or of each query

    @property
    def most(self) -> int:
        """How many rows there are, live or not."""
        return self.view.starts[-1]

    @cached_property
    def _dims(self) -> int:
        """How many components the distances are of."""
        return self.length.full if self.length.reranks(self.components) else self.length.dims

    def nearest(self, queries: NDArray[np.float32], k: int) -> Found:
        """As nearest_neighbors has them."""
        found = nearest(
            self.view,
            queries,
            k,
            self.effort,
            self.length,
            masks=self.masks,
            exclude=self.exclude,
            threads=self.threads,
            trace=self.trace,
        )
        self.visited.append(found.visited)
        return found.positions, found.distances, found.exact

    def distances(self, query: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """In double, of the components that are ranked by."""
        dims = None if self._dims == self.length.full else self._dims
        self.visited.append(len(ids))
        return self.view.distances(query[: self._dims], ids, dims)

    def between(self, ids: NDArray[np.int64]) -> Between:
        """Their vectors' distances, cut to these components."""
        vectors, metric = self.view.vectors(ids), self.view.meta.metric
        if metric in BIT_METRICS:
            return lambda place: self.view.distances(vectors[place], ids)
        return between_vectors(np.ascontiguousarray(vectors[:, : self._dims]), parse_metric(metric))

    def order(self, ids: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Their seqs."""
        return self.view.seqs(ids)

    @cached_property
    def _allowed(self) -> list[NDArray[np.int64]]:
        """For each part the rows that may be returned."""
        found = []
        for number, part in enumerate(self.view.parts):
            words = None if self.masks is None else self.masks[number]
            rows = part.live_rows()
            if words is not None:
                rows = rows[unpack(words, part.rows)[rows]]
            found.append(rows[rows + self.view.starts[number] != self.exclude])
        return found

    def every(self) -> NDArray[np.int64]:
        """All that may be returned."""
        return np.concatenate([rows + start for rows, start in zip(self._allowed, self.view.starts, strict=False)])

    def boosts(self, boost: Boost, ids: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Out of the columns of these rows."""
        names = [name for name in boost.columns if name != "key"]
        if ids is not None:
            return boost.of(self.view.take(ids, names))
        found = []
        for part, rows in zip(self.view.parts, self._allowed, strict=True):
            if len(rows):
                frame = part.frame(self.view.schema, names)
                found.append(boost.of(frame if len(rows) == part.rows else frame[rows]))
        return np.concatenate(found) if found else np.empty(0)


def boost_of(view: View, ranking: Ranking) -> Boost | None:
    """The boost, checked against the key and the columns there are."""
    if ranking.boost is None:
        return None
    return compile_boost(ranking.boost, {name: kind for name, kind in full_schema(view).items() if name != "vector"})


def search(
    view: View,
    queries: NDArray[np.float32] | Asked,
    k: int,
    effort: Effort,
    length: Length,
    ranking: Ranking | None,
    *,
    masks: Sequence[Words | None] | None = None,
    exclude: int = -1,
    threads: int = 0,
    trace: Trace = UNTRACED,
) -> list[Answer]:
    """What is found for one query, for what examples ask for, or for each of many; every comparison is a visit."""
    with trace.stage("ranking") as stage:
        if isinstance(queries, Asked):
            asked = queries
            if len(asked.keys) == 1:
                exclude = int(asked.keys[0])
            elif len(asked.keys):
                masks = without(view, masks, asked.keys)
            components = asked.positive.shape[1]
            check_answerable(view.meta, length, components)
            rows = SpaceSearched(view, effort, length, components, masks, exclude, threads, stage)
            if not asked.averaged:
                return [_answer(rows, best(rows, asked.positive, asked.negative, k))]
            queries = asked.query(view.meta.metric)
        if ranking is None:
            rows = SpaceSearched(view, effort, length, queries.shape[-1], masks, exclude, threads, stage)
            return [_answer(rows, rows.nearest(queries, k))]
        check_answerable(view.meta, length, queries.shape[-1])
        boost = boost_of(view, ranking)
        many = np.atleast_2d(queries)
        if boost is not None and effort.exact:  # which looks at all rows, query by query
            answers = []
            for query in many:
                rows = SpaceSearched(view, effort, length, len(query), masks, exclude, threads, stage)
                [found] = ranked(rows, query[None], k, ranking, boost, exact=True)
                answers.append(_answer(rows, found))
            return answers
        rows = SpaceSearched(view, effort, length, many.shape[1], masks, exclude, threads, stage)
        ordered = ranked(rows, many, k, ranking, boost, exact=effort.exact)
        return [Answer(*found, int(seen)) for found, seen in zip(ordered, sum(rows.visited), strict=True)]


def _answer(rows: SpaceSearched, found: Found) -> Answer:
    return Answer(*found, sum(int(np.sum(seen)) for seen in rows.visited))
