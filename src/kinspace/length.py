"""How much of each vector a search compares, and queries that fit it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import as_matrix, as_query, as_vector
from .errors import InvalidInput
from .types import parse_dims

EXPAND = 10  # candidates for each hit


class Length(NamedTuple):
    """The components that are compared, and whether the candidates this finds are then ordered by all of them."""

    full: int  # components of the vectors
    dims: int  # the first so many are compared
    rerank: bool | None = None  # None: if the query has all of them
    expand: int | None = None  # None: EXPAND, unless it is known what is enough

    def candidates(self, k: int) -> int:
        """How many of them there are for k hits."""
        return k * (EXPAND if self.expand is None else self.expand)

    def reranks(self, components: int) -> bool:
        """Whether queries of so many components are for candidates alone."""
        return self.dims < self.full == components and self.rerank is not False


def parse_length(full: int, dims: object, rerank: object, expand: object) -> Length:
    """What a search was asked for; InvalidInput if it is out of range."""
    if rerank is not None and not isinstance(rerank, (bool, np.bool_)):
        raise InvalidInput(f"rerank must be True, False or None; got {rerank!r}")
    number = None if expand is None else _expand(expand)
    length = full if dims is None else parse_dims(dims)
    if length > full:
        raise InvalidInput(f"dims must be in 1…{full}, as many as the vectors have; got {length}")
    return Length(full, length, None if rerank is None else bool(rerank), number)


def _expand(expand: object) -> int:
    if isinstance(expand, bool) or not hasattr(expand, "__index__") or expand.__index__() < 1:
        raise InvalidInput(f"expand must be a whole number of at least 1; got {expand!r}")
    return int(expand.__index__())


def parse_query(x: Any, length: Length) -> NDArray[np.float32]:
    """One query, whole or of the length that is compared, as float32."""
    if length.dims == length.full:
        return as_query(x, length.full)
    if type(x) is np.ndarray and x.ndim == 1 and len(x) in (length.dims, length.full):
        return _checked(as_query(x, len(x)), length, "the query")
    return _checked(as_vector(x, what="the query"), length, "the query")


def parse_queries(x: Any, length: Length) -> NDArray[np.float32]:
    """Many queries (n, dims), all of them whole or of the length that is compared, as float32."""
    if length.dims == length.full:
        return as_matrix(x, length.full)
    queries = as_matrix(x, None)
    return _checked(queries, length, "the vectors") if len(queries) else np.empty((0, length.full), np.float32)


def _checked(queries: NDArray[np.float32], length: Length, what: str) -> NDArray[np.float32]:
    there = queries.shape[-1]
    if there not in (length.dims, length.full):
        raise InvalidInput(f"{what} must have {length.dims} dims, as asked, or all {length.full}; got {there}")
    if there < length.full and length.rerank:
        raise InvalidInput(
            f"rerank=True orders by all {length.full} dims, and {what} must have as many; got {there}: "
            f"give all of them, or leave rerank out"
        )
    return queries
