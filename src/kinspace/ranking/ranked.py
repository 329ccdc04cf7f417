"""The k first of a ranking: candidates by distance, in the order of boosted distances, as diverse as asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .asked import FEWEST, Ranking
from .boost import Boost
from .diversity import diversified
from .searched import Found, Searched

_GROWTH = 4  # times as many candidates, when they proved too few


def ranked(
    rows: Searched, queries: NDArray[np.float32], k: int, ranking: Ranking, boost: Boost | None, *, exact: bool
) -> list[Found]:
    """Return for each of the queries (m, dims) the ids of its k hits, in order, their distances, and what is proven.

    Candidates are the ``ranking.wanted(k)`` nearest rows. With a boost they are ordered by distance − boost, ties by
    order, and with `exact` they are the first so many of all rows in that order. With diversity the k are chosen of
    them by maximal marginal relevance, where distance − boost takes the distance's place. Distances are those to the
    query. Proven: that the candidates are the nearest; with a boost, that no row would come before the last of them.
    """
    wanted = min(ranking.wanted(k), rows.most)
    if boost is not None and exact:
        firsts = [
            _first_of_all(rows, query, wanted if ranking.diversity else min(k, wanted), boost) for query in queries
        ]
    else:
        # one more tells whether there are rows that are no candidates
        found, distances, proven = rows.nearest(queries, wanted + 1)
        complete = proven and (boost is None or found.shape[1] <= wanted)
        firsts = [
            _boosted(rows, ids[:wanted], far[:wanted], boost, complete)
            for ids, far in zip(found, distances, strict=True)
        ]
    return [_chosen(rows, k, ranking.diversity, *first) for first in firsts]


_Candidates = tuple[
    NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], bool
]  # ids, distances, ranked by, proven


def _boosted(
    rows: Searched, ids: NDArray[np.int64], distances: NDArray[np.float64], boost: Boost | None, proven: bool
) -> _Candidates:
    if boost is None:
        return ids, distances, distances, proven
    values = distances - rows.boosts(boost, ids)
    rank = np.lexsort((rows.order(ids), values))
    return ids[rank], distances[rank], values[rank], proven


def _first_of_all(rows: Searched, query: NDArray[np.float32], wanted: int, boost: Boost) -> _Candidates:
    """The first rows by distance − boost, of all there are.

    The threshold algorithm (Fagin, Lotem and Naor, 2001): of the nearest rows and those with the largest boosts, what
    comes before every row that is neither is certain.
    """
    every = rows.every()
    boosts = rows.boosts(boost)
    size = max(wanted, FEWEST)
    while size < len(every):
        near, distances, proven = rows.nearest(query, size)
        if not proven:  # there may be nearer ones than those
            break
        large = np.argpartition(-boosts, size)[:size]
        others = np.setdiff1d(every[large], near)
        ids = np.concatenate([near, others])
        far = np.concatenate([distances, rows.distances(query, others)])
        values = far - boosts[np.searchsorted(every, ids)]
        rank = np.lexsort((rows.order(ids), values))[:wanted]
        # no other row has less than this, because a rounded difference grows with what is subtracted from
        if not wanted or distances[-1] - boosts[large].min() > values[rank[-1]]:
            return ids[rank], far[rank], values[rank], True
        size *= _GROWTH
    far = rows.distances(query, every)
    rank = np.lexsort((rows.order(every), far - boosts))[:wanted]
    return every[rank], far[rank], (far - boosts)[rank], True


def _chosen(
    rows: Searched,
    k: int,
    diversity: float,
    ids: NDArray[np.int64],
    distances: NDArray[np.float64],
    values: NDArray[np.float64],
    proven: bool,
) -> Found:
    if not (diversity and len(ids)):
        return ids[:k], distances[:k], proven
    chosen = diversified(values, k, diversity, rows.between(ids))
    return ids[chosen], distances[chosen], proven
