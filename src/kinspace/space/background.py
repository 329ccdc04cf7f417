"""The hub's one background thread: it flushes full logs and compacts, and never blocks a reader."""

from __future__ import annotations

import contextlib
import queue
import threading

from ..errors import KinspaceError
from .compact import compact, wanted
from .flush import flush, log_is_full
from .store import Store


class Background:
    """Started by the first work; stopped by close()."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Store | None] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def look_after(self, store: Store) -> None:
        """Have the store's log and segments seen to, soon; returns at once."""
        with self._lock:
            if self._closed or id(store) in self._waiting:
                return
            self._waiting.add(id(store))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kinspace-background", daemon=True)
                self._thread.start()
        self._queue.put(store)

    def close(self) -> None:
        """Finish what is under way, and stop."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        while (store := self._queue.get()) is not None:
            with self._lock:
                self._waiting.discard(id(store))
                if self._closed:
                    return
            with contextlib.suppress(
                KinspaceError
            ):  # the next write, or an explicit flush(), meets the same and says so
                if log_is_full(store.view()):
                    flush(store, wait=False)
                if wanted(store.view()):
                    compact(store, everything=False, wait=False)
            store = None
