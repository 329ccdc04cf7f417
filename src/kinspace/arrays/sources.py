"""Which kind of column a caller's object is, and the kinds that lie in memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InvalidInput
from .column import Column, Names, lies_well
from .foreign import is_of
from .vector import FLOAT32, check_length, from_torch, is_number, numbers, torch_tensor, unmasked


class Memory(Column):
    """A 2-d array in memory, or memory-mapped, of any numeric type, byte order and strides."""

    def __init__(self, names: Names, rows: NDArray[Any]) -> None:
        if rows.ndim != 2:
            hint = ": one vector is not a column" if rows.ndim == 1 else ""
            raise InvalidInput(f"{names.column} must be 2-d, shape (n, dims); got shape {rows.shape}{hint}")
        if rows.dtype.kind not in "iuf":
            raise InvalidInput(f"{names.column} must hold real numbers; got dtype {rows.dtype}")
        super().__init__(names, rows.shape[0], rows.shape[1], rows.dtype)
        self._rows = rows

    def whole(self) -> list[NDArray[np.float32]] | None:
        """Return the array itself if it is float32 and its rows are contiguous."""
        return [self._rows] if lies_well(self._rows) else None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a view."""
        return self._rows[start:stop]


class Torch(Column):
    """A 2-d tensor NumPy cannot look into: on another device, or of a type that NumPy lacks."""

    def __init__(self, names: Names, tensor: Any) -> None:
        super().__init__(names, tensor.shape[0], tensor.shape[1], FLOAT32)
        self._tensor = tensor

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a copy on the CPU, of a type that NumPy has."""
        return from_torch(self._tensor[start:stop])


def as_column(
    x: Any, what: str = "the column", *, dims: int | None = None, keys: Sequence[Any] | None = None
) -> Column:
    """Return x as a Column, after looking at types, shapes and nulls but (lists apart) at no number.

    Parameters
    ----------
    x : array_like, shape (n, dims)
        A 2-d NumPy array or memmap, torch tensor or zarr.Array; a Polars or Arrow column of lists or fixed-size
        lists; or a sequence of vectors.
    what : str
        What to call x in an error's text.
    dims : int, optional
        The length every vector must have.
    keys : sequence, optional
        What to call the rows in an error's text, instead of by number.

    Returns
    -------
    Column
        It refers to x, or holds what it made of a sequence.

    Raises
    ------
    InvalidInput
        If x is not a column of numbers, has other dims, or a row is null or ragged; the message names the row.

    Examples
    --------
    >>> column = as_column(np.arange(6).reshape(3, 2))
    >>> column.n, column.dims, next(column.blocks()).rows.dtype
    (3, 2, dtype('float32'))
    """
    names = Names(what, keys)
    column = _kind(x, names, dims)
    if dims is not None and column.n and column.dims != dims:
        raise InvalidInput(f"{names.row(0)} must have {dims} dims; got {column.dims}")
    return column


def as_matrix(
    x: Any, dims: int | None, keys: Sequence[Any] | None = None, what: str = "the vectors"
) -> NDArray[np.float32]:
    """Return a whole column as finite float32 rows in one piece.

    Parameters
    ----------
    x : array_like, shape (n, dims)
        As for ``as_column``.
    dims : int, optional
        The length every vector must have; by default any, the same for all.
    keys : sequence, optional
        What to call the rows in an error's text, instead of by number.
    what : str
        What to call x in an error's text.

    Returns
    -------
    float32, shape (n, dims)
        C-contiguous. It may be the caller's own memory: never write to it.

    Raises
    ------
    InvalidInput
        As ``as_column``, and if a row holds NaN, infinity or a value that overflows float32.
    Corrupt, Unavailable
        If a zarr array cannot be read.
    """
    column = as_column(x, what, dims=dims, keys=keys)
    lying = column.whole()
    if column.n and lying is not None and len(lying) == 1 and lying[0].flags.c_contiguous:
        rows = lying[0]
    else:
        rows = np.empty((column.n, column.dims if dims is None else dims), np.float32)
        for block in column.blocks():
            rows[block.first : block.first + len(block.rows)] = block.rows
    if column.n and (bad := _core.first_nonfinite(rows)) >= 0:
        raise column.refuse(bad)
    return rows


def is_column(x: Any) -> bool:
    """Whether x is meant as many vectors, rather than as one; neither is checked."""
    if isinstance(x, (list, tuple)):
        return len(x) > 0 and hasattr(x[0], "__len__") and not isinstance(x[0], (str, bytes))
    ndim = getattr(x, "ndim", None)
    if isinstance(ndim, int):
        return ndim > 1
    if _arrow(x):
        from .polars_rows import is_nested

        return is_nested(x)
    return False


def _kind(x: Any, names: Names, dims: int | None) -> Column:
    if isinstance(x, np.ndarray):
        return Memory(names, unmasked(x, names.column))
    if torch_tensor(x):
        return _torch(x.detach(), names)
    if is_of(x, "zarr", "Array"):
        from .zarr_rows import ZarrRows

        return ZarrRows(names, x)
    if isinstance(x, (list, tuple)):
        return Memory(names, _stacked(x, names, dims))
    if _arrow(x):
        from .polars_rows import SeriesRows, as_series

        return SeriesRows(names, as_series(x, names.column))
    if hasattr(x, "__array__") and not isinstance(x, np.generic):
        return Memory(names, np.asarray(x))
    raise InvalidInput(
        f"{names.column} must be a 2-d array (NumPy, torch, zarr), a Polars or Arrow column of lists, "
        f"or a list of vectors; got {type(x).__name__}"
    )


def _arrow(x: Any) -> bool:
    return (
        is_of(x, "polars", "Series", "LazyFrame") or hasattr(x, "__arrow_c_stream__") or hasattr(x, "__arrow_c_array__")
    )


def _torch(tensor: Any, names: Names) -> Column:
    if tensor.ndim != 2 or tensor.device.type == "cpu":
        head = from_torch(tensor[:0])
        shared = tensor.ndim != 2 or head.dtype != FLOAT32 or tensor.dtype is sys.modules["torch"].float32
        if shared:
            return Memory(names, from_torch(tensor))
    return Torch(names, tensor)


def _stacked(x: Sequence[Any], names: Names, dims: int | None) -> NDArray[np.float32]:
    if not x:
        return np.empty((0, dims or 0), np.float32)
    length = len(numbers(x[0], names.row(0))) if dims is None else dims
    out = np.empty((len(x), length), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for i, row in enumerate(x):
            if is_number(type(row)):
                raise InvalidInput(f"{names.row(i)} is a number, {row!r}; {names.column} is a list of vectors")
            found = numbers(row, names.row(i))
            check_length(found, length, names.row(i))
            out[i] = found
    return out
