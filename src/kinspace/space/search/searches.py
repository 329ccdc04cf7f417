"""The searches of a view that a select makes: by distance, and in other orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...explain import Trace
from ...length import Length
from ...ranking import Ranking
from ..parts.bits import Words
from ..parts.effort import EXACT, Effort
from ..state.view import Answer, View
from .examples import Asked
from .ranked import search
from .rerank import nearest


class SpaceSearch:
    """A search of one view."""

    def __init__(
        self,
        view: View,
        query: NDArray[np.float32],
        effort: Effort,
        length: Length,
        masks: list[Words] | None,
        left_out: int,  # a position, or -1
        trace: Trace,
    ) -> None:
        self._trace = trace
        self.query = query
        self.left_out = np.array([] if left_out < 0 else [left_out], np.int64)
        self._exclude = left_out
        self._view = view
        self._effort = effort
        self._length = length
        self._masks = masks

    @property
    def by_candidates(self) -> bool:
        """Whether dims= finds candidates alone."""
        return self._length.reranks(len(self.query))

    def nearest(self, k: int, *, exact: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Search it."""
        effort = EXACT if exact else self._effort
        found = nearest(
            self._view,
            self.query,
            k,
            effort,
            self._length,
            masks=self._masks,
            exclude=self._exclude,
            trace=self._trace,
        )
        return _told(self._trace, k, found)


class RankedSearch:
    """A search of one view in the order that examples, diversity and boost ask for."""

    def __init__(
        self,
        view: View,
        given: NDArray[np.float32] | Asked,
        effort: Effort,
        length: Length,
        ranking: Ranking | None,
        masks: list[Words] | None,
        left_out: int,  # a position, or -1
        trace: Trace,
    ) -> None:
        self._trace = trace
        self._view = view
        self._given = given
        self._effort = effort
        self._length = length
        self._ranking = ranking
        self._masks = masks
        self._exclude = left_out
        self.left_out = np.array([] if left_out < 0 else [left_out], np.int64)
        self.by_candidates = ranking is not None
        if not isinstance(given, Asked):
            self.query = given
        elif given.averaged:
            self.query, self.left_out = given.query(view.meta.metric), given.keys
        else:
            self.query, self.left_out = np.concatenate([given.positive, given.negative]), given.keys
            self.by_candidates = True
        self.by_candidates = self.by_candidates or length.reranks(self.query.shape[-1])

    def nearest(self, k: int, *, exact: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rank it."""
        effort = EXACT if exact else self._effort
        [found] = search(
            self._view,
            self._given,
            k,
            effort,
            self._length,
            self._ranking,
            masks=self._masks,
            exclude=self._exclude,
            trace=self._trace,
        )
        return _told(self._trace, k, found)


def _told(trace: Trace, k: int, found: Answer) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What a search found; a select may search more than once."""
    if trace.wanted:
        trace.note(
            k=k, exact=found.exact, hits=len(found.positions), visited=trace.facts.get("visited", 0) + found.visited
        )
    return found.positions, found.distances
