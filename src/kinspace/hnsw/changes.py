"""One who changes an index at a time, and many who look at it meanwhile and can tell whether it changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..errors import Conflict

Seen = TypeVar("Seen")


class Changes:
    """An index is changed inside ``alone()``, and while its parts disagree inside ``change()``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of who changes the index, or keeps it from changing
        self._turn = threading.Lock()  # of who was disturbed: the next change waits behind it
        self._owner: int | None = None  # the thread that has the lock
        self._count = 0  # odd while a change is under way

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes the index. Conflict from within a change: a signal's handler would wait for ever."""
        self._check_thread()
        with self._turn:
            pass
        with self._lock:
            self._owner = threading.get_ident()
            try:
                yield
            finally:
                self._owner = None

    @contextmanager
    def change(self) -> Iterator[None]:
        """The index's parts disagree for a moment; the caller is alone."""
        self._count += 1
        try:
            yield
        finally:
            self._count += 1

    def undisturbed(self, look: Callable[[], Seen]) -> Seen:
        """look(), with no change between its beginning and its end: tried at once, else when it is this one's turn."""
        before = self._count
        if before % 2 == 0:
            try:
                seen = look()
            except Exception:  # perhaps for what it saw half done
                if self._count == before:
                    raise
            else:
                if self._count == before:
                    return seen
        self._check_thread()
        with self._turn, self._lock:
            return look()

    def _check_thread(self) -> None:
        if self._owner == threading.get_ident():
            raise Conflict("this thread is just changing the index; a signal's handler can't use it until that is done")
