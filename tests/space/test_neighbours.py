"""nearest_neighbors: the answer of a float64 scan, by key, by vector and by many vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from brute import distances
from oracle import unchanged

RNG = np.random.default_rng(11)
METRICS = ["cosine", "l2", "ip"]


def scattered(hub: ks.Hub, metric: str, rows: int = 300, dims: int = 5) -> tuple[ks.Space, dict[str, Any]]:
    """A space whose rows lie in several segments and the log, some dead, and what is live in insertion order."""
    space = hub.create_space("scattered", dims=dims, metric=metric)
    vectors = RNG.standard_normal((rows, dims)).astype(np.float32)
    vectors[7] = 0
    live: dict[str, Any] = {}
    for start in range(0, rows, 60):
        batch = {f"k{i}": vectors[i] for i in range(start, start + 60)}
        space.multiset(batch)
        live.update(batch)
        if start < rows - 60:
            space.flush()
    for i in range(0, rows, 17):
        space.delete(f"k{i}")
        del live[f"k{i}"]
    for i in range(1, rows, 29):
        live.pop(f"k{i}", None)
        live[f"k{i}"] = vectors[-i]
        space.set(f"k{i}", vectors[-i])
    return space, live


def expected(
    live: dict[str, Any], query: Any, k: int, metric: str, without: str | None = None
) -> list[tuple[str, float]]:
    keys = [key for key in live if key != without]
    found = distances(np.array([live[key] for key in keys]), query, metric)
    return [(keys[i], float(found[i])) for i in np.argsort(found, kind="stable")[:k]]


def agree(hits: ks.Hits, wanted: list[tuple[str, float]]) -> None:
    assert hits.keys == [key for key, _ in wanted]
    np.testing.assert_allclose(hits.distances, [distance for _, distance in wanted], rtol=1e-12, atol=1e-12)
    assert hits.distances.dtype == np.float64
    assert list(hits.distances) == sorted(hits.distances)
    assert hits.exact is True


@pytest.mark.parametrize("metric", METRICS)
def test_by_vector_nothing_is_excluded_and_the_answer_is_the_float64_scan_s(hub: ks.Hub, metric: str) -> None:
    space, live = scattered(hub, metric)
    for k in (1, 10, 1_000):
        query = RNG.standard_normal(5).astype(np.float32)
        agree(space.nearest_neighbors(k, vector=query), expected(live, query, k, metric))
    stored = space.get("k2")
    assert "k2" in space.nearest_neighbors(len(space), vector=stored).keys


@pytest.mark.parametrize("metric", METRICS)
def test_by_key_the_key_itself_is_left_out_and_k_others_come(hub: ks.Hub, metric: str) -> None:
    space, live = scattered(hub, metric)
    for key in ("k2", "k61", "k299"):
        for k in (1, 10, 1_000):
            hits = space.nearest_neighbors(k, key=key)
            agree(hits, expected(live, live[key], k, metric, without=key))
            assert len(hits) == min(k, len(space) - 1)


def test_by_key_rows_equal_to_the_key_s_are_not_left_out(space: ks.Space) -> None:
    space.multiset({key: [1, 2, 3] for key in "abc"})
    assert space.nearest_neighbors(5, key="b").keys == ["a", "c"]


def test_vectors_gives_a_list_of_hits_each_as_alone(hub: ks.Hub) -> None:
    space, _ = scattered(hub, "l2")
    queries = RNG.standard_normal((7, 5)).astype(np.float32)
    many = space.nearest_neighbors(4, vectors=queries)
    assert isinstance(many, list)
    for query, hits in zip(queries, many, strict=True):
        alone = space.nearest_neighbors(4, vector=query)
        assert list(hits) == list(alone)
        assert hits.rows.equals(alone.rows)
    assert space.nearest_neighbors(4, vectors=np.empty((0, 5))) == []
    assert [list(hits) for hits in space.nearest_neighbors(0, vectors=queries)] == [[]] * 7


@pytest.mark.parametrize("metric", METRICS)
def test_a_zero_vector_never_makes_nan(hub: ks.Hub, metric: str) -> None:
    space = hub.create_space("zeros", dims=2, metric=metric)
    space.multiset({"zero": [0, 0], "one": [1, 0]})
    for query in ([0, 0], [1, 0]):
        hits = space.nearest_neighbors(2, vector=query)
        assert np.isfinite(hits.distances).all()
        if metric == "cosine":
            assert dict(list(hits))["zero"] == 1.0
    assert space.nearest_neighbors(1, key="zero").keys == ["one"]


def test_ip_is_reported_as_minus_dot(hub: ks.Hub) -> None:
    space = hub.create_space("ip", dims=2, metric="ip")
    space.multiset({"a": [1, 2], "b": [3, 4]})
    assert list(space.nearest_neighbors(2, vector=[1, 1])) == [("b", -7.0), ("a", -3.0)]


def test_l2_is_the_true_distance_not_squared(hub: ks.Hub) -> None:
    space = hub.create_space("l2", dims=2, metric="l2")
    space.set("a", [3, 4])
    assert list(space.nearest_neighbors(1, vector=[0, 0])) == [("a", 5.0)]


def test_a_row_and_itself_have_cosine_distance_zero(space: ks.Space) -> None:
    space.set("a", [0.1, 0.2, 0.3])
    assert space.nearest_neighbors(1, vector=[0.1, 0.2, 0.3]).distances.tolist() == [0.0]


def test_k_0_is_empty_and_k_above_the_rows_is_all(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "b": [0, 1, 0]})
    none = space.nearest_neighbors(0, vector=[1, 0, 0])
    assert list(none) == []
    assert none.rows.height == 0
    for k in (2, 3, 10**6, 2**63, 10**30, np.int64(5)):
        assert len(space.nearest_neighbors(k, vector=[1, 0, 0])) == 2
    assert len(space.nearest_neighbors(0, key="a")) == 0


@pytest.mark.parametrize("k", [-1, True, False, 1.0, "1", None, np.float64(1), [1]], ids=repr)
def test_a_k_that_is_no_count_is_refused(hub: ks.Hub, space: ks.Space, k: Any) -> None:
    space.set("a", [1, 0, 0])
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="k "):
        space.nearest_neighbors(k, vector=[1, 0, 0])


def test_exactly_one_of_key_vector_and_vectors(space: ks.Space) -> None:
    space.set("a", [1, 0, 0])
    for arguments in ({}, {"key": "a", "vector": [1, 0, 0]}, {"vector": [1, 0, 0], "vectors": [[1, 0, 0]]}):
        with pytest.raises(ks.InvalidInput):
            space.nearest_neighbors(1, **arguments)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (np.array([1, np.nan, 3], np.float32), "component 1 of the query is nan"),
        (np.array([1, 2, -np.inf], np.float32), "component 2 of the query is -inf"),
        (np.ones(4, np.float32), "3 dims; got 4"),
        (np.ones(0, np.float32), "3 dims; got 0"),
        (np.ones((1, 3), np.float32), "1-d"),
        (np.array(1, np.float32), "1-d"),
        (np.array([1, 2, 1e300]), "beyond float32"),
        (np.array([1, 2, "x"], object), "dtype object"),
        (np.array([1, 2, 3j], np.complex64), "dtype complex64"),
    ],
    ids=str,
)
@pytest.mark.parametrize("where", [None, "key != 'a'"])
def test_a_query_that_is_no_vector_is_refused_with_the_reason(
    space: ks.Space, query: Any, reason: str, where: str | None
) -> None:
    space.set("a", [1, 0, 0])
    with pytest.raises(ks.InvalidInput, match=reason) as caught:
        space.nearest_neighbors(1, vector=query, where=where)
    assert caught.value.__context__ is None


def test_a_query_of_any_layout_is_the_same_query(hub: ks.Hub) -> None:
    space, live = scattered(hub, "l2", dims=6)
    plain = np.arange(6, dtype=np.float32)
    unaligned = np.frombuffer(b"\0" + plain.tobytes(), np.uint8)[1:].view(np.float32)
    frozen = plain.copy()
    frozen.flags.writeable = False
    masked = np.ma.MaskedArray(plain)
    alike = [np.repeat(plain, 2)[::2], plain.astype(">f4"), plain.astype(np.float64), unaligned, frozen, masked]
    for query in [*alike, plain.astype(np.int8), plain.tolist(), plain[::-1][::-1]]:
        agree(space.nearest_neighbors(5, vector=query), expected(live, plain, 5, "l2"))


@pytest.mark.parametrize("recall", [0, -0.1, 1.5, "high", float("nan")], ids=repr)
def test_a_recall_that_is_no_share_is_refused(space: ks.Space, recall: Any) -> None:
    space.set("a", [1, 0, 0])
    with pytest.raises(ks.InvalidInput, match="recall"):
        space.nearest_neighbors(1, vector=[1, 0, 0], recall=recall)


def test_hits_are_hits(space: ks.Space) -> None:
    space.multiset([("a", [1, 0, 0], {"t": "x"}), ("b", [0, 1, 0])])
    hits = space.nearest_neighbors(2, vector=[1, 0, 0])
    assert isinstance(hits, ks.Hits)
    assert list(hits) == [ks.Hit("a", 0.0), ks.Hit("b", 1.0)]
    assert hits[0].key == "a"
    assert hits[-1].distance == 1.0
    assert [hit.key for hit in hits] == hits.keys
    assert hits.rows.to_dict(as_series=False) == {"key": ["a", "b"], "t": ["x", None]}
    with pytest.raises(IndexError):
        hits[2]


def test_rows_of_hits_are_in_hit_order_with_every_column(hub: ks.Hub) -> None:
    space, _ = scattered(hub, "l2")
    space.set("last", [0, 0, 0, 0, 0], n=1)
    hits = space.nearest_neighbors(50, vector=[0, 0, 0, 0, 0])
    assert isinstance(hits.rows, pl.DataFrame)
    assert hits.rows["key"].to_list() == hits.keys
    assert hits.rows.schema == {"key": pl.String, "n": pl.Int64}
    assert space.nearest_neighbors(0, vector=[0] * 5).rows.schema == hits.rows.schema


@settings(max_examples=30)
@given(
    vectors=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=40),
    query=st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
    metric=st.sampled_from(METRICS),
    again=st.lists(st.integers(0, 39), max_size=6),
)
def test_ties_go_by_insertion_order_and_the_first_k_of_more_are_the_answer_for_k(
    vectors: list[Any], query: Any, metric: str, again: list[int]
) -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("ties", dims=2, metric=metric)
        live = {f"k{i}": vector for i, vector in enumerate(vectors)}
        space.multiset(live)
        for place in again:
            key = f"k{place % len(vectors)}"
            live[key] = live.pop(key)  # set again: last in order
            space.set(key, live[key])
        wanted = [key for key, _ in expected(live, query, len(live), metric)]
        near = distances(np.array(list(live.values())), query, metric)
        order = np.argsort(np.round(near, 12), kind="stable")
        wanted = [list(live)[i] for i in order]
        for _ in range(2):
            whole = space.nearest_neighbors(len(live), vector=query)
            assert whole.keys == wanted
            for k in range(len(live)):
                assert list(space.nearest_neighbors(k, vector=query)) == list(whole)[:k]
            if not again:
                break
            space.compact()


def test_asking_for_exact_or_for_a_recall_gives_no_worse_answer(hub: ks.Hub) -> None:
    space, live = scattered(hub, "cosine")
    query = RNG.standard_normal(5).astype(np.float32)
    wanted = expected(live, query, 10, "cosine")
    agree(space.nearest_neighbors(10, vector=query, exact=True), wanted)
    assert len(space.nearest_neighbors(10, vector=query, recall=0.9)) == 10
    assert space.nearest_neighbors(10, vector=query, recall=1.0).keys == [key for key, _ in wanted]
    agree(space.nearest_neighbors(10, vector=query, exact=True, where="key != 'nothing'"), wanted)
