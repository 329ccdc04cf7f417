"""Filters to search under: random rows, and rows near a point, asked by queries near it and by queries far from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .sets import HELD, Prepared
from .truth import Truth, exact

ALL = tuple(f"{kind}-{share}" for kind in ("random", "near", "far") for share in (0.001, 0.01, 0.1, 0.5))
SHORT = ("random-0.01", "random-0.5")
QUERIES = 200


@dataclass(frozen=True)
class Mask:
    """Rows allowed, the queries asked under it, and the right answers."""

    allowed: NDArray[np.bool_]
    queries: NDArray[np.float32]
    truth: Truth


def prepare(prepared: Prepared, name: str) -> None:
    """Make the mask and its truth, unless they are there."""
    folder = _folder(prepared, name)
    if (folder / "truth.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    kind, share = name.split("-")
    rows, queries = prepared.rows(mapped=True), prepared.queries(HELD)
    rng = np.random.default_rng(3)
    count = max(1, round(float(share) * len(rows)))
    allowed = np.zeros(len(rows), np.bool_)
    if kind == "random":
        allowed[rng.choice(len(rows), count, replace=False)] = True
        asked = queries[:QUERIES]
    else:  # a ball about one query; those who ask are the nearest to its middle, or the farthest
        middle = queries[rng.integers(len(queries))]
        allowed[np.argsort(_distance(rows, middle, prepared.metric), kind="stable")[:count]] = True
        order = np.argsort(_distance(queries, middle, prepared.metric), kind="stable")
        asked = queries[order[:QUERIES] if kind == "near" else order[-QUERIES:]]
    np.save(folder / "allowed.npy", allowed)
    np.save(folder / "queries.npy", asked)
    exact(rows, asked, prepared.metric, np.flatnonzero(allowed)).save(folder / "truth.npz")


def load(prepared: Prepared, name: str) -> Mask:
    """Return a mask that was prepared."""
    folder = _folder(prepared, name)
    return Mask(np.load(folder / "allowed.npy"), np.load(folder / "queries.npy"), Truth.load(folder / "truth.npz"))


def _folder(prepared: Prepared, name: str) -> Path:
    return prepared.folder / "masks" / name


def _distance(rows: NDArray[np.float32], point: NDArray[np.float32], metric: str) -> NDArray[np.float32]:
    if metric == "l2":
        return np.concatenate(
            [((block - point) ** 2).sum(1) for block in np.array_split(rows, 1 + len(rows) // 10_000)]
        )
    near: NDArray[np.float32] = rows @ point
    return -near / np.linalg.norm(rows, axis=1) if metric == "cosine" else -near
