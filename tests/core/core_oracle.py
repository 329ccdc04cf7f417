"""What the core's tests compare with: plain NumPy in float64, and the rows, chunks and bitmaps to feed the core."""

from __future__ import annotations

import itertools

import numpy as np

from kinspace import _core

METRICS = ("cosine", "l2", "ip")


def distances(metric, X, q):
    """Distances by NumPy, summed in whatever order it likes."""
    X, q = X.astype(np.float64), q.astype(np.float64)
    if metric == "l2":
        return np.sqrt(((X - q) ** 2).sum(axis=1))
    dot = (X * q).sum(axis=1)
    if metric == "ip":
        return -dot
    squares = (X * X).sum(axis=1) * (q * q).sum()
    cosine = np.divide(dot, np.sqrt(squares), out=np.zeros_like(dot), where=squares > 0)
    return np.clip(1 - cosine, 0, 2)


def column(metric, X, q):
    """Distances by the core's exact kernels: the values that a search ranks by and reports."""
    return 0.0 - _core.column("dot", X, q) if metric == "ip" else _core.column(metric, X, q)


def nearest(metric, X, q, k, allowed=None, rank=None):
    """Positions and distances of the k nearest allowed rows, equal distances by rank (by position if None)."""
    ids = np.arange(len(X)) if allowed is None else np.flatnonzero(allowed)
    values = column(metric, X, q)
    order = np.lexsort((ids, ids if rank is None else np.asarray(rank)[ids], values[ids]))
    found = ids[order][:k]
    return found, values[found]


def bitmap(mask):
    """Boolean mask -> uint64 words, least significant bit first."""
    words = np.zeros((len(mask) + 63) // 64 * 8, np.uint8)
    packed = np.packbits(mask, bitorder="little")
    words[: len(packed)] = packed
    return words.view(np.uint64)


def chunked(X, rows, gap=0, offset=0):
    """X in read-only chunks of so many rows, `gap` floats between rows, starting `offset` floats into the memory."""
    chunks = []
    for first in range(0, max(len(X), 1), rows):
        part = X[first : first + rows]
        memory = np.full(part.shape[0] * (X.shape[1] + gap) + offset, np.nan, np.float32)
        chunk = memory[offset:].reshape(part.shape[0], X.shape[1] + gap)[:, : X.shape[1]]
        chunk[:] = part
        chunk.flags.writeable = False
        chunks.append(chunk)
    return chunks


def float_norms(X):
    """Norms as Rows wants them: float32 rounded from double, NaN outside [1e-15, 1e18] unless 0."""
    exact = _core.norms(X)
    norms = exact.astype(np.float32)
    norms[((exact < 1e-15) | (exact > 1e18)) & (exact != 0)] = np.nan
    return norms


def scan(X, metric, **kwargs):
    """One part of one chunk."""
    return _core.Scan([_core.Rows([X], **kwargs)], metric=metric)


def vectors(rng, n, dims, kind="normal"):
    """Rows of one kind of trouble."""
    X = rng.standard_normal((n, dims)).astype(np.float32)
    powers = rng.integers(-3, 6, (n, 1)).astype(np.float32)
    if kind == "equal" and n:
        X[:] = X[0]
    elif kind == "norms":
        X *= np.float32(10) ** powers
    elif kind == "scaled copies" and n:
        X = X[:1] * np.float32(2) ** powers
    elif kind == "small integers":
        X = np.round(X)
    elif kind == "ulp" and n:
        X = np.nextafter(np.repeat(X[:1], n, 0), rng.choice([-9, 9], (n, dims)).astype(np.float32))
    elif kind == "zeros":
        X[rng.random(n) < 0.5] = 0
    elif kind == "far from zero":
        X += np.float32(1000)
    elif kind == "outlier" and n:
        X[rng.integers(n)] *= np.float32(1e6)
    elif kind == "huge":
        X *= np.float32(1e37)
    elif kind == "tiny":
        X = (X * 2).astype(np.int64).astype(np.float32) * np.float32(1e-45)
    elif kind == "mixed":
        X *= np.float32(10) ** rng.integers(-40, 37, (n, 1)).astype(np.float32)
    return np.ascontiguousarray(X, np.float32)


KINDS = (
    "normal", "equal", "norms", "scaled copies", "small integers", "ulp", "zeros", "far from zero", "outlier", "huge",
    "tiny", "mixed",
)  # fmt: skip


def assert_found(found, wanted):
    """Same positions, same bits of the distances."""
    for mine, expected in itertools.zip_longest(found, wanted):
        np.testing.assert_array_equal(mine, expected)
