"""Embedders, as `kinspace.embed`: what turns texts into vectors, built in or around somebody else's model."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .embedder import Embedder, from_identity, query_vector
from .hashing import Hashing

if TYPE_CHECKING:
    from .lsa import Lsa
    from .ollama import Ollama
    from .openai import OpenAI
    from .sentence_transformers import SentenceTransformers

__all__ = [
    "Embedder",
    "Hashing",
    "Lsa",
    "Ollama",
    "OpenAI",
    "SentenceTransformers",
    "from_identity",
    "query_vector",
]

_LATER = {
    "Lsa": ".lsa",
    "Ollama": ".ollama",
    "OpenAI": ".openai",
    "SentenceTransformers": ".sentence_transformers",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value
