"""What zones and columns' indexes tell of a filter before a column is read: for which rows it may be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...filter import tree
from ...filter.tree import Comparison, Node, Scalar
from ...storage.reader import SegmentReader
from ..parts.bits import Words
from .files import find_column_index
from .index import ColumnIndex, full
from .order import place
from .zones import ZONE_ROWS, Blocks, Zones, find_zones, types_of

if TYPE_CHECKING:
    from ...storage.columns import Schema

_FLIPPED: dict[Comparison, Comparison] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPTIONS = 64  # of an IN, that are looked for among zones one by one


class Foreseen(NamedTuple):
    """The rows for which a predicate may be true, false or null: each is in one of these at least."""

    true: Words
    false: Words
    null: Words

    @property
    def sure(self) -> Words:
        """Rows for which it is true, whatever they hold."""
        return self.true & ~(self.false | self.null)

    @property
    def open(self) -> Words:
        """Rows that must be looked at."""
        return self.true & (self.false | self.null)


def foresee(reader: SegmentReader, schema: Schema, indexed: tuple[str, ...], node: Node) -> Foreseen:
    """What is known of a filter on a segment whose columns are of the schema's types, some of them indexed."""
    return _Foreseer(reader, schema, indexed).node(node)


class _Foreseer:
    def __init__(self, reader: SegmentReader, schema: Schema, indexed: tuple[str, ...]) -> None:
        self._reader = reader
        self._schema = schema
        self._indexed = indexed
        zones = find_zones(reader)
        self._zones = {} if zones is None else zones.columns
        self._types = types_of(reader)
        self._every = full(reader.entry.rows)
        self._none = np.zeros_like(self._every)
        self._unknown = Foreseen(self._every, self._every, self._every)

    def node(self, node: Node) -> Foreseen:
        match node:
            case tree.Compare(comparison, tree.Column((name,)), tree.Constant(value)):
                return self._compare(name, comparison, value)
            case tree.Compare(comparison, tree.Constant(value), tree.Column((name,))):
                return self._compare(name, _FLIPPED[comparison], value)
            case tree.In(tree.Column((name,)), options):
                return self._in(name, options)
            case tree.IsNull(tree.Column((name,))):
                return self._is_null(name)
            case tree.Elements("any", tree.Column((name,)), "=", value):
                return self._any_element(name, value)
            case tree.Column((name,)):
                return self._compare(name, "=", True)
            case tree.Constant(value) if value is None or type(value) is bool:
                return Foreseen(*(self._every if value is one else self._none for one in (True, False, None)))
            case tree.And(terms) if terms:
                return self._all([self.node(term) for term in terms])
            case tree.Or(terms) if terms:
                return _opposite(self._all([_opposite(self.node(term)) for term in terms]))
            case tree.Not(term):
                return _opposite(self.node(term))
        return self._unknown

    def _all(self, terms: list[Foreseen]) -> Foreseen:
        true, false, null = self._every, self._none, self._none
        holds = self._every  # where no term must be false
        for term in terms:
            true, false, null = true & term.true, false | term.false, null | term.null
            holds = holds & (term.true | term.null)
        return Foreseen(true, false, null & holds)

    def _column(self, name: str) -> tuple[ColumnIndex | None, Zones | None] | None:
        """What is known of a column, in the type it is to be taken for; None if the segment has only nulls there."""
        dtype, here = self._schema.get(name), self._types.get(name)
        if dtype is not None and here is None:
            return None
        if dtype is None or here != dtype:  # the key, or a type that has widened since
            return None, None
        index = find_column_index(self._reader, name) if name in self._indexed else None
        return index, self._zones.get(name)

    def _exactly(self, true: Words, null: Words) -> Foreseen:
        return Foreseen(true, self._every & ~(true | null), null)

    def _blocks(self, true: Blocks, false: Blocks, nulls: Blocks) -> Foreseen:
        every, each = self._every, ZONE_ROWS // 64
        words = (
            np.repeat(np.where(blocks, ~np.uint64(0), np.uint64(0)), each)[: len(every)] & every
            for blocks in (true, false, nulls)
        )
        return Foreseen(*words)

    def _compare(self, name: str, comparison: Comparison, value: Scalar) -> Foreseen:
        known = self._column(name)
        if known is None:
            return Foreseen(self._none, self._none, self._every)
        if value is None:
            return self._unknown
        index, zones = known
        if index is not None and not index.listed:
            found = index.compare(comparison, value)
            if found is not None:
                return self._exactly(found, index.null)
        placed = None if zones is None else place(zones.dtype, zones.shared, comparison, value)
        if zones is None or placed is None:
            return self._unknown
        return self._blocks(*zones.compare(*placed), zones.nulls > 0)

    def _in(self, name: str, options: tuple[Scalar, ...]) -> Foreseen:
        known = self._column(name)
        if known is None:
            return Foreseen(self._none, self._none, self._every)
        values = [value for value in options if value is not None]
        index, zones = known
        if index is not None and not index.listed:
            true = index.among(values)
            if true is not None:
                told = self._exactly(true, index.null)
                return told if len(values) == len(options) else Foreseen(true, self._none, told.false | told.null)
        if zones is None or len(values) > _OPTIONS:
            return self._unknown
        true_in, false_in = np.zeros(len(zones.low), np.bool_), zones.low <= zones.high
        for value in values:
            placed = place(zones.dtype, zones.shared, "=", value)
            if placed is None:
                return self._unknown
            may, may_not = zones.compare(*placed)
            true_in, false_in = true_in | may, false_in & may_not
        if len(values) < len(options):
            return self._blocks(true_in, np.zeros_like(false_in), false_in | (zones.nulls > 0))
        return self._blocks(true_in, false_in, zones.nulls > 0)

    def _is_null(self, name: str) -> Foreseen:
        known = self._column(name)
        if known is None:
            return self._exactly(self._every, self._none)
        index, zones = known
        if index is not None:
            return self._exactly(index.null, self._none)
        if zones is None:
            return Foreseen(self._every, self._every, self._none)
        return self._blocks(zones.nulls > 0, zones.nulls < zones.rows, np.zeros(len(zones.rows), np.bool_))

    def _any_element(self, name: str, value: Scalar) -> Foreseen:
        known = self._column(name)
        if known is None:
            return Foreseen(self._none, self._none, self._every)
        index = known[0]
        true = None if index is None or not index.listed or value is None else index.among([value])
        if index is None or true is None:
            return self._unknown
        told = self._exactly(true, index.null)
        return Foreseen(told.true, told.false, told.null | told.false) if index.holes else told


def _opposite(told: Foreseen) -> Foreseen:
    return Foreseen(told.false, told.true, told.null)
