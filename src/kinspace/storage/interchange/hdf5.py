"""HDF5 in the layout of ann-benchmarks: the vectors are the dataset `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, Unavailable
from .source import FileRows, FileVectors, reading

_METRICS = {"angular": "cosine", "cosine": "cosine", "euclidean": "l2", "l2": "l2", "dot": "ip", "ip": "ip"}
_CHUNK_BYTES = 256 << 20
_RATIO = 1_000  # more than that no compression of numbers reaches


def read_hdf5(path: Path) -> FileRows:
    """The vectors of a file; nothing but the file itself is ever opened."""
    try:
        import h5py
    except ImportError as error:
        raise InvalidInput(f"reading {path} needs h5py: pip install 'kinspace[hdf5]'") from error
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # h5py raises OSError for both, and others for damage
        if isinstance(error, PermissionError):
            raise Unavailable(f"{path} can't be read: {error}") from error
        raise InvalidInput(f"{path} can't be opened as HDF5: {error}") from error
    try:
        with reading(path, "what it says of itself"):
            train = _train(path, file, h5py)
            vectors = FileVectors(path, train.shape, train.dtype, lambda start, stop: _read(path, train, start, stop))
            told = file.attrs.get("distance")
    except BaseException:
        file.close()
        raise
    told = told.decode("ascii", "replace") if isinstance(told, bytes) else told
    metric = _METRICS.get(told) if isinstance(told, str) else None
    return FileRows(path, vectors.n, vectors.dims, None, vectors, metric=metric, numbered=True, close=file.close)


def _train(path: Path, file: Any, h5py: Any) -> Any:
    """The dataset, once it is known to lie in this file and to be no larger than that."""
    if not isinstance(file.get("train", getlink=True), h5py.HardLink):
        there = "a link to another place" if "train" in file else f"not there; there are: {', '.join(file) or 'none'}"
        raise InvalidInput(f"{path} must have a dataset train of its own; it is {there}")
    train = file["train"]
    if not isinstance(train, h5py.Dataset) or train.shape is None:
        raise InvalidInput(f"{path} must have a dataset train of shape (rows, dims); it is {train}")
    if train.external or train.is_virtual:
        raise InvalidInput(f"{path} keeps train in other files, which are not opened; write it into one")
    if train.dtype.kind not in "fiu":
        raise InvalidInput(f"{path} must hold numbers of shape (rows, dims); train is {train.dtype}")
    claimed = int(np.prod([int(length) for length in train.shape], dtype=object)) * train.dtype.itemsize
    size, stored = path.stat().st_size, train.id.get_storage_size()
    most = size * (_RATIO if train.id.get_create_plist().get_nfilters() else 1)
    if claimed > most or (claimed and not stored):
        raise InvalidInput(f"{path} says train has {claimed:,} bytes, which a file of {size:,} bytes can't hold")
    chunk = int(np.prod([int(length) for length in train.chunks or ()], dtype=object)) * train.dtype.itemsize
    if chunk > _CHUNK_BYTES:
        raise InvalidInput(f"{path} has chunks of {chunk:,} bytes; at most {_CHUNK_BYTES:,} are read")
    return train


def _read(path: Path, train: Any, start: int, stop: int) -> NDArray[Any]:
    with reading(path, f"rows {start}…{stop - 1} of train"):
        return np.asarray(train[start:stop])
