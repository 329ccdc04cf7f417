"""What a reader sees: an immutable state of the space. Rows are addressed by position, segments first, the log last."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...errors import Corrupt
from ...explain import UNTRACED, Trace
from ...storage.catalog import SnapshotEntry, State
from ...storage.reader import SegmentReader
from ...types import Key
from ..parts.bits import Words
from ..parts.effort import Effort
from ..parts.index import Indexes
from ..parts.meta import Meta
from ..parts.part import Part
from ..parts.plane import planes
from ..parts.prefix import keep, prefix_rows
from ..parts.tail import Tail
from ..parts.traced import tell_search

if TYPE_CHECKING:
    import polars as pl

    from ...storage.columns import Schema


@dataclass(frozen=True, slots=True)
class Known:
    """How far a view has read the catalog, so that the next one reads only what came since."""

    log: int = 0  # id of the last log entry
    tombstone: int = 0  # id of the last tombstone
    snapshots: tuple[SnapshotEntry, ...] = ()


NOTHING = Known()


class Answer(NamedTuple):
    """What a search found, of one query or of many."""

    positions: NDArray[np.int64]
    distances: NDArray[np.float64]
    exact: bool  # proven
    visited: Any  # rows compared, as Hits has it: int, or int64 (queries,)


class View:
    """The rows of a space at one version. Nothing in it changes, whatever is written meanwhile."""

    def __init__(
        self,
        meta: Meta,
        state: State,
        parts: tuple[Part, ...],
        indexes: Indexes,
        known: Known = NOTHING,
    ) -> None:
        self.meta = meta
        self.state = state
        self.known = known  # what of the catalog went into it
        self.parts = tuple(part for part in parts[:-1] if part.dead < part.rows) + parts[-1:]  # segments, then the log
        self.buried = tuple(part for part in parts[:-1] if part.dead == part.rows)  # segments without live rows
        self.indexes = indexes
        self.starts = [0]
        for part in self.parts:
            self.starts.append(self.starts[-1] + part.rows)
        filled = [part for part in self.parts if part.rows]
        self._only = filled[0] if len(filled) == 1 else None  # then its rows are the positions
        self._prefix_scans: dict[int, _core.Scan] = {}
        self.filtered: pl.Schema | None = None  # what filters may name, kept likewise
        self.masks: dict[Hashable, list[Words]] = {}  # of filters, kept by whoever evaluates them
        self.text: Any = None  # its full text, kept by whoever searches it

    def again(self) -> View:
        """The same rows, searched by the indexes there are now."""
        return View(self.meta, self.state, self.every, self.indexes, self.known)

    def of(self, parts: list[Part], columns: bytes | None = None) -> View:
        """Every row of these parts, live or not, with columns of these types, or the view's own."""
        state = self.state if columns is None else replace(self.state, columns=columns)
        segments = tuple(part.whole() for part in parts if isinstance(part.source, SegmentReader))
        tail = self.tail.whole() if self.tail in parts else Part(Tail(self.meta.dims, self.meta.dtype), 0)
        return View(self.meta, state, (*segments, tail), self.indexes)

    @property
    def every(self) -> tuple[Part, ...]:
        """All parts, the buried ones too; the log last."""
        return (*self.buried, *self.parts)

    @property
    def segments(self) -> list[Part]:
        """The segments among the parts, the buried ones too, by lowest seq."""
        return sorted((*self.buried, *self.parts[:-1]), key=lambda part: part.span)

    @property
    def tail(self) -> Part:
        """The log's part."""
        return self.parts[-1]

    def __len__(self) -> int:
        return self.starts[-1] - sum(part.dead for part in self.parts)

    @cached_property
    def schema(self) -> Schema:
        """The user's columns and their types."""
        from ...storage.columns import decode_schema

        return decode_schema(self.state.columns)

    @cached_property
    def scan(self) -> _core.Scan:
        """The core's search over every live row, by index where there is one; each chunk has been checked."""
        return self._scan(None, [part.core_rows for part in self.parts], None if self.meta.index_dims else self.graphs)

    @cached_property
    def graphs(self) -> list[_core.Graph | None]:
        """Each part's index, if it has one."""
        return self.indexes.graphs(self.parts)

    def prefix_scan(self, dims: int) -> _core.Scan:
        """The same over the first `dims` components of the vectors, by index where that is of so many.

        Of a space whose vectors are rotated it is over whole vectors, ranked by so many components along the axes.
        """
        scan = self._prefix_scans.get(dims)
        if scan is None:
            rotated = self.meta.rotate is not None
            rows = [part.core_rows if rotated else prefix_rows(part, self.meta, dims) for part in self.parts]
            made = self._scan(dims, rows, self.graphs if dims == self.meta.index_dims else None)
            scan = keep(self._prefix_scans, dims, made)
        return scan

    def _scan(self, dims: int | None, rows: list[_core.Rows], graphs: list[_core.Graph | None] | None) -> _core.Scan:
        for part in self.parts:
            if isinstance(part.source, SegmentReader):
                part.source.check_chunks()
                part.source.keys  # noqa: B018  # mapped now: hits ask for them later, when the files may be gone
        lives = [None if part.live is None else part.live[: -(-part.rows // 64)] for part in self.parts]
        coded = planes(self.parts, self.meta, self.indexes, dims)
        return _core.Scan(rows, live=lives, metric=self.meta.metric, graphs=graphs, planes=coded)

    def nearest(
        self,
        queries: NDArray[np.float32],
        k: int,
        effort: Effort,
        dims: int | None = None,
        *,
        masks: Sequence[Words | None] | None = None,
        exclude: int = -1,
        threads: int = 0,
        trace: Trace = UNTRACED,
    ) -> Answer:
        """The k nearest to one query or to each of many.

        With `dims` vectors are no more than their first `dims` components, and queries have as many; but where vectors
        are rotated both are whole, and what is found is near by `dims` components along the axes, then by all.
        """
        if trace.wanted:
            with trace.stage("prepare"):  # it is made when first needed
                self.scan if dims is None else self.prefix_scan(dims)
        scan = self.scan if dims is None else self.prefix_scan(dims)
        recall = 1.0 if effort.exact else effort.recall
        asked: dict[str, Any] = {
            "masks": masks,
            "exclude": exclude,
            "threads": threads,
            "ef": effort.ef,
            "recall": recall,
        }
        try:
            if not trace.wanted:
                return Answer(*scan.nearest(queries, k, **asked))
            with trace.stage("search", dims=dims) as stage:
                *found, told = scan.trace(queries, k, **asked)
            stage.seconds = told["seconds"]
            answer = Answer(*found)
            stage.later(lambda one: tell_search(one, self.parts, told, answer.visited))
            return answer
        except ValueError as error:  # the query has been checked: it is what is stored
            raise _unsearchable(error) from error

    def distances(
        self, query: NDArray[np.float32], positions: NDArray[np.int64], dims: int | None = None
    ) -> NDArray[np.float64]:
        """The distance of each of those rows to a query, of all dims or the first so many."""
        try:
            return (self.scan if dims is None else self.prefix_scan(dims)).distances(query, positions)
        except ValueError as error:
            raise _unsearchable(error) from error

    def segment(self, id: str) -> SegmentReader | None:
        """The segment of that id, if it is one of its parts."""
        for part in self.parts:
            if isinstance(part.source, SegmentReader) and part.source.entry.id == id:
                return part.source
        return None

    def has(self, segment: str) -> bool:
        """Whether a segment is one of its parts."""
        return self.segment(segment) is not None

    def find(self, key: Key, digest: int) -> int:
        """The position of the live row with that key, or -1."""
        tail = self.parts[-1]
        assert isinstance(tail.source, Tail)
        if tail.rows:
            row = tail.source.find(key, tail.rows, tail.is_live)
            if row >= 0:
                return self.starts[-2] + row
        for number in range(len(self.parts) - 2, -1, -1):
            part = self.parts[number]
            assert isinstance(part.source, SegmentReader)
            row = part.source.keys.find(digest, key, part.live)
            if row >= 0:
                return self.starts[number] + row
        return -1

    def find_many(self, keys: list[Key], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The positions of the live rows with those keys; -1 where there is none."""
        found = np.full(len(keys), -1, np.int64)
        for number in range(len(self.parts) - 1):
            part = self.parts[number]
            if part.dead == part.rows:
                continue
            assert isinstance(part.source, SegmentReader)
            rows = part.source.keys.find_many(hashes, keys, part.live)
            hit = np.flatnonzero(rows >= 0)
            found[hit] = rows[hit] + self.starts[number]
        tail = self.parts[-1]
        assert isinstance(tail.source, Tail)
        if tail.rows:
            find, start, rows_held, is_live = tail.source.find, self.starts[-2], tail.rows, tail.is_live
            for place, key in enumerate(keys):
                row = find(key, rows_held, is_live)
                if row >= 0:
                    found[place] = start + row
        return found

    def locate(self, position: int) -> tuple[Part, int]:
        """The part that holds a position, and the row there."""
        number = len(self.parts) - 1
        while self.starts[number] > position:
            number -= 1
        return self.parts[number], position - self.starts[number]

    def vector(self, position: int) -> NDArray[np.float32]:
        """A copy of one vector."""
        part, row = self.locate(position)
        return part.source.vector(row)

    def _by_part(
        self, positions: NDArray[np.int64]
    ) -> Iterator[tuple[Part, NDArray[np.int64], NDArray[np.bool_] | slice]]:
        """The positions, part by part: the part, its rows, and where in the list they stand."""
        if len(positions) == 0:
            return
        if self._only is not None:
            yield self._only, positions, slice(None)
            return
        low, high = int(positions.min()), int(positions.max())
        for number, part in enumerate(self.parts):
            start, stop = self.starts[number], self.starts[number + 1]
            if low >= stop or high < start:
                continue
            if low >= start and high < stop:
                yield part, positions - start, slice(None)
                return
            here = (positions >= start) & (positions < stop)
            if here.any():
                yield part, positions[here] - start, here

    def vectors(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Copies of those vectors (n, dims), in the order asked."""
        out: NDArray[np.float32] | None = None
        for part, rows, where in self._by_part(positions):
            if isinstance(part.source, SegmentReader):
                part.source.check_chunks(rows)
            gathered = part.core_rows.gather(rows)
            if isinstance(where, slice):
                return gathered
            if out is None:
                out = np.empty((len(positions), self.meta.dims), np.float32)
            out[where] = gathered
        return np.empty((0, self.meta.dims), np.float32) if out is None else out

    def keys(self, positions: NDArray[np.int64]) -> list[Key]:
        """The keys of those positions, in the order asked."""
        out: list[Key] = []
        for part, rows, where in self._by_part(positions):
            keys = part.keys(rows)
            if isinstance(where, slice):
                return keys
            out = out or [""] * len(positions)
            for place, key in zip(np.flatnonzero(where).tolist(), keys, strict=True):
                out[place] = key
        return out

    def seqs(self, positions: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The seqs of those positions."""
        out = np.empty(len(positions), np.uint64)
        for part, rows, where in self._by_part(positions):
            out[where] = part.seqs(rows)
        return out

    def live(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The seqs of all live rows, ascending, and their positions."""
        rows = [part.live_rows() for part in self.parts]
        seqs = np.concatenate([part.seqs(here) for part, here in zip(self.parts, rows, strict=True)])
        places = np.concatenate([here + start for here, start in zip(rows, self.starts, strict=False)])
        if bool((seqs[1:] > seqs[:-1]).all()):
            return seqs, places
        order = np.argsort(seqs, kind="stable")
        return seqs[order], places[order]

    def take(self, positions: NDArray[np.int64], names: list[str] | None = None) -> pl.DataFrame:
        """The key and the columns (all of them by default) of those positions, in the order asked."""
        import polars as pl

        names = list(self.schema) if names is None else names
        frames, places = [], []
        for part, rows, where in self._by_part(positions):
            frame = part.take(rows, self.schema, names)
            if isinstance(where, slice):
                return frame
            frames.append(frame)
            places.append(np.flatnonzero(where))
        if not frames:
            return self.empty_frame(names)
        order = np.argsort(np.concatenate(places))
        return pl.concat(frames)[order]

    def empty_frame(self, names: list[str]) -> pl.DataFrame:
        """No rows, with the key and those columns in their types."""
        import polars as pl

        key = pl.Int64 if self.meta.key_type == "int" else pl.String
        return pl.DataFrame(schema={"key": key, **{name: self.schema[name] for name in names}})

    def in_order(self) -> Iterator[NDArray[np.int64]]:
        """Every live position, in insertion order, in pieces."""
        spans = sorted((number for number, part in enumerate(self.parts) if part.rows > part.dead), key=self._span)
        group: list[int] = []
        reach = -1
        for number in spans:
            if group and self._span(number)[0] > reach:
                yield from self._merged(group)
                group = []
            group.append(number)
            reach = max(reach, self._span(number)[1])
        if group:
            yield from self._merged(group)

    def _span(self, number: int) -> tuple[int, int]:
        return self.parts[number].span

    def _merged(self, group: list[int]) -> Iterator[NDArray[np.int64]]:
        """The live positions of parts whose seqs interleave, by seq."""
        positions = [self.parts[number].live_rows() + self.starts[number] for number in group]
        if len(group) == 1:
            yield positions[0]
            return
        every = np.concatenate(positions)
        yield every[np.argsort(self.seqs(every), kind="stable")]


def _unsearchable(error: ValueError) -> Corrupt:
    return Corrupt(f"what is stored can't be searched: {error}; restore it from a backup")
