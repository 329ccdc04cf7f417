"""Kinspace: Hnsw.search, as any user would call it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import kinspace as ks

from .base import Engine, K, Knob, Search, Vectors


class Kinspace(Engine):
    """Ours; a filter is given as a mask or as row ids."""

    library = "kinspace"
    for_cosine = "cosine"

    def __init__(self, m: int = 16, ef_construction: int = 200, where: str = "mask") -> None:
        self.m, self.ef_construction, self.where = m, ef_construction, where
        self.setting = f"M {m}, efc {ef_construction}" + (", where=ids" if where == "ids" else "")

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        self.index = ks.Hnsw.build(rows, metric, M=self.m, ef_construction=self.ef_construction, threads=threads)

    def search(self, knob: Knob) -> Search:
        search = self.index.search
        return lambda query: search(query, K, knob)[0]

    def filtered(self, knob: Knob, allowed: NDArray[np.bool_]) -> Search:
        search, where = self.index.search, allowed if self.where == "mask" else np.flatnonzero(allowed)
        return lambda query: search(query, K, knob, where)[0]
