"""Reading a segment: its arrays memory-mapped where they lie, its keys, its columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import Corrupt, KinspaceError, Unavailable
from .catalog import SegmentEntry
from .checksums import verify
from .files import FolderLock
from .keys import KeyType
from .layout import Chunk, expect, map_array, map_rows

if TYPE_CHECKING:
    import polars as pl

CACHED_COLUMN_BYTES = 128 << 20  # a segment whose rows.arrow is larger is read batch by batch instead of kept
_DENSE = 64  # rows that lie closer together than this are read in one go, others one by one


class SegmentReader:
    """One immutable segment. Opening it reads metadata and indexes, never vectors; its files stay while it is open.

    Every inner chunk is checked the first time it is touched; the other files when they are first used.
    """

    def __init__(self, parent: Path, entry: SegmentEntry, dims: int, key_type: KeyType) -> None:
        self.folder = parent / entry.id
        self.entry = entry
        self.dims = dims
        self._key_type = key_type
        try:
            self._lock = FolderLock.share(self.folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Unavailable(f"{self.folder} can't be opened: {error}") from error
        for name in ("zarr.json", "vectors/zarr.json"):
            self._verify(name)
        self.chunks: list[Chunk] = map_rows(self.folder / "vectors", entry.rows, dims)
        expect(self.chunks, self._remembered)
        self.inner = len(self.chunks[0].body)
        self._all_checked = False
        self.masks: dict[Any, NDArray[np.uint64]] = {}  # filters' row bitmaps, kept by whoever evaluates them
        self.index: Any = None  # what is known of its graph, kept by whoever searches it
        self._columns: dict[str, pl.Series] = {}

    @cached_property
    def seqs(self) -> NDArray[np.uint64]:
        """The seq of each row, ascending; add the entry's base."""
        seqs = self._flat("seq", "<u8")
        ends = int(seqs[0]) + self.entry.base, int(seqs[-1]) + self.entry.base
        if ends != (self.entry.first, self.entry.last) or not (seqs[1:] > seqs[:-1]).all():
            raise Corrupt(f"{self.folder / 'seq'} does not ascend as the catalog says; restore it from a backup")
        return seqs

    @cached_property
    def rows(self) -> _core.Rows:
        """The vectors as the core sees them, without touching them."""
        bodies = [chunk.body for chunk in self.chunks]
        return _core.Rows(bodies, norms=self._flat("norms", "<f4"), order=self.seqs, order_base=self.entry.base)

    @cached_property
    def keys(self) -> _core.Keys:
        """Lookup by key, and keys by row."""
        hashes, rows = self._flat("key_hash", "<u8"), self._flat("key_row", "<u4")
        if self._key_type == "int":
            return _core.Keys(hashes, rows, ints=self._flat("key", "<i8"))
        offsets = self._flat("key_offset", "<u8", self.entry.rows + 1)
        text = self._flat("key_text", "|u1", int(offsets[-1]))
        return _core.Keys(hashes, rows, text=text, offsets=offsets)

    def rows_of(self, seqs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rows that have these seqs; seqs of other segments are passed over."""
        local = seqs[(seqs >= self.entry.first) & (seqs <= self.entry.last)]
        if len(local) == 0:
            return np.empty(0, np.int64)
        local = local - np.uint64(self.entry.base)
        places = np.searchsorted(self.seqs, local)
        places = np.minimum(places, self.entry.rows - 1)
        rows: NDArray[np.int64] = places[self.seqs[places] == local].astype(np.int64)
        return rows

    def vector(self, row: int) -> NDArray[np.float32]:
        """A copy of one vector."""
        chunk = self.chunks[row // self.inner]
        if not chunk.checked:
            chunk.check()
        copy: NDArray[np.float32] = chunk.body[row % self.inner].copy()
        return copy

    def check_chunks(self, rows: NDArray[np.int64] | None = None) -> None:
        """Check the chunks that hold these rows, or all; each only once."""
        if self._all_checked:
            return
        if rows is not None:
            for number in np.unique(rows // self.inner):
                self.chunks[number].check()
            return
        for chunk in self.chunks:
            chunk.check()
        self._all_checked = True

    def let_go(self) -> None:
        """Drop the vectors' pages from this process, after reading many that are not wanted again."""
        for chunk in self.chunks:
            _core.let_go(chunk.sealed.reshape(-1).view(np.uint8))

    def frame(self, names: list[str]) -> pl.DataFrame:
        """All rows of those columns that this segment has ("key" among them)."""
        import polars as pl

        missing = [name for name in names if name not in self._columns and name in self.columns]
        if missing:
            loaded = self._read(missing)
            if self.entry.files["rows.arrow"][0] > CACHED_COLUMN_BYTES:
                return pl.DataFrame([loaded.get_column(name) for name in names if name in loaded.columns])
            self._columns.update({name: loaded[name] for name in missing})
        return pl.DataFrame([self._columns[name] for name in names if name in self._columns])

    def take(self, rows: NDArray[np.int64], names: list[str]) -> pl.DataFrame:
        """Those rows of those columns that this segment has, in the order asked."""
        import polars as pl

        if self.entry.files["rows.arrow"][0] <= CACHED_COLUMN_BYTES:
            return self.frame(names)[rows]
        present = [name for name in names if name in self.columns]
        low, high = int(rows.min()), int(rows.max())
        with self._reading():
            source = pl.scan_ipc(self.arrow_path)
            if high - low < _DENSE * len(rows):
                found = source.slice(low, high - low + 1).collect()[rows - low]
            else:
                found = pl.concat([source.slice(int(row), 1).collect() for row in rows])
        return pl.DataFrame([found.get_column(name) for name in present])

    @cached_property
    def columns(self) -> list[str]:
        """The columns rows.arrow holds, "key" first."""
        import polars as pl

        with self._reading():
            return list(pl.read_ipc_schema(self.arrow_path))

    @cached_property
    def arrow_path(self) -> Path:
        """rows.arrow, verified."""
        self._verify("rows.arrow")
        return self.folder / "rows.arrow"

    def close(self) -> None:
        """Let the folder be removed once nobody uses it."""
        self._lock.release()

    def _flat(self, name: str, dtype: str, length: int | None = None) -> NDArray[Any]:
        self._verify(f"{name}/zarr.json")
        remembered = self._remembered(self.folder / name / "c" / "0")
        return map_array(self.folder / name, dtype, (self.entry.rows if length is None else length,), remembered)

    def _remembered(self, path: Path) -> str:
        name = path.relative_to(self.folder).as_posix()
        if name not in self.entry.files:
            raise Corrupt(f"{path}: the catalog does not name this file")
        return self.entry.files[name][1]

    def _read(self, names: list[str]) -> pl.DataFrame:
        import polars as pl

        with self._reading():
            return pl.read_ipc(self.arrow_path, columns=[self.columns.index(name) for name in names])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        import polars as pl

        try:
            yield
        except pl.exceptions.PanicException as error:
            raise Corrupt(f"{self.folder / 'rows.arrow'} can't be read: {error}; restore it from a backup") from error
        except (pl.exceptions.PolarsError, OSError) as error:
            if isinstance(error, KinspaceError):
                raise
            raise Unavailable(f"{self.folder / 'rows.arrow'} can't be read: {error}") from error

    def _verify(self, name: str) -> None:
        verify(self.folder, self.entry.files, name)


def check_segment(parent: Path, entry: SegmentEntry, dims: int, key_type: KeyType) -> list[tuple[Path, str]]:
    """Read every byte of a segment from its files, whatever was mapped before; what is wrong, file by file."""
    problems = []
    for name in entry.files:
        try:
            verify(parent / entry.id, entry.files, name)
        except (Corrupt, Unavailable) as error:
            problems.append((parent / entry.id / name, str(error)))
    try:
        reader = SegmentReader(parent, entry, dims, key_type)
    except (Corrupt, OSError) as error:
        return problems or [(parent / entry.id, str(error))]
    try:
        for chunk in reader.chunks:
            try:
                chunk.check()
            except Corrupt as error:
                problems.append((chunk.path, str(error)))
        for read in (lambda: reader.rows, lambda: reader.keys):
            try:
                read()
            except (Corrupt, Unavailable) as error:
                problems.append((reader.folder, str(error)))
    finally:
        reader.close()
    return problems
