"""Folders that several processes share: durable directory entries, folder locks, file digests."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from .. import _core
from ..errors import Corrupt, KinspaceError, Unavailable

_LOOKS, _PAUSE = 5, 0.005  # seconds: whether a folder that was removed is there again


@contextmanager
def os_errors(doing: str) -> Iterator[None]:
    """Turn what the operating system says into Unavailable, with what was being done."""
    try:
        yield
    except KinspaceError:
        raise
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
        raise Unavailable(f"{doing} failed: {why}") from error


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make a folder durable with all it holds: files first, then the folders from the leaves up."""
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            sync(Path(folder, name))
        sync(Path(folder))


def digest(path: Path) -> str:
    """xxh3-64 of a file, in hex."""
    with path.open("rb") as file:
        state = xxhash.xxh3_64()
        while block := file.read(1 << 22):
            state.update(block)
    return state.hexdigest()


def map_bytes(path: Path) -> NDArray[np.uint8]:
    """The file's bytes, memory-mapped read-only; an empty file is an empty array."""
    try:
        return _core.map_file(os.fsencode(path))
    except FileNotFoundError as error:
        raise Corrupt(f"{path} is missing; restore it from a backup") from error
    except OSError as error:
        if path.is_dir():
            raise Corrupt(f"{path} is a folder where a file was written; restore it from a backup") from error
        raise Unavailable(f"{path} can't be mapped: {error}") from error


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}


class FolderLock:
    """A lock on a folder, among processes and within one: shared by those who use it, alone for the one who removes it.

    The kernel lets go of it when its process dies. On a file system without locks every request is granted.
    """

    def __init__(self, descriptor: int, *, alone: bool, granted: bool) -> None:
        self.granted = granted  # False on a file system without locks
        self._descriptor: int | None = descriptor
        self._process = os.getpid() if alone else None

    @classmethod
    def share(cls, path: Path) -> FolderLock:
        """Keep the folder from being removed; FileNotFoundError if it is gone."""
        lock = cls._take(path, fcntl.LOCK_SH)
        assert lock is not None
        if not lock.is_on(path):  # removed between the opening and the lock, and perhaps made anew
            lock.release()
            raise FileNotFoundError(errno.ENOENT, "removed meanwhile", str(path))
        return lock

    @classmethod
    def alone(cls, path: Path, *, wait: bool = False) -> FolderLock | None:
        """The folder for this caller only; None if somebody uses it (or, with wait, once nobody does)."""
        return cls._take(path, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    @classmethod
    def works(cls, path: Path) -> bool:
        """Whether the folder's file system has locks."""
        lock = cls._take(path, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if lock is None:  # somebody has it
            return True
        lock.release()
        return lock.granted

    @classmethod
    def _take(cls, path: Path, how: int) -> FolderLock | None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        granted = True
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException as error:
            if not isinstance(error, OSError) or error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
            granted = False
        return cls(descriptor, alone=bool(how & fcntl.LOCK_EX), granted=granted)

    def is_on(self, path: Path) -> bool:
        """Whether it is held, and the folder at that path is the one that is locked."""
        try:
            return self._descriptor is not None and os.path.samestat(os.fstat(self._descriptor), path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go; twice is fine."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            if (
                self._process == os.getpid() and self.granted
            ):  # a forked child has the descriptor too, and would hold on
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def __del__(self) -> None:
        self.release()


def new_folder(parent: Path, prefix: str = "", mode: int = 0o777) -> tuple[Path, FolderLock]:
    """A new folder of a random name, already locked against removal."""
    while True:
        folder = parent / f"{prefix}{secrets.token_hex(8)}"
        folder.mkdir(mode)
        try:
            return folder, FolderLock.share(folder)
        except FileNotFoundError:  # swept by another process before it was locked
            continue


def list_folder(path: Path) -> list[Path]:
    """What is in a folder; nothing if the system won't say, since sweeping can wait."""
    try:
        return list(path.iterdir())
    except OSError:
        return []


def remove_unfinished(folder: Path) -> None:
    """Remove what a failed write has left, and what of it was still on its way: Zarr writes on threads of its own."""
    for _ in range(_LOOKS):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_PAUSE)
        if not folder.exists():
            return


def remove_if_unused(path: Path, wanted: Callable[[], bool] = lambda: False) -> None:
    """Remove a hub's, a space's or a segment's folder, unless it or a folder in it is in use, or wanted after all.

    `wanted` is asked once nobody else can begin to use the folder.
    """
    locks: list[FolderLock] = []
    try:
        for folder in (
            path,
            *path.glob("segments/*"),
            *path.glob("hub/spaces/*"),
            *path.glob("hub/spaces/*/segments/*"),
        ):
            lock = FolderLock.alone(folder)
            if lock is None:
                return
            locks.append(lock)
            if not lock.granted:  # who knows whether it is in use
                return
        if not wanted():
            shutil.rmtree(path, ignore_errors=True)
    except OSError:  # gone already, or not ours to remove
        return
    finally:
        for lock in locks:
            lock.release()
