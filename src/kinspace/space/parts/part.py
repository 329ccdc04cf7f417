"""One part of a view: a segment or the log's rows, with those of its rows that are live."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...errors import Corrupt
from ...storage.reader import SegmentReader
from ...types import Key
from .bits import Words, all_set, also_set, are_set, cleared, is_set, unpack
from .tail import Tail

if TYPE_CHECKING:
    import polars as pl

    from ...storage.columns import Schema


class Part:
    """One segment, or the log's rows, with the rows of it that are live."""

    def __init__(
        self, source: SegmentReader | Tail, rows: int, live: Words | None = None, dead: int = 0, pinned: int = 0
    ) -> None:
        self.source = source
        self.rows = rows
        self.live = live  # None while all are
        self.dead = dead
        self.pinned = pinned  # of the dead, how many a snapshot may see; never too few
        self.counts: dict[object, Any] = {}  # of the rows that are live, kept by whoever counts them

    def without(self, rows: NDArray[np.int64], seen: NDArray[np.bool_] | None = None) -> Part:
        """The part with those rows, each named once, dead as well; `seen` are those a snapshot may see."""
        if len(rows) == 0:
            return self
        live = all_set(self.rows) if self.live is None else self.live
        died = are_set(live, rows)
        pinned = 0 if seen is None else int((died & seen).sum())
        return Part(self.source, self.rows, cleared(live, rows), self.dead + int(died.sum()), self.pinned + pinned)

    def revived(self, rows: NDArray[np.int64]) -> Part:
        """The part with those rows, each named once, live again."""
        if len(rows) == 0 or self.live is None:
            return self
        born = int((~are_set(self.live, rows)).sum())
        return Part(self.source, self.rows, also_set(self.live, rows), self.dead - born, self.pinned)

    def pinning(self, rows: NDArray[np.int64]) -> Part:
        """The part when those are the rows, each named once, that snapshots may see of it, unless they are live."""
        pinned = 0 if self.live is None else int((~are_set(self.live, rows)).sum())
        return Part(self.source, self.rows, self.live, self.dead, pinned)

    @property
    def waste(self) -> int:
        """Dead rows that no snapshot sees, at least."""
        return max(0, self.dead - self.pinned)

    def whole(self) -> Part:
        """The part with every row live."""
        return Part(self.source, self.rows)

    def grown(self, rows: int) -> Part:
        """The log's part with its first `rows` rows; the new ones are live."""
        live = self.live
        if live is not None and -(-rows // 64) > len(live):
            live = np.concatenate([live, all_set(rows)[len(live) :]])
        return Part(self.source, rows, live, self.dead, self.pinned)

    def is_live(self, row: int) -> bool:
        """Whether a row is live."""
        return self.live is None or is_set(self.live, row)

    def live_rows(self) -> NDArray[np.int64]:
        """The rows that are live, ascending."""
        if self.live is None:
            return np.arange(self.rows, dtype=np.int64)
        return np.flatnonzero(unpack(self.live, self.rows))

    def dead_rows(self) -> NDArray[np.int64]:
        """The rows that are not, ascending."""
        if self.live is None:
            return np.empty(0, np.int64)
        return np.flatnonzero(~unpack(self.live, self.rows))

    @property
    def span(self) -> tuple[int, int]:
        """The lowest and the highest seq; there is at least one row."""
        if isinstance(self.source, Tail):
            seqs = self.source.seqs(self.rows)
            return int(seqs[0]), int(seqs[-1])
        return self.source.entry.first, self.source.entry.last

    def seqs(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The seqs of those rows."""
        if isinstance(self.source, Tail):
            return self.source.seqs(self.rows)[rows]
        return self.source.seqs[rows] + np.uint64(self.source.entry.base)

    def rows_of(self, seqs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rows that have these seqs."""
        return self.source.rows_of(seqs, self.rows) if isinstance(self.source, Tail) else self.source.rows_of(seqs)

    @cached_property
    def core_rows(self) -> _core.Rows:
        """The vectors as the core sees them."""
        return self.source.core_rows(self.rows) if isinstance(self.source, Tail) else self.source.rows

    def keys(self, rows: NDArray[np.int64]) -> list[Key]:
        """The keys of those rows."""
        if isinstance(self.source, Tail):
            keys = self.source.keys
            return [keys[row] for row in rows.tolist()]
        try:
            return self.source.keys.take(rows)
        except ValueError as error:
            raise Corrupt(f"{self.source.folder}: its keys can't be read: {error}") from error

    def frame(self, schema: Schema, names: list[str], *, keys: bool = True) -> pl.DataFrame:
        """The key, if wanted, and those columns of every row, dead ones too; null where it doesn't fit the type."""
        from ...storage.columns import align

        wanted = {name: schema[name] for name in names}
        if isinstance(self.source, Tail):
            return self.source.frame(self.rows, wanted)
        there = any(name in self.source.columns for name in names)  # a frame of no columns has no rows
        found = self._without_dead(self.source.frame(["key"] * (keys or not there) + names), wanted)
        return align(found, {**({"key": found.schema["key"]} if keys else {}), **wanted})

    def near(
        self, rows: NDArray[np.int64], span: tuple[int, int], schema: Schema, names: Sequence[str]
    ) -> pl.DataFrame:
        """Those columns, the key perhaps among them, of rows of a segment that lie in a span."""
        from ...storage.columns import align

        reader = self.source
        assert isinstance(reader, SegmentReader)
        there = [name for name in names if name in reader.columns]
        as_is = all(reader.types[name] == schema.get(name, reader.types[name]) for name in there)
        if span[1] - span[0] == self.rows or not there or not as_is or reader.has_read(there):
            whole = self.frame(schema, [name for name in names if name != "key"], keys="key" in names)
            return whole[rows]
        found = reader.between(*span, there)[rows - span[0]]
        return align(found, {name: schema[name] if name in schema else found.schema[name] for name in names})

    def _without_dead(self, found: pl.DataFrame, wanted: Schema) -> pl.DataFrame:
        """Nulls for what dead rows have in columns of another type: a restore may have made one that can't hold it."""
        others = [name for name, dtype in wanted.items() if found.schema.get(name, dtype) != dtype]
        if self.live is None or not others:
            return found
        import polars as pl

        alive = pl.lit(pl.Series(unpack(self.live, self.rows)))
        kept = {name: pl.when(alive).then(pl.lit(found.get_column(name))) for name in others}
        return pl.DataFrame(
            [pl.select(kept[one.name].alias(one.name)).to_series() if one.name in kept else one for one in found]
        )

    def take(self, rows: NDArray[np.int64], schema: Schema, names: list[str]) -> pl.DataFrame:
        """The key and those columns of those rows, in the order asked."""
        from ...storage.columns import align

        if isinstance(self.source, Tail):
            return self.frame(schema, names)[rows]
        found = self.source.take(rows, ["key", *names])
        return align(found, {"key": found.schema["key"], **{name: schema[name] for name in names}})
