"""within: every row at most so far away, and no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances
from kinspace.query import select

N, DIMS = 3_000, 8
RNG = np.random.default_rng(21)
ROWS = RNG.normal(size=(N, DIMS)).astype(np.float32)
ROWS[1_000:1_200] = ROWS[7]  # many at one distance
QUERY = ROWS[7] + np.float32(0.25) * RNG.normal(size=DIMS).astype(np.float32)
ODD = np.arange(N) % 2 == 1


@pytest.fixture(scope="module")
def hub() -> Any:
    with ks.connect(":memory:") as hub:
        yield hub


@pytest.fixture(scope="module", params=["cosine", "l2", "ip"])
def kept(hub: ks.Hub, request: pytest.FixtureRequest) -> ks.Space:
    """An index over most of the rows, and the rest in the log."""
    space = hub.create_space(request.param, dims=DIMS, metric=request.param)
    numbers = range(N)
    table = pl.DataFrame({"key": [f"{i:04}" for i in numbers], "odd": ODD, "vector": ROWS})
    space.load(table[: N - 50], key="key", vector="vector")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 100)
        space.index()
    space.multiset([(f"{i:04}", ROWS[i], {"odd": bool(ODD[i])}) for i in range(N - 50, N)])
    return space


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.9, 1.0])
def test_all_rows_within_are_found_and_no_others(kept: ks.Space, share: float) -> None:
    there = distances(ROWS, QUERY, kept.metric)
    reach = float(np.quantile(there, share)) + 1e-6
    frame = pl.DataFrame({"key": [f"{i:04}" for i in range(N)], "odd": ODD, "vector": ROWS})
    for mask, where in ((np.ones(N, bool), "true"), (ODD, "odd")):
        expected = [i for i in np.argsort(there, kind="stable").tolist() if there[i] <= reach and mask[i]]
        asked = kept.select("key", d="_dist").where(where).nearest(QUERY).within(reach)
        found = asked.collect()
        assert sorted(map(int, found["key"])) == sorted(expected)
        assert found["d"].is_sorted()
        assert found["d"].max() is None or found["d"].max() <= reach
        assert asked.count() == len(expected)
        assert asked.take(5).collect()["key"].to_list() == found["key"].to_list()[:5]
        bare = select(frame, "key", d="_dist").where(where).nearest("vector", QUERY, metric=kept.metric).within(reach)
        assert bare.collect().equals(found)


def test_a_row_just_at_the_distance_is_within_it(kept: ks.Space) -> None:
    far = kept.select(d="_dist").nearest(QUERY, exact=True).take(300).collect()["d"]
    for place in (0, 3, 299):
        found = kept.select(d="_dist").nearest(QUERY).within(far[place]).collect()["d"]
        assert found.max() == far[place]
        below = float(np.nextafter(far[place], -np.inf))
        assert kept.select().nearest(QUERY).within(below).count() == (far < far[place]).sum()


@pytest.mark.parametrize("metric", ["hamming", "jaccard"])
def test_bits_within(hub: ks.Hub, metric: str) -> None:
    bits = np.random.default_rng(5).integers(0, 2, (400, 20)).astype(np.float32)
    space = hub.create_space(metric, dims=20, dtype="bit", metric=metric)
    space.load(keys=list(map(str, range(400))), vectors=bits)
    both, either = (bits * bits[3]).sum(1), np.maximum(bits, bits[3]).sum(1)
    there = np.abs(bits - bits[3]).sum(1) if metric == "hamming" else 1 - both / either
    for reach in (0.0, 0.4, 7, 8.0):
        found = space.select("key").nearest(bits[3]).within(reach).collect()
        assert sorted(map(int, found["key"])) == np.flatnonzero(there <= reach).tolist()
        assert space.select("key").nearest(key="3").within(reach).count() == (there <= reach).sum() - 1


def test_an_index_of_a_frame_finds_all_within(kept: ks.Space) -> None:
    frame = pl.DataFrame({"row": range(N), "vector": ROWS})
    index = ks.Hnsw.build(ROWS, metric=kept.metric, M=4, ef_construction=8)
    reach = float(np.quantile(distances(ROWS, QUERY, kept.metric), 0.2))
    found = select(frame, "row").nearest(index, QUERY).within(reach).collect()
    assert found.equals(select(frame, "row").nearest("vector", QUERY, metric=kept.metric).within(reach).collect())


def test_first_components_within(kept: ks.Space) -> None:
    there = distances(ROWS[:, :3], QUERY[:3], kept.metric)
    reach = float(np.quantile(there, 0.05)) + 1e-6
    for query, rerank in ((QUERY[:3], None), (QUERY, False)):
        found = kept.select("key").nearest(query, dims=3, rerank=rerank).within(reach).collect()
        assert sorted(map(int, found["key"])) == np.flatnonzero(there <= reach).tolist()
    for build in (
        lambda asked: asked.within(reach).collect(),
        lambda asked: asked.group("odd").collect(),
        lambda asked: asked.page(3),
    ):
        with pytest.raises(ks.InvalidInput, match="leave dims out"):
            build(kept.select("key").nearest(QUERY, dims=3))


@pytest.mark.parametrize("distance", [None, True, np.True_, "1", b"2", float("nan"), float("inf"), [1], 1j])
def test_what_is_no_distance_is_refused_at_once(distance: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="within must be a distance"):
        select(pl.DataFrame({"a": [1]})).within(distance)


def test_within_without_nearest_is_refused() -> None:
    query = select(pl.DataFrame({"a": [1]})).within(1)
    for answer in (query.collect, query.count, lambda: query.facets("a"), lambda: query.page(1)):
        with pytest.raises(ks.InvalidInput, match="no nearest"):
            answer()
