"""select … nearest(index, query): an index whose row ids are the frame's row numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import kinspace as ks
from sets import clustered

N = 600
EMB = clustered(N, 6, 95)
QUERY = clustered(1, 6, 95)[0]
NUMBERS = [None if i % 9 == 0 else i for i in range(N)]
FRAME = pl.DataFrame({"id": [f"row {i}" for i in range(N)], "n": NUMBERS, "emb": EMB})


@pytest.fixture(scope="module")
def index() -> ks.Hnsw:
    return ks.Hnsw.build(FRAME["emb"], "l2")


def test_nearest_by_an_index_is_what_nearest_by_the_column_is(index: ks.Hnsw) -> None:
    for k in (0, 1, 7, N, N + 1):
        by_index = ks.select(FRAME, "id", d="_dist").nearest(index, QUERY).take(k).collect()
        by_column = ks.select(FRAME, "id", d="_dist").nearest("emb", QUERY, metric="l2").take(k).collect()
        assert_frame_equal(by_index, by_column)
    assert ks.select(FRAME).nearest(index, QUERY).collect().height == 10
    assert ks.select(FRAME).nearest(index, QUERY, metric="l2").collect().schema == FRAME.schema


@pytest.mark.parametrize("where", ["n > 590", "n < 30", "n IS NULL", "n < 0", "n >= 0"])
def test_a_filter_goes_into_the_index_and_never_starves_it(index: ks.Hnsw, where: str) -> None:
    for k in (5, 50):
        by_index = ks.select(FRAME, "id", d="_dist").where(where).nearest(index, QUERY).take(k).collect()
        by_column = ks.select(FRAME, "id", d="_dist").where(where).nearest("emb", QUERY, metric="l2").take(k).collect()
        assert_frame_equal(by_index, by_column)


def test_the_frame_needs_no_vectors(index: ks.Hnsw) -> None:
    found = ks.select(FRAME.drop("emb").lazy(), "id").nearest(index, QUERY.tolist()).take(3).collect()
    assert found.equals(ks.select(FRAME, "id").nearest("emb", QUERY, metric="l2").take(3).collect())


def test_an_index_of_other_rows_is_an_error(index: ks.Hnsw) -> None:
    with pytest.raises(ks.InvalidInput, match="the index has 600 rows, the frame 599"):
        ks.select(FRAME[1:]).nearest(index, QUERY).collect()
    other = ks.Hnsw.build(EMB)
    other.remove([7])
    with pytest.raises(ks.InvalidInput, match="599 rows, and 1 that were removed"):
        ks.select(FRAME).nearest(other, QUERY).collect()
    other.add(EMB[7])
    with pytest.raises(ks.InvalidInput, match="600 rows, and 1 that were removed"):
        ks.select(FRAME).nearest(other, QUERY).collect()


BAD = {
    "another metric": lambda index: ks.select(FRAME).nearest(index, QUERY, metric="cosine").collect(),
    "other dims": lambda index: ks.select(FRAME).nearest(index, QUERY[:3]).collect(),
    "nan": lambda index: ks.select(FRAME).nearest(index, [np.nan] * 6).collect(),
    "many queries": lambda index: ks.select(FRAME).nearest(index, EMB).collect(),
    "swapped": lambda index: ks.select(FRAME).nearest(QUERY, index),
    "no query": lambda index: ks.select(FRAME).nearest(index),
    "the class": lambda index: ks.select(FRAME).nearest(ks.Hnsw, QUERY),
    "with sort": lambda index: ks.select(FRAME).sort("n").nearest(index, QUERY),
    "three": lambda index: ks.select(FRAME).nearest("emb", index, QUERY),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_asked_of_an_index_is_an_error(index: ks.Hnsw, kind: str) -> None:
    with pytest.raises(ks.InvalidInput):
        BAD[kind](index)


def test_a_freed_index_is_closed() -> None:
    index = ks.Hnsw.build(EMB)
    index.free()
    with pytest.raises(ks.Closed):
        ks.select(FRAME).nearest(index, QUERY).collect()


def test_a_space_searches_its_own_vectors(hub: ks.Hub, index: ks.Hnsw) -> None:
    space = hub.create_space("docs", dims=6, metric="l2")
    space.multiset({"a": EMB[0]})
    with pytest.raises(ks.InvalidInput, match="leave it out"):
        ks.select(space).nearest(index, QUERY).collect()
