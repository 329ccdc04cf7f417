"""NumPy: one product with every row, the floor that an index must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .base import Engine, Ids, K, Knob, Search, Vectors


class Numpy(Engine):
    """No index."""

    library = "numpy"
    setting = "exact"
    keeps_rows = True

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        self.rows, self.metric = rows, metric
        self.squares = np.einsum("ij,ij->i", rows, rows) / 2

    def knobs(self, n: int) -> tuple[int, ...]:
        return (0,)

    def search(self, knob: Knob) -> Search:
        return self._scan(self.rows, self.squares)

    def filtered(self, knob: Knob, allowed: NDArray[np.bool_]) -> Search:
        """The rows allowed are gathered beforehand."""
        ids = np.flatnonzero(allowed)
        scan = self._scan(self.rows[ids], self.squares[ids])
        return lambda query: ids[scan(query)]

    def _scan(self, rows: Vectors, squares: NDArray[np.float32]) -> Search:
        l2, k = self.metric == "l2", min(K, len(rows))

        def answer(query: NDArray[np.float32]) -> Ids:
            near = rows @ query
            if l2:
                near -= squares
            best = np.argpartition(-near, k - 1)[:k] if k < len(near) else np.arange(k)
            return best[np.argsort(-near[best])]

        return answer
