"""A search of a column by the first components of its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Column, Cut
from ..knn import search
from ..length import parse_length, parse_query


def shortened(
    rows: Column, query: Any, k: int, metric: str, allowed: NDArray[np.bool_] | None, effort: Mapping[str, Any]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compare the first components; what that finds is compared whole if it is only to give candidates."""
    length = parse_length(rows.dims, effort["dims"], effort["rerank"], effort["expand"])
    vector = parse_query(query, length)
    short, cut = vector[: length.dims], Cut(rows, length.dims)
    if not length.reranks(len(vector)):
        return search(cut, short, k, metric, allowed)
    candidates = search(cut, short, length.candidates(k), metric, allowed)[0]
    return search(rows, vector, k, metric, candidates)
