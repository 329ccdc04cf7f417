"""A new space filled from a file before it has a name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..types import BIT_METRICS, METRICS
from .parts.meta import Meta
from .segments.background import Background
from .space import Space
from .state.store import Store

if TYPE_CHECKING:
    from .hub import Hub


def filling(
    hub: Hub,
    source: object,
    name: str,
    key: str,
    vector: str,
    options: dict[str, Any],
    durability: str,
    batch_size: int | None,
    progress: bool | None,
) -> tuple[Meta, Callable[[Path], None]]:
    """What the space of a file's rows is, and how to fill its folder."""
    from ..storage.interchange import open_file

    if not isinstance(source, (str, os.PathLike)):
        raise InvalidInput(f"import_space takes the path of a file; got {type(source).__name__}: load() it instead")
    path = Path(source)
    file = open_file(path, key, vector)
    file.close()
    if file.dims is None:
        raise InvalidInput(f"{path} has no column {vector!r} with vectors in it; say which with vector=")
    dtype = options["dtype"] or file.dtype or "float32"
    metric = options["metric"] or named_metric(file.metric, dtype)
    key_type = options["key_type"] or file.key_type or "int"
    more = (options[name] for name in ("embedder", "matryoshka", "index_dims", "rotate"))
    meta = Meta.parse(file.dims, metric, dtype, key_type, *more)

    def fill(folder: Path) -> None:
        store = Store(folder, name, durability=durability)
        idle = Background()
        idle.close(wait=False)  # nothing is done to the space but what this thread does
        try:
            Space(store, idle, hub, options["embedder"]).load(
                path, key=key, vector=vector, batch_size=batch_size, progress=progress
            )
        finally:
            store.close()

    return meta, fill


def named_metric(metric: str | None, dtype: str) -> str | None:
    """The metric that a file names, if a space of that dtype can have it."""
    return metric if metric in (BIT_METRICS if dtype == "bit" else METRICS) else None
