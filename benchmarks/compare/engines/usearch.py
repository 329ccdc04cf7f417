"""USearch on float32 and on int8; its Python API has no filter."""

from __future__ import annotations

import numpy as np
from usearch.index import Index

from .base import Engine, K, Knob, Search, Vectors


class Usearch(Engine):
    """Its own defaults: connectivity 16, expansion_add 128."""

    library = "usearch"
    for_cosine = "cosine"

    def __init__(self, dtype: str = "f32") -> None:
        self.dtype = dtype
        self.setting = f"M 16, efc 128, {dtype}"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        name = {"cosine": "cos", "l2": "l2sq", "ip": "ip"}[metric]
        self.index = Index(ndim=rows.shape[1], metric=name, dtype=self.dtype)
        self.index.add(np.arange(len(rows), dtype=np.uint64), rows, threads=threads)

    def search(self, knob: Knob) -> Search:
        self.index.expansion_search = knob
        search = self.index.search
        return lambda query: search(query, K, threads=1).keys
