"""Files that commands read and write: opened with a word of what is wrong, replaced whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def existing(path: Path, *suffixes: str) -> Path:
    """Return the path if it is a file with one of these suffixes, else raise InvalidInput."""
    if not path.exists():
        raise InvalidInput(f"{path} is not there")
    if not path.is_file():
        raise InvalidInput(f"{path} is a folder; expected a {' or '.join(suffixes)} file")
    if path.suffix.lower() not in suffixes:
        raise InvalidInput(f"{path} must be a {' or '.join(suffixes)} file, by its name")
    return path


def open_npy(path: Path) -> NDArray[np.generic]:
    """Memory-map a .npy file; InvalidInput if it is not one, or holds objects."""
    import numpy as np

    try:
        array: NDArray[Any] = np.load(existing(path, ".npy"), mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InvalidInput(f"{path} can't be read as a .npy file: {error}") from error
    return array


@contextmanager
def replacing(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a name beside `path` to write to, and rename it to `path` once the block is done and the bytes are on disk.

    If the block fails nothing is left behind and what was there stays.

    Raises
    ------
    InvalidInput
        If something is there already and `force` is false, or it is not of the kind that would be replaced.
    Unavailable
        If the folder is missing or can't be written.
    """
    refuse_existing(path, force=force)
    if not path.parent.is_dir():
        raise Unavailable(f"the folder {path.parent} is not there; make it first")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        _sync(beside)
        if path.is_dir():  # a folder can't be renamed onto another
            old = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            path.rename(old)
            beside.rename(path)
            shutil.rmtree(old)
        else:
            beside.replace(path)
        _sync(path.parent, deep=False)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise InvalidInput if something is there that may not be replaced."""
    if not path.exists():
        return
    if not force:
        raise InvalidInput(f"{path} is there already; --force replaces it")
    if path.is_dir() and not (path / "zarr.json").is_file():
        raise InvalidInput(f"{path} is a folder that is no Zarr group; it is not replaced even with --force")
    if path.is_dir() != (path.suffix == ".zarr"):
        raise InvalidInput(f"{path} is a {'folder' if path.is_dir() else 'file'}; it is not replaced even with --force")


def _sync(path: Path, *, deep: bool = True) -> None:
    """Make a file, or a folder with all it holds, durable."""
    if deep and path.is_dir():
        for inner in path.iterdir():
            _sync(inner)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
