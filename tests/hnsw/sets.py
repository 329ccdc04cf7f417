"""Sets of vectors for tests of the index, and what brute force in float64 makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brute import distances

METRICS = ["cosine", "l2", "ip"]


def clustered(n: int, dims: int, seed: int, *, clusters: int = 30, spread: float = 0.4) -> np.ndarray:
    """Vectors around some centres: what embeddings look like from afar. The same seed has the same centres."""
    centres = np.random.default_rng(seed).normal(size=(clusters, dims))
    rng = np.random.default_rng([seed, n])
    which = rng.integers(0, clusters, n)
    return (centres[which] + spread * rng.normal(size=(n, dims))).astype(np.float32)


def every_distance(rows: np.ndarray, queries: np.ndarray, metric: str) -> np.ndarray:
    """(queries, rows), in float64."""
    return np.array([distances(rows, query, metric) for query in queries]).reshape(len(queries), len(rows))


def recall(
    found: np.ndarray, rows: np.ndarray, queries: np.ndarray, metric: str, mask: np.ndarray | None = None
) -> float:
    """The share of found distances (queries, k) that are no greater than the k-th true one: ties are all right."""
    true = every_distance(rows if mask is None else rows[mask], queries, metric)
    k = found.shape[1]
    kth = np.partition(true, k - 1, axis=1)[:, k - 1 : k]
    return float(np.mean(found <= kth + 1e-9 * np.maximum(1, np.abs(kth))))


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def check_answer(
    ids: np.ndarray, found: np.ndarray, rows: dict[int, Any] | np.ndarray, query: np.ndarray, metric: str, count: int
) -> None:
    """So many hits, each once, of rows that are there, each with its own distance, ordered by distance and id."""
    assert ids.dtype == np.int64
    assert found.dtype == np.float64
    assert len(ids) == len(found) == count
    assert len(set(ids.tolist())) == count
    if count:
        true = distances(np.array([rows[i] for i in ids.tolist()], np.float32), query, metric)
        assert np.allclose(found, true, rtol=1e-12, atol=1e-12)
        pairs = list(zip(found.tolist(), ids.tolist(), strict=True))
        assert pairs == sorted(pairs)
