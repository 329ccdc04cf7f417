"""The hub's one background thread: it flushes full logs and compacts, and never blocks a reader."""

from __future__ import annotations

import logging
import queue
import threading

from ..errors import Closed, SpaceNotFound
from .compact import compact, wanted
from .flush import flush, log_is_full
from .store import Store

_log = logging.getLogger("kinspace")


class Background:
    """Started by the first work; stopped by close()."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Store | None] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False

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

    def close(self, *, wait: bool = True) -> bool:
        """Take no more work; finish what is under way, or say whether anything is."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        self._queue.put(None)
        if wait:
            thread.join()
        return not thread.is_alive() or not self._busy

    def _run(self) -> None:
        while (store := self._queue.get()) is not None:
            with self._lock:
                self._waiting.discard(id(store))
                if self._closed:
                    return
                self._busy = True
            try:
                if log_is_full(store.view()):
                    flush(store, wait=False)
                if wanted(store.view()):
                    compact(store, everything=False, wait=False)
                store.sweep()
            except (Closed, SpaceNotFound):
                pass  # nothing left to look after
            except Exception:  # the space is as it was; the next write, or an explicit flush(), meets the same
                if not self._closed:  # at the end of a process what it needs goes first
                    _log.warning("background work on space %r failed", store.name, exc_info=True)
            with self._lock:
                self._busy = False
            store = None
