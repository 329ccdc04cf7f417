"""The source that a bare DataFrame is: rows are their row numbers, and every search compares them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..arrays import Column, as_column, as_query, as_vector
from ..errors import InvalidInput, KeyNotFound
from ..explain import UNTRACED, Trace
from ..filter import Predicate, check_column
from ..hnsw import Hnsw
from ..knn import search
from ..length import parse_query
from ..types import Key, parse_metric
from .facets import count_values
from .nearest import Nearest
from .ranked import Ranked
from .shortened import shortened
from .source import Search

KEY = "key"  # the column that key= looks into, called as it is in a space
_Found = tuple[NDArray[np.int64], NDArray[np.float64]]


class Frame:
    """A DataFrame as a source: it never changes, so it is its own rows. Handles are row numbers, and so are seqs."""

    def __init__(self, frame: pl.DataFrame, trace: Trace = UNTRACED) -> None:
        self._frame = frame
        self._trace = trace

    @contextmanager
    def open(self, trace: Trace = UNTRACED) -> Iterator[Frame]:
        """The same rows."""
        with trace:
            yield self if trace is UNTRACED else Frame(self._frame, trace)

    @cached_property
    def schema(self) -> pl.Schema:
        """The frame's."""
        return self._frame.schema

    @property
    def fixed(self) -> pl.Schema:
        """The frame's schema."""
        return self.schema

    @property
    def columns(self) -> Sequence[str]:
        """All of them."""
        return list(self.schema)

    def checked(self, asked: Nearest) -> Nearest:
        """Check the column or the index, the key and the vector; the rows themselves are not looked at."""
        if asked.text is not None:
            raise InvalidInput("a frame has no embedder to find rows near a text; embed it: .nearest('column', vector)")
        if asked.index is not None:
            return replace(asked, vector=_index_query(asked.index, asked, self._frame.height).copy())
        if asked.metric is not None:
            parse_metric(asked.metric)
        if asked.column is None:
            raise InvalidInput('a frame may have many columns of vectors; say which one: .nearest("column", query)')
        check_column(asked.column, self.schema)
        if asked.key is not None:
            _check_key(asked.key, self.schema)
        if asked.vector is None:
            return asked
        kind = self.schema[asked.column]
        if isinstance(kind, pl.Array) and kind.size and self._frame.height:  # else the rows have to be read to know
            return replace(asked, vector=parse_query(asked.vector, asked.length(kind.size)).copy())
        return replace(asked, vector=as_vector(asked.vector, what="the query").copy())

    def matching(self, where: Predicate | None) -> NDArray[np.int64]:
        """Return row numbers, ascending."""
        allowed = self._allowed(where)
        return np.arange(self._frame.height) if allowed is None else np.flatnonzero(allowed)

    def seqs(self, handles: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the row numbers."""
        return handles.astype(np.uint64)

    def search(self, asked: Nearest, where: Predicate | None) -> Search:
        """Return a scan of the rows allowed, or a search of the index."""
        allowed = self._allowed(where)
        if asked.index is not None:
            return _Indexed(asked, self._frame.height, allowed, self._trace)
        assert asked.column is not None  # checked
        rows = as_column(self._frame[asked.column], f"column {asked.column!r}")
        query, left_out = asked.vector, np.empty(0, np.int64)
        if asked.key is not None:
            row = self._row_of(asked.key)
            query, left_out = rows.finite(row, row + 1)[0], np.array([row])
            allowed = np.ones(self._frame.height, np.bool_) if allowed is None else allowed.copy()
            allowed[row] = False
        if asked.examples is not None or asked.ranking is not None:
            return Ranked(self._frame, rows, asked, query, allowed, left_out)
        return _Scan(rows, asked, query, allowed, left_out, self._trace)

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Gather the rows."""
        with self._trace.stage("fetch", rows=len(handles), columns=len(columns)):
            return self._frame.select(columns)[handles]

    def count(self, where: Predicate | None) -> int:
        """Evaluate the filter, and count."""
        return self._frame.height if where is None else int(where.evaluate(self._frame).sum())

    def facets(self, column: str, where: Predicate | None, limit: int | None) -> tuple[pl.Series, NDArray[np.int64]]:
        """Count the values of the rows that match."""
        found = self._frame.get_column(column)
        return count_values(found if where is None else found.filter(pl.Series(where.evaluate(self._frame))), limit)

    def _allowed(self, where: Predicate | None) -> NDArray[np.bool_] | None:
        if where is None:
            return None
        with self._trace.stage("filter", rows=self._frame.height) as stage:
            allowed = where.evaluate(self._frame)
            if stage.wanted:
                stage.note(allowed=int(allowed.sum()))
        return allowed

    def _row_of(self, key: Key) -> int:
        found = np.flatnonzero((self._frame.get_column(KEY) == key).fill_null(False).to_numpy())
        if len(found) == 0:
            raise KeyNotFound(f"no row of the frame has the key {key!r} in its column {KEY!r}")
        if len(found) > 1:
            raise InvalidInput(f"{len(found)} rows of the frame have the key {key!r}; give the vector of one")
        return int(found[0])


class _Scan:
    """A search that compares every row allowed, whole or by the first components."""

    def __init__(
        self,
        rows: Column,
        asked: Nearest,
        query: NDArray[np.float32],
        allowed: NDArray[np.bool_] | None,
        left_out: NDArray[np.int64],
        trace: Trace,
    ) -> None:
        self._trace = trace
        self.query = query
        self.left_out = left_out
        self._rows = rows
        self._allowed = allowed
        self._metric = asked.metric or "cosine"
        self._length = asked.length(rows.dims) if rows.n else None
        if self._length is not None:
            self.query = parse_query(query, self._length)
        self.by_candidates = self._length is not None and self._length.reranks(len(self.query))

    def nearest(self, k: int, *, exact: bool) -> _Found:
        """Compare them; a scan is exact."""
        with self._trace.stage("search", rows=self._rows.n):
            if self._length is None:
                return search(self._rows, self.query, k, self._metric, self._allowed)
            return shortened(self._rows, self.query, self._length, k, self._metric, self._allowed)


class _Indexed:
    """A search of an index whose row ids are the row numbers."""

    left_out = np.empty(0, np.int64)
    by_candidates = False

    def __init__(self, asked: Nearest, height: int, allowed: NDArray[np.bool_] | None, trace: Trace) -> None:
        assert asked.index is not None  # or it would be a scan
        self.query = _index_query(asked.index, asked, height)
        self._index = asked.index
        self._trace = trace
        self._allowed = allowed
        self._effort: dict[str, Any] = {"ef_search": asked.ef_search, "recall": asked.recall}
        if asked.exact:
            self._effort = {"recall": 1.0}

    def nearest(self, k: int, *, exact: bool) -> _Found:
        """Search it; a recall of 1 is exact."""
        effort = {"recall": 1.0} if exact else self._effort
        with self._trace.stage("search", by="the index"):
            return self._index.search(self.query, k, where=self._allowed, **effort)


def _index_query(index: Hnsw, asked: Nearest, height: int) -> NDArray[np.float32]:
    """The vector, if the index can be asked so and its rows are the frame's."""
    known = index.info()
    if asked.dims is not None:
        raise InvalidInput(f"an index compares all of its {known['dim']} dims; leave dims out, or name the column")
    if asked.metric not in (None, known["metric"]):
        raise InvalidInput(f"the index has metric {known['metric']!r}; got {asked.metric!r}: leave it out")
    if not known["nrows"] == known["next_id"] == height:
        gone = known["next_id"] - known["nrows"]
        rows = f"{known['nrows']} rows" + (f", and {gone} that were removed" if gone else "")
        raise InvalidInput(f"the index has {rows}, the frame {height}; row i of it must be row i here")
    return as_query(asked.vector, known["dim"])


def _check_key(key: object, schema: pl.Schema) -> None:
    """InvalidInput unless the frame has a column of keys, of that one's type."""
    if KEY not in schema:
        raise InvalidInput(f"key= needs a column {KEY!r} in the frame; the columns are: {', '.join(map(repr, schema))}")
    kind = schema[KEY]
    if isinstance(key, (bool, np.bool_)) or not isinstance(key, (str, int, np.integer)):
        raise InvalidInput(f"a key is a str or an int; got {key!r:.100} ({type(key).__name__})")
    if not (kind == pl.String if isinstance(key, str) else kind.is_integer()):
        raise InvalidInput(f"the frame's column {KEY!r} holds {kind}; got {key!r:.100} ({type(key).__name__})")
