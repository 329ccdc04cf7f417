"""Writing a Zarr v3 group of `vectors` and `keys` with rows.parquet inside, in a folder or zipped."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..files import digest
from .parquet import write_columns
from .source import Outgoing

ROWS_FILE = "rows.parquet"
_CHUNK_BYTES = 8 << 20
_KEYS_CHUNK = 32_768  # of at most 1,024 bytes each


def write_group(folder: Path, rows: Outgoing) -> None:
    """Fill an empty folder. The group's attributes, written last, hold the digest of rows.parquet."""
    import zarr
    from zarr.codecs import Crc32cCodec

    write_columns(folder / ROWS_FILE, rows)
    told = rows.told(files={ROWS_FILE: digest(folder / ROWS_FILE)})
    group = zarr.create_group(folder, zarr_format=3, attributes={"kinspace": told})
    size = max(1, min(_CHUNK_BYTES // (4 * rows.dims), rows.rows))
    vectors = group.create_array(
        "vectors",
        shape=(rows.rows, rows.dims),
        chunks=(size, rows.dims),
        dtype="float32",
        filters=None,
        compressors=Crc32cCodec(),
        dimension_names=("row", "dim"),
        config={"write_empty_chunks": True},
    )
    at = 0
    for block in rows.vectors(size):
        vectors[at : at + len(block)] = block
        at += len(block)
    size = max(1, min(_KEYS_CHUNK, rows.rows))
    keys = group.create_array(
        "keys",
        shape=(rows.rows,),
        chunks=(size,),
        dtype="str" if rows.key_type == "str" else "int64",
        filters=None,
        compressors=Crc32cCodec(),
        dimension_names=("row",),
        config={"write_empty_chunks": True},
    )
    at = 0
    for names in rows.keys(size):
        keys[at : at + len(names)] = np.array(names, dtype=keys.dtype)
        at += len(names)


def zip_folder(folder: Path, path: Path) -> None:
    """Put a group's files into a zip, uncompressed, as zarr's ZipStore reads it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for file in sorted(inner for inner in folder.rglob("*") if inner.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
