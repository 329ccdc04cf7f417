"""Reading a Zarr v3 group of `vectors` and `keys`, with rows.parquet inside or without, in a folder or zipped."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BytesCodec, Crc32cCodec, VLenUTF8Codec, ZstdCodec
from zarr.storage import LocalStore, ZipStore

from ...errors import Corrupt, InvalidInput, KinspaceError
from ..files import digest, os_errors
from ..keys import KeyType
from .parquet import read_table
from .source import FileRows, FileVectors, named, reading
from .zarr_guard import CHUNK_BYTES, Guarded, Limit, Sizes, look_at_folder, look_at_zip
from .zarr_write import ROWS_FILE

if TYPE_CHECKING:
    import polars as pl

_RATIO = 1_000  # more than that zstd doesn't shrink vectors
_HINT = "open it with zarr and give the array to load(keys=…, vectors=array)"


def read_group(path: Path) -> FileRows:
    """The rows of a group; every chunk has to be there, and is checked before it is decoded."""
    zipped = not path.is_dir()
    with os_errors(f"reading {path}"):
        sizes = look_at_zip(path) if zipped else look_at_folder(path)
        if "zarr.json" not in sizes.root:
            raise InvalidInput(f"{path} is no Zarr v3 group: there is no zarr.json in it")
        opened = _Group(path, sizes, zipped=zipped)
    try:
        with os_errors(f"reading {path}"):
            return opened.rows()
    except BaseException:
        opened.close()
        raise


class _Group:
    def __init__(self, path: Path, sizes: Sizes, *, zipped: bool) -> None:
        self.path = path
        self._sizes = sizes
        self._zip = ZipStore(path, mode="r") if zipped else None
        self._limits: dict[str, Limit] = {}
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None
        self._store = Guarded(self._zip or LocalStore(path, read_only=True), path, self._limits)

    def close(self) -> None:
        if self._zip is not None and self._zip._is_open:
            self._zip.close()
        if self._unpacked is not None:
            self._unpacked.cleanup()

    def rows(self) -> FileRows:
        group = self._open()
        vectors = self._array(group, "vectors")
        if vectors is None:
            raise InvalidInput(f"{self.path} has no array vectors of shape (rows, dims)")
        keys = self._array(group, "keys")
        told = group.attrs.get("kinspace")
        told = told if isinstance(told, dict) else {}
        files = told.get("files")
        column = FileVectors(
            self.path, vectors.shape, np.dtype(vectors.dtype), lambda start, stop: self._read(vectors, start, stop)
        )
        key_type = None if keys is None else self._check_keys(keys, column.n)
        file = FileRows(self.path, column.n, column.dims, key_type, column, close=self.close)
        file.metric, file.dtype = named(told)
        if isinstance(files, dict) and ROWS_FILE in files and ROWS_FILE not in self._sizes.root:
            raise Corrupt(f"{self.path} is damaged: its {ROWS_FILE} is missing")
        if ROWS_FILE in self._sizes.root:
            self._add_table(file, keys, files.get(ROWS_FILE) if isinstance(files, dict) else None)
        elif keys is not None:
            file.table = lambda size: self._keys_alone(keys, size)
        return file

    def _open(self) -> zarr.Group:
        try:
            return zarr.open_group(self._store, mode="r", zarr_format=3, use_consolidated=False)
        except (MemoryError, KinspaceError):
            raise
        except Exception as error:  # zarr says in many ways that metadata make no sense
            raise InvalidInput(f"{self.path} can't be read as a Zarr v3 group: {error}") from error

    def _array(self, group: zarr.Group, name: str) -> zarr.Array[Any] | None:
        """The array, once its metadata are known to fit its files; None if there is none."""
        try:
            array = group.get(name)
        except (MemoryError, KinspaceError):
            raise
        except Exception as error:
            raise InvalidInput(f"{self.path}: the metadata of {name} can't be read: {error}") from error
        if array is None:
            return None
        if not isinstance(array, zarr.Array):
            raise InvalidInput(f"{self.path}: {name} must be an array; it is a group")
        packed, trailer = self._codecs(name, array)
        text = np.dtype(array.dtype).kind in "TO"
        if min(array.chunks, default=1) < 1:
            raise InvalidInput(f"{self.path}: chunks of {name} have the shape {array.chunks}; expected none below 1")
        items = int(np.prod(np.array(array.chunks, dtype=object)))
        decoded = items * (1 if text else array.dtype.itemsize)
        if decoded > CHUNK_BYTES:
            raise InvalidInput(
                f"{self.path}: chunks of {name} have {decoded:,} bytes; at most {CHUNK_BYTES:,} are read"
            )
        claimed = int(np.prod(np.array(array.shape, dtype=object))) * (4 if text else array.dtype.itemsize)
        stored, largest = self._sizes.total.get(name, 0), self._sizes.largest.get(name, 0)
        if claimed > stored * (_RATIO if packed else 1):
            raise InvalidInput(
                f"{self.path}: {name} says its shape is {array.shape}, {claimed:,} bytes; its chunks have {stored:,}"
            )
        if largest > CHUNK_BYTES + 64:
            raise InvalidInput(
                f"{self.path}: a chunk of {name} has {largest:,} bytes; at most {CHUNK_BYTES:,} are read"
            )
        self._limits[name] = Limit(CHUNK_BYTES if text else decoded, packed, items if text else None, trailer)
        return array

    def _codecs(self, name: str, array: zarr.Array[Any]) -> tuple[bool, int]:
        """Whether chunks are compressed, and the bytes of checksum behind them."""
        first, *rest = array.metadata.codecs  # type: ignore[union-attr]  # it is of format 3
        packed = bool(rest) and isinstance(rest[0], ZstdCodec)
        checked = rest[1:] if packed else rest
        plain = isinstance(first, (BytesCodec, VLenUTF8Codec)) and all(isinstance(c, Crc32cCodec) for c in checked)
        if not plain or len(checked) > 1:
            named = ", ".join(type(codec).__name__ for codec in (first, *rest))
            raise InvalidInput(f"{self.path}: {name} is encoded by {named}; plain, zstd and crc32c are read: {_HINT}")
        return packed, 4 * len(checked)

    def _check_keys(self, keys: zarr.Array[Any], rows: int) -> KeyType:
        kind = np.dtype(keys.dtype).kind
        if keys.shape != (rows,) or kind not in "TOiu":
            raise InvalidInput(
                f"{self.path}: keys must be text or whole numbers of shape ({rows},); it holds {keys.dtype} of "
                f"shape {keys.shape}"
            )
        return "int" if kind in "iu" else "str"

    def _read(self, array: zarr.Array[Any], start: int, stop: int) -> NDArray[Any]:
        with reading(self.path, f"rows {start}…{stop - 1} of {array.basename}"):
            return np.asarray(array[start:stop])

    def _add_table(self, file: FileRows, keys: zarr.Array[Any] | None, expected: object) -> None:
        """Have the frames come from rows.parquet, compared with the keys."""
        rows = self._unpack() if self._zip is not None else self.path / ROWS_FILE
        where = self.path / ROWS_FILE
        if expected is not None and digest(rows) != expected:
            raise Corrupt(f"{where} is damaged: its digest is another")
        table = read_table(rows, "key", None)
        if table.key_type is None or table.rows != file.rows or file.key_type not in (None, table.key_type):
            raise InvalidInput(
                f"{where} must have a column key for the {file.rows:,} vectors; it has {table.rows:,} rows"
            )
        file.key_type = table.key_type

        def frames(size: int) -> Iterator[pl.DataFrame]:
            at = 0
            for frame in table.frames(size):
                if keys is not None:
                    names = self._read(keys, at, at + frame.height).tolist()
                    if names != frame["key"].to_list():
                        raise Corrupt(f"{self.path} is damaged: {ROWS_FILE} and keys differ from row {at} on")
                at += frame.height
                yield frame

        file.table = frames

    def _keys_alone(self, keys: zarr.Array[Any], size: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        for start in range(0, keys.shape[0], size):
            yield pl.DataFrame({"key": self._read(keys, start, min(start + size, keys.shape[0])).tolist()})

    def _unpack(self) -> Path:
        """rows.parquet out of the zip; the zip's checksum is verified on the way."""
        self._unpacked = tempfile.TemporaryDirectory(prefix="kinspace-")
        made = Path(self._unpacked.name, ROWS_FILE)
        with (
            reading(self.path, ROWS_FILE),
            zipfile.ZipFile(self.path) as archive,
            archive.open(ROWS_FILE) as packed,
            made.open("wb") as file,
        ):
            shutil.copyfileobj(packed, file, 1 << 20)
        return made
