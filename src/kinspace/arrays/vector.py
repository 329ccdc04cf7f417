"""One vector from anything that holds one, checked, as float32."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InvalidInput
from .foreign import is_of

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
BEYOND = "beyond float32's ±3.4e38"


def as_query(x: Any, dims: int, what: str = "the query") -> NDArray[np.float32]:
    """Return x as a finite float32 vector of that many dims; about 1 µs if it is one already.

    Parameters
    ----------
    x : array_like, shape (dims,)
        A NumPy array, torch tensor, Polars or Arrow array, 1-d zarr array, or a sequence, of numbers.
    dims : int
        The length it must have.
    what : str
        What to call x in an error's text.

    Returns
    -------
    float32, shape (dims,)
        C-contiguous. It may be x itself: never write to it.

    Raises
    ------
    InvalidInput
        If x is not a vector of numbers, has other dims, or holds NaN, infinity or a value that overflows float32.

    Examples
    --------
    >>> as_query([3, 4], 2)
    array([3., 4.], dtype=float32)
    """
    if type(x) is np.ndarray and x.dtype == FLOAT32 and x.ndim == 1 and x.shape[0] == dims:
        flags = x.flags
        if flags.c_contiguous and flags.aligned:
            length = _core.norm(x)  # in double: infinite or NaN only if a component is
            if length - length == 0.0:
                return x
    return as_vector(x, dims, what)


def as_vector(x: Any, dims: int | None = None, what: str = "the vector") -> NDArray[np.float32]:
    """Return x as a finite, contiguous float32 vector; as ``as_query``, with any length if dims is None.

    ``what`` is the word for x in an error's text.

    Examples
    --------
    >>> as_vector([1.0, float("nan")], what="the query")
    Traceback (most recent call last):
    ...
    kinspace.errors.InvalidInput: component 1 of the query is nan; vectors hold finite numbers
    """
    found = numbers(x, what)
    check_length(found, dims, what)
    return finite(found, FLOAT32, what)


def numbers(x: Any, what: str) -> NDArray[Any]:
    """Return x as a 1-d array of numbers of whatever type it has, neither checked for NaN nor converted."""
    if isinstance(x, (list, tuple)):
        found = _listed(x, what)
    else:
        found = _array(x, what)
    if found.dtype.kind not in "iuf":
        raise InvalidInput(f"{what} must hold real numbers; got dtype {found.dtype}")
    if found.ndim != 1:
        raise InvalidInput(f"{what} must be 1-d, shape (dims,); got shape {found.shape}")
    return found


def check_length(found: NDArray[Any], dims: int | None, what: str) -> None:
    """Raise InvalidInput unless there are that many components, or at least one if dims is None."""
    if dims is not None and len(found) != dims:
        raise InvalidInput(f"{what} must have {dims} dims; got {len(found)}")
    if len(found) == 0:
        raise InvalidInput(f"{what} is empty; a vector has at least 1 component")


def finite(found: NDArray[Any], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Return the numbers as that float type, contiguous and aligned; NaN, infinity and overflow are InvalidInput."""
    with np.errstate(over="ignore"):
        out = np.require(found, dtype, ["C", "A"])
    good = np.isfinite(out)
    if not good.all():
        at = int(np.argmin(good))
        reason = f"{BEYOND}" if np.isfinite(found[at]) else "vectors hold finite numbers"
        joint = ", " if np.isfinite(found[at]) else "; "
        raise InvalidInput(f"component {at} of {what} is {found[at]}{joint}{reason}")
    return out


def torch_tensor(x: Any) -> bool:
    """Whether x is a torch tensor; torch is never imported for it."""
    return is_of(x, "torch", "Tensor")


def from_torch(tensor: Any) -> NDArray[Any]:
    """Return a detached tensor's numbers on the CPU; types NumPy lacks (bfloat16, float8) become float32."""
    tensor = tensor.cpu()
    try:
        found: NDArray[Any] = tensor.numpy()
    except TypeError:
        found = tensor.float().numpy()
    return found


def unmasked(x: NDArray[Any], what: str) -> NDArray[Any]:
    """Return x as a plain array; a masked array with something masked is InvalidInput, naming the first."""
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        at = np.argwhere(np.ma.getmaskarray(x))[0].tolist()
        raise InvalidInput(f"{what} is masked at {at}; a missing number is not a vector's component")
    return np.asarray(x)


def is_number(kind: type) -> bool:
    """Whether values of that type are real numbers; bool is not."""
    return issubclass(kind, (int, float, np.integer, np.floating)) and kind is not bool


def _listed(x: list[Any] | tuple[Any, ...], what: str) -> NDArray[Any]:
    for kind in dict.fromkeys(map(type, x)):
        if not is_number(kind):
            at = next(i for i, value in enumerate(x) if type(value) is kind)
            raise InvalidInput(f"component {at} of {what} is {x[at]!r:.80} ({kind.__name__}); expected a number")
    try:
        return np.array(x, dtype=np.float64)
    except OverflowError:
        at = next(i for i, value in enumerate(x) if abs(value) > sys.float_info.max)
        raise InvalidInput(f"component {at} of {what} is {BEYOND}") from None


def _array(x: Any, what: str) -> NDArray[Any]:
    if isinstance(x, np.ndarray):
        return unmasked(x, what)
    if torch_tensor(x):
        return from_torch(x.detach())
    if is_of(x, "zarr", "Array"):
        from .zarr_rows import read

        return read(x, slice(None))
    if hasattr(x, "__arrow_c_stream__") or hasattr(x, "__arrow_c_array__"):
        from .polars_rows import series_numbers

        return series_numbers(x, what)
    if hasattr(x, "__array__") and not isinstance(x, np.generic):
        return np.asarray(x)
    raise InvalidInput(f"{what} must be a 1-d array or a list of numbers; got {type(x).__name__}")
