"""What a select reads: the protocol, and the source that a bare DataFrame is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..arrays import as_column, as_query
from ..errors import InvalidInput
from ..filter import Predicate
from ..hnsw import Hnsw
from ..knn import search
from .ranked import ranked_rows
from .shortened import shortened


class Rows(Protocol):
    """The rows of a source in one state, which doesn't change while a select is collected.

    A handle is an int64 that names a row within this state; what it counts is the source's own business.
    """

    @property
    def schema(self) -> pl.Schema:
        """Every column that may be named, with its type. No name begins with "_"."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns of a select that names none, in order; all of them are in ``schema``."""

    def matching(self, where: Predicate | None) -> NDArray[np.int64]:
        """Return the handles of the rows for which ``where`` (compiled for ``schema``) is true, in row order."""

    def nearest(
        self,
        column: str | None,
        query: Any,
        k: int,
        metric: str | None,
        where: Predicate | None,
        effort: Mapping[str, Any],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return handles and distances of the min(k, rows allowed) rows nearest to a query, ties by row order.

        ``column`` names the vectors, None if the caller named none; ``query`` is as the caller gave it and ``metric``
        None unless given; ``k`` is at least 0; ``effort`` has exact, recall and ef_search, for sources with an index,
        dims, rerank and expand, as the caller gave them, and examples (instead of a query, which is None then) and
        ranking, parsed or None. InvalidInput if the source has no such vectors or metric.
        """

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Return those rows in that order: a frame of exactly these columns, each of its type in ``schema``."""


class Source(Protocol):
    """Where a select gets its rows."""

    def open(self) -> Rows:
        """Return the rows as they are now; called once for each ``collect``."""


class Frame:
    """A DataFrame as a source: it never changes, so it is its own rows. Handles are row numbers."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def open(self) -> Frame:
        """Return itself."""
        return self

    @property
    def schema(self) -> pl.Schema:
        """The frame's."""
        return self._frame.schema

    @property
    def columns(self) -> Sequence[str]:
        """All of them."""
        return self._frame.columns

    def matching(self, where: Predicate | None) -> NDArray[np.int64]:
        """Return row numbers, ascending."""
        if where is None:
            return np.arange(self._frame.height)
        return np.flatnonzero(where.evaluate(self._frame))

    def nearest(
        self,
        column: str | None,
        query: Any,
        k: int,
        metric: str | None,
        where: Predicate | None,
        effort: Mapping[str, Any],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Scan the rows allowed."""
        if column is None:
            raise InvalidInput('a frame may have many columns of vectors; say which one: .nearest("column", query)')
        if column not in self.schema:
            raise InvalidInput(f"there is no column {column!r}; the columns are: {', '.join(map(repr, self.columns))}")
        rows = as_column(self._frame[column], f"column {column!r}")
        allowed = None if where is None else where.evaluate(self._frame)
        if effort["ranking"] is not None or effort["examples"] is not None:
            return ranked_rows(self._frame, rows, column, query, k, metric or "cosine", allowed, effort)
        if effort["dims"] is None or not rows.n:
            return search(rows, query, k, metric or "cosine", allowed)
        return shortened(rows, query, k, metric or "cosine", allowed, effort)

    def nearest_by(
        self,
        index: Hnsw,
        query: Any,
        k: int,
        metric: str | None,
        where: Predicate | None,
        effort: Mapping[str, Any],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Search an index whose row ids are the row numbers."""
        known = index.info()
        if effort["ranking"] is not None or effort["examples"] is not None:
            raise InvalidInput(
                "an index answers one query, by distance alone; for examples, diversity and boost name the column"
            )
        if effort["dims"] is not None:
            raise InvalidInput(f"an index compares all of its {known['dim']} dims; leave dims out, or name the column")
        if metric not in (None, known["metric"]):
            raise InvalidInput(f"the index has metric {known['metric']!r}; got {metric!r}: leave it out")
        if not known["nrows"] == known["next_id"] == self._frame.height:
            gone = known["next_id"] - known["nrows"]
            rows = f"{known['nrows']} rows" + (f", and {gone} that were removed" if gone else "")
            raise InvalidInput(f"the index has {rows}, the frame {self._frame.height}; row i of it must be row i here")
        vector = as_query(query, known["dim"])
        allowed = None if where is None else where.evaluate(self._frame)
        recall = 1.0 if effort["exact"] else effort["recall"]
        return index.search(vector, k, None if effort["exact"] else effort["ef_search"], allowed, recall=recall)

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Gather the rows."""
        return self._frame.select(columns)[handles]
