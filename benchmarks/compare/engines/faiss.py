"""Faiss: HNSW on float32 and on SQ8 codes, and the exact flat index."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from .base import EFS, Engine, K, Knob, Search, Vectors


class Faiss(Engine):
    """An index by its factory string."""

    library = "faiss-cpu"

    def __init__(self, factory: str, ef_construction: int = 40) -> None:
        self.factory, self.ef_construction = factory, ef_construction  # 40 is Faiss's own
        self.setting = factory if factory == "Flat" else f"{factory}, efc {ef_construction}"
        self.flat = factory == "Flat"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        kind = faiss.METRIC_INNER_PRODUCT if metric == "ip" else faiss.METRIC_L2
        self.index = faiss.index_factory(rows.shape[1], self.factory, kind)
        if not self.flat:
            self.index.hnsw.efConstruction = self.ef_construction
        self.index.train(rows)
        self.index.add(rows)
        faiss.omp_set_num_threads(1)

    def knobs(self, n: int) -> tuple[int, ...]:
        return (0,) if self.flat else EFS

    def query(self, vector: NDArray[np.float32]) -> Any:
        return vector[None]

    def search(self, knob: Knob) -> Search:
        if not self.flat:
            self.index.hnsw.efSearch = knob
        search = self.index.search
        return lambda query: search(query, K)[1][0]

    def filtered(self, knob: Knob, allowed: NDArray[np.bool_]) -> Search:
        bits = np.packbits(allowed, bitorder="little")
        selector = faiss.IDSelectorBitmap(bits)
        if self.flat:
            parameters = faiss.SearchParameters(sel=selector)
        else:
            parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=knob)
        search = self.index.search

        def answer(query: Any, *, _held: Any = (bits, selector)) -> Any:
            return search(query, K, params=parameters)[1][0]

        return answer
