"""Hits that differ: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .searched import Between


def diversified(distances: NDArray[np.float64], k: int, diversity: float, between: Between) -> NDArray[np.int64]:
    """Choose k of the candidates, one after another: near the query, and far from those chosen already.

    The first is the nearest; each next one has the least (1 − diversity) · its distance − diversity · its distance to
    the nearest of those chosen. Under cosine this is the paper's with λ = 1 − diversity, for 1 − distance is the
    similarity; under the other metrics it is the same, since both distances are the metric's own.

    Parameters
    ----------
    distances : float64, shape (m,)
        To the query, ascending, ties in the order that is to settle them.
    k : int
    diversity : float
        In [0, 1]; 0 is the order of distances, 1 regards nothing but how far the next is from those chosen.
    between : callable
        Returns the distances, float64 (m,), of every candidate to the one in a place.

    Returns
    -------
    int64, shape (min(k, m),)
        Places among the candidates, in the order they were chosen; ties by place.

    Examples
    --------
    >>> points = np.array([1.0, 1.1, 2.0])  # on a line, the query is at 0
    >>> diversified(points, 2, 0.6, lambda place: abs(points - points[place]))
    array([0, 2])
    """
    kept = min(k, len(distances))
    chosen = np.empty(kept, np.int64)
    near = (1.0 - diversity) * distances
    apart = np.full(len(distances), np.inf)  # how far the nearest of those chosen is
    for turn in range(kept):
        place = 0
        if turn:
            cost = near - diversity * apart
            cost[chosen[:turn]] = np.inf
            place = int(np.argmin(cost))
        chosen[turn] = place
        if turn + 1 < kept:
            np.minimum(apart, between(place), out=apart)
    return chosen
