"""Glass (pyglass 2.1), if it was built from its sources: nothing on PyPI is that for this Python."""

from __future__ import annotations

import glass
import numpy as np

from .base import Engine, K, Knob, Search, Vectors


class Glass(Engine):
    """SQ8U to build and another quantizer to search, as its README advises."""

    library = "glass"

    def __init__(self, codes: str = "SQ4U") -> None:
        if not hasattr(glass, "Searcher"):
            raise ImportError("the installed glass is PyPI's, a library for cosmology")
        self.codes = codes
        self.setting = f"R 32, L 200, SQ8U build, {codes} + FP16 search"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        glass.set_num_threads(threads)
        name = "IP" if metric == "ip" else "L2"
        graph = glass.Index(index_type="HNSW", metric=name, R=32, L=200, quant="SQ8U").build(rows)
        self.index = glass.Searcher(graph=graph, data=rows, metric=name, quantizer=self.codes, refine_quant="FP16")
        self.index.optimize(1)
        glass.set_num_threads(1)

    def search(self, knob: Knob) -> Search:
        self.index.set_ef(knob)
        search = self.index.search
        return lambda query: np.asarray(search(query, K)[0])
