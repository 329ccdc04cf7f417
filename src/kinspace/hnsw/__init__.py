"""Hnsw: approximate nearest neighbours of vectors in memory, from a graph of their neighbours."""

from .index import Hnsw

__all__ = ["Hnsw"]
