"""Putting a finished folder in another's place, all at once: whoever looks finds the old one or the new one."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from ..errors import Corrupt, Unavailable
from .files import list_folder, new_folder, os_errors, remove_if_unused, remove_unfinished, sync, sync_tree

Read = TypeVar("Read")

_BEING_WRITTEN = ".kinspace-new-"  # and the old one, between the exchange and its removal
_MOVED_ASIDE = ".kinspace-old-"  # where folders can't be exchanged
_NO_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_TRIES = 100  # of reading a folder that is replaced again and again meanwhile


def replace_folder(
    target: Path,
    write: Callable[[Path], None],
    check: Callable[[Path], None],
    *,
    parents: bool = True,
    durable: bool = True,
) -> None:
    """Have `write` fill a new folder and put it at target, durably, in the place of what is there, if anything.

    `check(target)` raises unless what is there may be replaced. Killed at any moment, the old folder is there or the
    new one; what else is left is swept by the next call with the same parent. Unless `parents`, a parent that is
    missing stays so; unless durable, it is left to the system when the bytes reach the disk.
    """
    parent = target.parent
    with os_errors(f"writing {target}"):
        check(target)
        missing = [folder for folder in (parent, *parent.parents) if not folder.exists()] if parents else []
        if parents:
            parent.mkdir(parents=True, exist_ok=True)
        sweep_unfinished(parent)
        folder, lock = new_folder(parent, _BEING_WRITTEN)
        in_place = False
        try:
            write(folder)
            if durable:
                sync_tree(folder)
            check(target)
            _put(folder, target, check)
            in_place = True
            for made in (target, *missing) if durable else ():
                sync(made.parent)
            shutil.rmtree(folder, ignore_errors=True)  # the old one; a failed sync leaves it to the next sweep
            _sweep(parent, _MOVED_ASIDE)
        finally:
            if not in_place:
                remove_unfinished(folder)
            lock.release()


def read_folder(folder: Path, read: Callable[[Path], Read]) -> Read:
    """read(folder), once more whenever it fails because the folder was replaced meanwhile."""
    for _ in range(_TRIES):
        with os_errors(f"opening {folder}"):
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)  # while it is open no other folder has this inode
        try:
            with os_errors(f"reading {folder}"):
                return read(folder)
        except (Corrupt, Unavailable):
            if _is(folder, descriptor):
                raise
        finally:
            os.close(descriptor)
    raise Unavailable(f"{folder} was replaced {_TRIES} times while it was being read; try again")


def _is(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def sweep_unfinished(parent: Path) -> None:
    """Remove what calls of replace_folder that were killed have left in that folder."""
    _sweep(parent, _BEING_WRITTEN)


def _sweep(parent: Path, prefix: str) -> None:
    for path in list_folder(parent):
        if path.name.startswith(prefix):
            remove_if_unused(path)


def _put(folder: Path, target: Path, check: Callable[[Path], None]) -> None:
    """Rename folder to target; what was there is afterwards called folder, or gone."""
    if not os.path.lexists(target):
        try:
            folder.rename(target)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):  # another has just been quicker
                raise
            check(target)
    if _exchange(folder, target):
        return
    aside = target.parent / f"{_MOVED_ASIDE}{secrets.token_hex(8)}"
    target.rename(aside)
    try:
        folder.rename(target)
    except BaseException:
        aside.rename(target)
        raise


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names; False if this system or file system can't."""
    call = _exchange_call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(other))


@cache
def _exchange_call() -> Callable[[bytes, bytes], int] | None:
    libc = ctypes.CDLL(None, use_errno=True)
    path, number = ctypes.c_char_p, ctypes.c_uint
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        swap = libc.renamex_np
        swap.argtypes = [path, path, number]
        return lambda one, other: int(swap(one, other, 2))  # RENAME_SWAP
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        rename = libc.renameat2
        rename.argtypes = [ctypes.c_int, path, ctypes.c_int, path, number]
        here = -100  # AT_FDCWD
        return lambda one, other: int(rename(here, one, here, other, 2))  # RENAME_EXCHANGE
    return None
