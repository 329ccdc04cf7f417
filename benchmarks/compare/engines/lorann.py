"""LoRANN: clusters, and reduced-rank regression for the distances within them."""

from __future__ import annotations

import math

import lorann

from .base import Engine, K, Knob, Search, Vectors


class Lorann(Engine):
    """Two settings of its published grids: about 2 √n clusters and 128 dimensions, or twice that and 192."""

    library = "lorann"
    keeps_rows = True  # it reranks from them

    def __init__(self, clusters: float = 2, reduced: int = 128) -> None:
        self.times, self.reduced = clusters, reduced

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        clusters = self._clusters(len(rows))
        reduced = self.reduced if rows.shape[1] > self.reduced else None
        self.setting = f"{clusters} clusters, global dim {reduced}, rank 32, 8 bit"
        distance = lorann.IP if metric == "ip" else lorann.L2
        self.index = lorann.LorannIndex(rows, clusters, reduced, distance=distance)
        self.index.build(n_threads=threads)

    def knobs(self, n: int) -> list[tuple[int, int]]:
        shares = (0.008, 0.012, 0.02, 0.03, 0.045, 0.07, 0.11, 0.18, 0.27)
        probes = dict.fromkeys(max(1, round(self._clusters(n) * share)) for share in shares)
        return [(probe, rerank) for probe in probes for rerank in (50, 100, 200, 400, 800, 1600)]

    def search(self, knob: Knob) -> Search:
        search, (probe, rerank) = self.index.search, knob
        return lambda query: search(query, K, probe, rerank)

    def _clusters(self, n: int) -> int:
        return 1 << round(math.log2(max(16.0, self.times * math.sqrt(n))))
