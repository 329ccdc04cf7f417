"""Vectors written out for other programs, a batch at a time: a .npy file, or a Zarr v3 group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CHUNK_BYTES = 8 << 20
_HEADER_BYTES = 128  # of a .npy file, fixed so that the row count can be filled in last


class NpyFile:
    """A .npy file of float32 (rows, dims) that grows; close() writes the row count."""

    batch_rows = 4_096

    def __init__(self, path: Path, dims: int) -> None:
        self._file = path.open("wb")
        self._dims = dims
        self._rows = 0
        self._write_header()

    def append(self, keys: list[Any], vectors: NDArray[np.float32]) -> None:
        """Write some more rows."""
        self._file.write(np.ascontiguousarray(vectors, "<f4").data)
        self._rows += len(keys)

    def close(self) -> None:
        """Fill in the row count."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        told = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({self._rows}, {self._dims}), }}"
        prefix = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
        self._file.write(prefix + told.ljust(_HEADER_BYTES - 11).encode() + b"\n")


class ZarrGroup:
    """A Zarr v3 group of `vectors` (rows, dims) float32 and `keys` (rows,) string or int64; close() trims both."""

    def __init__(self, path: Path, dims: int, key_type: str, rows: int) -> None:
        import zarr

        self.batch_rows = max(1, _CHUNK_BYTES // (4 * dims))
        group = zarr.create_group(path, zarr_format=3)
        self._vectors = group.create_array(
            "vectors",
            shape=(rows, dims),
            chunks=(self.batch_rows, dims),
            dtype="float32",
            compressors=None,
            dimension_names=("row", "dim"),
        )
        self._keys = group.create_array(
            "keys",
            shape=(rows,),
            chunks=(self.batch_rows,),
            dtype="str" if key_type == "str" else "int64",
            dimension_names=("row",),
        )
        self._rows = 0

    def append(self, keys: list[Any], vectors: NDArray[np.float32]) -> None:
        """Write some more rows: `batch_rows` of them, but for the last."""
        stop = self._rows + len(keys)
        if stop > self._vectors.shape[0]:  # rows came while we were writing
            self._vectors.resize((stop, vectors.shape[1]))
            self._keys.resize((stop,))
        self._vectors[self._rows : stop] = vectors
        self._keys[self._rows : stop] = np.array(keys, dtype=self._keys.dtype)
        self._rows = stop

    def close(self) -> None:
        """Make both arrays as long as what was written."""
        self._vectors.resize((self._rows, self._vectors.shape[1]))
        self._keys.resize((self._rows,))
