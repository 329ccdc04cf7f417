"""A space: vectors with their keys and columns, to write and to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Conflict, Corrupt, InvalidInput, KeyNotFound, KinspaceError, Unavailable
from ..hnsw.parameters import parse_progress
from ..storage.keys import parse_key, parse_keys
from ..storage.segment import Block, write_segment
from ..types import Key
from .columns.indexing import drop_column_indexes, index_columns, make_columns
from .exchange.batch import Batch, row_batch
from .exchange.load import batches
from .exchange.progress import Progress
from .exchange.text_batches import batches_of_texts
from .segments.background import Background
from .segments.check import Problem, Report, check
from .segments.compact import Compaction, compact, wanted
from .segments.flush import LOG_BYTES, flush, flushed_if_needed, log_is_full
from .segments.indexing import index_now, make_planes
from .segments.repair import RepairReport, repair
from .state.fitted import same_embedder
from .state.past import Past
from .state.store import Store
from .state.transaction import check_log
from .texts import Texts

if TYPE_CHECKING:
    from .hub import Hub

SEGMENT_ROWS = 4_096  # a batch of so many rows goes straight to a segment of its own
_PATIENCE = 4  # logs' worth of rows that may wait for the background before the writer flushes itself


class Space(Texts):
    """Vectors with their keys and columns. Use Hub.create_space or Hub.get_space to get one; threads may share it."""

    def __init__(self, store: Store, background: Background, hub: Hub, embedder: Any = None) -> None:
        super().__init__(store, background, hub, same_embedder(store, embedder))

    def set(self, key: Key, vector: Any, /, **columns: Any) -> None:
        """Store one row; a row that had the key is replaced whole.

        Parameters
        ----------
        key : str or int
            1…1,024 bytes of UTF-8, or int64, as the space's key_type says.
        vector : array-like, shape (dims,)
            Real and finite; kept as the space's dtype has it, of which it must be.
        **columns
            The row's columns. A new name makes a new column of its value's type.

        Raises
        ------
        InvalidInput
            Naming the key and the reason; the space is as it was.
        """
        self._store_batch(row_batch(self._store.meta, key, vector, columns))

    def __setitem__(self, key: Key, vector: Any) -> None:
        self.set(key, vector)

    def update(self, key: Key, /, **columns: Any) -> None:
        """Change some columns of a row; the others and the vector stay. The row moves to the end of insertion order.

        Raises
        ------
        KeyNotFound
            If no row has that key.
        """

        def update() -> None:
            with self._store.write("updating a row") as transaction:
                view = transaction.view
                position = self._find(view, key)
                have = None
                if view.state.columns:
                    kept = [name for name in view.schema if name not in columns]
                    have = view.take(np.array([position], np.int64), kept)[:, 1:]
                transaction.put(row_batch(self._store.meta, key, view.vector(position), columns, have))

        flushed_if_needed(self._store, update)
        self._after_write()

    def multiset(self, rows: Any, *, batch_size: int | None = None, progress: bool | None = None) -> int:
        """Store many rows, as load does: a mapping or a list all or nothing, a generator batch by batch."""
        return self.load(rows, batch_size=batch_size, progress=progress)

    def load(
        self,
        table: Any = None,
        *,
        key: str = "key",
        vector: str = "vector",
        keys: Any = None,
        vectors: Any = None,
        columns: Any = None,
        batch_size: int | None = None,
        progress: bool | None = None,
    ) -> int:
        """Store a table's rows; a row that had one of the keys is replaced whole.

        Parameters
        ----------
        table : optional
            A DataFrame (Polars, pandas, anything with Arrow's PyCapsule interface), a LazyFrame, a record-batch
            reader, a mapping {key: vector}, an iterable of (key, vector), (key, vector, columns) or frames; or a path
            of Parquet, Arrow, ``.npy`` (with x.rows.parquet beside x.npy), ``.zarr``, ``.zarr.zip``, HDF5 in the layout
            of ann-benchmarks, ``.fvecs``, ``.bvecs`` or ``.ivecs``, by its suffix.
        key, vector : str
            The table's columns that hold keys and vectors; the others become the rows' columns.
        keys, vectors : optional
            Given apart: keys as a sequence or a column, vectors as anything (n, dims), a Zarr array, or the path of a
            file that holds vectors alone, such as a .npy.
        columns : DataFrame or mapping of sequences, optional
            More columns, row for row, when there is no table.
        batch_size : int, optional
            Rows of a batch when streaming; by default up to 32,768.
        progress : bool, optional
            Show a progress bar on stderr; by default if that is a terminal and the input is a stream.

        Returns
        -------
        int
            Rows read; equal keys within the input count each time.

        Raises
        ------
        InvalidInput
            Naming the key and the reason, or the file. What is given whole in memory is stored all or nothing; of a
            stream the batches before are stored, and the error's `stored` says how many rows that is.
        Corrupt
            If a file is damaged; likewise.
        """
        source = batches(self._store.meta, table, key, vector, keys, vectors, columns, batch_size)
        return self._store_all(source, progress)

    def add_texts(
        self,
        keys: Iterable[Key],
        texts: Iterable[str],
        /,
        *,
        store_as: str | None = "text",
        full_text: bool = True,
        **columns: Any,
    ) -> int:
        """Embed texts with the space's embedder and store them.

        Parameters
        ----------
        keys, texts : iterables of the same length
            Sequences are stored all or nothing, streams batch by batch.
        store_as : str or None
            The column the texts themselves are kept in.
        full_text : bool
            Have that column searched as text, as index_text does, unless index_text or drop_text has chosen before.
        **columns
            Sequences, row for row.

        Returns
        -------
        int
            Rows stored.

        Raises
        ------
        InvalidInput
            If the space has no embedder, or a text is not a str.
        """
        embedder = self._need_embedder("add_texts")
        stored = self._store_all(batches_of_texts(self._store.meta, embedder, keys, texts, store_as, columns), None)
        if full_text and stored and store_as is not None and self._store.view().state.full_text is None:
            self.index_text(store_as)
        return stored

    def delete(self, key: Key) -> bool:
        """Delete a row; False if there was none with that key."""
        kept, digest = parse_key(key, self._store.meta.key_type)
        with self._store.write("deleting a row") as transaction:
            position = transaction.view.find(kept, digest)
            if position >= 0:
                transaction.kill(np.array([position], np.int64))
        return self._deleted(int(position >= 0)) > 0

    def __delitem__(self, key: Key) -> None:
        if not self.delete(key):
            raise KeyNotFound(self._no_such(key))

    def multidelete(self, keys: Iterable[Key]) -> int:
        """Delete many rows, all or nothing; returns how many there were. Keys without a row are passed over."""
        if isinstance(keys, (str, bytes)) or not isinstance(keys, Iterable):
            raise InvalidInput(
                f"multidelete takes many keys; got one {type(keys).__name__}, {keys!r}: put it in a list"
            )
        kept, hashes = parse_keys(keys, self._store.meta.key_type)
        with self._store.write("deleting rows") as transaction:
            positions = np.unique(transaction.view.find_many(kept, hashes))
            positions = positions[positions >= 0]
            transaction.kill(positions)
        return self._deleted(len(positions))

    def delete_where(self, where: Any, params: Mapping[str, Any] | None = None) -> int:
        """Delete the rows for which a filter is true, all or nothing; returns how many."""
        from .columns.masks import matching, predicate_of

        if where is None or (isinstance(where, str) and not where.strip()):
            raise InvalidInput("where is empty; say which rows, or use delete_all()")
        with self._store.write("deleting rows") as transaction:
            positions = matching(transaction.view, predicate_of(transaction.view, where, params))
            transaction.kill(positions)
        return self._deleted(len(positions))

    def delete_all(self) -> int:
        """Delete every row; the space, its columns' types among it, stays. Returns how many there were."""
        with self._store.write("deleting every row") as transaction:
            rows = len(transaction.view)
            if transaction.view.starts[-1]:
                transaction.clear()
        with suppress(Conflict, Corrupt, Unavailable):  # they are gone already; what can't be swept now will be
            self._store.view()
            self._store.sweep()
        return self._deleted(rows)

    def flush(self) -> None:
        """Write the log's rows as a segment now, instead of when it is full."""
        self._store.present("flushing")
        flush(self._store)
        make_planes(self._store)
        make_columns(self._store)
        self._background.index(self._store)

    def compact(self) -> Compaction:
        """Merge all segments into one, and free what deleted rows held.

        Rows that neither the present nor a snapshot sees are gone from the files afterwards, to the last byte, unless
        a fork or somebody who reads an older state has them still. Rows that only snapshots see get a segment apart.

        Returns
        -------
        Compaction
            Segments before and after, the bytes freed, and `erased`: False if somebody, in any process, was reading
            what is gone, so that bytes of it may be left until they end; compact() again then.
        """
        self._store.present("compacting")
        flush(self._store)
        done = compact(self._store, everything=True)
        assert done is not None  # it waited for its turn
        make_planes(self._store)
        make_columns(self._store)
        self._background.index(self._store)
        return done

    def index(self, progress: Callable[[int, int], object] | None = None) -> int:
        """Build the indexes that are missing or damaged now, on all CPUs, instead of in the background.

        Parameters
        ----------
        progress : callable, optional
            Called now and then with rows done and rows to do; what it raises ends it, and what is built so far is kept.

        Returns
        -------
        int
            How many were built: one a segment, small segments needing none.

        Raises
        ------
        Unavailable
            If there is no room for one, or the hub can only be read. Searches do without.
        """
        self._store.present("indexing")
        return index_now(self._store, parse_progress(progress))

    def index_column(self, *columns: str) -> None:
        """Keep which rows have each value of these columns, so that filters and facets needn't read them.

        It is done for what is stored when this returns, and from then on for what comes, in the background; forks,
        snapshots and downloads have it too. Comparisons, IN, IS NULL and, of lists, whether any element is a value, are
        answered by it, and so are AND, OR and NOT of them; results are the same with and without.

        Parameters
        ----------
        *columns : str
            Columns of numbers, strings, booleans, dates or times, or of lists of these. Most is gained with few values
            that many rows have; it takes up to 4 bytes a row, and its values.

        Raises
        ------
        InvalidInput
            If there is no such column, or its type can't be indexed; none is, then.

        Examples
        --------
        >>> import kinspace as ks
        >>> space = ks.connect(":memory:").create_space("docs", dims=2)
        >>> space.set("a", [1.0, 0.0], section="games")
        >>> space.index_column("section")
        >>> space.column_indexes
        ['section']
        """
        index_columns(self._store, columns)

    def drop_column_index(self, *columns: str) -> None:
        """Keep that no longer.

        Raises
        ------
        InvalidInput
            If one of the columns is not indexed; all stay as they are, then.
        """
        drop_column_indexes(self._store, columns)

    @property
    def column_indexes(self) -> list[str]:
        """The columns that are indexed, in the order they were named."""
        return list(self._store.view().state.indexed)

    def check(self) -> Report:
        """Read every byte of the space and say what is damaged; raises nothing for damage."""
        return check(self._store)

    @property
    def skipped(self) -> list[Problem]:
        """The damaged files for which get_space(skip_damaged=True) left out segments; none if it was opened without."""
        return []

    def repair(self) -> RepairReport:
        """Write what is damaged anew, as far as it follows from what is not, and say what is lost.

        Every byte is read, as by check(). A damaged segment is written anew with all of its rows that can be read; its
        damaged files are put into the space's `quarantine/`, which nothing removes but a person, or delete_space. What
        is lost is gone from then on. Killed at any moment, the space is as before or as after; a second repair finds
        nothing to do.

        Returns
        -------
        RepairReport
            `rebuilt` (files), `quarantined` (folders); `lost` (keys of rows that are gone), `lost_unknown` (how many
            more, whose keys can't be read either), `lost_dead` (keys of rows that had been replaced or deleted before),
            `columns_lost` (keys of rows that keep their vector, and whose columns are null now); `problems`, what could
            not be repaired: a damaged catalog, or what the disk refused. `ok` if nothing was lost and nothing is left.

        Raises
        ------
        Unavailable
            If the hub can only be read.
        """
        self._store.present("repairing")
        return repair(self._store)

    def __repr__(self) -> str:
        meta, store = self._store.meta, self._store
        state = f", {store.label}" if isinstance(store, Past) else ", frozen" if self.frozen else ""
        return f"<Space {self.name!r}: {len(self):,} rows × {meta.dims}, {meta.metric}{state}>"

    def _store_all(self, source: Any, progress: bool | None) -> int:
        stored = 0
        with Progress(self.name, source.total, wanted=progress if progress is not None else not source.whole) as bar:
            pieces = iter(source)
            while True:
                try:
                    piece = next(pieces, None)
                    if piece is None:
                        return stored
                    self._store_batch(piece.batch)
                except Exception as error:
                    if source.whole:
                        raise
                    raise _after(error, stored) from error
                stored += piece.rows
                bar.advance(piece.rows)

    def _store_batch(self, batch: Batch) -> None:
        if len(batch):
            flushed_if_needed(self._store, lambda: self._put(batch))

    def _put(self, batch: Batch) -> None:
        if len(batch) < SEGMENT_ROWS and batch.vectors.nbytes < LOG_BYTES:
            with self._store.write("storing rows") as transaction:
                transaction.put(batch)
            self._after_write()
            return
        self._store.writable("storing rows")
        view = self._store.view()
        check_log(view, batch.merged_schema(view.schema))  # refuse before writing anything
        del view
        written = write_segment(
            self._store.segments,
            len(batch),
            self.dims,
            self._store.meta.key_type,
            lambda start, stop: Block(
                batch.keys[start:stop],
                batch.hashes[start:stop],
                batch.vectors[start:stop],
                np.arange(start, stop, dtype=np.uint64),
            ),
            lambda: iter([batch.frame()]),
            dtype=self._store.meta.dtype,
            durable=self._store.durable,
        )
        try:
            with self._store.write("storing a segment") as transaction:
                transaction.put_segment(batch, written)
        except BaseException:
            if not self._store.names(written.id):
                written.discard()
            raise
        self._background.look_after(self._store)

    def _after_write(self) -> None:
        view = self._store.last_view()
        if log_is_full(view, _PATIENCE):
            with suppress(Conflict, Corrupt, Unavailable):  # what was written is stored; the next write tries again
                flush(self._store)
        elif log_is_full(view):
            self._background.look_after(self._store)

    def _deleted(self, rows: int) -> int:
        if rows and wanted(self._store.last_view()):
            self._background.look_after(self._store)
        return rows


def _after(error: Exception, stored: int) -> Exception:
    """The error of a stream, saying how much of it is stored."""
    if isinstance(error, KinspaceError):
        error = type(error)(f"{error}; {stored:,} rows of the stream were stored before this")
    else:
        error.add_note(f"{stored:,} rows of the stream were stored before this")
    error.stored = stored  # type: ignore[attr-defined]  # errors of the caller's generator carry it too
    return error
