"""Exact neighbours in double precision, and the recall of an answer that may differ from them only where they tie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

K = 10
TIE = 1e-9  # distances this near, relative to the larger of 1 and the distance, are equal: rows may be exact copies
BLOCK = 16_384

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """For each query the rows nearer than its k-th neighbour, and all that tie with it."""

    k: NDArray[np.int64]  # of each query: min(K, rows allowed)
    start: NDArray[np.int64]  # of each query's rows in ids, nearest first, and the end
    ids: Ids
    nearer: NDArray[np.int64]  # how many of each query's rows are nearer than its k-th

    def recall(self, answers: Iterable[Ids]) -> float:
        """Return the mean share of the k nearest that were found; a row given twice counts once.

        Every row nearer than the k-th counts, and of those that tie with it as many as there are places.
        """
        shares = []
        for query, answer in enumerate(answers):
            k, nearer = int(self.k[query]), int(self.nearer[query])
            wanted = self.ids[self.start[query] : self.start[query + 1]]
            found = np.isin(wanted, answer[: int(k)] if len(answer) > k else answer)
            shares.append((found[:nearer].sum() + min(found[nearer:].sum(), k - nearer)) / k if k else 1.0)
        return float(np.mean(shares))

    def short(self, answers: Iterable[Ids]) -> float:
        """Return the share of answers with fewer than min(k, rows allowed) different rows."""
        return float(np.mean([len(np.unique(a[a >= 0])) < k for a, k in zip(answers, self.k, strict=True)]))

    def head(self, count: int) -> Truth:
        """Return the truth of the first `count` queries."""
        return Truth(self.k[:count], self.start[: count + 1], self.ids, self.nearer[:count])

    def save(self, path: Path) -> None:
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, k=self.k, start=self.start, ids=self.ids, nearer=self.nearer)
        partial.rename(path)

    @staticmethod
    def load(path: Path) -> Truth:
        with np.load(path) as saved:
            return Truth(saved["k"], saved["start"], saved["ids"], saved["nearer"])


def exact(rows: Vectors, queries: Vectors, metric: str, allowed: Ids | None = None) -> Truth:
    """Scan every row (or the allowed ones) in double precision."""
    ids = np.arange(len(rows)) if allowed is None else np.sort(allowed)
    k = min(K, len(ids))
    found: list[Ids] = []
    nearer = np.zeros(len(queries), np.int64)
    for begin in range(0, len(queries), 100):
        for query, (distances, numbers) in enumerate(_candidates(rows, ids, queries[begin : begin + 100], metric, k)):
            kth = np.sort(distances)[k - 1] if k else np.inf
            slack = TIE * max(1.0, abs(kth))
            near = numbers[distances < kth - slack]
            found.append(np.concatenate([near, numbers[np.abs(distances - kth) <= slack]]))
            nearer[begin + query] = len(near)
    start = np.concatenate([[0], np.cumsum([len(each) for each in found])])
    return Truth(np.full(len(queries), k), start, np.concatenate([np.empty(0, np.int64), *found]), nearer)


def _candidates(
    rows: Vectors, ids: Ids, queries: Vectors, metric: str, k: int
) -> list[tuple[NDArray[np.float64], Ids]]:
    """Of each query, the distances and ids of the rows that may be among the k nearest or tie with the k-th."""
    kept: list[tuple[list[NDArray[np.float64]], list[Ids]]] = [([], []) for _ in queries]
    wanted = queries.astype(np.float64)
    if metric == "cosine":
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    for begin in range(0, len(ids), BLOCK):
        numbers = ids[begin : begin + BLOCK]
        block = rows[numbers].astype(np.float64)
        if metric == "cosine":
            block /= np.linalg.norm(block, axis=1, keepdims=True)
        products = wanted @ block.T
        if metric == "l2":
            squares = (wanted**2).sum(1)[:, None] + (block**2).sum(1) - 2 * products
            distances = np.sqrt(np.maximum(squares, 0))
        else:
            distances = 1 - products if metric == "cosine" else -products
        for query, row in enumerate(distances):
            limit = np.partition(row, k - 1)[k - 1] if len(row) > k else np.inf
            some = np.flatnonzero(row <= limit + TIE * max(1.0, abs(limit)))
            kept[query][0].append(row[some])
            kept[query][1].append(numbers[some])
    nothing = np.empty(0)
    return [(np.concatenate([nothing, *d]), np.concatenate([nothing.astype(np.int64), *n])) for d, n in kept]
