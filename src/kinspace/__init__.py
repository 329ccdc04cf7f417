"""Kinspace, an embeddings hub: named spaces in a folder that store vectors with their rows and find the nearest."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._core import isa as simd
from .distance import cos_dist, inner_prod, l2_dist, norm
from .errors import (
    Closed,
    Conflict,
    Corrupt,
    Frozen,
    InvalidInput,
    KeyNotFound,
    KinspaceError,
    SnapshotNotFound,
    SpaceExists,
    SpaceNotFound,
    Unavailable,
)
from .knn import knn, knn_batches
from .resize import resize
from .types import Hit

if TYPE_CHECKING:
    from . import embed
    from .explain import Explanation
    from .filter import Expression, col
    from .hnsw import Hnsw
    from .query import Page, Select
    from .query.begin import select
    from .space.connect import connect
    from .space.forks.reembedding import Reembedding
    from .space.hub import Hub
    from .space.remote.hub import RemoteHub
    from .space.remote.publish import Published
    from .space.search.hits import Hits
    from .space.space import Space
    from .space.text.hits import TextHits

__version__ = "0.1.0"

__all__ = [
    "Closed",
    "Conflict",
    "Corrupt",
    "Explanation",
    "Expression",
    "Frozen",
    "Hit",
    "Hits",
    "Hnsw",
    "Hub",
    "InvalidInput",
    "KeyNotFound",
    "KinspaceError",
    "Page",
    "Published",
    "Reembedding",
    "RemoteHub",
    "Select",
    "SnapshotNotFound",
    "Space",
    "SpaceExists",
    "SpaceNotFound",
    "TextHits",
    "Unavailable",
    "__version__",
    "col",
    "connect",
    "cos_dist",
    "embed",
    "inner_prod",
    "knn",
    "knn_batches",
    "l2_dist",
    "norm",
    "resize",
    "select",
    "simd",
]

_LATER = {  # name -> module that is imported when the name is first used, so that importing kinspace stays quick
    "Explanation": ".explain",
    "Expression": ".filter",
    "Hits": ".space.search.hits",
    "Hnsw": ".hnsw",
    "Hub": ".space.hub",
    "Page": ".query",
    "Published": ".space.remote.publish",
    "Reembedding": ".space.forks.reembedding",
    "RemoteHub": ".space.remote.hub",
    "Select": ".query",
    "Space": ".space.space",
    "TextHits": ".space.text.hits",
    "col": ".filter",
    "connect": ".space.connect",
    "select": ".query",
}


def __getattr__(name: str) -> Any:
    if name == "embed":
        return importlib.import_module(".embed", __name__)
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
