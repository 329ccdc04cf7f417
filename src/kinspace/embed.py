"""Embedders, as `kinspace.embed`: text to vectors without leaving Python."""

from __future__ import annotations

from .text.embedder import Embedder, from_identity
from .text.hashing import Hashing

__all__ = ["Embedder", "Hashing", "from_identity"]
