"""SVS: Vamana on float32. Its LVQ and LeanVec codes end the process on CPUs that are not Intel's."""

from __future__ import annotations

import svs

from .base import Engine, K, Knob, Search, Vectors


class Svs(Engine):
    """Its own defaults, or twice the degree."""

    library = "scalable-vs"

    def __init__(self, degree: int = 32) -> None:
        self.degree = degree
        self.setting = f"Vamana, degree {degree}, window 200, float32"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        ip = metric == "ip"
        how = svs.VamanaBuildParameters(alpha=0.95 if ip else 1.2, graph_max_degree=self.degree, window_size=200)
        self.index = svs.Vamana.build(how, rows, svs.DistanceType.MIP if ip else svs.DistanceType.L2, threads)
        self.index.num_threads = 1

    def search(self, knob: Knob) -> Search:
        self.index.search_window_size = knob
        search = self.index.search
        return lambda query: search(query, K)[0][0]
