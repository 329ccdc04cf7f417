"""The index over a column: build, search, add, remove, save, load."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..arrays import as_column, as_query, is_column
from ..errors import Closed, InvalidInput
from ..types import parse_dims, parse_metric, parse_threads
from . import files
from .changes import Changes
from .parameters import MAX_EF, parse_ef, parse_m, parse_progress
from .search import Found, id_mask, search
from .slots import Slots

if TYPE_CHECKING:
    import polars as pl


class Hnsw:
    """An index in memory that finds nearly all of the nearest rows, in time that hardly grows with their number.

    Made by ``build`` or ``load``. Each row has an id that never changes and is never given to another row. Threads may
    share an index: searches run at once, also with one ``add`` or ``remove``.

    Examples
    --------
    >>> import numpy as np
    >>> index = Hnsw.build(np.eye(3), metric="l2")
    >>> ids, distances = index.search([1, 0.1, 0], 2)
    >>> ids
    array([0, 1])
    >>> index.add([[0.9, 0, 0]])
    array([3])
    >>> index.remove([0])
    1
    >>> index.ann([1, 0.1, 0], 1)["_rowid"].item()
    3
    """

    __slots__ = ("__weakref__", "_changes", "_graph", "_slots")

    def __init__(self, graph: _core.Graph, slots: Slots) -> None:
        self._graph: _core.Graph | None = graph
        self._slots = slots
        self._changes = Changes()

    @staticmethod
    def build(
        column: Any,
        metric: str = "cosine",
        M: int = 16,  # noqa: N803  # its name in the literature
        ef_construction: int = 200,
        *,
        threads: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Hnsw:
        """Index a column.

        Parameters
        ----------
        column : array_like, shape (n, dims)
            As for ``knn``. What is needed of it is copied, a zarr array chunk by chunk; n may be 0 if dims is known.
        metric : str
            "cosine" (1 − cos, in [0, 2]; 1.0 if either vector is all zeros), "l2" (Euclidean, at least 0) or
            "ip" (−dot). Smaller is nearer.
        M : int
            Neighbours of a row in the upper layers, half of those in the lowest; in 2…512. More take more memory, and
            more is found for the same effort.
        ef_construction : int
            Candidates considered for each row's neighbours, in 1…65,536. More time to build, and a better graph.
        threads : int, optional
            At most so many, at least 1; by default all CPUs. The index is the same for any number.
        progress : callable, optional
            Called now and then with rows done and rows in all; what it raises ends the build.

        Returns
        -------
        Hnsw
            Row i of the column has id i.

        Raises
        ------
        InvalidInput
            If an argument is of the wrong kind, shape or range; if a row is null, ragged, or holds NaN, infinity or a
            value that overflows float32 (the message names the row).
        Corrupt, Unavailable
            If a zarr array cannot be read.

        Examples
        --------
        >>> Hnsw.build([[1, 0], [0, 1]], "ip")
        Hnsw(2 rows, 2 dims, ip, M=16)
        """
        measure, m, ef = parse_metric(metric), parse_m(M), parse_ef(ef_construction, "ef_construction")
        workers, report = parse_threads(threads), parse_progress(progress)
        rows = as_column(column)
        if not rows.dims:
            raise InvalidInput(f"{rows.names.column} has no rows to tell dims by; give an array of shape (0, dims)")
        slots = Slots.of_column(rows, parse_dims(rows.dims))
        graph = _core.Graph.build(
            slots.rows(slots.used), metric=measure, M=m, ef_construction=ef, threads=workers, progress=report
        )
        return Hnsw(graph, slots)

    def search(
        self,
        query: Any,
        k: int,
        ef_search: int | None = None,
        where: Any = None,
        *,
        recall: float | None = None,
        threads: int | None = None,
    ) -> Found:
        """Return the ids and distances of the k rows that are nearest to a query, or to each of many.

        Parameters
        ----------
        query : array_like, shape (dims,) or (m, dims)
            One vector, or a column of them; taken as float32.
        k : int
            At least 0.
        ef_search : int, optional
            Candidates kept while searching, in 1…65,536; fewer than k mean k. By default what was measured to be enough
            for ``recall``.
        where : array_like, optional
            Only these rows: a mask with a bool for each id ever given (a null in it is not true), or row ids, in any
            order, repeated or not. Rows that were removed don't match.
        recall : float, optional
            The share of the true k nearest to be found on average, above 0 and at most 1, where 1 is an exact scan; .95
            by default. Not together with ef_search.
        threads : int, optional
            For many queries; at most so many, at least 1, by default what the work is worth.

        Returns
        -------
        int64 and float64, each of shape (min(k, rows allowed),) or (m, k)
            Nearest first, equal distances by row id. Many queries' answers are padded with −1 and infinity. Distances
            are computed in double precision.

        Raises
        ------
        InvalidInput
            If an argument is of the wrong kind, shape or range, or a query is not finite.
        Closed
            If the index was freed.

        Examples
        --------
        >>> index = Hnsw.build([[1, 0], [0, 1], [1, 1]])
        >>> index.search([1, 0], 2, where=[1, 2])
        (array([2, 1]), array([0.29289322, 1.        ]))
        >>> index.search([[1, 0], [0, 1]], 4)[0]
        array([[ 0,  2,  1, -1],
               [ 1,  2,  0, -1]])
        """
        graph = self._graph
        if where is None and recall is None and threads is None and type(query) is np.ndarray and query.ndim == 1:
            try:  # this way costs little more than the core's own call
                if graph is not None and type(k) is int:
                    if ef_search is None:
                        return graph.search(query, k)
                    if type(ef_search) is int and 0 < ef_search <= MAX_EF:
                        return graph.search(query, k, ef=ef_search)
            except (TypeError, ValueError):
                pass  # the other way says what is wrong, or mends it
        return search(self._opened, self._changes, query, k, ef_search, where, recall, threads)

    def ann(self, query: Any, k: int, ef_search: int | None = None, where: Any = None) -> pl.DataFrame:
        """Return the k rows nearest to one query, as ``search`` finds them.

        Returns
        -------
        polars.DataFrame
            ``_rowid`` (Int64) and ``_dist`` (Float64), min(k, rows allowed) rows, nearest first, ties by row id.

        Raises
        ------
        InvalidInput, Closed
            As ``search``.

        Examples
        --------
        >>> Hnsw.build([[1, 0], [0, 1]]).ann([1, 0], 5).rows()
        [(0, 0.0), (1, 1.0)]
        """
        import polars as pl

        ids, distances = self.search(as_query(query, self._opened()[0].dims), k, ef_search, where)
        return pl.DataFrame({"_rowid": ids, "_dist": distances})

    def add(self, vectors: Any) -> NDArray[np.int64]:
        """Add rows, all or none, and return their ids.

        Parameters
        ----------
        vectors : array_like, shape (m, dims) or (dims,)
            A column, as for ``build``, or one vector. Copied.

        Returns
        -------
        int64, shape (m,)
            Consecutive, above every id given before.

        Raises
        ------
        InvalidInput
            If a row is null, ragged, not finite or not of the index's dims (the message names the row).
        Corrupt, Unavailable
            If a zarr array cannot be read.
        Closed
            If the index was freed.
        """
        dims = self._opened()[0].dims
        many = is_column(vectors) or (isinstance(vectors, (list, tuple)) and not vectors)
        column = as_column(vectors if many else as_query(vectors, dims, "the vector")[None], "the vectors", dims=dims)
        with self._changes.alone():
            graph, slots = self._opened()
            new = slots.find(column.n)
            slots.write(column, new)
            after = graph.n + len(new)
            with self._changes.change():
                ids = slots.name(new)
                try:
                    if len(new):
                        graph.insert(slots.rows(max(slots.used, int(new[-1]) + 1)), new)
                finally:  # after an error or Ctrl-C the graph is as it was
                    if graph.n == after:
                        slots.take(new)
        return ids

    def remove(self, row_ids: Any) -> int:
        """Remove rows, and return how many there were to remove.

        Parameters
        ----------
        row_ids : int or array_like, shape (m,) of int
            In any order, repeated or not; those removed before are passed over. Or a mask with a bool for each id ever
            given.

        Returns
        -------
        int
            Rows removed: at most m.

        Raises
        ------
        InvalidInput
            If an id was never given, or it is neither whole numbers nor a mask.
        Closed
            If the index was freed.
        """
        one = isinstance(row_ids, (int, np.integer)) and not isinstance(row_ids, bool)
        with self._changes.alone():
            graph, slots = self._opened()
            gone = np.flatnonzero(slots.of_ids(id_mask([row_ids] if one else row_ids, slots, "row_ids")))
            after = graph.n - len(gone)
            with self._changes.change():
                try:
                    if len(gone):
                        graph.remove(gone)
                finally:
                    if graph.n == after:
                        slots.leave(gone)
        return len(gone)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a folder, durably, in the place of an older save; all or nothing.

        Parameters
        ----------
        path : str or path
            A folder's name. Folders above it are made.

        Raises
        ------
        InvalidInput
            If something else than a saved index is there; it is left as it is.
        Unavailable
            If the disk is full or refuses; an older save is left as it was.
        Closed
            If the index was freed.
        """
        with self._changes.alone():
            files.save(path, *self._opened())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Hnsw:
        """Open a saved index. Its vectors stay in the file, memory-mapped; all of it is checked first.

        Parameters
        ----------
        path : str or path
            What was given to ``save``.

        Returns
        -------
        Hnsw
            As it was saved, to the last bit.

        Raises
        ------
        Corrupt
            If a file is damaged, missing or cut short; the message names it.
        Unavailable
            If there is nothing, or it cannot be read.
        InvalidInput
            If the path is a file.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Hnsw.build([[1, 0], [0, 1]]).save(f"{folder}/index")
        ...     Hnsw.load(f"{folder}/index")
        Hnsw(2 rows, 2 dims, cosine, M=16)
        """
        return Hnsw(*files.load(path))

    def info(self) -> dict[str, Any]:
        """Return what the index is.

        Returns
        -------
        dict
            ``nrows``, ``dim``, ``metric``, ``nlayers``, ``M``, ``efc`` (ef_construction), ``next_id`` (the id that the
            next row will have), ``graph_bytes`` and ``vector_bytes`` (in memory; vectors mapped from a file don't
            count), and ``curve``: (k, ef_search, recall) as measured when it was built.

        Raises
        ------
        Closed
            If the index was freed.

        Examples
        --------
        >>> info = Hnsw.build([[1, 0], [0, 1]], M=8).info()
        >>> info["nrows"], info["dim"], info["metric"], info["M"], info["efc"]
        (2, 2, 'cosine', 8, 200)
        """
        graph, slots = self._opened()
        return {
            "nrows": graph.n,
            "dim": graph.dims,
            "metric": graph.metric,
            "nlayers": graph.layers,
            "M": graph.M,
            "efc": graph.ef_construction,
            "next_id": slots.next_id,
            "graph_bytes": graph.bytes,
            "vector_bytes": slots.nbytes,
            "curve": graph.curve,
        }

    def free(self) -> None:
        """Give the memory back; twice is fine, any other use afterwards is ``Closed``."""
        with self._changes.alone(), self._changes.change():
            self._graph = None
            self._slots = Slots(1)

    def __len__(self) -> int:
        return self._opened()[0].n

    def __repr__(self) -> str:
        graph = self._graph
        if graph is None:
            return "Hnsw(freed)"
        return f"Hnsw({graph.n} rows, {graph.dims} dims, {graph.metric}, M={graph.M})"

    def _opened(self) -> tuple[_core.Graph, Slots]:
        graph = self._graph
        if graph is None:
            raise Closed("this index was freed; build or load it again")
        return graph, self._slots
