"""A search of a column by the first components of its vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Column, Cut
from ..knn import search
from ..length import Length


def shortened(
    rows: Column, query: NDArray[np.float32], length: Length, k: int, metric: str, allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compare the first components; what that finds is compared whole if it is only to give candidates."""
    if length.dims == length.full:
        return search(rows, query, k, metric, allowed)
    short, cut = query[: length.dims], Cut(rows, length.dims)
    if not length.reranks(len(query)):
        return search(cut, short, k, metric, allowed)
    candidates = search(cut, short, length.candidates(k), metric, allowed)[0]
    return search(rows, query, k, metric, candidates)
