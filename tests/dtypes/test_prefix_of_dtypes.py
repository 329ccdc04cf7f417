"""dims=, index_dims= and recommend_dims on every dtype: the first components of what is stored."""

from __future__ import annotations

import numpy as np
import pytest
from stored import PAIRS, nearest, rows_for, widened

import kinspace as ks
from indexed import clustered

DIMS = 45
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


@pytest.mark.parametrize(("dtype", "metric"), PAIRS)
def test_the_first_components_are_compared_of_segments_and_the_log(hub: ks.Hub, dtype: str, metric: str) -> None:
    given = rows_for(dtype, 90, DIMS)
    if dtype not in ("bit", "int8"):
        given = np.clip(given, -1e3, 1e3)
    stored, query = widened(dtype, given), rows_for(dtype, 1, DIMS, seed=3)[0]
    space = hub.create_space("docs", dims=DIMS, dtype=dtype, metric=metric, key_type="int")
    space.multiset(dict(enumerate(given[:60])))
    space.flush()
    space.multiset({60 + i: row for i, row in enumerate(given[60:])})
    for dims in (1, 5, 8, 13, DIMS - 1, DIMS):
        order, found = nearest(stored[:, :dims], query[:dims], 20, metric)
        short = space.nearest_neighbors(20, vector=query[:dims], dims=dims)
        assert short.exact is True
        np.testing.assert_allclose(short.distances, found, rtol=1e-9, atol=1e-9)
        if dtype in ("bit", "int8"):  # sums of whole numbers are exact, so that ties are ties
            assert metric == "cosine" or short.keys == order
        whole = space.nearest_neighbors(20, vector=query, dims=dims, rerank=False)
        assert list(whole) == list(short)
        reranked = space.nearest_neighbors(20, vector=query, dims=dims, expand=90)
        assert list(reranked) == list(space.nearest_neighbors(20, vector=query, exact=True))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8"])
def test_indexes_over_first_components_are_made_of_it(hub: ks.Hub, monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
    rows = clustered(2_000, 24) * 10
    rows = np.round(rows) if dtype == "int8" else rows
    space = hub.create_space("docs", dims=24, dtype=dtype, key_type="int", index_dims=12)
    space.load(keys=range(2_000), vectors=rows)
    space.index()
    graph = space._store.view().graphs[0]
    assert graph is not None
    assert graph.dims == 12
    assert space.nearest_neighbors(5, vector=rows[7]).exact is False
    assert space.measure_recall(10, 50) > 0.9
    told = space.recommend_dims(20)
    assert told.frame["bytes"].to_list() == [dims * BYTES[dtype] for dims in told.frame["dims"]]


def test_the_bytes_of_bits_are_an_eighth_of_their_number_rounded_up(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=45, dtype="bit", metric="hamming", key_type="int", matryoshka=[8, 9, 45])
    space.multiset(dict(enumerate(rows_for("bit", 60, 45))))
    told = space.recommend_dims(k=3, recall=1.0)
    assert told.frame["bytes"].to_list() == [1, 2, 6]
    assert told.table[-1].recall == 1.0
