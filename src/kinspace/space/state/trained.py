"""The lengths a space's model was trained for: whoever asks for another is told so, once."""

from __future__ import annotations

import threading
import warnings

from .store import Store

_told: set[str] = set()  # folders of spaces
_telling = threading.Lock()


def warn_if_untrained(store: Store, dims: int, *, stacklevel: int) -> None:
    """Warn (UserWarning) the first time in this process that a space is searched at a length it was not trained for."""
    trained = store.meta.matryoshka
    if not trained or dims == store.meta.dims or dims in trained:
        return
    with _telling:
        if str(store.folder) in _told:
            return
        _told.add(str(store.folder))
    lengths = ", ".join(map(str, trained))
    warnings.warn(
        f"dims={dims} is none of the lengths that the model of space {store.name!r} was trained for: {lengths}; "
        f"measure_recall(dims={dims}) says what that costs",
        stacklevel=stacklevel + 1,
    )
