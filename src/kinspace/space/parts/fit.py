"""Vectors and queries as a space's dtype has them: rounded where it is a float, refused where they don't fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.vector import from_torch, torch_tensor
from ...errors import InvalidInput
from ...length import Length, parse_queries, parse_query
from ...storage.dtypes import decode, encode
from ...types import Dtype
from .meta import Meta

_HOLDS = {
    "float16": "float16 holds no more than ±65,504",
    "bfloat16": "bfloat16 holds no more than ±3.39e38",
    "int8": "int8 holds whole numbers in -128…127, and nothing is scaled or rounded to one",
    "bit": "a bit is 0 or 1",
}


def fit(vectors: NDArray[np.float32], dtype: Dtype, keys: Sequence[object]) -> NDArray[np.float32]:
    """Return the vectors (n, dims) exactly as they will be stored.

    Raises
    ------
    InvalidInput
        Naming the key, the component and its value, if one does not fit.

    Examples
    --------
    >>> fit(np.array([[2049.0, 1.0]], np.float32), "float16", ["a"]).tolist()
    [[2048.0, 1.0]]
    >>> fit(np.array([[0.5]], np.float32), "int8", ["a"])
    Traceback (most recent call last):
    ...
    kinspace.errors.InvalidInput: key 'a': component 0 of the vector is 0.5; int8 holds whole numbers in -128…127, and \
nothing is scaled or rounded to one
    """
    if dtype == "float32":
        return vectors
    fitted = decode(encode(vectors, dtype), dtype, vectors.shape[1])
    good = np.isfinite(fitted) if dtype in ("float16", "bfloat16") else fitted == vectors
    if not good.all():
        row, at = divmod(int(np.argmin(good)), good.shape[1])
        raise InvalidInput(f"key {keys[row]!r}: component {at} of the vector is {vectors[row, at]!s}; {_HOLDS[dtype]}")
    return fitted


def as_numbers(values: Any, meta: Meta) -> Any:
    """The values, where they are bools and the space's are bits: as 0 and 1; whoever uses them checks the rest."""
    if meta.dtype != "bit":
        return values
    if isinstance(values, (bool, np.bool_)):
        return int(values)
    if isinstance(values, (list, tuple)):
        return [as_numbers(value, meta) for value in values]
    if isinstance(values, np.ndarray):
        return values.view(np.uint8) if values.dtype == np.bool_ else values
    if torch_tensor(values):
        return as_numbers(from_torch(values.detach()), meta)
    if type(values).__module__.startswith("polars"):
        import polars as pl

        number, kind = pl.UInt8(), values.dtype
        for of_bools, of_numbers in (
            (pl.Boolean(), number),
            (pl.List(pl.Boolean), pl.List(number)),
            (pl.Array(pl.Boolean, meta.dims), pl.Array(number, meta.dims)),
        ):
            if kind == of_bools:
                return values.cast(of_numbers)
    return values


def space_query(meta: Meta, vector: Any, length: Length) -> NDArray[np.float32]:
    """A query for the space, of that length or whole; of bits, 0 and 1 and nothing else."""
    return _checked(meta, parse_query(as_numbers(vector, meta), length))


def space_queries(meta: Meta, vectors: Any, length: Length) -> NDArray[np.float32]:
    """Queries (n, dims) likewise."""
    return _checked(meta, parse_queries(as_numbers(vectors, meta), length))


def _checked(meta: Meta, queries: NDArray[np.float32]) -> NDArray[np.float32]:
    if meta.dtype == "bit":
        wrong = queries[(queries != 0) & (queries != 1)]
        if len(wrong):
            raise InvalidInput(f"a query of a space of bits holds 0 and 1 alone; got {wrong[0]!s}")
    return queries
