"""The hub's background threads: one flushes full logs and compacts, one builds indexes; neither blocks a reader."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable

from ...errors import Closed, SpaceNotFound
from ..state.store import Store
from .compact import compact, wanted
from .flush import flush, log_is_full
from .indexing import index_in_background, lacks_index

_AT_EXIT = 10.0  # seconds the end of a process waits for what is under way
_log = logging.getLogger("kinspace")


class Background:
    """Threads are started by the first work, and stopped by close()."""

    def __init__(self) -> None:
        self._tending = Worker("kinspace-background", self._tend)
        self._indexing = Worker("kinspace-indexing", self._index)
        _every.add(self)

    def look_after(self, store: Store) -> None:
        """Have the store's log, segments and indexes seen to, soon; returns at once."""
        self._tending.add(store)

    def index(self, store: Store) -> None:
        """Have the indexes that are missing made, soon; returns at once."""
        if lacks_index(store) and not store.readonly:
            self._indexing.add(store)

    def serve(self, store: Store) -> None:
        """Have the store say when its readers miss an index."""
        weak = weakref.ref(store)

        def lacking() -> None:
            there = weak()
            if there is not None and not there.readonly:
                self._indexing.add(there)

        store.indexes.lacking = lacking

    def close(self, *, wait: bool = True) -> bool:
        """Take no more work; finish a flush or a compaction that is under way, or say whether one is; end builds."""
        self._indexing.close()
        done = self._tending.close()
        if wait:
            self._indexing.join()
            return self._tending.join()
        return done

    def wait(self, deadline: float) -> None:
        """Wait for what is under way, though not beyond that moment of the monotonic clock."""
        for worker in (self._indexing, self._tending):
            worker.join(max(0.0, deadline - time.monotonic()))

    def _tend(self, store: Store, stopped: Callable[[], bool]) -> None:
        if log_is_full(store.view()):
            flush(store, wait=False)
        if wanted(store.view()):
            compact(store, everything=False, wait=False)
        store.sweep()
        self.index(store)

    def _index(self, store: Store, stopped: Callable[[], bool]) -> float | None:
        return index_in_background(store, stopped)


class Worker:
    """A thread that does the same for one store after another, each as soon as it is due."""

    def __init__(self, name: str, work: Callable[[Store, Callable[[], bool]], float | None]) -> None:
        self._name = name
        self._work = work  # store, whether to stop -> the seconds after which it is to be done again
        self._due: dict[int, tuple[float, Store]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False

    def add(self, store: Store, seconds: float = 0.0) -> None:
        """Do it for that store, so many seconds from now; returns at once."""
        due = time.monotonic() + seconds
        with self._changed:
            if self._closed or self._due.get(id(store), (due + 1.0,))[0] <= due:
                return
            self._due[id(store)] = due, store
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> bool:
        """Take no more work; whether none is under way."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()
            return not self._busy or self._thread is threading.current_thread()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for what is under way; whether it is done."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(seconds)
        return not thread.is_alive()

    def stopped(self) -> bool:
        """Whether to give up what is under way."""
        return self._closed

    def _run(self) -> None:
        while (store := self._next()) is not None:
            again = None
            try:
                again = self._work(store, self.stopped)
            except (Closed, SpaceNotFound):
                pass  # nothing left to look after
            except Exception:  # the space is as it was; the next write, or an explicit flush(), meets the same
                if not self._closed:  # at the end of a process what it needs goes first
                    _log.warning("background work on space %r failed", store.name, exc_info=True)
            if again is not None:
                self.add(store, again)
            with self._changed:
                self._busy = False
            store = None

    def _next(self) -> Store | None:
        """The store that is due first, once it is; None when closed."""
        with self._changed:
            while not self._closed:
                due, store = min(self._due.values(), key=lambda one: one[0], default=(None, None))
                if due is None or store is None:
                    self._changed.wait()
                elif (left := due - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    del self._due[id(store)]
                    self._busy = True
                    return store
        return None


def _end_all() -> None:
    every, deadline = list(_every), time.monotonic() + _AT_EXIT
    for background in every:
        background.close(wait=False)
    for background in every:
        background.wait(deadline)


_every: weakref.WeakSet[Background] = weakref.WeakSet()
# When the process ends, zarr can write no more by the time of atexit's calls: a write would break off midway.
try:
    import concurrent.futures.thread  # noqa: F401  # registered before _end_all, so called after it

    getattr(threading, "_register_atexit", atexit.register)(_end_all)
except RuntimeError:  # the process is ending already
    atexit.register(_end_all)
