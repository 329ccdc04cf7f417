"""How a space's vectors are stored: the array that holds each dtype, and the way there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Dtype

_ARRAYS = {"float32": "<f4", "float16": "<f2", "bfloat16": "<u2", "int8": "|i1", "bit": "|u1"}


def array_dtype(dtype: Dtype) -> np.dtype[Any]:
    """The type of the array that holds such vectors: bfloat16 as uint16, bits packed into uint8."""
    return np.dtype(_ARRAYS[dtype])


def array_width(dtype: Dtype, dims: int) -> int:
    """The array's elements of one vector."""
    return -(-dims // 8) if dtype == "bit" else dims


def row_bytes(dtype: Dtype, dims: int) -> int:
    """The bytes of one vector.

    Examples
    --------
    >>> [row_bytes(dtype, 384) for dtype in ("float32", "bfloat16", "int8", "bit")]
    [1536, 768, 384, 48]
    """
    return array_width(dtype, dims) * array_dtype(dtype).itemsize


def attributes(dtype: Dtype, dims: int) -> dict[str, Any]:
    """What the array says of itself where its own type does not say it all."""
    if dtype == "bfloat16":
        return {"kinspace": {"dtype": dtype}}
    if dtype == "bit":
        return {"kinspace": {"dtype": dtype, "dims": dims, "bit_order": "little"}}
    return {}


def encode(vectors: NDArray[np.float32], dtype: Dtype) -> NDArray[Any]:
    """The array that holds these vectors (n, dims): each value as it is, or rounded to the nearest, ties to even.

    What fits nowhere near becomes infinity, or another int8 or bit: decode() shows it.

    Examples
    --------
    >>> encode(np.array([[1, 0, 0, 1, 0, 0, 0, 0, 1]], np.float32), "bit")
    array([[9, 1]], dtype=uint8)
    """
    if dtype == "float32":
        return vectors
    if dtype == "bfloat16":
        bits = vectors.view(np.uint32)
        rounded: NDArray[Any] = ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        return rounded
    if dtype == "bit":
        return np.packbits(vectors != 0, axis=1, bitorder="little")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return vectors.astype(array_dtype(dtype))


def decode(stored: NDArray[Any], dtype: Dtype, dims: int) -> NDArray[np.float32]:
    """The vectors, or one of them, that an array holds, exactly; always a copy."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if dtype == "bit":
        stored = np.unpackbits(stored, axis=-1, count=dims, bitorder="little")
    vectors: NDArray[np.float32] = stored.astype(np.float32)
    return vectors
