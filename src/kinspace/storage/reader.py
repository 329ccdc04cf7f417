"""Reading a segment: its arrays memory-mapped where they lie, its keys, its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import Corrupt, KinspaceError, Unavailable
from ..types import Dtype
from .catalog import SegmentEntry
from .checksums import verify
from .dtypes import decode
from .files import FolderLock, map_bytes
from .keys import KeyType
from .layout import Chunk, Fetcher, expect, fetch_lacking, is_chunk, map_array, map_rows

if TYPE_CHECKING:
    import polars as pl

Read = TypeVar("Read")

CACHED_COLUMN_BYTES = 128 << 20  # of a segment's columns are kept; rows of a rows.arrow that is larger are read alone
_DENSE = 64  # rows that lie closer together than this are read in one go, others one by one


class SegmentReader:
    """One immutable segment. Opening it reads metadata and indexes, never vectors; its files stay while it is open.

    Every inner chunk is checked the first time it is touched; the other files when they are first used. With a fetcher
    they needn't be there before that. Strict, which a fetcher implies, believes nothing that a checksum can't prove:
    the files may be those of a stranger, made so that reading them does harm.
    """

    def __init__(
        self,
        parent: Path,
        entry: SegmentEntry,
        dims: int,
        key_type: KeyType,
        fetcher: Fetcher | None = None,
        *,
        dtype: Dtype = "float32",
        strict: bool = False,
    ) -> None:
        self.folder = parent / entry.id
        self.entry = entry
        self.dims = dims
        self.dtype = dtype
        self._key_type = key_type
        self._fetcher = fetcher
        self._strict = strict or fetcher is not None
        try:
            self._lock = FolderLock.share(self.folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Unavailable(f"{self.folder} can't be opened: {error}") from error
        try:
            for name in ("zarr.json", "vectors/zarr.json"):
                self._verify(name)
            self.chunks: list[Chunk] = self._map_vectors()
            expect(self.chunks, self._remembered)
        except BaseException:
            self._lock.release()  # whoever keeps the error keeps this
            raise
        self.inner = len(self.chunks[0].body)
        self._all_checked = False
        self.masks: dict[Any, NDArray[np.uint64]] = {}  # filters' row bitmaps, kept by whoever evaluates them
        self.prefixes: dict[int, Any] = {}  # the rows cut to a length, kept by whoever searches them
        self.index: Any = None  # what is known of its graph, kept by whoever searches it
        self.text: Any = None  # likewise, of its full text
        self._columns: dict[str, pl.Series] = {}

    @cached_property
    def seqs(self) -> NDArray[np.uint64]:
        """The seq of each row, ascending; add the entry's base."""
        seqs = self._flat("seq", "<u8")
        ends = int(seqs[0]) + self.entry.base, int(seqs[-1]) + self.entry.base
        self._must("seq", ends == (self.entry.first, self.entry.last) and bool((seqs[1:] > seqs[:-1]).all()))
        return seqs

    @cached_property
    def rows(self) -> _core.Rows:
        """The vectors as the core sees them, without touching them."""
        bodies = [chunk.body for chunk in self.chunks]
        norms, base = self._flat("norms", "<f4"), self.entry.base
        return _core.Rows(bodies, norms=norms, order=self.seqs, order_base=base, dims=self.dims, dtype=self.dtype)

    @cached_property
    def keys(self) -> _core.Keys:
        """Lookup by key, and keys by row."""
        hashes, rows = self._flat("key_hash", "<u8"), self._flat("key_row", "<u4")
        if self._strict:
            self._must("key_hash", bool((hashes[1:] >= hashes[:-1]).all()))
            self._must("key_row", int(rows.max()) < self.entry.rows)
        if self._key_type == "int":
            return _core.Keys(hashes, rows, ints=self._flat("key", "<i8"))
        offsets = self._flat("key_offset", "<u8", self.entry.rows + 1)
        if self._strict:
            self._must("key_offset", offsets[0] == 0 and bool((offsets[1:] >= offsets[:-1]).all()))
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
        return decode(chunk.body[row % self.inner], self.dtype, self.dims)

    def check_chunks(self, rows: NDArray[np.int64] | None = None) -> None:
        """Check the chunks that hold these rows, or all; each only once."""
        if self._all_checked:
            return
        wanted = self.chunks if rows is None else [self.chunks[number] for number in np.unique(rows // self.inner)]
        if self._fetcher is not None:
            fetch_lacking(wanted)
        for chunk in wanted:
            chunk.check()
        self._all_checked = rows is None

    def check_all(self) -> None:
        """Read every byte of every file, fetching what is not here; Corrupt if anything is damaged."""
        self.check_chunks()
        self.rows, self.keys  # noqa: B018  # the other arrays, each checked as it is mapped
        for name in self.entry.files:
            if not is_chunk(name):
                self._verify(name)

    def complete(self) -> None:
        """Have every file here whole, for whoever copies them: those of a published segment are fetched."""
        if self._fetcher is not None:
            self.check_all()

    def let_go(self, chunks: Sequence[Chunk] | None = None) -> None:
        """Drop pages of these chunks, or of all, from this process, after reading many that are not wanted again."""
        for chunk in self.chunks if chunks is None else chunks:
            _core.let_go(chunk.sealed.reshape(-1).view(np.uint8))

    def frame(self, names: list[str]) -> pl.DataFrame:
        """All rows of those columns that this segment has ("key" among them)."""
        import polars as pl

        there = {name: self._columns[name] for name in names if name in self._columns}
        missing = [name for name in names if name not in there and name in self.columns]
        if missing:
            for column in self.read(missing):
                column = column.rechunk()  # rows of many small pieces are slow to gather
                there[column.name] = column
                if sum(one.estimated_size() for one in (*list(self._columns.values()), column)) <= CACHED_COLUMN_BYTES:
                    self._columns[column.name] = column
        return pl.DataFrame([there[name] for name in names if name in there])

    def has_read(self, names: list[str]) -> bool:
        """Whether all of those columns that this segment has are in memory."""
        return all(name in self._columns or name not in self.columns for name in names)

    def between(self, start: int, stop: int, names: list[str]) -> pl.DataFrame:
        """Rows start to stop of those columns that this segment has, at least one; nothing is kept."""
        import polars as pl

        with self._reading():
            found = pl.scan_ipc(self.arrow_path).slice(start, stop - start).select(pl.col(names)).collect()
        return pl.DataFrame([found.get_column(name) for name in names])

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
    def types(self) -> dict[str, pl.DataType]:
        """The columns rows.arrow holds, "key" first, and their types there."""
        import polars as pl

        with self._reading():
            return dict(pl.read_ipc_schema(self.arrow_path))

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self.types)

    @cached_property
    def arrow_path(self) -> Path:
        """rows.arrow, verified."""
        self._verify("rows.arrow")
        path = self.folder / "rows.arrow"
        if self._strict:
            import polars as pl

            with self._reading():
                key = {"str": pl.String, "int": pl.Int64}[self._key_type]
                schema = pl.read_ipc_schema(path)
                fits = next(iter(schema), None) == "key" and schema["key"] == key
                fits = fits and pl.scan_ipc(path).select(pl.len()).collect().item() == self.entry.rows
            self._must("rows.arrow", fits)
        return path

    def close(self) -> None:
        """Let the folder be removed once nobody uses it."""
        self._lock.release()

    def _map_vectors(self) -> list[Chunk]:
        folder = self.folder / "vectors"
        try:
            return map_rows(folder, self.entry.rows, self.dims, self.dtype, self._fetcher)
        except Corrupt as error:
            if self._fetcher is None:
                raise
            raise Corrupt(f"{self._fetcher.url(folder)} can't be mapped: {error}") from error

    def _flat(self, name: str, dtype: str, length: int | None = None) -> NDArray[Any]:
        self._verify(f"{name}/zarr.json")
        path = self.folder / name / "c" / "0"
        remembered, shape = self._remembered(path), (self.entry.rows if length is None else length,)
        return self._whole(path, lambda: map_array(self.folder / name, dtype, shape, remembered))

    def _remembered(self, path: Path) -> str:
        name = path.relative_to(self.folder).as_posix()
        if name not in self.entry.files:
            raise Corrupt(f"{path}: the catalog does not name this file")
        return self.entry.files[name][1]

    def read(self, names: list[str]) -> pl.DataFrame:
        """All rows of those columns, which it has; nothing is kept."""
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
        self._whole(self.folder / name, lambda: verify(self.folder, self.entry.files, name))

    def _whole(self, path: Path, read: Callable[[], Read]) -> Read:
        """Read a file, having it fetched if it is not here, and once more if what is here is damaged."""
        if self._fetcher is None:
            return read()
        self._fetcher.file(path)
        try:
            return read()
        except Corrupt:
            self._fetcher.file(path, again=True)
        try:
            return read()
        except Corrupt as error:
            raise Corrupt(f"{self._fetcher.url(path)} is damaged: {error}") from error

    def _must(self, name: str, holds: bool) -> None:
        if not holds:
            path = self.folder / name
            where = path if self._fetcher is None else self._fetcher.url(path)
            raise Corrupt(f"{where} has the checksum it should have, and holds what a segment can't")


def check_segment(
    parent: Path, entry: SegmentEntry, dims: int, key_type: KeyType, dtype: Dtype = "float32"
) -> list[tuple[Path, str]]:
    """Read every byte of a segment from its files, whatever was mapped before; what is wrong, file by file."""
    folder, problems = parent / entry.id, []
    for name in entry.files:
        try:
            verify(folder, entry.files, name)
            if is_chunk(name) and not name.startswith("vectors/"):
                _check_flat(folder / name, entry.files[name][1])
        except (Corrupt, Unavailable) as error:
            problems.append((folder / name, str(error)))
    try:
        reader = SegmentReader(parent, entry, dims, key_type, dtype=dtype)
    except (Corrupt, OSError) as error:
        return problems or [(folder, str(error))]
    try:
        for chunk in reader.chunks:
            try:
                chunk.check()
            except Corrupt as error:
                if all(path != chunk.path for path, _ in problems):
                    problems.append((chunk.path, str(error)))
        if not problems:  # each file is whole: whether they fit together
            try:
                reader.rows  # noqa: B018
                reader.keys  # noqa: B018
            except (Corrupt, Unavailable) as error:
                problems.append((folder, str(error)))
    finally:
        reader.close()
    return problems


def _check_flat(path: Path, remembered: str) -> None:
    """Compare an array of one chunk with its checksums."""
    raw = map_bytes(path)
    body = raw[:-4]
    Chunk(body, body, raw[-4:], path, bytes.fromhex(remembered)).check()
