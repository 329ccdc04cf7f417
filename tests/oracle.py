"""What tests of hubs and spaces compare with: everything a space says, and whether all of it is as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import kinspace as ks


def state(space: Any) -> dict[str, Any]:
    """Everything that can be asked of a space, in a form that compares."""
    keys = list(space.keys())
    frames = list(space.scan(7))
    scanned = [row for frame in frames for row in frame.rows(named=True)]
    assert [row["key"] for row in scanned] == keys
    assert len(space) == len(keys) == len(set(keys))
    assert all(key in space for key in keys)
    vectors = [vector.tobytes() for vector in space.multiget(keys)]
    assert [np.asarray(row.pop("vector"), np.float32).tobytes() for row in scanned] == vectors
    assert [space.get(key).tobytes() for key in keys] == vectors
    rows = [space.row(key) for key in keys]
    assert [repr({"key": key, **row}) for key, row in zip(keys, rows)] == [repr(row) for row in scanned]
    query = np.ones(space.dims) if space.metric in ("hamming", "jaccard") else np.arange(1, space.dims + 1)
    hits = space.nearest_neighbors(len(keys), vector=query)
    assert sorted(map(repr, hits.keys)) == sorted(map(repr, keys))
    return {
        "keys": keys,
        "vectors": vectors,
        "rows": [repr(row) for row in rows],
        "columns": dict(space.columns),
        "version": space.version,
        "hits": list(hits),
    }


def folders(hub: Any) -> set[Path]:
    """Every space's and segment's folder in a hub."""
    spaces = Path(hub.path) / "spaces"
    return {*spaces.glob("*"), *spaces.glob("*/segments/*")}


@contextmanager
def unchanged(hub: Any, name: str = "docs") -> Iterator[None]:
    """The space is as it was after the block: in this hub, in one opened before, and in one opened afterwards."""
    space = hub.get_space(name)
    before, there = state(space), folders(hub)
    with ks.connect(hub.path) as second:
        assert state(second.get_space(name)) == before
        yield
        assert state(space) == before
        assert state(second.get_space(name)) == before
    with ks.connect(hub.path) as afterwards:
        assert state(afterwards.get_space(name)) == before
    assert folders(hub) == there
    assert space.check().ok


class Arrow:
    """An Arrow object of another library: all that is known of it is that it exports a stream."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._held.__arrow_c_stream__(requested_schema)


def shown(value: object) -> str:
    """A parameter's name in a test's id, the same in every process: without addresses."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))[:40]
