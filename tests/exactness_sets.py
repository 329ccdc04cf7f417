"""Rows that are hard to search exactly, means for their planes, and queries: what tests/exactness.py asks about."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def clustered(rng, n, dims):
    X = rng.standard_normal((n, dims), np.float32)
    X *= np.float32(0.3)
    X += rng.standard_normal((300, dims), np.float32)[rng.integers(0, 300, n)]
    return X


def duplicates(rng, n, dims):
    return clustered(rng, n // 8 + 1, dims)[rng.integers(0, n // 8 + 1, n)]


def ulps(rng, n, dims):
    X = clustered(rng, 3, dims)[rng.integers(0, 3, n)]
    for row in np.array_split(np.arange(n), n // 4096 + 1):  # 1 ulp up or down in one dimension of 50, or the first
        moved = rng.random((len(row), dims)) < 0.02
        moved[:, 0] |= rng.random(len(row)) < 0.5
        X[row] = np.where(moved, np.nextafter(X[row], rng.choice([-9, 9], (len(row), 1)).astype(np.float32)), X[row])
    return X


def outliers(rng, n, dims):
    X = clustered(rng, n, dims)
    far = rng.integers(0, n, 10)
    X[far] *= np.float32(1e6) / np.linalg.norm(X[far], axis=1, keepdims=True)
    return X


def subnormals(rng, n, dims):
    X = clustered(rng, n, dims)
    X[:, dims // 2 :] *= np.float32(1e-39)
    X[rng.random(n) < 0.1] *= np.float32(1e-39)
    return X


def zeros(rng, n, dims):
    X = clustered(rng, n, dims)
    X[rng.random(n) < 0.5] = 0
    X[rng.random(n) < 0.2, : dims // 2] = 0
    return X


def far(rng, n, dims):
    return clustered(rng, n, dims) + np.float32(1000)


def magnitudes(rng, n, dims):
    return clustered(rng, n, dims) * np.float32(10) ** rng.integers(-18, 18, (n, 1)).astype(np.float32)


def alike(rng, n, dims):
    """Rows whose differences are nothing beside them: distances in double are rounded to ties."""
    X = np.zeros((n, dims), np.float32)
    X[:, 0] = 1
    X[:, -1] = rng.random(n) * 1e-20
    return X


def cancelling(rng, n, dims):
    """Two great values that cancel for some queries, and leave what the rounding of their sum is made of."""
    X = clustered(rng, n, dims) * np.float32(0.01)
    X[:, :2] = 2.0**50
    return X


def made_up(rng, n, dims):
    """Values of any size: in each dimension, in each row, in all of them, or beside a far greater one."""

    def sizes(*shape):
        return 10.0 ** rng.uniform(*np.sort(rng.uniform(-44, 19, 2)), shape)

    X = rng.standard_normal((n, dims), np.float32)
    kind = rng.integers(6)
    if kind == 0:
        X = X * sizes(n, 1)
    elif kind == 1:
        X = X[:1] * sizes(1, dims) + X * sizes(1, dims)
    elif kind == 2:
        X = np.round(X) * sizes(1, dims)
    elif kind == 3:
        X = 2.0 ** rng.integers(-60, 60, (1, dims)) * np.round(X / 2) + sizes(n, 1) * (X > 1)
    elif kind == 4:
        X = (X > 0) * sizes(1, 1)
    else:
        X = X[:3][rng.integers(0, 3, n)] * sizes(n, 1)
    if rng.random() < 0.3:
        X[rng.integers(n)] *= sizes(1, 1)[0]
    return np.clip(X, -3e38, 3e38).astype(np.float32)


SETS = {
    "clustered": clustered, "duplicates": duplicates, "1 ulp": ulps, "outliers": outliers, "subnormals": subnormals,
    "zero vectors": zeros, "far away": far, "magnitudes": magnitudes, "alike": alike,
    "cancelling": cancelling, "made up": made_up,
}  # fmt: skip


def debian(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    X = np.load(folder / "debian_minilm_f16.npy").astype(np.float32)
    return X, np.load(folder / "debian_queries_minilm_f32.npy").astype(np.float32)


def queries_near(rng, X, m, others):
    """As many queries: others, rows, rows a little off, and now and then zero, an axis, or one that cancels."""
    Q = np.concatenate([others, X[rng.integers(0, len(X), 2 * m)]])[rng.permutation(len(others) + 2 * m)[:m]]
    kind = rng.integers(0, 20, m)
    Q = np.where((kind < 5)[:, None], Q * (1 + 1e-3 * rng.standard_normal(Q.shape)), Q).astype(np.float32)
    Q[kind >= 17] = 0
    axes = kind >= 18
    Q[axes, rng.integers(0, Q.shape[1], axes.sum())] = 1
    Q[kind == 19, -1] = 1
    Q[kind == 19, 1:2] = -1
    Q[kind == 19, 0] = 1
    return Q


def mean_for(rng, X, metric):
    """The rows' mean, mostly; or none, a row, or a point that may be too far to be of use."""
    rows = X[:: max(1, len(X) // 4096)].astype(np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0, lengths, 1)
    middle = rows.sum(axis=0) / max(1, len(rows))
    kind = rng.integers(10)
    if kind == 0 or len(rows) == 0:
        middle[:] = 0
    elif kind == 1:
        middle = rows[rng.integers(len(rows))]
    elif kind == 2:
        middle = middle * 10.0 ** rng.uniform(-20, 20)
    return np.clip(middle, -3e38, 3e38).astype(np.float32)
