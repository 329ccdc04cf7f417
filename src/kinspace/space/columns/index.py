"""The index of one column of a segment: the rows of each value."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..parts.bits import Words, unpack
from .order import numbers, place

if TYPE_CHECKING:
    import polars as pl

    from ...filter.tree import Comparison, Scalar

FREQUENT = 32  # a value that one row in so many has, or more, is kept as a bitmap
LISTED = 65_536  # so many strings are kept as Python's, which are found sooner
SCATTERED = 8  # … and a comparison whose rows are more than one in so many is left to whoever reads the column


class ColumnIndex:
    """The values, ascending, and the rows of each: of a list each row that has it among its elements.

    `rows` of value v are `row[offset[v] : offset[v + 1]]`, ascending; none for frequent ones, which have a bitmap.
    """

    def __init__(
        self,
        rows: int,
        dtype: pl.DataType,
        values: pl.Series,
        offset: NDArray[np.uint64],
        row: NDArray[np.uint32],
        frequent: NDArray[np.uint32],
        bitmaps: NDArray[np.uint64],
        null: Words,
        holes: bool,
    ) -> None:
        self.rows = rows
        self.dtype = dtype  # of the column
        self.values = values
        self.offset = offset
        self.row = row
        self.frequent = frequent  # which values those are, ascending
        self.bitmaps = bitmaps  # (frequent, words)
        self.null = null  # rows without a value, or list
        self.holes = holes  # whether a list has null among its elements

    @classmethod
    def of(cls, column: pl.Series) -> ColumnIndex:
        """The index of a column of a type that can be indexed."""
        import polars as pl

        dtype, rows = column.dtype, len(column)
        null = pack_rows(np.flatnonzero(column.is_null().to_numpy()), rows)
        if isinstance(dtype, pl.Array):
            column = column.arr.to_list()
        entries = pl.DataFrame([pl.Series("row", np.arange(rows, dtype=np.uint32)), column.alias("value")])
        holes = False
        if isinstance(column.dtype, pl.List):
            entries = entries.filter(pl.col("value").list.len() > 0).explode("value")
            holes = entries["value"].null_count() > 0
        entries = entries.drop_nulls()
        if entries["value"].dtype.is_float():
            entries = entries.with_columns(pl.col("value").replace(-0.0, 0.0))
        if isinstance(column.dtype, pl.List):
            entries = entries.unique(maintain_order=True)
        values = entries["value"].unique().sort()
        numbered = values.to_frame().with_columns(code=pl.int_range(len(values), dtype=pl.UInt32))
        codes = entries.join(numbered, on="value", how="left", maintain_order="left")["code"].to_numpy()
        counts = np.bincount(codes, minlength=len(values))
        every = entries["row"].to_numpy()[np.argsort(codes, kind="stable")].astype(np.uint32)
        frequent = np.flatnonzero(counts * FREQUENT >= rows) if rows >= FREQUENT else np.empty(0, np.int64)
        starts = np.cumsum(counts) - counts
        bitmaps = [pack_rows(every[starts[value] : starts[value] + counts[value]], rows) for value in frequent]
        rare = np.ones(len(values), np.bool_)
        rare[frequent] = False
        row = every[np.repeat(rare, counts)]
        offset = np.concatenate([np.zeros(1, np.uint64), np.cumsum(np.where(rare, counts, 0), dtype=np.uint64)])
        words = np.array(bitmaps, np.uint64).reshape(len(frequent), len(null))
        return cls(rows, dtype, values, offset, row, frequent.astype(np.uint32), words, null, holes)

    @property
    def listed(self) -> bool:
        """Whether it is of lists, by their elements."""
        return self.values.dtype != self.dtype

    def count(self, among: Words | None) -> NDArray[np.int64]:
        """How many of those rows, or of all, have each value."""
        if among is None:
            found = np.diff(self.offset).astype(np.int64)
            found[self.frequent] = np.bitwise_count(self.bitmaps).sum(axis=1, dtype=np.int64)
            return found
        hit = unpack(among, self.rows)[self.row]
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(hit, dtype=np.int64)])[self.offset.astype(np.int64)]
        found = np.diff(ends)
        for value, bitmap in zip(self.frequent.tolist(), self.bitmaps, strict=True):
            found[value] = int(np.bitwise_count(bitmap & among).sum())
        return found

    def among(self, values: Sequence[Scalar]) -> Words | None:
        """The rows that have one of these values; None if one is not of their kind."""
        spans = [self._span("=", value) for value in values]
        found = [span for span in spans if span is not None]
        return self._rows(found) if len(found) == len(spans) else None

    def compare(self, comparison: Comparison, value: Scalar) -> Words | None:
        """The rows whose value compares so with another; None if that is not known, or dear to say."""
        span = self._span("=" if comparison == "!=" else comparison, value)
        if span is None:
            return None
        start, stop = span
        if comparison == "!=":
            return ~(self._rows([span]) | self.null) & full(self.rows)
        if int(self.offset[stop] - self.offset[start]) * SCATTERED > self.rows:
            return None
        return self._rows([span])

    def _span(self, comparison: Comparison, value: Scalar) -> tuple[int, int] | None:
        """Which values compare so with another: a run of them."""
        import polars as pl

        placed = place(self.values.dtype, b"", comparison, value)
        if placed is None:
            return None
        if self.values.dtype == pl.String:
            left = bisect_left(self._texts, str(value))
            right = left + (left < len(self.values) and self._texts[left] == value)
        else:
            comparison, (low, high, vague) = placed
            if vague or self._numbers is None or not -(1 << 63) <= low == high < 1 << 63:
                return None
            left, right = (int(np.searchsorted(self._numbers, np.int64(low), side)) for side in ("left", "right"))
        return {
            "=": (left, right),
            "<": (0, left),
            "<=": (0, right),
            ">": (right, len(self.values)),
            ">=": (left, len(self.values)),
        }[comparison]

    @cached_property
    def _texts(self) -> Sequence[str]:
        """The values, to be looked for one by one; strings have the same order in Python."""
        return self.values.to_list() if len(self.values) <= LISTED else self.values  # type: ignore[return-value]  # it has what bisect asks for

    @cached_property
    def _numbers(self) -> NDArray[np.int64] | None:
        return numbers(self.values)

    def _rows(self, spans: list[tuple[int, int]]) -> Words:
        """The rows of runs of values."""
        ends = [(int(self.offset[start]), int(self.offset[stop])) for start, stop in spans]
        rows = [self.row[low:high] for low, high in ends if low < high]
        words = pack_rows(np.concatenate(rows), self.rows) if rows else np.zeros_like(self.null)
        for span in spans:
            first, last = np.searchsorted(self.frequent, span)
            for bitmap in self.bitmaps[first:last]:
                words |= bitmap
        return words


def pack_rows(row: NDArray[np.integer[Any]], rows: int) -> Words:
    """A bitmap of some of so many rows."""
    from ...filter import pack_bits

    bits = np.zeros(rows, np.bool_)
    bits[row] = True
    return pack_bits(bits)


def full(rows: int) -> Words:
    """Every row, and no bit behind the last."""
    words = np.full(-(-rows // 64), np.uint64(2**64 - 1))
    if rows % 64:
        words[-1] = np.uint64((1 << (rows % 64)) - 1)
    return words


def can_be_indexed(dtype: pl.DataType) -> bool:
    """Whether a column of that type can have an index."""
    import polars as pl

    inner = dtype.inner if isinstance(dtype, (pl.List, pl.Array)) else dtype
    plain = inner.is_integer() or inner.is_float() or inner.is_temporal() or inner in (pl.String, pl.Boolean)
    return plain and inner != pl.Int128
