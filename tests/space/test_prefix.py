"""dims= and rerank=: the answer of a float64 scan of the first components, and of all for the candidates it gives."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from brute import distances
from indexed import until_indexed
from oracle import unchanged

METRICS = ["cosine", "l2", "ip"]
DIMS = 70
LENGTHS = [1, 3, 64, 65, DIMS - 1, DIMS]


class Scattered:
    """A space whose rows lie in segments (one with an index), in the log, and dead, and what is live of them."""

    def __init__(self, hub: ks.Hub, metric: str) -> None:
        rng = np.random.default_rng(5)
        self.space = hub.create_space(metric, dims=DIMS, metric=metric, key_type="int")
        vectors = rng.normal(size=(900, DIMS)).astype(np.float32)
        vectors[:, 0] = rng.integers(-1, 2, 900)  # many ties, and a prefix of zero
        vectors[3] = vectors[503] = 0
        vectors[100] = vectors[620] = vectors[880]
        self.space.load(keys=range(600), vectors=vectors[:600], columns=pl.DataFrame({"n": range(600)}))
        for start in (600, 750):
            self.space.multiset([(key, vectors[key], {"n": key}) for key in range(start, start + 150)])
            if start == 600:
                self.space.flush()
        gone = list(range(0, 900, 19))
        self.space.multidelete(gone)
        again = [key for key in range(5, 900, 83) if key not in gone]
        self.space.multiset([(key, vectors[key], {"n": key}) for key in again])
        self.keys = [key for key in range(900) if key not in gone and key not in again] + again
        self.rows = vectors[self.keys]
        self.queries = np.concatenate([rng.normal(size=(4, DIMS)), vectors[100:102], np.zeros((1, DIMS))]).astype("f4")

    def expected(
        self, query: Any, k: int, dims: int, rerank: bool, expand: int = 10, allowed: Any = None
    ) -> tuple[list[int], Any]:
        among = np.arange(len(self.keys)) if allowed is None else np.flatnonzero([allowed(key) for key in self.keys])
        short = distances(self.rows[among, :dims], query[:dims], self.space.metric)
        order = np.argsort(short, kind="stable")
        if not rerank:
            order = order[:k]
            return [self.keys[i] for i in among[order]], short[order]
        candidates = np.sort(order[: k * expand])
        long = distances(self.rows[among[candidates]], query, self.space.metric)
        order = np.argsort(long, kind="stable")[:k]
        return [self.keys[i] for i in among[candidates[order]]], long[order]

    def agree(self, hits: ks.Hits, wanted: tuple[list[int], Any]) -> None:
        assert len(hits) == len(wanted[0])
        np.testing.assert_allclose(hits.distances, wanted[1], rtol=1e-9, atol=1e-7)
        if len(set(np.round(wanted[1], 6))) == len(wanted[1]):  # else float64 sums of another order may tell ties apart
            assert hits.keys == wanted[0]


@pytest.fixture(scope="module", params=METRICS)
def scattered(request: pytest.FixtureRequest) -> Iterator[Scattered]:
    with pytest.MonkeyPatch.context() as patch, ks.connect(":memory:") as hub:
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
        patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 500)
        made = Scattered(hub, request.param)
        until_indexed(made.space, 1)
        yield made


@pytest.mark.parametrize("dims", LENGTHS)
def test_without_rerank_the_answer_is_the_float64_scan_s_of_the_first_components(
    scattered: Scattered, dims: int
) -> None:
    for query in scattered.queries:
        for k in (1, 10, 2_000):
            hits = scattered.space.nearest_neighbors(k, vector=query, dims=dims, rerank=False, exact=True)
            scattered.agree(hits, scattered.expected(query, k, dims, False))
            assert hits.exact is True


@pytest.mark.parametrize("dims", LENGTHS[:-1])
def test_a_query_of_so_many_components_is_the_whole_one_without_rerank(scattered: Scattered, dims: int) -> None:
    for query in scattered.queries:
        short = scattered.space.nearest_neighbors(10, vector=query[:dims].tolist(), dims=dims)
        whole = scattered.space.nearest_neighbors(10, vector=query, dims=dims, rerank=False)
        assert list(short) == list(whole)
        assert short.exact is whole.exact is True
    queries = scattered.queries[:, :dims]
    for hits, query in zip(scattered.space.nearest_neighbors(5, vectors=queries, dims=dims), queries):
        assert list(hits) == list(scattered.space.nearest_neighbors(5, vector=query, dims=dims))


@pytest.mark.parametrize("dims", LENGTHS[:-1])
@pytest.mark.parametrize("expand", [1, 3, 10])
def test_rerank_orders_the_candidates_by_all_components(scattered: Scattered, dims: int, expand: int) -> None:
    for query in scattered.queries[:4]:
        for k in (1, 10):
            hits = scattered.space.nearest_neighbors(k, vector=query, dims=dims, expand=expand)
            scattered.agree(hits, scattered.expected(query, k, dims, True, expand))
            assert hits.exact is False


def test_rerank_is_called_exact_only_if_every_row_was_a_candidate(scattered: Scattered) -> None:
    rows, query = len(scattered.keys), scattered.queries[0]
    for k, expand, exact in [(1, rows - 1, False), (1, rows, True), (rows, 1, True), (10, rows, True), (0, 10, True)]:
        hits = scattered.space.nearest_neighbors(k, vector=query, dims=3, expand=expand, exact=True)
        assert hits.exact is exact
    few = f"n < {scattered.keys[0] + 20}"
    allowed = sum(key < scattered.keys[0] + 20 for key in scattered.keys)
    assert scattered.space.nearest_neighbors(1, vector=query, dims=3, where=few, expand=allowed).exact is True
    assert scattered.space.nearest_neighbors(1, vector=query, dims=3, where=few, expand=allowed - 1).exact is False


def test_reranked_with_every_row_a_candidate_it_is_the_exact_answer(scattered: Scattered) -> None:
    for query in scattered.queries:
        whole = scattered.space.nearest_neighbors(7, vector=query, exact=True)
        assert list(scattered.space.nearest_neighbors(7, vector=query, dims=1, expand=10**30)) == list(whole)


def test_all_dims_is_as_if_dims_were_left_out(scattered: Scattered) -> None:
    query = scattered.queries[0]
    for more in ({}, {"rerank": False}, {"rerank": True}, {"exact": True}, {"ef_search": 20}):
        plain = {name: value for name, value in more.items() if name != "rerank"}
        one = scattered.space.nearest_neighbors(10, vector=query, dims=DIMS, **more)
        assert list(one) == list(scattered.space.nearest_neighbors(10, vector=query, **plain))


def test_by_key_the_key_is_left_out_and_asks_with_all_its_components(scattered: Scattered) -> None:
    for key in (scattered.keys[3], scattered.keys[-1]):
        query = scattered.rows[scattered.keys.index(key)]
        found = scattered.space.nearest_neighbors(10, key=key, dims=64)
        wanted = scattered.expected(query, 10, 64, True, allowed=lambda other, key=key: other != key)
        scattered.agree(found, wanted)
        assert key not in found.keys
        short = scattered.space.nearest_neighbors(10, key=key, dims=64, rerank=False)
        scattered.agree(short, scattered.expected(query, 10, 64, False, allowed=lambda other, key=key: other != key))


@pytest.mark.parametrize("rerank", [True, False])
@pytest.mark.parametrize("bound", [1, 12, 300, 890])
def test_a_filter_is_kept_to_and_never_leaves_too_few(scattered: Scattered, bound: int, rerank: bool) -> None:
    for query in scattered.queries[:3]:
        hits = scattered.space.nearest_neighbors(10, vector=query, dims=65, rerank=rerank, where=f"n < {bound}")
        scattered.agree(hits, scattered.expected(query, 10, 65, rerank, allowed=lambda key: key < bound))


def test_many_queries_are_answered_as_each_alone(scattered: Scattered) -> None:
    for rerank in (True, False):
        every = scattered.space.nearest_neighbors(9, vectors=scattered.queries, dims=33, rerank=rerank)
        for hits, query in zip(every, scattered.queries, strict=True):
            assert list(hits) == list(scattered.space.nearest_neighbors(9, vector=query, dims=33, rerank=rerank))
    assert scattered.space.nearest_neighbors(9, vectors=np.empty((0, DIMS), np.float32), dims=33) == []


def test_threads_ask_for_many_lengths_at_once(scattered: Scattered) -> None:
    def ask(dims: int) -> list[Any]:
        return list(scattered.space.nearest_neighbors(5, vector=scattered.queries[0], dims=dims, rerank=False))

    lengths = [1 + i % 30 for i in range(120)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, lengths))
    assert answers == [ask(dims) for dims in lengths]


def test_select_has_them_too(scattered: Scattered) -> None:
    query = scattered.queries[1]
    for asked in ({"dims": 64}, {"dims": 64, "rerank": False}, {"dims": 64, "expand": 2}):
        frame = scattered.space.select("key", d="_dist").where("n > 50").nearest(query, **asked).take(8).collect()
        hits = scattered.space.nearest_neighbors(8, vector=query, where="n > 50", **asked)
        assert frame.rows() == [tuple(hit) for hit in hits]
        bare = pl.DataFrame({"key": scattered.keys, "emb": pl.Series(scattered.rows, dtype=pl.Array(pl.Float32, DIMS))})
        chosen = ks.select(bare, "key", d="_dist").where("key > 50")
        found = chosen.nearest("emb", query, metric=scattered.space.metric, **asked).take(8).collect()
        assert found.rows() == frame.rows()


def test_recall_is_measured_by_all_components(scattered: Scattered) -> None:
    space = scattered.space
    assert space.measure_recall(5, 40, dims=DIMS - 1, expand=500) == 1.0
    small, reranked = space.measure_recall(5, 40, dims=8, rerank=False), space.measure_recall(5, 40, dims=8)
    assert 0.0 < small < reranked < 1.0
    truth = found = 0
    for row in range(0, 400, 40):
        key, query = scattered.keys[row], scattered.rows[row]
        exact = space.nearest_neighbors(5, key=key, exact=True)
        short = space.nearest_neighbors(5, key=key, dims=8, rerank=False).keys
        mine = distances(np.array([space.get(one) for one in short]), query, space.metric)
        truth, found = truth + 5, found + int((mine <= exact.distances[-1] + 1e-12).sum())
    assert abs(found / truth - small) < 0.25


def test_snapshots_forks_and_published_spaces_are_searched_likewise(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=20)
        first = rng.normal(size=(200, 20)).astype(np.float32)
        space.multiset({f"k{i}": row for i, row in enumerate(first)})
        query = rng.normal(size=20)
        snap = space.snapshot("then")
        before = list(space.nearest_neighbors(5, vector=query, dims=7))
        fork = space.fork("trial")
        space.publish((tmp_path / "there").as_uri())
        space.delete_all()
        space.set("other", first[0])
        with ks.connect((tmp_path / "there").as_uri(), cache=tmp_path / "cache") as remote:
            for one in (snap, space.at("then"), fork, remote.get_space("docs")):
                assert list(one.nearest_neighbors(5, vector=query, dims=7)) == before
        assert space.nearest_neighbors(5, vector=query, dims=7).keys == ["other"]


def test_a_write_is_seen_by_the_next_search(space: ks.Space) -> None:
    space.set("a", [1, 0, 0])
    assert space.nearest_neighbors(1, vector=[0, 1], dims=2).keys == ["a"]
    space.set("b", [0, 1, 0])
    assert space.nearest_neighbors(1, vector=[0, 1], dims=2).keys == ["b"]
    space.flush()
    space.set("b", [1, 1, 5])
    hits = space.nearest_neighbors(2, vector=[0, 1], dims=2)
    assert hits.keys == ["b", "a"]
    assert hits.distances.tolist() == pytest.approx([1 - 0.5**0.5, 1.0])


def test_equal_prefixes_and_equal_vectors_rank_by_insertion(space: ks.Space) -> None:
    space.multiset({key: [1, 0, 0] for key in "abcd"})
    space.flush()
    space.multiset({"e": [1, 0, 7], "b": [1, 0, 0], "f": [1, 0, 0]})
    assert space.nearest_neighbors(9, vector=[1, 0], dims=2).keys == ["a", "c", "d", "e", "b", "f"]
    assert space.nearest_neighbors(9, vector=[1, 0, 0], dims=2).keys == ["a", "c", "d", "b", "f", "e"]
    assert space.nearest_neighbors(2, vector=[1, 0, 0], dims=2, expand=2).keys == ["a", "c"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"dims": 0}, "dims must be in 1"),
        ({"dims": 4}, "dims must be in 1…3"),
        ({"dims": 2.0}, "whole number"),
        ({"dims": True}, "whole number"),
        ({"dims": 2, "rerank": 1}, "rerank must be True, False or None"),
        ({"dims": 2, "expand": 0}, "expand must be a whole number"),
        ({"dims": 2, "expand": 1.5}, "expand must be a whole number"),
        ({"expand": True}, "expand must be a whole number"),
        ({"vector": np.ones(3, np.float32), "expand": 0}, "expand must be a whole number"),
        ({"vector": np.ones(3, np.float32), "rerank": 1}, "rerank must be True, False or None"),
        ({"vector": [1, 2], "dims": 2, "rerank": True}, "rerank=True orders by all 3 dims"),
        ({"vector": [1], "dims": 2}, "must have 2 dims, as asked, or all 3; got 1"),
        ({"vector": np.ones(4, np.float32), "dims": 2}, "must have 2 dims, as asked, or all 3; got 4"),
        ({"vector": [1, 2]}, "must have 3 dims"),
        ({"vector": [1, float("nan"), 1], "dims": 1}, "component 1"),
        ({"vector": None, "vectors": np.ones((2, 1)), "dims": 2}, "must have 2 dims, as asked, or all 3; got 1"),
        ({"vector": None, "vectors": np.ones((2, 2)), "dims": 2, "rerank": True}, "rerank=True orders by all 3"),
    ],
)
def test_what_can_t_be_asked_is_refused_and_nothing_changes(hub: ks.Hub, asked: dict[str, Any], words: str) -> None:
    space = hub.create_space("docs", dims=3)
    space.multiset({"a": [1, 2, 3], "b": [0, 1, 0]})
    with unchanged(hub), pytest.raises(ks.InvalidInput, match=words):
        space.nearest_neighbors(2, **{"vector": [1, 2, 3], **asked})


@settings(max_examples=15)
@given(st.data())
def test_any_length_of_any_rows_is_the_resized_space(data: st.DataObject) -> None:
    dims = data.draw(st.integers(1, 40))
    rows = data.draw(st.integers(1, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    cut, k = data.draw(st.integers(1, dims)), data.draw(st.integers(0, 70))
    vectors = rng.integers(-2, 3, (rows, dims)).astype(np.float32)  # small whole numbers: sums are exact, ties many
    query, metric = rng.integers(-2, 3, dims).astype(np.float32), data.draw(st.sampled_from(METRICS))
    with ks.connect(":memory:") as hub:
        space = hub.create_space("long", dims=dims, metric=metric, key_type="int")
        short = hub.create_space("short", dims=cut, metric=metric, key_type="int")
        flushed = data.draw(st.integers(0, rows))
        for one, width in ((space, dims), (short, cut)):
            one.multiset({i: vectors[i, :width] for i in range(flushed)})
            one.flush()
            one.multiset({i: vectors[i, :width] for i in range(flushed, rows)})
        found = space.nearest_neighbors(k, vector=query, dims=cut, rerank=False)
        assert list(found) == list(short.nearest_neighbors(k, vector=query[:cut], exact=True))
        if metric == "cosine" and k:
            frame = ks.knn(ks.resize(vectors, cut), ks.resize(query, cut), k)
            assert np.allclose(frame["_dist"].to_numpy(), found.distances, atol=1e-6)
