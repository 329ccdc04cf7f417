"""Opening a hub: a folder's, one in memory, or what was published under a URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from ..errors import InvalidInput
from ..storage.catalog.database import parse_durability
from ..storage.filesystem import warn_of_sharing
from .hub import Hub
from .places import memory_folder, parse_path
from .state.slow import parse_slow


def connect(
    path: str | os.PathLike[str],
    *,
    durability: Literal["full", "normal", "off"] = "full",
    storage_options: Mapping[str, Any] | None = None,
    cache: str | os.PathLike[str] | None = None,
    cache_bytes: int = 1 << 30,
    slow_query_seconds: float | None = None,
) -> Hub:
    """Open the hub in a folder, or make a new one there; or open, read-only, what was published under a URL.

    Parameters
    ----------
    path : str or path
        A folder; made, with its parents, if there is none. ``":memory:"`` is a hub that vanishes when it is closed:
        it lives in the system's temporary folder, and nothing of it is synced to disk. A URL that Space.publish was
        given is opened as a RemoteHub.
    durability : {"full", "normal", "off"}
        "full": an acknowledged write survives a power cut. "normal": it survives the process, and perhaps not a power
        cut; the hub stays whole. "off": neither is promised after a power cut.
    storage_options : mapping, optional
        Of a URL: how its store is reached, as for Space.publish.
    cache : str or path, optional
        Of a URL: the folder in which what was fetched is kept, by default the system's cache folder.
    cache_bytes : int
        Of a URL: what the cache may take on the disk; what is open at the time stays, even beyond that.
    slow_query_seconds : float, optional
        Log queries that take as long or longer, seconds from 0 on: a warning of the logger ``kinspace.slow`` for each,
        one line of JSON with the space, the filter, how it was searched and how long each stage took, and no vectors.
        Neighbours and selects of any space of the hub; none by default.

    Raises
    ------
    InvalidInput
        If the path is a file, or a URL of another kind.
    Corrupt
        If spaces are there but hub.sqlite is not.
    Unavailable
        If the folder can't be made or read.

    Warns
    -----
    RuntimeWarning
        If the folder can be written to and is on a file system that several machines share, or that has no locks: it
        is then for one machine, or one process, at a time.

    Examples
    --------
    >>> with connect(":memory:") as hub:
    ...     space = hub.create_space("docs", dims=2)
    ...     space.set("a", [1.0, 0.0])
    ...     hub.list_spaces()
    ['docs']
    """
    durability_name, slow = parse_durability(durability), parse_slow(slow_query_seconds)
    if isinstance(path, str) and "://" in path:
        from .remote.hub import RemoteHub

        return _watching(RemoteHub(path, storage_options, cache, cache_bytes), slow)
    if storage_options is not None or cache is not None:
        raise InvalidInput(f"storage_options and cache are for URLs; {os.fspath(path)!r} is a folder")
    if isinstance(path, str) and path == ":memory:":
        folder, lock = memory_folder()
        return _watching(Hub(folder / "hub", durability="off", temporary=lock), slow)
    hub = _watching(Hub(parse_path(path), durability=durability_name), slow)
    try:
        if not hub._catalog.database.readonly:
            warn_of_sharing(hub.path, stacklevel=2)
    except BaseException:  # a warning too, where warnings are errors
        hub.close()
        raise
    return hub


def _watching(hub: Hub, slow: float | None) -> Hub:
    hub._slow_query_seconds = slow
    return hub
