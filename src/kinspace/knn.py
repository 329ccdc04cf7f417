"""The k nearest rows of a column, by scanning all of it: exact, and the yardstick for everything faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arrays import BEYOND, Column, as_column, as_query, as_vector
from .errors import InvalidInput
from .types import Metric, parse_k, parse_metric, parse_threads

if TYPE_CHECKING:
    import polars as pl


def knn(
    column: Any, query: Any, k: int, metric: str = "cosine", where: Any = None, threads: int | None = None
) -> pl.DataFrame:
    """Return the k rows of a column that are nearest to a query.

    Parameters
    ----------
    column : array_like, shape (n, dims)
        A 2-d NumPy array or memmap, a torch tensor, a Polars or Arrow column of lists or fixed-size lists, a
        ``zarr.Array`` (read chunk by chunk, at most about 100 MB at a time unless a chunk is larger) or a list of
        vectors. Numbers of any type; they are taken as float32.
    query : array_like, shape (dims,)
        One vector, taken as float32.
    k : int
        At least 0; with k above n all n rows are returned.
    metric : str
        "cosine" (1 − cos, in [0, 2]; 1.0 if either vector is all zeros), "l2" (Euclidean, at least 0) or
        "ip" (−dot). Smaller is nearer.
    where : array_like, optional
        Only these rows: a mask of n bools (a null in it is not true), or row ids in 0…n − 1, in any order.
    threads : int, optional
        At most so many, at least 1; by default what the size of the work is worth.

    Returns
    -------
    polars.DataFrame
        ``_rowid`` (Int64) and ``_dist`` (Float64), min(k, rows allowed) rows, nearest first, ties by row id. The
        distances are computed in double precision.

    Raises
    ------
    InvalidInput
        If an argument is of the wrong kind, shape or range; if a row is null or ragged, or a row that is compared
        holds NaN, infinity or a value that overflows float32 (the message names the row).
    Corrupt
        If a chunk of the zarr array does not decode.
    Unavailable
        If the zarr array's store fails.

    Examples
    --------
    >>> import numpy as np
    >>> knn(np.array([[1, 0], [0, 1], [1, 1]]), [1, 0.1], 2)["_rowid"].to_list()
    [0, 2]
    """
    import polars as pl

    rows = as_column(column)
    ids, distances = search(rows, query, k, metric, where, threads)
    return pl.DataFrame({"_rowid": ids, "_dist": distances})


def search(
    column: Column, query: Any, k: int, metric: str, where: Any = None, threads: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As ``knn``, from a Column, as row ids and distances, each (min(k, rows allowed),)."""
    from .filter.bitmap import mask_or_rows

    k = parse_k(k)
    measure = parse_metric(metric)
    workers = parse_threads(threads)
    vector = as_query(query, column.dims) if column.n else as_vector(query, what="the query")
    allowed = mask_or_rows(where, column.n)
    if k == 0 or column.n == 0:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    k = min(k, column.n)
    lying = column.whole()
    if lying is not None:
        return _in_place(column, lying, vector, k, measure, allowed, workers)
    return _streamed(column, vector, k, measure, allowed, workers)


def _in_place(
    column: Column,
    lying: list[NDArray[np.float32]],
    query: NDArray[np.float32],
    k: int,
    metric: Metric,
    allowed: NDArray[np.bool_] | None,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    masks: list[NDArray[np.uint64] | None] | None = None
    if allowed is not None:
        from .filter.bitmap import pack_bits

        ends = np.cumsum([len(rows) for rows in lying])
        masks = [pack_bits(part) for part in np.split(allowed, ends[:-1])]
    scan = _core.Scan([_core.Rows([rows]) for rows in lying], metric=metric)
    try:
        return scan.search(query, k, masks=masks, threads=threads)
    except ValueError as error:
        raise _refused(column, error) from None


def _streamed(
    column: Column,
    query: NDArray[np.float32],
    k: int,
    metric: Metric,
    allowed: NDArray[np.bool_] | None,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    nearest = _core.TopK(query[None], k, metric)
    for first, rows in column.blocks(allowed):
        mask = None if allowed is None else allowed[first : first + len(rows)]
        try:
            nearest.scan(rows, first, mask, threads)
        except ValueError as error:
            raise _refused(column, error) from None
    ids, distances = nearest.result()
    return ids[0], distances[0]


def _refused(column: Column, error: ValueError) -> InvalidInput:
    """All else was checked before, so what the core refuses is a row: its words are "row {id} is not finite"."""
    return InvalidInput(f"{column.names.column}: {error}; it holds NaN, infinity or a value {BEYOND}")
