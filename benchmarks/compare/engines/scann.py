"""ScaNN: a tree of partitions, anisotropic codes, and a rerank in float32."""

from __future__ import annotations

import math

import scann

from .base import Engine, K, Knob, Search, Vectors

NEVER = math.nan  # no anisotropic threshold: what its own benchmark has for squared_l2


class Scann(Engine):
    """About 1.5 √n leaves; SOAR, its second assignment of a row, where it can be had: with inner products."""

    library = "scann"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        n, ip = len(rows), metric == "ip"
        leaves = _leaves(n)
        self.setting = f"{leaves} leaves, 2 dims a block, {'anisotropic .2, SOAR 1' if ip else 'isotropic'}"
        soar = {"soar_lambda": 1.0, "overretrieve_factor": 2.0} if ip else {}
        self.index = (
            scann.scann_ops_pybind.builder(rows, K, "dot_product" if ip else "squared_l2")
            .set_n_training_threads(threads)
            .tree(leaves, 1, training_sample_size=min(n, 250_000), spherical=ip, quantize_centroids=True, **soar)
            .score_ah(2, anisotropic_quantization_threshold=0.2 if ip else NEVER)
            .reorder(100)
            .build()
        )

    def knobs(self, n: int) -> list[tuple[int, int]]:
        shares = (0.003, 0.005, 0.008, 0.012, 0.018, 0.027, 0.04, 0.06, 0.09, 0.14, 0.2)
        probes = dict.fromkeys(max(1, round(_leaves(n) * share)) for share in shares)
        return [(probe, rerank) for probe in probes for rerank in (30, 50, 80, 130, 250, 500)]

    def search(self, knob: Knob) -> Search:
        search, (leaves, rerank) = self.index.search, knob
        return lambda query: search(query, K, rerank, leaves)[0]


def _leaves(n: int) -> int:
    return max(10, round(1.5 * math.sqrt(n)))
