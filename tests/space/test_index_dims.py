"""index_dims=: indexes over the first components give candidates, which all components order; and honest about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances, nearest
from indexed import clustered, index_folders, until_indexed
from kinspace.space.parts.expand import enough
from kinspace.space.parts.index import read_index

N, DIMS, CUT = 3_000, 24, 10
METRICS = ["cosine", "l2", "ip"]
X, Q = clustered(N, DIMS), clustered(30, DIMS)
for _array in (X, Q):
    _array *= np.linspace(1.5, 0.3, DIMS, dtype=np.float32)  # the first components say most, as a model's would


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
        patch.setattr(
            "kinspace.space.parts.plane.PLANE_ROWS", 100_000
        )  # or the plan preferred planes to such small indexes
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
        yield


@pytest.fixture(scope="module", params=METRICS)
def whole(request: pytest.FixtureRequest, small: None) -> Iterator[ks.Space]:
    """One segment, indexed by its first components; nobody writes to it."""
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=DIMS, metric=request.param, key_type="int", index_dims=CUT)
        space.load(keys=range(N), vectors=X, columns=pl.DataFrame({"n": range(N)}))
        space.index()
        yield space


def test_the_index_is_over_so_many_components(whole: ks.Space) -> None:
    graph = whole._store.view().graphs[0]
    assert graph is not None
    assert (graph.dims, graph.n) == (CUT, N)
    assert whole.stats()["index_dims"] == CUT
    assert whole.stats()["indexed_segments"] == 1


def test_hits_have_the_distances_of_all_components_in_order_and_are_not_called_exact(whole: ks.Space) -> None:
    found = 0
    for query in Q:
        hits = whole.nearest_neighbors(10, vector=query)
        assert hits.exact is False
        assert len(hits) == 10
        assert np.allclose(hits.distances, distances(X[hits.keys], query, whole.metric), rtol=1e-12, atol=1e-12)
        pairs = list(zip(hits.distances.tolist(), hits.keys, strict=True))
        assert pairs == sorted(pairs)
        found += len(set(hits.keys) & set(nearest(X, query, 10, whole.metric)[0].tolist()))
    assert found >= 0.9 * 10 * len(Q)
    assert list(whole.nearest_neighbors(10, vectors=Q)[3]) == list(whole.nearest_neighbors(10, vector=Q[3]))


@pytest.mark.parametrize("k", [1, 10, 50])
@pytest.mark.parametrize("target", [None, 0.8, 0.95, 0.99])
def test_recall_reaches_its_target(whole: ks.Space, target: float | None, k: int) -> None:
    found = 0
    for query in Q:
        kth = nearest(X, query, k, whole.metric)[1][-1]
        found += int((whole.nearest_neighbors(k, vector=query, recall=target).distances <= kth + 1e-9).sum())
    assert found / (k * len(Q)) >= (target or 0.95) - 0.04


def test_it_was_measured_how_many_candidates_are_enough(whole: ks.Space) -> None:
    (curve,) = whole._store.view().indexes.curves(whole._store.view().parts)
    assert {one.k for one in curve} == {1, 10, 100}
    for k in (1, 10, 100):
        recalls = [one.recall for one in curve if one.k == k]
        assert recalls == sorted(recalls)
        assert recalls[-1] > 0.95
    assert enough(curve, 10, 0.5) <= enough(curve, 10, 0.9) <= enough(curve, 10, 1.0)
    assert enough(curve, 20, 0.9) == enough(curve, 10, 0.9)
    assert [enough(curve, k, 1.1) for k in (1, 10, 100)] == [500, 200, 20]
    assert enough((), 10, 0.9) == 500


def test_more_candidates_find_more(whole: ks.Space) -> None:
    few, more, most = (whole.measure_recall(10, 60, expand=expand) for expand in (1, 4, 40))
    assert few < more <= most + 0.01
    assert most >= 0.95
    assert whole.measure_recall(10, 60) >= 0.93


def test_exact_is_the_float64_scan_of_all_components(whole: ks.Space) -> None:
    for asked in ({"exact": True}, {"recall": 1.0}):
        for query in Q[:5]:
            hits = whole.nearest_neighbors(7, vector=query, **asked)
            assert hits.exact is True
            assert hits.keys == nearest(X, query, 7, whole.metric)[0].tolist()


def test_with_dims_of_the_index_it_is_asked_directly(whole: ks.Space) -> None:
    found = 0
    for query in Q:
        hits = whole.nearest_neighbors(10, vector=query[:CUT], dims=CUT)
        assert hits.exact is False
        assert np.allclose(
            hits.distances, distances(X[hits.keys, :CUT], query[:CUT], whole.metric), rtol=1e-12, atol=1e-12
        )
        found += len(set(hits.keys) & set(nearest(X[:, :CUT], query[:CUT], 10, whole.metric)[0].tolist()))
        exact = whole.nearest_neighbors(10, vector=query[:CUT], dims=CUT, exact=True)
        assert exact.exact is True
        assert exact.keys == nearest(X[:, :CUT], query[:CUT], 10, whole.metric)[0].tolist()
    assert found >= 0.9 * 10 * len(Q)


def test_other_dims_are_scanned(whole: ks.Space) -> None:
    for dims in (CUT - 1, CUT + 1):
        hits = whole.nearest_neighbors(10, vector=Q[0], dims=dims, rerank=False)
        assert hits.exact is True
        assert hits.keys == nearest(X[:, :dims], Q[0, :dims], 10, whole.metric)[0].tolist()


@pytest.mark.parametrize("bound", [0, 1, 7, 400, N])
def test_a_filter_is_kept_to_and_never_leaves_too_few(whole: ks.Space, bound: int) -> None:
    for query in Q[:5]:
        hits = whole.nearest_neighbors(10, vector=query, where=f"n < {bound}")
        assert len(hits) == min(10, bound)
        assert all(key < bound for key in hits.keys)
        if bound <= 100:  # every one of them is a candidate
            assert hits.exact is True
            assert hits.keys == nearest(X, query, 10, whole.metric, np.arange(N) < bound)[0].tolist()


def test_rows_without_an_index_and_deleted_ones_are_seen_to(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = hub.create_space("docs", dims=DIMS, key_type="int", index_dims=CUT)
        space.load(keys=range(N), vectors=X)
        space.index()
        space.multiset({N + i: row for i, row in enumerate(Q)})
        for i, query in enumerate(Q):
            assert space.nearest_neighbors(1, vector=query).keys == [N + i]
        space.multidelete(range(N, N + len(Q)))
        gone = space.nearest_neighbors(1, vector=X[5]).keys
        assert gone == [5]
        space.delete(5)
        assert 5 not in space.nearest_neighbors(10, vector=X[5]).keys
        assert space.nearest_neighbors(3, key=6).exact is False


def test_the_index_is_kept_by_reopening_forks_and_compaction(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = hub.create_space("docs", dims=DIMS, key_type="int", index_dims=CUT, matryoshka=[CUT, DIMS])
        space.load(keys=range(N), vectors=X)
        space.index()
        answer = list(space.nearest_neighbors(5, vector=Q[0]))
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = hub.get_space("docs")
        assert list(space.nearest_neighbors(5, vector=Q[0])) == answer
        assert space.index() == 0
        fork = space.fork("trial")
        for one in (fork, space.download_snapshot(), space.snapshot("now")):
            assert one._store.meta == space._store.meta
            assert len(one.nearest_neighbors(5, vector=Q[0])) == 5
        space.multidelete(range(0, N, 3))
        space.compact()
        until_indexed(space)
        assert space._store.view().graphs[0].dims == CUT
        hits = space.nearest_neighbors(5, vector=X[1])
        assert hits.keys[0] == 1
        assert hits.exact is False


def test_an_index_over_other_dims_is_not_used_and_made_anew(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = hub.create_space("docs", dims=DIMS, key_type="int", index_dims=CUT)
        space.load(keys=range(N), vectors=X)
        space.index()
        store = space._store
        reader = store.view().parts[0].source
        with pytest.raises(ks.Corrupt, match="not the index of this segment"):
            read_index(reader, replace(store.meta, index_dims=CUT + 1))
        with pytest.raises(ks.Corrupt, match="not the index of this segment"):
            read_index(reader, replace(store.meta, index_dims=None))
        assert len(index_folders(space)) == 1


def test_a_published_space_keeps_it_and_is_exact(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = hub.create_space("docs", dims=DIMS, key_type="int", index_dims=CUT, matryoshka=[DIMS, CUT, CUT])
        space.load(keys=range(200), vectors=X[:200])
        space.publish((tmp_path / "there").as_uri())
        with ks.connect((tmp_path / "there").as_uri(), cache=tmp_path / "cache") as remote:
            published = remote.get_space("docs")
            assert published._store.meta == space._store.meta
            assert published.stats()["matryoshka"] == [CUT, DIMS]
            hits = published.nearest_neighbors(5, vector=Q[0])
            assert hits.exact is True
            assert hits.keys == nearest(X[:200], Q[0], 5, "cosine")[0].tolist()
        pulled = hub.pull((tmp_path / "there").as_uri(), as_name="pulled")
        assert pulled._store.meta == space._store.meta


def test_index_dims_of_all_is_as_if_left_out(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=4, index_dims=4)
    assert space.stats()["index_dims"] is None
    assert len(hub.create_space("docs", dims=4, exist_ok=True)) == 0


@pytest.mark.parametrize("given", [0, 5, 2.0, True, "2"])
def test_index_dims_out_of_range_is_refused(hub: ks.Hub, given: object) -> None:
    with pytest.raises(ks.InvalidInput, match="dims must be"):
        hub.create_space("docs", dims=4, index_dims=given)
    assert hub.list_spaces() == []


def test_a_join_takes_as_many_candidates_as_a_search_does(whole: ks.Space) -> None:
    queries = (
        np.random.default_rng(5).normal(size=(200, DIMS)).astype(np.float32)
    )  # of which few components tell little
    with ks.connect(":memory:") as hub:
        left = hub.create_space("left", dims=DIMS, metric=whole.metric, key_type="int")
        left.load(keys=range(len(queries)), vectors=queries)
        joined = pl.concat(left.knn_join(whole, 1, recall=0.99))
    hits = whole.nearest_neighbors(1, vectors=queries, recall=0.99)
    assert joined["neighbor"].to_list() == [one.keys[0] for one in hits]
