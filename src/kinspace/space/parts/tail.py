"""The log in memory: rows that no segment holds yet, append-only, so that every view keeps a prefix of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...errors import Corrupt, InvalidInput
from ...storage.catalog import LogEntry
from ...storage.dtypes import array_dtype, array_width, decode, encode
from ...storage.segment import search_norms
from ...types import BitMetric, Dtype, Key, Metric

if TYPE_CHECKING:
    import polars as pl

    from ...storage.columns import Schema


PLANE_STEP = 1_024  # rows that are coded together


class Tail:
    """Rows of the log in the order they came. Only the one who holds the space's write lock appends."""

    def __init__(self, dims: int, dtype: Dtype = "float32") -> None:
        self.dims = dims
        self.dtype = dtype
        self.rows = 0
        self.keys: list[Key] = []
        self.first_id = 0  # of the log entries held, 0 while there are none
        self.last_id = 0
        self._vectors = np.empty((16, array_width(dtype, dims)), array_dtype(dtype))
        self._norms = np.empty(16, np.float32)
        self._seqs = np.empty(16, np.uint64)
        self._newest: dict[Key, int] = {}  # key -> its last row
        self._earlier: dict[int, int] = {}  # row -> the row before it with the same key
        self._entries = 0
        self._decoded = 0  # pieces in _frame
        self._pieces: list[tuple[int, bytes | None]] = []  # (rows, columns) not yet in _frame
        self._frame: pl.DataFrame | None = None
        self._frame_rows = 0
        self._schema: Schema = {}  # the columns in _frame
        self._framing = threading.Lock()
        self._plane: _core.Plane | None = None  # of the first rows, as many as its arrays have room for
        self._coded = 0  # of them, how many it has
        self._coding = threading.Lock()
        self.text: Any = None  # their full text, kept by whoever searches it

    def append(self, entry: LogEntry) -> None:
        """Put one commit's rows at the end."""
        count = len(entry.keys)
        self._reserve(self.rows + count)
        place = slice(self.rows, self.rows + count)
        self._vectors[place] = encode(entry.vectors, self.dtype)
        self._norms[place] = search_norms(entry.vectors)
        self._seqs[place] = np.arange(entry.first, entry.first + count, dtype=np.uint64)
        self.keys[self.rows :] = entry.keys  # whatever an interrupted append left is written over
        for row, key in enumerate(entry.keys, self.rows):
            before = self._newest.get(key)
            if before is not None and before < row:
                self._earlier[row] = before
            self._newest[key] = row
        del self._pieces[self._entries :]
        self._pieces.append((count, entry.columns))
        self._entries += 1
        self.first_id = self.first_id or entry.id
        self.rows += count
        self.last_id = entry.id

    def find(self, key: Key, rows: int, is_live: Callable[[int], bool]) -> int:
        """The live row with that key among the first `rows`, or -1."""
        row = self._newest.get(key, -1)
        while row >= 0 and (row >= rows or not is_live(row)):
            row = self._earlier.get(row, -1)
        return row

    def core_rows(self, rows: int, dims: int | None = None) -> _core.Rows:
        """The first `rows` rows as the core sees them; of each so many components, all by default."""
        if dims is not None:  # there are few rows: their norms are computed while scanning
            cut = self._vectors[:rows, : array_width(self.dtype, dims)]
            return _core.Rows([cut], order=self._seqs[:rows], dims=dims, dtype=self.dtype)
        vectors, norms, seqs = self._vectors[:rows], self._norms[:rows], self._seqs[:rows]
        return _core.Rows([vectors], norms=norms, order=seqs, dims=self.dims, dtype=self.dtype)

    def plane(self, rows: int, metric: Metric | BitMetric, dims: int | None = None) -> _core.Plane | None:
        """Codes of most of the first `rows` rows, or of their first `dims` components; None for few rows.

        They are made now for rows that have none yet.
        """
        wanted = rows // PLANE_STEP * PLANE_STEP
        if wanted == 0 or metric == "hamming" or metric == "jaccard":
            return None
        with self._coding:
            if self._plane is None or self._plane.n < wanted:
                room = max(wanted, 2 * self._coded)
                mean = np.zeros(self.dims, np.float32)  # another would be of rows that are soon among the fewest
                self._plane, self._coded = _core.Plane(room, self.dims, metric=metric, mean=mean), 0
            if self._coded < wanted:
                self._plane.encode(self._plain(self._coded, wanted), first=self._coded)
                self._coded = wanted
            plane = self._plane.head(wanted)
        return plane if dims is None else plane.prefix(dims, self._plain(0, wanted))

    def _plain(self, start: int, stop: int) -> _core.Rows:
        return _core.Rows([self._vectors[start:stop]], dims=self.dims, dtype=self.dtype)

    def vector(self, row: int) -> NDArray[np.float32]:
        """A copy of one vector."""
        return decode(self._vectors[row], self.dtype, self.dims)

    def seqs(self, rows: int) -> NDArray[np.uint64]:
        """The seqs of the first `rows` rows, ascending."""
        return self._seqs[:rows]

    def rows_of(self, seqs: NDArray[np.uint64], rows: int) -> NDArray[np.int64]:
        """The rows, among the first `rows`, that have these seqs; others are passed over."""
        if rows == 0:
            return np.empty(0, np.int64)
        places = np.minimum(np.searchsorted(self._seqs[:rows], seqs), rows - 1)
        found: NDArray[np.int64] = places[self._seqs[places] == seqs].astype(np.int64)
        return found

    def frame(self, rows: int, schema: Schema) -> pl.DataFrame:
        """The key and the schema's columns of the first `rows` rows."""
        import polars as pl

        from ...storage.columns import align

        with self._framing:
            try:
                if self._frame is None or self._frame_rows < rows:
                    self._frame, self._frame_rows, self._schema, self._decoded = self._decode(rows)
                return align(self._frame.head(rows), {"key": self._frame.schema["key"], **schema})
            except (
                InvalidInput,
                pl.exceptions.PolarsError,
                pl.exceptions.PanicException,
            ) as error:  # every write has been checked
                raise Corrupt(f"columns of the log can't be read: {error}; restore them from a backup") from error

    def _decode(self, rows: int) -> tuple[pl.DataFrame, int, Schema, int]:
        """The frame grown to at least `rows` rows, its rows, its schema, and the pieces in it.

        Its types only ever widen, whatever an older view has. Nothing is changed here, so it may be interrupted.
        """
        import polars as pl

        from ...storage import columns

        start, stop, schema, decoded = self._frame_rows, self._frame_rows, self._schema, self._decoded
        runs: list[tuple[int, list[pl.DataFrame]]] = []  # rows, and their frames: of one schema, or none at all
        while stop < rows:
            count, body = self._pieces[decoded]
            frames = [] if body is None else [columns.decode(body)]
            stop += count
            decoded += 1
            if runs and [frame.schema for frame in runs[-1][1][:1]] == [frame.schema for frame in frames]:
                runs[-1] = runs[-1][0] + count, runs[-1][1]
                runs[-1][1].extend(frames)
                continue
            runs.append((count, frames))
            for frame in frames:
                schema = columns.merge_schema(schema, frame)
        keys = pl.Series("key", self.keys[start:stop])
        wanted = {"key": keys.dtype, **schema}
        pieces = [] if self._frame is None else [columns.align(self._frame, wanted)]
        at = 0
        for count, frames in runs:
            piece = pl.DataFrame([keys[at : at + count]])
            at += count
            pieces.append(columns.align(piece.hstack(pl.concat(frames)) if frames else piece, wanted))
        return pl.concat(pieces, rechunk=True), stop, schema, decoded

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._seqs):
            return
        capacity = max(rows, 2 * len(self._seqs))
        for name in ("_vectors", "_norms", "_seqs"):
            old = getattr(self, name)
            new = np.empty((capacity, *old.shape[1:]), old.dtype)
            new[: self.rows] = old[: self.rows]
            setattr(self, name, new)
