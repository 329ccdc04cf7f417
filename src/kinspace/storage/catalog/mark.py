"""16 bytes beside a catalog, mapped by all who have it open: they tell a reader whether anybody has committed since."""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path

from ...errors import Unavailable

SIZE = 16
_HALF = SIZE // 2
_FRESH = bytes(_HALF) + b"\xff" * _HALF  # in doubt until the first commit is done


class Mark:
    """Two words, `begun` and `done`, by which a reader knows that its view is the newest.

    begun: a random token, stored just before COMMIT by the one who has the write lock. done: the same token, stored
    when the commit has succeeded and before the write is acknowledged.

    A reader that found both equal, then loaded its view, and finds them as they were has the newest view: whoever
    committed since would have changed `begun`, for good. While they differ, a commit is under way or its writer was
    killed, and SQLite has to be asked. What the file holds after a crash or in a copy is of no account: it is compared
    only with what the same process saw in it before.
    """

    __slots__ = ("_path", "last", "words")

    def __init__(self, path: Path | None) -> None:
        self._path = path  # None: there is no file, and SQLite is always asked
        self.words = memoryview(b"")  # as they are now, whoever stores them; empty while no file is mapped
        self.last: bytes | None = None  # both words, once this process's latest commit is done

    def look(self) -> None:
        """Map the file if there is one by now."""
        if self._path is not None and not self.words:
            with contextlib.suppress(OSError):
                self._map(self._path)

    def settled(self) -> bytes | None:
        """Both words, or None while they can't be relied on."""
        words = bytes(self.words)
        return words if words and words[:_HALF] == words[_HALF:] else None

    def begin(self) -> None:
        """Say that a commit follows; in its transaction. Unavailable if there is no way to say it to those who look."""
        if self._path is None:
            return
        self.last = None
        if not self.words:
            try:
                if not self._map(self._path):
                    with contextlib.suppress(OSError):  # no room for it, so nobody has it mapped
                        self._make(self._path)
                    self._map(self._path)
            except OSError as error:
                raise Unavailable(f"{self._path} can't be written: {error}; nothing was stored") from error
        if self.words:
            token = os.urandom(_HALF)
            self.last = token + token
            self.words[:_HALF] = token

    def done(self) -> None:
        """Say that it has succeeded."""
        if self.last is not None and self.words[:_HALF] == self.last[:_HALF]:  # else the next one is under way
            self.words[_HALF:] = self.last[_HALF:]

    def close(self) -> None:
        """Look no more: the words equal nothing from now on."""
        self._path = None
        self.words = memoryview(b"")

    def _map(self, path: Path) -> bool:
        """Map the file; False if there is none, or an unfinished one."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            if os.fstat(descriptor).st_size < SIZE:
                return False
            self.words = memoryview(mmap.mmap(descriptor, SIZE))
            return True
        finally:
            os.close(descriptor)

    def _make(self, path: Path) -> None:
        """Write the file, with the owner and the permissions of the catalog; the write lock keeps others from it."""
        catalog = path.with_suffix(".sqlite").stat()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == 0:
                os.fchown(descriptor, catalog.st_uid, catalog.st_gid)
            os.fchmod(descriptor, catalog.st_mode & 0o777)
            os.pwrite(descriptor, _FRESH, 0)
        finally:
            os.close(descriptor)
