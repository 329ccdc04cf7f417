"""What the graph's tests share: clustered rows, graphs over them, and what must hold of any graph."""

from __future__ import annotations

import numpy as np

from core_oracle import bitmap, column
from kinspace import _core

NONE = 0xFFFFFFFF


def clustered(rng, n, dims, clusters=30, spread=0.4):
    """Rows around random centres."""
    centres = rng.standard_normal((clusters, dims))
    X = centres[rng.integers(clusters, size=n)] + spread * rng.standard_normal((n, dims))
    return np.ascontiguousarray(X, np.float32)


def falling(rng, n, dims):
    """Rows whose first components are much larger than the last: their codes are better rotated."""
    return np.ascontiguousarray(rng.standard_normal((n, dims)) * (1 + np.arange(dims)) ** -0.8, np.float32)


def is_rotated(graph):
    """Whether the codes are those of rotated rows."""
    return graph.arrays()["header"][-1] == 1


def around(rng, X, m, spread=0.3):
    """Queries near rows of X."""
    near = X[rng.integers(len(X), size=m)] + spread * rng.standard_normal((m, X.shape[1]))
    return np.ascontiguousarray(near, np.float32)


def rows(X, **kwargs):
    """Rows of one chunk."""
    return _core.Rows([np.ascontiguousarray(X, np.float32)], **kwargs)


def build(X, metric="l2", M=8, efc=60, threads=1, **kwargs):
    """A graph over all rows of X."""
    return _core.Graph.build(rows(X, **kwargs), metric=metric, M=M, ef_construction=efc, threads=threads)


def words(mask):
    """Boolean mask -> bitmap."""
    return bitmap(np.asarray(mask, bool))


def recall(metric, X, Q, ids, allowed=None):
    """Share of the answers that are no farther than the true k-th (ids: (m, k), padded with -1)."""
    good = total = 0
    for q, found in zip(Q, ids):
        d = column(metric, X, q)
        there = d if allowed is None else d[allowed]
        k = min(len(found), len(there))
        if k:
            good += (d[found[found >= 0]] <= np.partition(there, k - 1)[k - 1]).sum()
            total += k
    return good / total if total else 1.0


def assert_answer(metric, X, q, k, found, allowed=None, rank=None):
    """k rows or all that are allowed, each once, with the bits of their exact distances, in the right order."""
    ids, d = found
    allowed = np.ones(len(X), bool) if allowed is None else allowed
    assert len(ids) == len(d) == min(k, allowed.sum())
    assert len(set(ids.tolist())) == len(ids)
    assert allowed[ids].all()
    np.testing.assert_array_equal(d, column(metric, X, q)[ids])
    ranks = ids if rank is None else np.asarray(rank)[ids]
    assert (np.lexsort((ranks, d)) == np.arange(len(d))).all()


def rows_in(arrays):
    """The rows of each node of arrays(): chains followed."""
    chains = []
    for first in arrays["row"].tolist():
        chain = []
        while first != NONE:
            chain.append(first)
            first = int(arrays["next"][first]) if len(arrays["next"]) else NONE
        chains.append(chain)
    return chains


def assert_sound(graph, present):
    """These rows are in the graph, each once; no neighbour is named twice; all nodes are reached from the entries."""
    arrays = graph.arrays()
    chains = rows_in(arrays)
    listed = sorted(r for chain in chains for r in chain)
    assert listed == sorted(np.asarray(present).tolist())
    assert graph.n == len(listed)
    near = arrays["neighbours"]
    ordered = np.sort(np.where(near == np.arange(len(near))[:, None], -1 - np.arange(near.shape[1]), near), axis=1)
    assert (np.diff(ordered, axis=1) != 0).all(), "a node names a neighbour twice"
    reached = np.zeros(len(near), bool)
    todo = np.unique(arrays["entries"])
    while len(todo):
        reached[todo] = True
        todo = np.unique(near[todo])
        todo = todo[~reached[todo]]
    lost = [id for id, chain in enumerate(chains) if chain and not reached[id]]
    assert not lost, f"{len(lost)} of {len(chains)} nodes are not reached"


def assert_same(a, b):
    """Two arrays() that are equal to the bit."""
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype
        np.testing.assert_array_equal(a[name].view(np.uint8), b[name].view(np.uint8), err_msg=name)
