"""Putting finished files in place, durably: all of them, or what was there stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import InvalidInput, Unavailable
from ..files import new_folder, os_errors, sync
from ..replace import replace_folder, sweep_unfinished

_BEING_WRITTEN = ".kinspace-new-"  # what sweep_unfinished removes


def check_target(path: Path, *, overwrite: bool, folder: bool) -> None:
    """Raise InvalidInput if something is there that may not be replaced."""
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise InvalidInput(f"{path} is there already; overwrite=True replaces it")
    if path.is_dir() and not (path / "zarr.json").is_file():
        raise InvalidInput(f"{path} is a folder that is no Zarr group; it is not replaced even with overwrite=True")
    if path.is_dir() != folder or (path.exists() and not (path.is_dir() or path.is_file())):
        kind = "folder" if path.is_dir() else "file" if path.is_file() else "special file"
        raise InvalidInput(f"{path} is a {kind}; it is not replaced even with overwrite=True")


def check_parent(path: Path) -> None:
    """Raise Unavailable if the folder that a file is to be written to is missing."""
    if not path.parent.is_dir():
        raise Unavailable(f"the folder {path.parent} is not there; make it first")


def place_folder(target: Path, write: Callable[[Path], None], *, overwrite: bool) -> None:
    """Have `write` fill a folder, and put it at target."""
    check_parent(target)
    replace_folder(target, write, lambda path: check_target(path, overwrite=overwrite, folder=True), parents=False)


def place_files(targets: Sequence[Path], write: Callable[[Path], Sequence[Path]], *, overwrite: bool) -> None:
    """Have `write` make files in a folder of its own, and put them at the targets, which share a parent.

    Killed between two of several files, the first is new and the second old: they must know each other.
    """
    parent = targets[0].parent
    check_parent(targets[0])
    with os_errors(f"writing {targets[0]}"):
        _check(targets, overwrite)
        sweep_unfinished(parent)
        work, lock = new_folder(parent, _BEING_WRITTEN)
        try:
            made = write(work)
            for file in made:
                sync(file)
            _check(targets, overwrite)
            _put(list(zip(made, targets, strict=True)), work)
            sync(parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)
            lock.release()


def _check(targets: Sequence[Path], overwrite: bool) -> None:
    for target in targets:
        check_target(target, overwrite=overwrite, folder=False)


def _put(pairs: list[tuple[Path, Path]], work: Path) -> None:
    done: list[tuple[Path, Path | None]] = []  # a target, and what was there
    try:
        for number, (made, target) in enumerate(pairs):
            old = None
            if len(pairs) > 1 and target.is_file():
                old = work / f"old-{number}"
                _keep(target, old)
            made.replace(target)
            done.append((target, old))
    except BaseException:
        for target, old in reversed(done):
            if old is None:
                target.unlink(missing_ok=True)
            else:
                old.replace(target)
        raise


def _keep(target: Path, old: Path) -> None:
    try:
        old.hardlink_to(target)
    except OSError:  # a file system without links
        shutil.copy2(target, old)
