"""The yardstick: exact neighbours by a scan in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def neighbours(rows: NDArray[np.float32], query: NDArray[np.float32], k: int, metric: str) -> NDArray[np.int64]:
    """Return the k nearest rows in double precision, ties by row."""
    distance = np.empty(len(rows))
    q = query.astype(np.float64)
    for start in range(0, len(rows), 8192):
        block = rows[start : start + 8192].astype(np.float64)
        if metric == "l2":
            distance[start : start + 8192] = np.sqrt(((block - q) ** 2).sum(axis=1))
        elif metric == "ip":
            distance[start : start + 8192] = -(block @ q)
        else:
            distance[start : start + 8192] = 1 - (block @ q) / np.sqrt((block**2).sum(axis=1) * (q @ q))
    return np.argsort(distance, kind="stable")[:k].astype(np.int64)
