"""The k nearest rows of a column, by scanning all of it: exact, and the yardstick for everything faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arrays import BEYOND, Column, as_column, as_query, as_vector, is_column
from .errors import InvalidInput
from .types import Metric, parse_count, parse_k, parse_metric, parse_threads

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 1_024  # queries at once, for each batch of which the whole column is read
HITS = 1 << 20  # that one batch may have, whatever k is


def knn(
    column: Any, query: Any, k: int, metric: str = "cosine", where: Any = None, threads: int | None = None
) -> pl.DataFrame:
    """Return the k rows of a column that are nearest to a query, or to each of many.

    Parameters
    ----------
    column : array_like, shape (n, dims)
        A 2-d NumPy array or memmap, a torch tensor, a Polars or Arrow column of lists or fixed-size lists, a
        ``zarr.Array`` (read chunk by chunk, at most about 100 MB at a time unless a chunk is larger) or a list of
        vectors. Numbers of any type; they are taken as float32.
    query : array_like, shape (dims,) or (m, dims)
        One vector or many, taken as float32. Many are answered in one pass over the column, and held in memory with
        their answers; ``knn_batches`` streams both.
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
        distances are computed in double precision. For many queries ``_query`` (Int64), a query's row number, comes
        before them, and each has its rows, in the order of the queries.

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
    >>> rows = np.array([[1, 0], [0, 1], [1, 1]])
    >>> knn(rows, [1, 0.1], 2)["_rowid"].to_list()
    [0, 2]
    >>> knn(rows, [[1, 0.1], [0, 2]], 2).select("_query", "_rowid").rows()
    [(0, 0), (0, 2), (1, 1), (1, 2)]
    """
    import polars as pl

    rows = as_column(column)
    if is_column(query):
        question, queries = _Question(rows, k, metric, where, threads), _queries(query, rows)
        return _frame(0, *question.nearest(queries.finite(0, queries.n)))
    ids, distances = search(rows, query, k, metric, where, threads)
    return pl.DataFrame({"_rowid": ids, "_dist": distances})


def knn_batches(
    column: Any,
    queries: Any,
    k: int,
    metric: str = "cosine",
    where: Any = None,
    *,
    batch_size: int | None = None,
    threads: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Stream what ``knn`` returns for many queries, in bounded memory however many they are.

    Parameters
    ----------
    column, k, metric, where, threads
        As for ``knn``. A ``zarr.Array`` is read once for each batch.
    queries : array_like, shape (m, dims)
        As a column: a ``zarr.Array`` or a memmap is read as needed.
    batch_size : int, optional
        Queries that a frame answers, at least 1; by default 1,024, or fewer if k is above 1,024.

    Yields
    ------
    polars.DataFrame
        ``_query``, ``_rowid`` and ``_dist``, as from ``knn``; one frame without rows if there is no query.

    Raises
    ------
    InvalidInput
        At once if an argument is of the wrong kind, shape or range; when its turn comes if a query or a row is not
        finite. What came before is right.
    Corrupt, Unavailable
        As for ``knn``.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1, 0], [0, 1], [1, 1]])
    >>> [frame["_rowid"].to_list() for frame in knn_batches(rows, rows, 1, batch_size=2)]
    [[0, 1], [2]]
    """
    asked = None if batch_size is None else parse_count(batch_size, "batch_size")
    rows = as_column(column)
    question = _Question(rows, k, metric, where, threads)
    size = max(1, min(BATCH_ROWS, HITS // max(question.k, 1))) if asked is None else asked
    return _batches(question, _queries(queries, rows), size)


def search(
    column: Column, query: Any, k: int, metric: str, where: Any = None, threads: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As ``knn``, from a Column, as row ids and distances, each (min(k, rows allowed),)."""
    question = _Question(column, k, metric, where, threads)
    vector = as_query(query, column.dims) if column.n else as_vector(query, what="the query")
    ids, distances = question.nearest(vector[None])
    return ids[0], distances[0]


class _Question:
    """What is asked of a column, checked, for any number of queries."""

    def __init__(self, column: Column, k: int, metric: str, where: Any, threads: int | None) -> None:
        from .filter.bitmap import mask_or_rows

        self.k = min(parse_k(k), column.n)
        self._metric: Metric = parse_metric(metric)
        self._threads = parse_threads(threads)
        self._column = column
        self._allowed = mask_or_rows(where, column.n)

    def nearest(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Row ids and distances of the nearest rows to each of m queries, each (m, min(k, rows allowed))."""
        if self.k == 0 or len(queries) == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0))
        lying = self._column.whole()
        return self._streamed(queries) if lying is None else self._in_place(queries, lying)

    def _in_place(
        self, queries: NDArray[np.float32], lying: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        masks: list[NDArray[np.uint64] | None] | None = None
        if self._allowed is not None:
            from .filter.bitmap import pack_bits

            ends = np.cumsum([len(rows) for rows in lying])
            masks = [pack_bits(part) for part in np.split(self._allowed, ends[:-1])]
        scan = _core.Scan([_core.Rows([rows]) for rows in lying], metric=self._metric)
        try:
            return scan.search(queries, self.k, masks=masks, threads=self._threads)
        except ValueError as error:
            raise self._refused(error) from None

    def _streamed(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        nearest = _core.TopK(queries, self.k, self._metric)
        for first, rows in self._column.blocks(self._allowed):
            mask = None if self._allowed is None else self._allowed[first : first + len(rows)]
            try:
                nearest.scan(rows, first, mask, self._threads)
            except ValueError as error:
                raise self._refused(error) from None
        return nearest.result()

    def _refused(self, error: ValueError) -> InvalidInput:
        """All else was checked before, so what the core refuses is a row: its words are "row {id} is not finite"."""
        return InvalidInput(f"{self._column.names.column}: {error}; it holds NaN, infinity or a value {BEYOND}")


def _queries(x: Any, rows: Column) -> Column:
    """The queries as a column of the same dims."""
    queries = as_column(x, "the queries")
    if queries.n:
        rows.check_dims(queries.dims, "a query")
    return queries


def _batches(question: _Question, queries: Column, size: int) -> Iterator[pl.DataFrame]:
    for start in range(0, max(queries.n, 1), size):
        yield _frame(start, *question.nearest(queries.finite(start, min(start + size, queries.n))))


def _frame(first: int, ids: NDArray[np.int64], distances: NDArray[np.float64]) -> pl.DataFrame:
    import polars as pl

    many, found = ids.shape
    asked = np.repeat(np.arange(first, first + many), found)
    return pl.DataFrame({"_query": asked, "_rowid": ids.ravel(), "_dist": distances.ravel()})
