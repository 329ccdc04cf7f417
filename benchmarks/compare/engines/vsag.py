"""VSAG: its HGraph on uniform SQ8 codes, reranked in float32."""

from __future__ import annotations

import json

import numpy as np
import pyvsag

from .base import Engine, K, Knob, Search, Vectors


class Vsag(Engine):
    """HGraph, which its documentation recommends for dense vectors; its own defaults are degree 64 and efc 400."""

    library = "pyvsag"

    def __init__(self, degree: int = 32, ef_construction: int = 200) -> None:
        self.degree, self.ef_construction = degree, ef_construction
        self.setting = f"HGraph, degree {degree}, efc {ef_construction}, SQ8U + float32"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        n, dims = rows.shape
        index = {
            "base_quantization_type": "sq8_uniform",
            "use_reorder": True,
            "precise_quantization_type": "fp32",
            "max_degree": self.degree,
            "ef_construction": self.ef_construction,
            "build_thread_count": threads,
        }
        about = {"dtype": "float32", "metric_type": metric, "dim": dims, "index_param": index}
        self.index = pyvsag.Index("hgraph", json.dumps(about))
        self.index.build(vectors=rows.ravel(), ids=np.arange(n), num_elements=n, dim=dims)

    def search(self, knob: Knob) -> Search:
        search, parameters = self.index.knn_search, json.dumps({"hgraph": {"ef_search": knob}})
        return lambda query: search(query, K, parameters)[0]
