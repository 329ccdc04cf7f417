"""Joins and duplicates in spaces of every dtype."""

from __future__ import annotations

import polars as pl
import pytest
from stored import PAIRS, rows_for

import kinspace as ks

N, DIMS = 60, 13


@pytest.mark.parametrize(("dtype", "metric"), PAIRS)
def test_a_join_finds_what_each_row_s_own_search_finds(hub: ks.Hub, dtype: str, metric: str) -> None:
    space = hub.create_space("docs", dims=DIMS, dtype=dtype, metric=metric, key_type="int")
    space.load(keys=range(N), vectors=rows_for(dtype, N, DIMS))
    found = pl.concat(space.knn_join(space, 4))
    for key in range(N):
        mine = found.filter(pl.col("key") == key)
        hits = space.nearest_neighbors(4, key=key, exact=True)
        assert (mine["neighbor"].to_list(), mine["_dist"].to_list()) == (hits.keys, hits.distances.tolist())


@pytest.mark.parametrize(("dtype", "metric"), [pair for pair in PAIRS if pair[1] != "ip"])
def test_copies_are_duplicates(hub: ks.Hub, dtype: str, metric: str) -> None:
    space = hub.create_space("docs", dims=DIMS, dtype=dtype, metric=metric, key_type="int")
    rows = rows_for(dtype, N, DIMS)
    space.load(keys=range(N), vectors=rows)
    groups = space.near_duplicates(0.0, groups=True)["key"].to_list()
    copies = [key for i in range(9) for key in (i, N - 9 + i)]
    assert set(copies) <= set(groups)


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
