"""A clustered set of any size, as hard as embeddings are; a smaller one is the first rows of a larger one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

SEED = 20
BLOCK = 10_000  # rows drawn together: the unit in which the set is the same for every size
CLUSTERS = 2_000
LATENT = 40  # dimensions in which the clusters lie
WITHIN = 64  # directions in which the members of one cluster differ, of those
FADE = 0.25  # how fast energy falls off over the directions, as in real embeddings
NOISE = 0.8  # length of what is spread over all dimensions, to 1 for the rest


class Clustered:
    """Unit vectors: a centre on a curved sheet of few dimensions, a cluster's own directions, and noise in all."""

    def __init__(self, dims: int) -> None:
        rng = np.random.default_rng(SEED)
        self.dims = dims
        basis = np.linalg.qr(rng.standard_normal((dims, 4 * LATENT)))[0].T.astype(np.float32)
        fade = np.arange(1, 4 * LATENT + 1, dtype=np.float32)[:, None] ** np.float32(
            -FADE
        )  # energy falls off as in real embeddings
        self._basis = basis * fade
        hidden = rng.standard_normal((CLUSTERS, LATENT), dtype=np.float32)
        self._sheet = rng.standard_normal((LATENT, 4 * LATENT), dtype=np.float32) / np.float32(np.sqrt(LATENT))
        self._centres = np.tanh(hidden @ self._sheet)
        self._directions = np.stack([rng.choice(4 * LATENT, WITHIN, replace=False) for _ in range(CLUSTERS)])
        self._width = rng.uniform(0.3, 1.2, CLUSTERS).astype(np.float32)
        size = np.arange(1, CLUSTERS + 1) ** -0.7  # a few large clusters, many small ones
        self._share = rng.permutation(size / size.sum())

    def draw(self, count: int, block: int) -> Vectors:
        """Return `count` rows; `block` is the seed."""
        rng = np.random.default_rng((SEED, block))
        member = rng.choice(CLUSTERS, count, p=self._share)
        hidden = self._centres[member]
        own = rng.standard_normal((count, WITHIN), dtype=np.float32) * self._width[member, None]
        np.put_along_axis(
            hidden, self._directions[member], np.take_along_axis(hidden, self._directions[member], 1) + own, 1
        )
        rows = hidden @ self._basis
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows += rng.standard_normal(rows.shape, dtype=np.float32) * np.float32(NOISE / np.sqrt(self.dims))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def blocks(self, n: int) -> Iterator[Vectors]:
        """Yield the first n rows, a block at a time."""
        for block, start in enumerate(range(0, n, BLOCK)):
            yield self.draw(BLOCK, block)[: n - start]

    def queries(self, count: int) -> Vectors:
        """Return rows that are in no set."""
        return self.draw(count, 1 << 30)
