"""The reading half of a space: rows by key, scans, what it is, and what it is exported as."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, KeysView, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, KeyNotFound
from ..storage.keys import parse_key, parse_keys
from ..storage.reader import SegmentReader
from ..types import Key, parse_count
from .exchange.table import Table
from .neighbours import Neighbours
from .parts.index import index_bytes, segment_of
from .parts.plane import coded, plane_bytes
from .segments.beside import column_bytes
from .state.store import Store
from .state.view import View
from .text.index import text_bytes

if TYPE_CHECKING:
    import polars as pl

    from ..query import Select
    from .remote.publish import Published

SCAN_ROWS = 4_096  # rows of a scan's batch unless the caller says otherwise
_FETCH = 4_096  # keys looked up at a time by multiget


class Reading(Neighbours, Table):
    """What can be asked of a space. Every call sees every write acknowledged before it, and one state only."""

    def __init__(self, store: Store, embedder: Any) -> None:
        self._store = store
        self._embedder = embedder

    @property
    def name(self) -> str:
        """The space's name."""
        return self._store.name

    @property
    def metric(self) -> str:
        """How distance is measured: "cosine", "l2" or "ip"; between bits "hamming" or "jaccard"."""
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
        rows = parse_count(batch_size, "batch_size")
        return self._scan(self._store.view(), rows)

    def _scan(self, view: View, batch_size: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        for positions in view.in_order():
            for start in range(0, len(positions), batch_size):
                here = positions[start : start + batch_size]
                vectors = pl.Series("vector", view.vectors(here), dtype=pl.Array(pl.Float32, self.dims))
                yield view.take(here).with_columns(vectors)

    def export(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> int:
        """Write every row to a file that other programs read, in insertion order and from one state of the space.

        Rows are streamed in bounded memory; the file is written beside, synced, and put in place when it is whole.

        Parameters
        ----------
        path : str or path
            Its suffix says the format: ``.parquet`` (key, columns and vector), ``.npy`` (vectors, with keys and columns
            in x.rows.parquet beside x.npy), ``.zarr`` (a folder: a Zarr v3 group of vectors and keys, with rows.parquet
            inside), or ``.zarr.zip`` (the same, zipped). load() and Hub.import_space read each of them.
        overwrite : bool
            Replace what is there.

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        InvalidInput
            If the suffix is none of these, or something is there that may not be replaced.
        Unavailable
            If it can't be written. Whatever the error, what was there stays, and nothing is left beside it.
        """
        from .exchange.export import export

        return export(self._store.view(), path, overwrite=overwrite)

    def select(self, *names: str, **expressions: Any) -> Select:
        """A query to be built: ``space.select("id", d="_dist").where(…).nearest(vector).take(10).collect()``."""
        from ..query import Select
        from .search.source import SpaceSource

        return Select(SpaceSource(self._store, self._embedder), names, expressions)

    def stats(self) -> dict[str, Any]:
        """What the space is and how large: rows, segments, log rows, bytes on disk, version.

        `indexed_segments` have an index, which together take `index_bytes` on the disk, beside `bytes`; `plane_bytes`
        are those of the codes that exact searches scan, `column_index_bytes` those of zones and columns' indexes,
        `text_bytes` those of full text.
        """
        view = self._store.view()
        meta = self._store.meta
        segments = [part.source.entry for part in view.segments]  # type: ignore[union-attr]  # they are
        indexes = [index_bytes(reader) for part in view.parts if (reader := segment_of(part)) is not None]
        return {
            "rows": len(view),
            "dims": meta.dims,
            "metric": meta.metric,
            "dtype": meta.dtype,
            "key_type": meta.key_type,
            "matryoshka": list(meta.matryoshka),
            "index_dims": meta.index_dims,
            "rotate": meta.rotate,
            "embedder": meta.embedder,
            "segments": len(segments),
            "log_rows": view.tail.rows,
            "bytes": sum(entry.bytes for entry in segments) + self._store.catalog.size(),
            "indexed_segments": sum(size > 0 for size in indexes),
            "index_bytes": sum(indexes),
            "plane_bytes": sum(plane_bytes(reader) for part in view.parts if (reader := coded(part)) is not None),
            "text_bytes": sum(text_bytes(part.source) for part in view.parts if isinstance(part.source, SegmentReader)),
            "column_index_bytes": sum(column_bytes(part) for part in view.parts),
            "version": view.state.version,
        }

    def publish(
        self,
        url: str,
        *,
        name: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        single_writer: bool = False,
    ) -> Published:
        """Put an immutable copy of what the space holds now under a URL, for connect(url) and Hub.pull to open.

        What is there already is not sent again. The copy holds live rows alone, and is in force all at once, when its
        manifest is written; other spaces that are published there stay.

        Parameters
        ----------
        url : str
            ``s3://bucket/prefix``, ``file:///folder``, or ``memory://name`` (of this process).
        name : str, optional
            What the space is to be called there; by default as here. One that is published is followed by this.
        storage_options : mapping, optional
            For s3://, obstore's: ``endpoint``, ``region``, ``access_key_id``…, and ``client_options``,
            ``retry_config``. What is left out comes from the environment, as AWS's own tools have it.
        single_writer : bool
            Promise that nobody else publishes there, which lets a store do that can't write conditionally.

        Returns
        -------
        Published

        Raises
        ------
        Conflict
            If another published there meanwhile; nothing of theirs was changed.
        Unavailable
            If the store fails or refuses, or can't write conditionally; obstore is needed (``kinspace[cloud]``).
        Corrupt
            If a file of the space is damaged, or the newest manifest there is.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     space = hub.create_space("docs", dims=2)
        ...     space.set("a", [1.0, 0.0])
        ...     published = space.publish("memory://example")
        ...     hub.pull("memory://example", as_name="copy").get("a")
        array([1., 0.], dtype=float32)
        """
        from .remote.publish import publish

        view = self._store.view()
        named = self.name if name is None else name
        return publish(self._store, view, url, named, storage_options, single_writer=single_writer)
