"""A segment's zones: of each column the least and the greatest value and the nulls, block by block of its rows.

They lie in a folder of the segment that may be removed at any time and is then made anew. Blocks in which a filter can
be true of no row, or is of all, needn't be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import Corrupt, KinspaceError
from ...storage.reader import SegmentReader
from ...storage.replace import read_folder
from ...storage.sealed import read_sealed
from ..parts.index import folder_identity, known, put_beside
from .order import SHARED, Place, numbers, string_number

if TYPE_CHECKING:
    import polars as pl

    from ...filter.tree import Comparison

ZONE_ROWS = 4_096  # as many as rows.arrow has in a batch, and whole words of a bitmap
FOLDER = "zones"
KIND = "zones"
_LEAST, _GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max

Blocks = NDArray[np.bool_]


class Zones(NamedTuple):
    """One column's; a block without values has low above high."""

    dtype: pl.DataType
    shared: bytes  # what all of its strings begin with
    low: NDArray[np.int64]  # (blocks): see order.py
    high: NDArray[np.int64]
    nulls: NDArray[np.int64]  # how many
    rows: NDArray[np.int64]  # of each block, those without a value too

    def compare(self, comparison: Comparison, at: Place) -> tuple[Blocks, Blocks]:
        """In which blocks it may be true of a row, and in which false."""
        low, high, more = self.low, self.high, int(at.vague)
        if comparison in ("=", "!="):
            may = (low <= at.high) & (high >= at.low)
            may_not = (low < at.high + more) | (high > at.low - more)
            found = (may, may_not) if comparison == "=" else (may_not, may)
        elif comparison == "<":
            found = low < at.high + more, high >= at.low
        elif comparison == "<=":
            found = low <= at.high, high > at.low - more
        elif comparison == ">":
            found = high > at.low - more, low <= at.high
        else:
            found = high >= at.low, low < at.high + more
        filled = low <= high
        return found[0] & filled, found[1] & filled


class Zoned(NamedTuple):
    """What is known of a segment's columns without reading them."""

    types: dict[str, pl.DataType]  # of all columns, the key among them
    columns: dict[str, Zones]  # of those that have an order


def blocks_of(rows: int) -> NDArray[np.int64]:
    """How many rows each block has."""
    full, rest = divmod(rows, ZONE_ROWS)
    return np.array([ZONE_ROWS] * full + [rest] * (rest > 0), np.int64)


def zones_of(values: pl.Series) -> Zones | None:
    """The zones of a column; None for types that have no order here."""
    import polars as pl

    sizes = blocks_of(len(values))
    starts = np.cumsum(sizes) - sizes
    null = values.is_null().to_numpy()
    nulls = np.add.reduceat(null, starts, dtype=np.int64)
    if values.dtype == pl.String:
        return _string_zones(values, nulls, sizes)
    found = numbers(values)
    if found is None:
        return None
    low = np.minimum.reduceat(np.where(null, _GREATEST, found), starts)
    high = np.maximum.reduceat(np.where(null, _LEAST, found), starts)
    return Zones(values.dtype, b"", low, high, nulls, sizes)


def _string_zones(values: pl.Series, nulls: NDArray[np.int64], sizes: NDArray[np.int64]) -> Zones:
    import polars as pl

    block = pl.Series("block", np.repeat(np.arange(len(sizes)), sizes))
    ends = pl.DataFrame([block, values.alias("value")]).group_by("block", maintain_order=True)
    found = ends.agg(low=pl.col("value").min(), high=pl.col("value").max())
    lows, highs = ([None if one is None else one.encode() for one in found[end]] for end in ("low", "high"))
    both = [one for one in (*lows, *highs) if one is not None]
    shared = _beginning(min(both), max(both)) if both else b""
    low, high = (
        np.array([empty if one is None else string_number(one, shared) for one in ends], np.int64)
        for ends, empty in ((lows, _GREATEST), (highs, _LEAST))
    )
    return Zones(values.dtype, shared, low, high, nulls, sizes)


def _beginning(one: bytes, other: bytes) -> bytes:
    """What both begin with, and so does all that lies between them."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[: min(same, SHARED)]


def make_zones(reader: SegmentReader) -> Zoned:
    """The zones of every column that has an order, read one after another."""
    found = {}
    for name in reader.columns:
        if name != "key":
            zones = zones_of(reader.read([name]).to_series())
            if zones is not None:
                found[name] = zones
    return Zoned(reader.types, found)


def keep_zones(reader: SegmentReader, zones: Zoned, *, durable: bool) -> None:
    """Store zones beside their segment, and use them from now on."""
    from ...storage.columns import encode_schema

    shape = len(zones.columns), len(blocks_of(reader.entry.rows))
    arrays: dict[str, NDArray[Any]] = {
        name: np.array([getattr(one, name) for one in zones.columns.values()], np.int64).reshape(shape)
        for name in ("low", "high", "nulls")
    }
    arrays["types"] = np.frombuffer(encode_schema(zones.types), np.uint8)
    told = {name: one.shared.hex() for name, one in zones.columns.items()}
    put_beside(reader, FOLDER, KIND, arrays, {**rows_of(reader), "columns": told}, durable=durable)
    known(reader).zones = zones


def rows_of(reader: SegmentReader) -> dict[str, object]:
    """What tells whether a folder is of this segment's columns."""
    size, checksum = reader.entry.files["rows.arrow"]
    return {"rows": reader.entry.rows, "of": f"{size}-{checksum}"}


def types_of(reader: SegmentReader) -> dict[str, pl.DataType]:
    """The columns a segment has and their types, for which rows.arrow is only read if there are no zones."""
    zones = find_zones(reader)
    return reader.types if zones is None else zones.types


def find_zones(reader: SegmentReader) -> Zoned | None:
    """The segment's zones; None if they are missing or damaged."""
    index = known(reader)
    if index.zones is None:
        there = folder_identity(reader.folder / FOLDER)
        if there is not None and there != index.damaged_columns.get(FOLDER):
            try:
                index.zones = read_zones(reader)
            except KinspaceError:
                index.damaged_columns[FOLDER] = there
    return index.zones


def read_zones(reader: SegmentReader) -> Zoned:
    """The zones in a segment's folder, each byte of them checked; Corrupt if damaged, or of other columns."""
    from ...storage.columns import decode_schema

    folder = reader.folder / FOLDER
    stored = read_folder(folder, lambda there: read_sealed(there, KIND))
    wanted = rows_of(reader)
    if {name: stored.attributes.get(name) for name in wanted} != wanted:
        raise Corrupt(f"{folder} does not hold the zones of this segment")
    sizes = blocks_of(reader.entry.rows)
    try:
        types = dict(decode_schema(stored.arrays["types"].tobytes()))
        told: dict[str, str] = stored.attributes["columns"]
        arrays = [stored.arrays[name] for name in ("low", "high", "nulls")]
        if any(array.shape != (len(told), len(sizes)) or array.dtype != np.int64 for array in arrays):
            raise ValueError(f"arrays of {[array.shape for array in arrays]}")
        found = {
            name: Zones(types[name], bytes.fromhex(shared), low, high, nulls, sizes)
            for (name, shared), low, high, nulls in zip(told.items(), *arrays, strict=True)
        }
        return Zoned(types, found)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no zones that can be read: {error}") from error
