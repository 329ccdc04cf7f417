"""Shorter embeddings from Matryoshka models: the first dims components, made unit length again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_column, is_column
from .arrays.vector import FLOAT32, FLOAT64, check_length, finite, numbers
from .errors import InvalidInput
from .types import parse_dims


def resize(x: Any, dims: int, layer_norm: bool = False) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return the first dims components of a vector, or of each row of a column, scaled to length 1.

    Parameters
    ----------
    x : array_like, shape (m,) or (n, m)
        A vector, or a column as for ``knn``, from a model trained for it. It is not changed.
    dims : int
        In 1…m.
    layer_norm : bool
        Also normalise each whole vector to mean 0 and variance 1 first, as models like nomic-embed-text-v1.5 want it.

    Returns
    -------
    float32 (float64 if x is a float64 array), shape (dims,) or (n, dims)
        A new array, of unit vectors; a vector whose first dims components are all 0 stays zeros.

    Raises
    ------
    InvalidInput
        If dims is more than x has, or something is not a finite number; a row is named.
    Corrupt, Unavailable
        If a zarr array cannot be read.

    Notes
    -----
    The recipe is Nomic's: ``layer_norm`` (eps 1e-5, no weights), cut, normalise. The last step undoes every scale, so
    of layer_norm only the subtraction of the mean is left to do, and eps has no effect.

    Examples
    --------
    >>> resize([3, 4, 12], 2)
    array([0.6, 0.8], dtype=float32)
    >>> resize([[0, 0, 9]], 2)
    array([[0., 0.]], dtype=float32)
    """
    kept = parse_dims(dims)
    if not isinstance(layer_norm, (bool, np.bool_)):
        raise InvalidInput(f"layer_norm must be True or False; got {layer_norm!r}")
    if not is_column(x):
        found = numbers(x, "the vector")
        check_length(found, None, "the vector")
        given = not isinstance(x, (list, tuple)) and found.dtype.kind == "f" and found.dtype.itemsize >= 8
        dtype = FLOAT64 if given else FLOAT32
        _check_dims(kept, len(found))
        one: NDArray[Any] = _resized(finite(found, dtype, "the vector")[None], kept, layer_norm, dtype)[0]
        return one
    column = as_column(x)
    if column.n:
        _check_dims(kept, column.dims)
    out = np.empty((column.n, kept), column.dtype)
    for first, rows in column.blocks(dtype=column.dtype):
        good = np.isfinite(rows).all(axis=1)
        if not good.all():
            raise column.refuse(first + int(np.argmin(good)))
        out[first : first + len(rows)] = _resized(rows, kept, layer_norm, column.dtype)
    return out


def _check_dims(dims: int, there: int) -> None:
    if dims > there:
        raise InvalidInput(f"dims must be at most {there}, the length of what is given; got {dims}")


def _resized(rows: NDArray[Any], dims: int, layer_norm: bool, dtype: np.dtype[Any]) -> NDArray[Any]:
    """In double, each row first divided by its largest component: squares of 1e300 and of 1e-300 have room then."""
    wide = rows.astype(np.float64)
    if layer_norm:
        _divide(wide, np.abs(wide).max(axis=1, keepdims=True))
        mean = wide.mean(axis=1, keepdims=True)
        wide -= mean
        wide[np.abs(wide).max(axis=1) <= 4 * np.finfo(np.float64).eps] = 0.0  # constant, but for the mean's rounding
    cut = wide[:, :dims]
    _divide(cut, np.abs(cut).max(axis=1, keepdims=True))
    _divide(cut, np.sqrt(np.einsum("ij,ij->i", cut, cut))[:, None])
    return cut.astype(dtype)


def _divide(rows: NDArray[np.float64], by: NDArray[np.float64]) -> None:
    """Divide in place; rows of zeros stay as they are."""
    np.divide(rows, by, out=rows, where=by > 0)
