"""rabitqlib: SymphonyQG and HNSW on RaBitQ codes, with the settings of its own graph benchmark."""

from __future__ import annotations

from typing import Any

import numpy as np
import rabitqlib
from numpy.typing import NDArray

from .base import Engine, K, Knob, Search, Vectors


class _Rabitq(Engine):
    library = "rabitqlib"
    for_cosine = "l2"
    index: Any

    def query(self, vector: NDArray[np.float32]) -> Any:
        return vector[None]

    def search(self, knob: Knob) -> Search:
        search = self.index.search
        return lambda query: search(query, K, knob)[0][0]


class SymphonyQG(_Rabitq):
    """A graph with one-bit codes of the neighbours in every node."""

    def __init__(self, bits: int = 0) -> None:
        self.bits = bits
        self.setting = f"R 32, efc 200, PiPNN, {f'{bits} bit' if bits else 'raw'} vectors"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        self.index = rabitqlib.SymqgIndex(rows.shape[1], 32, metric, self.bits)
        self.index.build(rows, 200, num_threads=threads)


class RabitqHnsw(_Rabitq):
    """HNSW on codes alone: the vectors are not kept."""

    def __init__(self, bits: int = 5) -> None:
        self.bits = bits
        self.setting = f"M 16, efc 200, {bits} bit"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        exact = rabitqlib.FinalAssignmentMode.Exact
        clusters = rabitqlib.RaBitQKMeans(rows.shape[1], 16, num_threads=threads, final_assignment=exact)
        clusters.train(rows)
        self.index = rabitqlib.HnswIndex(rows.shape[1], len(rows), 16, 200, self.bits, metric)
        self.index.build(rows, clusters.centroids, clusters.assignments, num_threads=threads)
