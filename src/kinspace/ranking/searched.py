"""What a ranking asks of the rows it ranks: the protocol."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .boost import Boost

Found = tuple[NDArray[np.int64], NDArray[np.float64], bool]  # ids, distances, and whether these are proven exact


class Searched(Protocol):
    """The rows that one search may return: those the filter allows, without what was asked with.

    An id is an int64 that names a row; larger ids are not always later rows. Distances are those of the components
    that the search compares, or of all of them where it ranks by all.
    """

    @property
    def metric(self) -> str:
        """The metric."""

    @property
    def most(self) -> int:
        """How many rows there are at most."""

    def nearest(self, queries: NDArray[np.float32], k: int) -> Found:
        """Return the min(k, rows) nearest to one query (dims,), ids (k,), or to each of many (m, dims), ids (m, k)."""

    def distances(self, query: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distance of each of these rows, the same bits as ``nearest``."""

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return their vectors, as queries: of the components that ``distances`` compares."""

    def order(self, ids: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.uint64]:
        """Return what settles ties between these rows, each another number."""

    def every(self) -> NDArray[np.int64]:
        """Return the ids of all rows, ascending."""

    def boosts(self, boost: Boost, ids: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return the boost of each of these rows, or of ``every``."""
