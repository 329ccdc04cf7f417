"""What a ranking asks of the rows it ranks: the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..types import Metric
from .boost import Boost

Found = tuple[NDArray[np.int64], NDArray[np.float64], bool]  # ids, distances, and whether these are proven exact
Between = Callable[[int], NDArray[np.float64]]


class Searched(Protocol):
    """The rows that one search may return: those the filter allows, without what was asked with.

    An id is an int64 that names a row; larger ids are not always later rows. Distances are those of the components
    that the search compares, or of all of them where it ranks by all.
    """

    @property
    def most(self) -> int:
        """How many rows there are at most."""

    def nearest(self, queries: NDArray[np.float32], k: int) -> Found:
        """Return the min(k, rows) nearest to one query (dims,), ids (k,), or to each of many (m, dims), ids (m, k)."""

    def distances(self, query: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distance of each of these rows, the same bits as ``nearest``."""

    def between(self, ids: NDArray[np.int64]) -> Between:
        """Return what tells how far each of these rows is from the one in a place among them."""

    def order(self, ids: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.uint64]:
        """Return what settles ties between these rows, each another number."""

    def every(self) -> NDArray[np.int64]:
        """Return the ids of all rows, ascending."""

    def boosts(self, boost: Boost, ids: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return the boost of each of these rows, or of ``every``."""


def between_vectors(vectors: NDArray[np.float32], metric: Metric) -> Between:
    """Return what tells how far each of these vectors (m, dims) is from one of them, to the same bits."""
    scan = _core.Scan([_core.Rows([vectors])], metric=metric)
    places = np.arange(len(vectors))
    return lambda place: scan.distances(vectors[place], places)
