"""Distances and norms of vectors, and of whole columns: in double precision, whatever the numbers come as."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arrays import Column, as_column, as_vector, is_column
from .errors import InvalidInput

_Plain = Literal["cosine", "l2", "dot"]


def cos_dist(a: Any, b: Any) -> float | NDArray[np.float64]:
    """Return 1 − cos of the angle between two vectors, or between a vector and each row of a column.

    Parameters
    ----------
    a, b : array_like, shape (dims,), one of them also (n, dims)
        Vectors, or one column of them, as for ``knn``. Numbers of any type; they are taken as float32.

    Returns
    -------
    float, or float64 of shape (n,)
        In [0, 2]; exactly 0.0 for a vector and itself, 1.0 if either is all zeros.

    Raises
    ------
    InvalidInput
        If both are columns, the dims differ, or something is not a finite number; a row is named.
    Corrupt, Unavailable
        If a zarr array cannot be read.

    Examples
    --------
    >>> cos_dist([1, 0], [0, 2])
    1.0
    >>> cos_dist([[1, 0], [-3, 0]], [2, 0])
    array([0., 2.])
    """
    return _measure("cosine", a, b)


def l2_dist(a: Any, b: Any) -> float | NDArray[np.float64]:
    """Return the Euclidean distance (not squared) of two vectors, or of a vector and each row of a column.

    Parameters
    ----------
    a, b : array_like, shape (dims,), one of them also (n, dims)
        Vectors, or one column of them, as for ``knn``. Numbers of any type; they are taken as float32.

    Returns
    -------
    float, or float64 of shape (n,)
        At least 0.

    Raises
    ------
    InvalidInput
        If both are columns, the dims differ, or something is not a finite number; a row is named.
    Corrupt, Unavailable
        If a zarr array cannot be read.

    Examples
    --------
    >>> l2_dist([0, 0], [3, 4])
    5.0
    """
    return _measure("l2", a, b)


def inner_prod(a: Any, b: Any) -> float | NDArray[np.float64]:
    """Return the inner (dot) product of two vectors, or of a vector and each row of a column.

    Larger is nearer here; results ranked by the metric "ip" carry its negative as their distance.

    Parameters
    ----------
    a, b : array_like, shape (dims,), one of them also (n, dims)
        Vectors, or one column of them, as for ``knn``. Numbers of any type; they are taken as float32.

    Returns
    -------
    float, or float64 of shape (n,)
        Any finite number.

    Raises
    ------
    InvalidInput
        If both are columns, the dims differ, or something is not a finite number; a row is named.
    Corrupt, Unavailable
        If a zarr array cannot be read.

    Examples
    --------
    >>> inner_prod([[1, 2], [3, 4]], [10, 1])
    array([12., 34.])
    """
    return _measure("dot", a, b)


def norm(x: Any) -> float | NDArray[np.float64]:
    """Return the Euclidean length of a vector, or of each row of a column.

    Parameters
    ----------
    x : array_like, shape (dims,) or (n, dims)
        A vector, or a column as for ``knn``. Numbers of any type; they are taken as float32.

    Returns
    -------
    float, or float64 of shape (n,)
        At least 0; right for components of 1e38 and of 1e-45 too, whose squares float32 has no room for.

    Raises
    ------
    InvalidInput
        If something is not a finite number; a row is named.
    Corrupt, Unavailable
        If a zarr array cannot be read.

    Examples
    --------
    >>> norm([3, 4])
    5.0
    """
    if not is_column(x):
        return _core.norm(as_vector(x))
    column = as_column(x)
    out = np.empty(column.n)
    for first, rows in column.blocks():
        part = _core.norms(rows)
        _check(column, first, rows, part)
        out[first : first + len(rows)] = part
    return out


def _measure(metric: _Plain, a: Any, b: Any) -> float | NDArray[np.float64]:
    many = is_column(a), is_column(b)
    if all(many):
        raise InvalidInput("both arguments are columns; give one vector, or take the rows of one of them in turn")
    if not any(many):
        left = as_vector(a, what="the first vector")
        right = as_vector(b, what="the second vector")
        if len(left) != len(right):
            raise InvalidInput(f"the vectors have {len(left)} and {len(right)} dims; they must be equal")
        return _core.pair(metric, left, right)
    column, vector = (as_column(a), as_vector(b)) if many[0] else (as_column(b), as_vector(a))
    column.check_dims(len(vector), "the vector")
    out = np.empty(column.n)
    for first, rows in column.blocks():
        part = _core.column(metric, rows, vector)
        _check(column, first, rows, part)
        out[first : first + len(rows)] = part
    return out


def _check(column: Column, first: int, rows: NDArray[np.float32], results: NDArray[np.float64]) -> None:
    """Raise InvalidInput naming the first row that is not finite.

    Finite rows have finite results; others never do, except that the cosine with a zero query may be 1.0.
    """
    if not np.isfinite(results).all() or (results == 1.0).any():
        bad = _core.first_nonfinite(rows)
        if bad >= 0:
            raise column.refuse(first + bad)
