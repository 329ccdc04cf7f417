"""One query out of what is liked and what is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput


def average(positive: NDArray[np.float32], negative: NDArray[np.float32], metric: str) -> NDArray[np.float32]:
    """Return the mean of what is liked, moved away from the mean of what is not: 2 · mean(p) − mean(n).

    Parameters
    ----------
    positive : float32, shape (p, dims)
        At least one. One alone, with nothing negative, is returned as it is.
    negative : float32, shape (n, dims)
    metric : str
        Under "cosine" each vector counts with its direction alone, and the answer has length 1 (or 0).

    Returns
    -------
    float32, shape (dims,)
        Rounded from double.

    Raises
    ------
    InvalidInput
        If it overflows float32.

    Examples
    --------
    >>> one, two = np.eye(2, dtype=np.float32)
    >>> average(np.array([one]), np.array([two]), "l2")
    array([ 2., -1.], dtype=float32)
    """
    if len(positive) == 1 and not len(negative):
        alone: NDArray[np.float32] = positive[0]
        return alone
    query = _mean(positive, metric)
    if len(negative):
        query = 2 * query - _mean(negative, metric)
    if metric == "cosine":
        query = _directions(query[None])[0]
    with np.errstate(over="ignore"):
        rounded = query.astype(np.float32)
    if not np.isfinite(rounded).all():
        raise InvalidInput("2 · mean(positive) − mean(negative) is beyond float32's ±3.4e38; scale the vectors down")
    return rounded


def _mean(vectors: NDArray[np.float32], metric: str) -> NDArray[np.float64]:
    rows = vectors.astype(np.float64)
    mean: NDArray[np.float64] = (_directions(rows) if metric == "cosine" else rows).mean(axis=0)
    return mean


def _directions(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows with length 1; zeros stay."""
    lengths = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    directions: NDArray[np.float64] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return directions
