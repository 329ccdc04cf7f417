"""Searches by index: near enough, honest about it, never short, and aware of every write at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances, nearest
from indexed import clustered, until_indexed

N, DIMS = 3_000, 12
X, Q = clustered(N, DIMS), clustered(60, DIMS)
METRICS = ["cosine", "l2", "ip"]


@pytest.fixture(scope="module", params=METRICS)
def whole(request: pytest.FixtureRequest) -> Iterator[ks.Space]:
    """One segment, indexed; nobody writes to it."""
    with pytest.MonkeyPatch.context() as patch, ks.connect(":memory:") as hub:
        patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
        patch.setattr(
            "kinspace.space.parts.plane.PLANE_ROWS", 100_000
        )  # or the plan preferred planes to such small indexes
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
        space = hub.create_space("docs", dims=DIMS, metric=request.param, key_type="int")
        space.load(keys=range(N), vectors=X, columns=pl.DataFrame({"n": range(N), "x": X[:, 0].astype(float)}))
        assert space.index() in (0, 1)
        yield space


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ks.Hub]:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr(
        "kinspace.space.parts.plane.PLANE_ROWS", 100_000
    )  # or the plan preferred planes to such small indexes
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        yield hub


def recall_of(answers: list[ks.Hits], rows: np.ndarray, queries: np.ndarray, metric: str, k: int) -> float:
    found = 0
    for hits, query in zip(answers, queries, strict=True):
        kth = nearest(rows, query, k, metric)[1][-1]
        found += int((hits.distances <= kth + 1e-9).sum())
    return found / (k * len(queries))


@pytest.mark.parametrize("target", [None, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("k", [1, 10, 50])
def test_recall_reaches_its_target(whole: ks.Space, target: float | None, k: int) -> None:
    answers = [whole.nearest_neighbors(k, vector=query, recall=target) for query in Q]
    assert {len(hits) for hits in answers} == {k}
    assert recall_of(answers, X, Q, whole.metric, k) >= (target or 0.95) - 0.02
    for hits, query in zip(answers, Q, strict=True):
        assert np.allclose(hits.distances, distances(X[hits.keys], query, whole.metric), rtol=1e-12, atol=1e-12)
        pairs = list(zip(hits.distances.tolist(), hits.keys, strict=True))
        assert pairs == sorted(pairs)


def test_an_answer_by_index_is_not_called_exact(whole: ks.Space) -> None:
    assert whole.nearest_neighbors(5, vector=Q[0]).exact is False
    assert whole.nearest_neighbors(5, key=3).exact is False
    assert [hits.exact for hits in whole.nearest_neighbors(5, vectors=Q[:3])] == [False] * 3
    assert whole.nearest_neighbors(5, vector=Q[0], ef_search=5).exact is False


@pytest.mark.parametrize("asked", [{"exact": True}, {"recall": 1.0}, {"recall": 1}, {"exact": True, "ef_search": 1}])
def test_what_is_called_exact_is_brute_force(whole: ks.Space, asked: dict[str, Any]) -> None:
    for k in (1, 7, N, N + 5):
        for query in Q[:10]:
            ids, true = nearest(X, query, k, whole.metric)
            hits = whole.nearest_neighbors(k, vector=query, **asked)
            assert hits.exact is True
            assert hits.keys == ids.tolist()
            assert np.allclose(hits.distances, true, rtol=1e-12, atol=1e-12)
    assert [hits.keys for hits in whole.nearest_neighbors(7, vectors=Q[:4], **asked)] == [
        nearest(X, query, 7, whole.metric)[0].tolist() for query in Q[:4]
    ]


def test_k_of_every_row_or_more_returns_every_row(whole: ks.Space) -> None:
    for k in (N, N + 10):
        assert sorted(whole.nearest_neighbors(k, vector=Q[0]).keys) == list(range(N))
    assert whole.nearest_neighbors(0, vector=Q[0]).keys == []


def test_by_key_the_row_itself_is_left_out(whole: ks.Space) -> None:
    for key in range(0, N, 97):
        hits = whole.nearest_neighbors(10, key=key)
        assert len(hits) == 10
        assert key not in hits.keys


def test_batches_find_what_single_queries_find(whole: ks.Space) -> None:
    for asked in ({}, {"recall": 0.8}, {"ef_search": 20}, {"threads": 2}):
        batch = whole.nearest_neighbors(10, vectors=Q, **asked)
        for hits, query in zip(batch, Q, strict=True):
            alone = whole.nearest_neighbors(10, vector=query, **asked)
            assert hits.keys == alone.keys
            assert hits.distances.tolist() == alone.distances.tolist()


@pytest.mark.parametrize("share", [0.0005, 0.005, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("kind", ["random", "correlated"])
def test_filters_return_min_of_k_and_what_matches(whole: ks.Space, share: float, kind: str) -> None:
    if kind == "random":
        where, mask = f"(n * 7919) % 10007 < {share * 10007}", (np.arange(N) * 7919) % 10007 < share * 10007
    else:
        low = float(np.quantile(X[:, 0], 1 - share))
        where, mask = f"x >= {low!r}", X[:, 0].astype(float) >= low
    found = 0
    for query in Q:
        ids, true = nearest(X, query, 10, whole.metric, mask)
        hits = whole.nearest_neighbors(10, vector=query, where=where)
        assert len(hits) == len(ids)
        assert mask[hits.keys].all()
        found += int((hits.distances <= true[-1] + 1e-9).sum()) if len(ids) else 0
        exact = whole.nearest_neighbors(10, vector=query, where=where, exact=True)
        assert exact.keys == ids.tolist()
    assert found >= 0.93 * len(Q) * min(10, mask.sum())


def test_measure_recall_is_what_brute_force_says(whole: ks.Space) -> None:
    for asked in ({}, {"recall": 0.5}, {"ef_search": 10}):
        measured = whole.measure_recall(10, sample=50, **asked)
        assert measured == whole.measure_recall(10, sample=50, **asked), "the sample is always the same"
        sample = np.sort(np.random.default_rng(20_251_120).choice(N, 50, replace=False))
        found = 0
        for key in sample.tolist():
            others = np.arange(N) != key
            kth = nearest(X, X[key], 10, whole.metric, others)[1][-1]
            found += int((whole.nearest_neighbors(10, key=key, **asked).distances <= kth + 1e-12).sum())
        assert measured == pytest.approx(found / 500, abs=0.0021)
    assert whole.measure_recall(10) >= 0.94
    assert whole.measure_recall(5, sample=20, recall=1.0) == 1.0
    assert whole.measure_recall(5, sample=20, where="n % 3 = 0") >= 0.9
    assert whole.measure_recall(5, where="n < 0") == 1.0
    assert whole.measure_recall(0) == 1.0


def test_select_takes_the_same_arguments(whole: ks.Space) -> None:
    for asked in ({}, {"exact": True}, {"recall": 0.9}, {"ef_search": 30}):
        rows = whole.select("key", d="_dist").nearest(Q[0], **asked).take(5).collect()
        hits = whole.nearest_neighbors(5, vector=Q[0], **asked)
        assert rows["key"].to_list() == hits.keys
        assert rows["d"].to_list() == hits.distances.tolist()


@pytest.mark.parametrize(
    "asked",
    [
        {"ef_search": 0},
        {"ef_search": -1},
        {"ef_search": 65_537},
        {"ef_search": True},
        {"ef_search": 10.0},
        {"ef_search": "10"},
        {"recall": 0},
        {"recall": 0.0},
        {"recall": 1.5},
        {"recall": -0.5},
        {"recall": True},
        {"recall": float("nan")},
        {"recall": "0.9"},
        {"recall": 0.9, "ef_search": 10},
        {"recall": 0.9, "ef_search": 10, "exact": True},
        {"exact": "yes"},
        {"exact": 1},
        {"exact": True, "ef_search": 0},
        {"threads": 0},
    ],
)
def test_effort_out_of_range_is_refused(whole: ks.Space, asked: dict[str, Any]) -> None:
    with pytest.raises(ks.InvalidInput):
        whole.nearest_neighbors(3, vector=Q[0], **asked)
    with pytest.raises(ks.InvalidInput):
        whole.nearest_neighbors(3, key=1, **asked)
    if "threads" not in asked:
        with pytest.raises(ks.InvalidInput):
            whole.select("key").nearest(Q[0], **asked).collect()
    if not {"threads", "exact"} & asked.keys():
        with pytest.raises(ks.InvalidInput):
            whole.measure_recall(**asked)


@pytest.mark.parametrize("query", [[1.0] * (DIMS - 1), [float("nan")] * DIMS, [1e39] * DIMS, "x", [[1.0] * DIMS]])
def test_a_query_that_is_none_is_refused(whole: ks.Space, query: Any) -> None:
    for given in (query, np.array(query)):
        with pytest.raises(ks.InvalidInput):
            whole.nearest_neighbors(3, vector=given)
    for k in (-1, True, 1.0, "3", None):
        with pytest.raises(ks.InvalidInput):
            whole.nearest_neighbors(k, vector=Q[0])


def test_measure_recall_of_queries_is_what_brute_force_says(whole: ks.Space) -> None:
    for asked in ({"ef_search": 3}, {"recall": 0.8}, {}):
        answers = [whole.nearest_neighbors(10, vector=query, **asked) for query in Q]
        assert whole.measure_recall(10, queries=Q, **asked) == pytest.approx(recall_of(answers, X, Q, whole.metric, 10))
    assert whole.measure_recall(10, queries=np.empty((0, DIMS))) == 1.0
    with pytest.raises(ks.errors.InvalidInput, match="dims"):
        whole.measure_recall(10, queries=Q[:, 1:])


@pytest.mark.parametrize("sample", [0, -1, True, 2.0])
def test_measure_recall_refuses_no_sample(whole: ks.Space, sample: Any) -> None:
    with pytest.raises(ks.InvalidInput):
        whole.measure_recall(sample=sample)


def test_writes_are_seen_at_once_beside_an_index(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
    space.load(keys=range(N), vectors=X)
    space.index()
    query = Q[0]
    for _ in range(30):
        first = space.nearest_neighbors(5, vector=query)
        assert first.exact is False
        space.delete(first.keys[0])
        second = space.nearest_neighbors(5, vector=query)
        assert not {first.keys[0]} & set(second.keys)
        assert len(set(second.keys)) == 5
    moved = second.keys[0]
    space.set(moved, query + 100)
    assert moved not in space.nearest_neighbors(5, vector=query).keys
    assert space.nearest_neighbors(1, vector=query + 100).keys == [moved]
    space.set(9_999, query)
    assert space.nearest_neighbors(1, vector=query).keys == [9_999]
    space.multidelete(range(0, N, 2))
    hits = space.nearest_neighbors(100, vector=query)
    assert len(hits) == 100
    assert not [key for key in hits.keys if key % 2 == 0]
    space.multidelete(range(N))
    assert set(space.nearest_neighbors(100, vector=query).keys) == {9_999}


def test_indexed_segments_small_ones_and_the_log_are_one_answer(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=DIMS, key_type="int")
    every = clustered(7_000, DIMS)
    edges = [0, 3_000, 6_400, 6_900, 6_950, 7_000]
    for number, (low, high) in enumerate(pairwise(edges)):
        if number < 3:
            space.load(keys=range(low, high), vectors=every[low:high])
        else:
            space.multiset({key: every[key] for key in range(low, high)})
    space.index()
    stats = space.stats()
    assert (stats["segments"], stats["indexed_segments"], stats["log_rows"]) == (3, 2, 100)
    answers = [space.nearest_neighbors(20, vector=query, ef_search=40) for query in Q]
    assert not any(hits.exact for hits in answers)
    assert recall_of(answers, every, Q, "cosine", 20) >= 0.95
    answers = [space.nearest_neighbors(20, vector=query) for query in Q]
    assert recall_of(answers, every, Q, "cosine", 20) >= 0.95
    assert {np.searchsorted(edges[1:-1], key, "right") for hits in answers for key in hits.keys} == {0, 1, 2, 3, 4}


def test_a_space_without_indexes_says_exact(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=DIMS, key_type="int")
    assert space.nearest_neighbors(3, vector=Q[0]).exact is True
    assert space.measure_recall() == 1.0
    space.load(keys=range(500), vectors=X[:500])
    assert space.nearest_neighbors(3, vector=Q[0]).exact is True
    assert space.index() == 0
    assert (space.stats()["indexed_segments"], space.stats()["index_bytes"]) == (0, 0)
    assert space.measure_recall() == 1.0


@pytest.mark.parametrize("kind", ["equal", "zero", "one dim", "two values"])
def test_duplicates_cost_no_recall(hub: ks.Hub, kind: str) -> None:
    dims = 1 if kind == "one dim" else 4
    rows = {
        "equal": np.ones((1_200, 4)),
        "zero": np.zeros((1_200, 4)),
        "one dim": np.arange(1_200).reshape(-1, 1) % 7,
        "two values": np.eye(4)[np.arange(1_200) % 2],
    }[kind].astype(np.float32)
    for metric in METRICS:
        space = hub.create_space(metric, dims=dims, metric=metric, key_type="int")
        space.load(keys=range(1_200), vectors=rows)
        space.index()
        query = np.ones(dims, np.float32)
        true = nearest(rows, query, 30, metric)[1]
        for asked in ({}, {"ef_search": 1}, {"exact": True}):
            hits = space.nearest_neighbors(30, vector=query, **asked)
            assert len(set(hits.keys)) == 30
            assert np.allclose(hits.distances, true, atol=1e-12)
        assert space.measure_recall(5, 50) >= 0.95


def test_compaction_keeps_recall(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
    space.load(keys=range(2_000), vectors=X[:2_000])
    space.index()
    live = dict.fromkeys(range(2_000))
    for turn in range(2):
        gone = list(range(turn * 300, turn * 300 + 300))
        assert space.multidelete(gone) == 300
        for key in gone:
            del live[key]
        new = range(2_000 + turn * 500, 2_500 + turn * 500)
        space.load(keys=new, vectors=X[new.start : new.stop])
        live.update(dict.fromkeys(new))
        space.compact()
        until_indexed(space)
        kept = np.array(list(live))
        answers = [space.nearest_neighbors(10, vector=query) for query in Q]
        assert not any(hits.exact for hits in answers)
        assert all(key in live for hits in answers for key in hits.keys)
        assert recall_of(answers, X[kept], Q, "l2", 10) >= 0.95
        assert space.check().ok
