"""Where hubs are: their folders, found or made; ":memory:" ones in the temporary folder; what a space may be called."""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from pathlib import Path

from ..errors import Corrupt, InvalidInput, Unavailable
from ..storage.catalog import HubCatalog
from ..storage.catalog.hub import FORMAT
from ..storage.files import FolderLock, new_folder, os_errors, remove_if_unused, sync

MAX_NAME_BYTES = 255
_MEMORY_PREFIX = "kinspace-memory-"
_memory_folders: set[Path] = set()  # that this process made


def parse_path(path: object) -> Path:
    """The folder a hub is to be in, or InvalidInput."""
    if not isinstance(path, (str, os.PathLike)) or not _is_path(os.fspath(path)):
        raise InvalidInput(f"a hub's path is a folder's name or ':memory:'; got {path!r}")
    if "://" in os.fspath(path):
        raise InvalidInput(f"a hub's path is a folder on this machine; got the URL {os.fspath(path)!r}")
    return Path(path).absolute()


def _is_path(path: object) -> bool:
    try:
        return isinstance(path, str) and bool(path) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def check_space_name(name: object, what: str = "a space's name") -> None:
    """Raise InvalidInput unless that can be a space's name, or a snapshot's."""
    if not isinstance(name, str):
        raise InvalidInput(f"{what} is a str; got {name!r} ({type(name).__name__})")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} must be text that UTF-8 can hold; got {name!r}") from error
    if not 1 <= size <= MAX_NAME_BYTES:
        raise InvalidInput(f"{what} has 1…{MAX_NAME_BYTES} bytes of UTF-8; got {size:,} in {name[:40]!r}")
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        raise InvalidInput(f"{what} has no control characters; got {name!r}")


def open_catalog(folder: Path, durability: str) -> HubCatalog:
    """The catalog of the hub in a folder; a new one if there is none."""
    path, spaces = folder / "hub.sqlite", folder / "spaces"
    with os_errors(f"opening a hub in {folder}"):
        if folder.exists() and not folder.is_dir():
            raise InvalidInput(f"{folder} is a file; a hub is a folder")
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            lock = FolderLock.alone(folder, wait=True)
            try:
                if not path.exists():  # perhaps another process has just made it
                    _make_hub(folder, path, spaces)
            finally:
                if lock is not None:
                    lock.release()
        if not spaces.is_dir():
            raise Corrupt(f"{spaces} is missing beside hub.sqlite; restore it from a backup")
    catalog = HubCatalog.open(path, durability=durability)
    if (found := catalog.format()) != FORMAT:
        raise Corrupt(f"{path}: format {found} is not known here; this version reads format {FORMAT}")
    return catalog


def _make_hub(folder: Path, path: Path, spaces: Path) -> None:
    """hub.sqlite gets its name last, so that a hub is there wholly or not at all."""
    unfinished = folder / "hub.sqlite.new"
    if spaces.exists() and not unfinished.exists():
        raise Corrupt(f"{path} is missing though {spaces} is there; restore it from a backup")
    for leftover in folder.glob("hub.sqlite.new*"):
        leftover.unlink()
    HubCatalog.create(unfinished, durability="full").database.close()
    if list(folder.glob("hub.sqlite.new-*")):  # its WAL would not go with it when it is renamed
        raise Unavailable(f"making a hub in {folder} failed: SQLite could not bring its WAL into the file; try again")
    spaces.mkdir(exist_ok=True)
    sync(unfinished)
    unfinished.rename(path)
    sync(folder)
    sync(folder.parent)


def memory_folder() -> tuple[Path, FolderLock]:
    """A new folder for a ":memory:" hub; those that dead processes left behind are removed."""
    parent = Path(tempfile.gettempdir())
    with os_errors(f"making a temporary folder in {parent}"):
        for folder in parent.glob(_MEMORY_PREFIX + "*"):
            remove_if_unused(folder)
        made, lock = new_folder(parent, _MEMORY_PREFIX, 0o700)
    _memory_folders.add(made)
    return made, lock


def remove_memory_folders() -> None:
    """At the end of the process, whatever still uses them."""
    for folder in _memory_folders:
        shutil.rmtree(folder, ignore_errors=True)


def disown_memory_folders() -> None:
    """In a child after fork(): they are the parent's."""
    _memory_folders.clear()
