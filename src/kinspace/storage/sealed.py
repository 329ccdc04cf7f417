"""What can be made anew, on disk: a Zarr v3 group of checksummed arrays that tells when any byte has changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import Corrupt, InvalidInput, KinspaceError
from .checksums import Remembered, remember, verify
from .files import map_bytes, os_errors
from .layout import Chunk, expect, map_array, map_rows, read_metadata
from .segment import chunk_rows, create_vectors, write_array

FORMAT = 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DTYPES = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"}
_UNSEALED = "0" * 16
OTHERS = "others"  # the folder of files that are another program's


class Vectors(NamedTuple):
    """float32 (rows, dims) on their way to disk; block(start, stop) gives those rows."""

    rows: int
    dims: int
    block: Callable[[int, int], NDArray[np.float32]]


class Sealed(NamedTuple):
    """What was written, mapped and checked to the last byte; `vectors` has their chunks in row order, if there are."""

    attributes: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    vectors: list[Chunk]


def write_sealed(
    folder: Path,
    kind: str,
    arrays: Mapping[str, NDArray[Any]],
    attributes: Mapping[str, Any],
    vectors: Vectors | None = None,
    others: Callable[[Path], None] | None = None,
) -> None:
    """Fill an empty folder with arrays of a kind; making it durable and giving it its name is the caller's.

    `arrays` are numeric, of any shape but (); `attributes` are JSON, without "format", "kind", "files" and "checksum".
    `others` puts files of another program's into a folder that it is given.
    """
    import zarr

    with os_errors(f"writing {folder}"):
        group = zarr.open_group(folder, mode="a", zarr_format=3)
        for name, values in arrays.items():
            if (
                not _NAME.fullmatch(name)
                or name in ("vectors", OTHERS)
                or values.dtype.name not in _DTYPES
                or not values.ndim
            ):
                raise InvalidInput(f"{kind} can't hold an array {name!r} of {values.dtype} and shape {values.shape}")
            write_array(group, name, values)
        chunks: list[Chunk] = []
        if vectors is not None:
            rows, dims, block = vectors
            array, shard = create_vectors(group, rows, dims), chunk_rows(rows, 4 * dims)[1]
            for start in range(0, rows, shard):
                stop = min(start + shard, rows)
                array[start:stop] = block(start, stop)
            chunks = map_rows(folder / "vectors", rows, dims)
        if others is not None:
            (folder / OTHERS).mkdir()
            others(folder / OTHERS)
        files = remember(folder, chunks)
        del files["zarr.json"]  # sealed by itself
        shape = {} if vectors is None else {"vectors": [vectors.rows, vectors.dims]}
        _seal(folder / "zarr.json", {**attributes, **shape, "format": FORMAT, "kind": kind, "files": files})


def read_sealed(folder: Path, kind: str) -> Sealed:
    """What write_sealed wrote there. Whatever is missing, truncated or changed is Corrupt, which names it."""
    with os_errors(f"reading {folder}"):
        try:
            return _read(folder, kind)
        except KinspaceError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise Corrupt(f"{folder} holds no {kind} that can be read: {error!r}") from error


def is_sealed(folder: Path, kind: str) -> bool:
    """Whether write_sealed filled that folder with that kind, damaged since or not."""
    try:
        attributes = json.loads((folder / "zarr.json").read_bytes())["attributes"]["kinspace"]
        return bool(attributes["kind"] == kind)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, LookupError, TypeError, ValueError):
        return False


def _read(folder: Path, kind: str) -> Sealed:
    attributes = _unseal(folder / "zarr.json")
    if attributes["format"] != FORMAT or attributes["kind"] != kind:
        found = f"{attributes['kind']!r} of format {attributes['format']!r}"
        raise Corrupt(f"{folder} holds {found}; this version reads {kind!r} of format {FORMAT}")
    files: Remembered = {name: (int(size), str(checksum)) for name, (size, checksum) in attributes["files"].items()}
    arrays, vectors = {}, []
    for name in files:
        if not _NAME.match(name) or ".." in name:
            raise Corrupt(f"{folder / 'zarr.json'} names a file that can't be the {kind}'s: {name!r}")
        verify(folder, files, name)
    for name in sorted({name.partition("/")[0] for name in files}):
        if name == "vectors":
            rows, dims = attributes["vectors"]
            vectors = map_rows(folder / name, rows, dims)
            expect(vectors, lambda path: files[path.relative_to(folder).as_posix()][1])
            for chunk in vectors:
                chunk.check()
        elif name != OTHERS:
            arrays[name] = _array(folder, name, files)
    return Sealed(attributes, arrays, vectors)


def _array(folder: Path, name: str, files: Remembered) -> NDArray[Any]:
    metadata = read_metadata(folder / name)
    dtype, shape = metadata["data_type"], tuple(metadata["shape"])
    if dtype not in _DTYPES or not shape or not all(type(length) is int and length >= 0 for length in shape):
        raise Corrupt(f"{folder / name / 'zarr.json'} does not describe an array such as are sealed")
    chunk = "/".join([name, "c", *("0" for _ in shape)])
    checksum = "" if 0 in shape else files[chunk][1]
    return map_array(folder / name, np.dtype(dtype).newbyteorder("<").str, shape, checksum)


def _seal(path: Path, attributes: dict[str, Any]) -> None:
    """Write the group's zarr.json, with a checksum of its text, in which 16 zeros stand where the checksum does."""
    group = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {"kinspace": {**attributes, "checksum": _UNSEALED}},
    }
    text = json.dumps(group, indent=2, allow_nan=False)
    path.write_text(text.replace(_marked(_UNSEALED), _marked(xxhash.xxh3_64_hexdigest(text.encode()))))


def _unseal(path: Path) -> dict[str, Any]:
    """The attributes in a group's zarr.json, once its text has proven to be as it was written."""
    body = map_bytes(path).tobytes()
    try:
        attributes: dict[str, Any] = json.loads(body)["attributes"]["kinspace"]
        checksum = attributes["checksum"]
        found = xxhash.xxh3_64_hexdigest(body.replace(_marked(checksum).encode(), _marked(_UNSEALED).encode()))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise Corrupt(f"{path} is damaged, or not that of sealed arrays: {error!r}") from error
    if found != checksum:
        raise Corrupt(f"{path} is damaged: its checksum does not match; restore it from a backup")
    return attributes


def _marked(checksum: str) -> str:
    return f'"checksum": "{checksum}"'
