"""hnswlib, the reference HNSW."""

from __future__ import annotations

import hnswlib
import numpy as np
from numpy.typing import NDArray

from .base import Engine, K, Knob, Search, Vectors


class Hnswlib(Engine):
    """The settings its README begins with."""

    library = "hnswlib"
    setting = "M 16, efc 200"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        self.index = hnswlib.Index(metric, rows.shape[1])
        self.index.init_index(len(rows), M=16, ef_construction=200)
        self.index.add_items(rows, num_threads=threads)
        self.index.set_num_threads(1)

    def search(self, knob: Knob) -> Search:
        self.index.set_ef(knob)
        search = self.index.knn_query
        return lambda query: search(query, K)[0][0]

    def filtered(self, knob: Knob, allowed: NDArray[np.bool_]) -> Search:
        self.index.set_ef(knob)
        search, may = self.index.knn_query, allowed.tolist().__getitem__
        k = min(K, int(allowed.sum()))

        def answer(query: NDArray[np.float32]) -> NDArray[np.uint64]:
            try:
                found: NDArray[np.uint64] = search(query, k, num_threads=1, filter=may)[0][0]
            except RuntimeError:  # how it says that it found fewer; what it did find it keeps to itself
                return np.empty(0, np.uint64)
            return found

        return answer
