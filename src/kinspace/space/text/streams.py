"""What an index finds of a question, best first, as much of it as is asked for."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...text.counted import Counted
from ...text.fulltext import TextIndex
from ..parts.part import Part


class Place(NamedTuple):
    """An index, the part it is of, by its number, where that begins, and which of the index's rows are live."""

    number: int
    start: int
    part: Part
    words: TextIndex
    live: NDArray[np.bool_] | None  # all of them


class Stream:
    """What an index finds, as much of it as is asked for."""

    def __init__(self, place: Place, query: Any, allowed: NDArray[np.bool_] | None, slack: float, share: float) -> None:
        self.reach = math.inf  # no row that was not fetched has a higher score
        self._place = place
        self._query = query  # None for every row that is allowed
        self._allowed = allowed
        self._slack = slack
        self._share = share  # of the index's rows that are allowed

    def fetch(self, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions of rows that are allowed, some `limit` of them, and scores that theirs are not above."""
        index = self._place.words
        first = self._place.start + index.first
        if self._query is None:
            assert self._allowed is not None
            self.reach = -math.inf
            few = np.flatnonzero(self._allowed)
            return few + first, np.full(len(few), math.inf)
        wanted = math.ceil(limit / self._share)
        rows, scores = index.best(self._query, wanted)
        bounds = scores * self._slack
        self.reach = float(bounds[-1]) if len(rows) == wanted < index.sizes.filled else -math.inf
        if self._allowed is not None:
            bounds, rows = bounds[self._allowed[rows]], rows[self._allowed[rows]]
        return rows + first, bounds


class Ranked:
    """The rows whose terms were counted, as many as are asked for."""

    def __init__(self, place: Place, counted: Counted, bounds: NDArray[np.float64]) -> None:
        self.reach = math.inf  # no row that was not fetched has a higher score
        order = np.argsort(-bounds, kind="stable")[: np.count_nonzero(bounds)]
        self._positions = counted.rows[order] + (place.start + place.words.first)
        self._bounds = bounds[order]

    def fetch(self, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions of the best, at most so many, and scores that theirs are not above."""
        self.reach = float(self._bounds[limit]) if limit < len(self._bounds) else -math.inf
        return self._positions[:limit], self._bounds[:limit]
