"""The dtypes for tests: rows each can hold exactly, and distances between them by float64."""

from __future__ import annotations

import numpy as np

import brute

PAIRS = [
    *[(dtype, metric) for dtype in ("float16", "bfloat16", "int8") for metric in ("cosine", "l2", "ip")],
    ("bit", "hamming"),
    ("bit", "jaccard"),
]
DTYPES = ("float16", "bfloat16", "int8", "bit")


def widened(dtype: str, vectors: np.ndarray) -> np.ndarray:
    """What is stored of these: rounded by NumPy and by hand."""
    vectors = np.asarray(vectors, np.float32)
    if dtype == "float16":
        return vectors.astype(np.float16).astype(np.float32)
    if dtype == "bfloat16":
        bits = vectors.view(np.uint32).astype(np.uint64)
        low, high = bits & 0xFFFF, bits >> 16
        up = (low > 0x8000) | ((low == 0x8000) & (high & 1 == 1))
        return ((high + up).astype(np.uint32) << 16).view(np.float32)
    return vectors


def rows_for(dtype: str, n: int, dims: int, seed: int = 0) -> np.ndarray:
    """Rows as somebody would give them, float32; some of them twice, one all zeros."""
    rng = np.random.default_rng([seed, n, dims])
    if dtype == "bit":
        rows = rng.random((n, dims)) < 0.4
    elif dtype == "int8":
        rows = rng.integers(-128, 128, (n, dims))
    else:
        rows = rng.standard_normal((n, dims)) * 10.0 ** rng.integers(-4, 4, (n, 1))
    rows = rows.astype(np.float32)
    if n >= 40:
        rows[n - 9 : n] = rows[:9]
        rows[11] = 0
    return rows


def nearest(rows: np.ndarray, query: np.ndarray, k: int, metric: str) -> tuple[list[int], np.ndarray]:
    """Row numbers and distances of the k nearest, ties by row, in float64."""
    if metric in ("cosine", "l2", "ip"):
        order, found = brute.nearest(rows, query, k, metric)
        return order.tolist(), found
    X, q = rows != 0, query != 0
    both, either = (X & q).sum(axis=1), (X | q).sum(axis=1)
    far = (q != X).sum(axis=1) * 1.0 if metric == "hamming" else 1.0 - np.divide(
        both, either, out=np.ones(len(X)), where=either > 0
    )  # fmt: skip
    order = np.argsort(far, kind="stable")[:k]
    return order.tolist(), far[order]
