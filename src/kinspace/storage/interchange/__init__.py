"""Files of other programs, by suffix: Zarr groups, Parquet and Arrow, .npy both ways; HDF5 and vecs to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...errors import InvalidInput
from ..files import os_errors
from .source import FileRows

TABLES = (".parquet", ".pq", ".arrow", ".ipc", ".feather")
VECS = (".fvecs", ".bvecs", ".ivecs")
HDF5 = (".hdf5", ".h5")
ZARR = (".zarr", ".zarr.zip")
READ = (".npy", *TABLES, *ZARR, *HDF5, *VECS)
WRITTEN = (".parquet", ".npy", *ZARR)


def suffix_of(path: Path) -> str:
    """What the file's name ends in, in lower case; of x.zarr.zip both."""
    name = path.name.lower()
    return ".zarr.zip" if name.endswith(".zarr.zip") else path.suffix.lower()


def has_vectors_only(path: Path) -> bool:
    """Whether files of that suffix hold vectors without keys."""
    return suffix_of(path) in (".npy", *HDF5, *VECS)


def open_file(path: Path, key: str = "key", vector: str | None = "vector", *, alone: bool = False) -> FileRows:
    """Look at a file of any format that can be read, as its suffix says, without reading its rows.

    `key` and `vector` name columns, where the format has them; vector=None is none, for those given apart. `alone`
    leaves out the rows that lie beside a .npy file.

    Raises
    ------
    InvalidInput
        If it is not there, no such file, or says of itself what can't be.
    Corrupt
        If it is damaged.
    Unavailable
        If the system won't let it be read.
    """
    suffix = suffix_of(path)
    with os_errors(f"looking at {path}"):
        there = path.exists()
    if not there:
        raise InvalidInput(f"there is no file {str(path)!r}")
    if suffix not in READ:
        raise InvalidInput(f"can't load {str(path)!r}: its name must end in {', '.join(READ)}")
    if suffix != ".zarr" and not path.is_file():
        raise InvalidInput(f"{path} is a {'folder' if path.is_dir() else 'special file'}; expected a {suffix} file")
    return _reader(suffix, key, vector, alone)(path)


def _reader(suffix: str, key: str, vector: str | None, alone: bool) -> Callable[[Path], FileRows]:
    if suffix in TABLES:
        from .parquet import read_table

        return lambda path: read_table(path, key, vector)
    if suffix == ".npy":
        from .npy import read_npy

        return lambda path: read_npy(path, key, alone=alone)
    if suffix in ZARR:
        from .zarr_read import read_group

        return read_group
    if suffix in HDF5:
        from .hdf5 import read_hdf5

        return read_hdf5
    from .vecs import read_vecs

    return read_vecs
