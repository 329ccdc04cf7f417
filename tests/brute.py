"""Brute force in float64, by NumPy: what every search over an array must answer."""

from __future__ import annotations

import numpy as np


def distances(column, query, metric):
    """Distance of every row to the query; both are taken as float32 first, as Kinspace takes them."""
    rows = np.asarray(column).astype(np.float32).astype(np.float64)
    query = np.asarray(query).astype(np.float32).astype(np.float64)
    dot = rows @ query
    if metric == "ip":
        return -dot
    if metric == "l2":
        return np.sqrt(((rows - query) ** 2).sum(axis=1))
    lengths = np.sqrt((rows**2).sum(axis=1)) * np.sqrt((query**2).sum())
    cosine = np.divide(dot, lengths, out=np.zeros_like(dot), where=lengths > 0)
    return np.clip(1.0 - cosine, 0.0, 2.0)


def nearest(column, query, k, metric, mask=None):
    """Row ids and distances of the k nearest, ties by row."""
    found = distances(column, query, metric)
    ids = np.arange(len(found)) if mask is None else np.flatnonzero(mask)
    order = ids[np.argsort(found[ids], kind="stable")][:k]
    return order, found[order]
