"""Rows of an array as a mask, and a mask as the core's bitmap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.foreign import is_of
from ..errors import InvalidInput


def mask_or_rows(where: Any, n: int, what: str = "where") -> NDArray[np.bool_] | None:
    """Return which of n rows are allowed, or None for all of them.

    Parameters
    ----------
    where : array_like, shape (n,) of bool or (m,) of int, or None
        A mask, in which a null is not true; or row ids in 0…n − 1, in any order, repeated or not. Nothing at all
        (``[]``) allows no row.
    n : int
        How many rows there are.
    what : str
        What to call it in an error's text.

    Returns
    -------
    bool, shape (n,), or None

    Raises
    ------
    InvalidInput
        If a mask is not of length n, a row id is out of range, or it is neither bools nor whole numbers.

    Examples
    --------
    >>> mask_or_rows([2, 0, 2], 4)
    array([ True, False,  True, False])
    """
    if where is None:
        return None
    found = _listed(where, what)
    if found.ndim != 1:
        raise InvalidInput(f"{what} must be 1-d: a mask of {n} bools, or row ids; got shape {found.shape}")
    if found.dtype == np.bool_:
        if len(found) != n:
            raise InvalidInput(f"{what} is a mask of {len(found)} bools for {n} rows; give one for each row")
        return found
    if found.size and found.dtype.kind not in "iu":
        raise InvalidInput(f"{what} must be a mask of {n} bools, or row ids (whole numbers); got {found.dtype}")
    out = np.zeros(n, np.bool_)
    if found.size:
        for row in (found.min(), found.max()):
            if not 0 <= int(row) < n:
                raise InvalidInput(f"row id {row} in {what} is out of range; there are {n} rows, 0…{n - 1}")
        out[found] = True
    return out


def pack_bits(mask: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return a mask as words: bit i % 64 of word i // 64 is row i, and the last word is padded with zeros.

    Examples
    --------
    >>> pack_bits(np.array([True, False, True]))
    array([5], dtype=uint64)
    """
    words = np.zeros(-(-len(mask) // 64), "<u8")
    packed = np.packbits(mask, bitorder="little")
    words.view(np.uint8)[: len(packed)] = packed
    return words.astype(np.uint64, copy=False)


def _listed(where: Any, what: str) -> NDArray[Any]:
    if isinstance(where, np.ndarray):
        return where
    if isinstance(where, range):
        return np.arange(where.start, where.stop, where.step)
    if isinstance(where, (list, tuple, set, frozenset)):
        return _of_one_kind(list(where), what)
    if is_of(where, "torch", "Tensor"):
        where = where.detach().cpu()
    elif hasattr(where, "__arrow_c_stream__") or hasattr(where, "__arrow_c_array__"):
        return _series(where, what)
    if hasattr(where, "__array__") and not isinstance(where, np.generic):
        return np.asarray(where)
    raise InvalidInput(f"{what} must be a mask of bools or row ids; got {type(where).__name__}")


def _of_one_kind(values: list[Any], what: str) -> NDArray[Any]:
    bools = sum(isinstance(value, (bool, np.bool_)) for value in values)
    if bools == len(values) and values:
        return np.array(values, np.bool_)
    if bools or not all(hasattr(value, "__index__") for value in values):
        raise InvalidInput(f"{what} must be a list of bools only (a mask) or of whole numbers only (row ids)")
    try:
        return np.array(values, np.int64)
    except OverflowError:
        raise InvalidInput(f"a row id in {what} is out of range: it does not fit in 64 bits") from None


def _series(where: Any, what: str) -> NDArray[Any]:
    import polars as pl

    if isinstance(where, pl.DataFrame):
        raise InvalidInput(f"{what} is a DataFrame; give one of its columns")
    try:
        series = pl.Series(where)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InvalidInput(f"{what}, a {type(where).__name__}, is no Arrow array that can be read: {error}") from error
    if series.dtype == pl.Boolean:
        return series.fill_null(False).to_numpy()
    if series.null_count():
        raise InvalidInput(f"{what} holds a null among its row ids")
    if not series.dtype.is_integer() and len(series):
        raise InvalidInput(f"{what} must be a mask of bools, or row ids (whole numbers); got {series.dtype}")
    return series.to_numpy()
