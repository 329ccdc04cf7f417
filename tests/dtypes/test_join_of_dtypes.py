"""Joins between spaces of different dtypes."""

from __future__ import annotations

import polars as pl
from stored import rows_for

import kinspace as ks

N, DIMS = 60, 13


def test_spaces_of_different_dtypes_can_be_joined(hub: ks.Hub) -> None:
    rows = rows_for("int8", N, DIMS)
    wide = hub.create_space("wide", dims=DIMS, metric="l2", key_type="int")
    narrow = hub.create_space("narrow", dims=DIMS, dtype="int8", metric="l2", key_type="int")
    wide.load(keys=range(N), vectors=rows + 0.25)
    narrow.load(keys=range(N), vectors=rows)
    found = pl.concat(wide.knn_join(narrow, 3))
    for key in range(N):
        hits = narrow.nearest_neighbors(3, vector=wide.get(key), exact=True)
        assert found.filter(pl.col("key") == key)["neighbor"].to_list() == hits.keys
