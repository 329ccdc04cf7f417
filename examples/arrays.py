"""Distances and neighbours on plain arrays: no hub, no folder."""

import numpy as np
import zarr

import kinspace as ks

rng = np.random.default_rng(0)
column = rng.standard_normal((10_000, 64)).astype(np.float32)
query = column[42] + 0.1 * rng.standard_normal(64).astype(np.float32)

print(ks.cos_dist(column[42], query), ks.l2_dist(column, query)[:3], ks.norm(query))
print(ks.knn(column, query, 3))
print(ks.knn(column, query, 3, where=np.arange(10_000) % 2 == 1))

stored = zarr.create_array({}, shape=column.shape, chunks=(1_000, 64), dtype="float32")  # streamed, never loaded whole
stored[:] = column
print(ks.knn(stored, query, 3).equals(ks.knn(column, query, 3)))
