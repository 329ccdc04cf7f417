"""The reading half of a space: rows by key, neighbours, scans, filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import as_query
from ..errors import InvalidInput, KeyNotFound
from ..storage.keys import parse_key, parse_keys
from ..types import Key, parse_k
from .hits import Hits
from .store import Store
from .view import View

if TYPE_CHECKING:
    import polars as pl

    from ..query import Select

SCAN_ROWS = 4_096  # rows of a scan's batch unless the caller says otherwise
_FETCH = 4_096  # keys looked up at a time by multiget


class Reading:
    """What can be asked of a space. Every call sees every write acknowledged before it, and one state only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def name(self) -> str:
        """The space's name."""
        return self._store.name

    @property
    def dims(self) -> int:
        """The length of every vector."""
        return self._store.meta.dims

    @property
    def metric(self) -> str:
        """How distance is measured: "cosine", "l2" or "ip"."""
        return self._store.meta.metric

    @property
    def key_type(self) -> str:
        """What keys are: "str" or "int"."""
        return self._store.meta.key_type

    @property
    def version(self) -> int:
        """How many commits the space has seen."""
        return self._store.view().state.version

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """The columns and their types, in the order they came; the key is not among them."""
        return dict(self._store.view().schema)

    def get(self, key: Key) -> NDArray[np.float32]:
        """The vector of a key, exactly as it was set.

        Parameters
        ----------
        key : str or int

        Returns
        -------
        float32, shape (dims,)
            A copy.

        Raises
        ------
        KeyNotFound
            If no row has that key.
        """
        view = self._store.view()
        return view.vector(self._find(view, key))

    def row(self, key: Key) -> dict[str, Any]:
        """The columns of a key's row, by name; those never given are None.

        Raises
        ------
        KeyNotFound
            If no row has that key.
        """
        view = self._store.view()
        position = self._find(view, key)
        if not view.state.columns:
            return {}
        row = view.take(np.array([position], np.int64)).row(0, named=True)
        del row["key"]
        return row

    def multiget(self, keys: Iterable[Key]) -> Iterator[NDArray[np.float32]]:
        """The vectors of many keys, in the order asked, from one state of the space.

        Parameters
        ----------
        keys : iterable of str or int
            Read as needed, a few thousand at a time; the vectors stream likewise.

        Returns
        -------
        iterator of float32, shape (dims,)

        Raises
        ------
        KeyNotFound
            Naming the key; at once if it is among the first few thousand, else when its turn comes.
        """
        if isinstance(keys, (str, bytes)) or not isinstance(keys, Iterable):
            raise InvalidInput(f"multiget takes many keys; got one {type(keys).__name__}, {keys!r}: put it in a list")
        pieces = self._fetch(self._store.view(), iter(keys))
        first = next(pieces, ())
        return chain(first, chain.from_iterable(pieces))

    def _fetch(self, view: View, keys: Iterator[Key]) -> Iterator[NDArray[np.float32]]:
        while piece := list(islice(keys, _FETCH)):
            kept, hashes = parse_keys(piece, self._store.meta.key_type)
            positions = view.find_many(kept, hashes)
            missing = np.flatnonzero(positions < 0)
            if len(missing):
                raise KeyNotFound(self._no_such(kept[missing[0]]))
            yield view.vectors(positions)

    def __getitem__(self, key: Key) -> NDArray[np.float32]:
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        kept, digest = parse_key(key, self._store.meta.key_type)
        return self._store.view().find(kept, digest) >= 0

    def __len__(self) -> int:
        return len(self._store.view())

    def __iter__(self) -> Iterator[Key]:
        view = self._store.view()
        for positions in view.in_order():
            for start in range(0, len(positions), SCAN_ROWS):
                yield from view.keys(positions[start : start + SCAN_ROWS])

    def keys(self) -> KeysView[Key]:
        """The keys, in insertion order; reads as it goes."""
        return KeysView(self)

    def scan(self, batch_size: int = SCAN_ROWS) -> Iterator[pl.DataFrame]:
        """Every row, in insertion order, from one state of the space, in bounded memory.

        Parameters
        ----------
        batch_size : int
            Rows of a batch, at least 1.

        Yields
        ------
        polars.DataFrame
            "key", the columns, and "vector" (Array(Float32, dims)).
        """
        if parse_k(batch_size) < 1:
            raise InvalidInput(f"batch_size must be at least 1; got {batch_size}")
        return self._scan(self._store.view(), batch_size)

    def _scan(self, view: View, batch_size: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        for positions in view.in_order():
            for start in range(0, len(positions), batch_size):
                here = positions[start : start + batch_size]
                vectors = pl.Series("vector", view.vectors(here), dtype=pl.Array(pl.Float32, self.dims))
                yield view.take(here).with_columns(vectors)

    def nearest_neighbors(
        self,
        k: int,
        *,
        key: Key | None = None,
        vector: Any = None,
        vectors: Any = None,
        where: Any = None,
        exact: bool = False,
        recall: float | None = None,
        threads: int | None = None,
    ) -> Any:
        """The k rows nearest to a key's vector, to a vector, or to each of many.

        Parameters
        ----------
        k : int
            At least 0; with k above the number of rows all of them are returned.
        key, vector, vectors : exactly one of them
            A key (which is itself left out of its neighbours), a vector (dims,), or many (n, dims).
        where : str or polars.Expr, optional
            Only rows for which it is true: a SQL predicate such as ``"year >= 2020 AND section = 'games'"``, or a
            Polars expression. min(k, matching rows) are returned, however few match.
        exact : bool
            Ask for a proven answer. Every answer of this version is one.
        recall : float, optional
            The share of true neighbours that is enough, in (0, 1]; exact answers satisfy any.
        threads : int, optional
            At most so many; by default what the size of the work is worth.

        Returns
        -------
        Hits, or a list of Hits for vectors=
            Nearest first, ties by insertion order.

        Raises
        ------
        KeyNotFound
            If no row has that key.
        InvalidInput
            If an argument is out of range, or the filter names a column there is not.
        """
        k = parse_k(k)
        if (key is not None) + (vector is not None) + (vectors is not None) != 1:
            raise InvalidInput("give exactly one of key=, vector= and vectors=")
        if recall is not None and not (isinstance(recall, (int, float)) and 0 < recall <= 1):
            raise InvalidInput(f"recall must be in (0, 1]; got {recall!r}")
        if threads is not None and (parse_k(threads) < 1):
            raise InvalidInput(f"threads must be at least 1; got {threads}")
        view = self._store.view()
        if vectors is not None:
            positions, distances = self._search(view, self._queries(vectors), k, where, -1, threads)
            return [Hits(view, *one) for one in zip(positions, distances, strict=True)]
        exclude = -1
        if key is not None:
            exclude = self._find(view, key)
            query = view.vector(exclude)
        else:
            query = as_query(vector, view.meta.dims)
        positions, distances = self._search(view, query, k, where, exclude, threads)
        return Hits(view, positions, distances)

    def select(self, *names: str, **expressions: Any) -> Select:
        """A query to be built: ``space.select("id", d="_dist").where(…).nearest(vector).take(10).collect()``."""
        from ..query import Select
        from .source import SpaceSource

        return Select(SpaceSource(self._store), names, expressions)

    def stats(self) -> dict[str, Any]:
        """What the space is and how large: rows, segments, log rows, bytes on disk, version."""
        view = self._store.view()
        meta = self._store.meta
        segments = [part.source.entry for part in view.parts[:-1]]  # type: ignore[union-attr]  # the last is the log
        return {
            "rows": len(view),
            "dims": meta.dims,
            "metric": meta.metric,
            "dtype": meta.dtype,
            "key_type": meta.key_type,
            "segments": len(segments),
            "log_rows": view.tail.rows,
            "bytes": sum(entry.bytes for entry in segments) + self._store.catalog.size(),
            "version": view.state.version,
        }

    def _search(
        self, view: View, queries: NDArray[np.float32], k: int, where: Any, exclude: int, threads: int | None
    ) -> tuple[Any, Any]:
        masks = None
        if where is not None:
            from .masks import masks_of, predicate_of

            masks = masks_of(view, predicate_of(view, where))
        return view.scan.search(queries, k, masks=masks, exclude=exclude, threads=threads or 0)

    def _queries(self, vectors: Any) -> NDArray[np.float32]:
        from ..arrays import as_matrix

        return as_matrix(vectors, self.dims)

    def _find(self, view: View, key: Key) -> int:
        kept, digest = parse_key(key, self._store.meta.key_type)
        position = view.find(kept, digest)
        if position < 0:
            raise KeyNotFound(self._no_such(kept))
        return position

    def _no_such(self, key: Key) -> str:
        return f"no row of space {self._store.name!r} has the key {key!r}"
