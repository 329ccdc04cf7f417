"""diversity=: hits chosen of the candidates by maximal marginal relevance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from kinspace.ranking.diversity import diversified
from oracle import unchanged
from ranks import METRICS, components, distance, filled, in_order, relevant_and_far, stored

shares = st.sampled_from([0.25, 0.5, 0.75, 1.0, 1, 0.3])


@given(stored, components, st.sampled_from(METRICS), st.integers(0, 16), shares, st.sampled_from([None, 1, 3, 8]))
def test_the_hits_are_those_of_the_definition(
    rows: list[Any], query: list[int], metric: str, k: int, share: float, candidates: int | None
) -> None:
    with ks.connect(":memory:") as hub:
        space, live = filled(hub, metric, rows)
        far = {key: distance(metric)(vector, np.float32(query)) for key, (vector, _) in live.items()}
        near = in_order(live, far.__getitem__)[: max(k, candidates or 100)]
        hits = space.nearest_neighbors(k, vector=query, diversity=share, candidates=candidates)
        assert hits.keys == relevant_and_far(live, near, far, k, share, metric)
        assert hits.distances.tolist() == [far[key] for key in hits.keys]
        assert hits.exact


@pytest.fixture(scope="module")
def crowded() -> Any:
    """800 rows around 40 places, in segments with an index and in the log."""
    rng = np.random.default_rng(8)
    places = rng.normal(size=(40, 8))
    vectors = (places[rng.integers(0, 40, 5_000)] + 0.1 * rng.normal(size=(5_000, 8))).astype(np.float32)
    with ks.connect(":memory:") as hub:
        space = hub.create_space("crowded", dims=8)
        space.load(keys=[f"k{i}" for i in range(4_500)], vectors=vectors[:4_500])
        space.flush()
        space.index()
        space.load(keys=[f"k{i}" for i in range(4_500, 5_000)], vectors=vectors[4_500:])
        yield space, vectors


@pytest.mark.parametrize(
    "how",
    [{}, {"exact": True}, {"recall": 0.8}, {"dims": 4}, {"dims": 4, "rerank": False}, {"ef_search": 20}],
    ids=repr,
)
def test_0_is_the_plain_answer_to_the_bit(crowded: Any, how: dict[str, Any]) -> None:
    space, vectors = crowded
    for nothing in (0, 0.0, np.float32(0)):
        hits, plain = (space.nearest_neighbors(9, vector=vectors[3], **how, **d) for d in ({"diversity": nothing}, {}))
        assert list(hits) == list(plain)
        assert hits.exact == plain.exact


def test_the_first_of_a_larger_k_are_the_answer_for_k_of_the_same_candidates(crowded: Any) -> None:
    space, vectors = crowded
    every = space.nearest_neighbors(60, vector=vectors[3], diversity=0.4, candidates=60, exact=True)
    assert sorted(every.distances) == space.nearest_neighbors(60, vector=vectors[3], exact=True).distances.tolist()
    for k in (1, 5, 59):
        hits = space.nearest_neighbors(k, vector=vectors[3], diversity=0.4, candidates=60, exact=True)
        assert list(hits) == list(every)[:k]


def test_more_of_it_brings_hits_farther_apart(crowded: Any) -> None:
    space, vectors = crowded

    def spread(**how: Any) -> float:
        keys = space.nearest_neighbors(10, vector=vectors[3], candidates=500, **how).keys
        found = np.stack([space.get(key) for key in keys])
        return min(ks.cos_dist(a, b) for i, a in enumerate(found) for b in found[:i])

    spreads = [spread(diversity=share) for share in (1e-9, 0.5, 1)]
    assert spreads[0] < spreads[1] < spreads[2]


def test_a_copy_of_a_hit_comes_last_of_what_is_as_near(space: ks.Space) -> None:
    space.multiset({"a": [1, 0.1, 0], "copy": [1, 0.1, 0], "b": [1, 0, 0.1], "c": [1, 0, -0.1]})
    assert space.nearest_neighbors(4, vector=[1, 0, 0]).keys == ["a", "copy", "b", "c"]
    assert space.nearest_neighbors(4, vector=[1, 0, 0], diversity=0.3).keys == ["a", "b", "c", "copy"]


def test_each_of_many_vectors_is_answered_as_alone(crowded: Any) -> None:
    space, vectors = crowded
    for how in ({"diversity": 0.5, "exact": True}, {"diversity": 0.5, "dims": 4, "rerank": False}):
        many = space.nearest_neighbors(5, vectors=vectors[:4], **how)
        assert [list(hits) for hits in many] == [
            list(space.nearest_neighbors(5, vector=vector, **how)) for vector in vectors[:4]
        ]
    assert space.nearest_neighbors(5, vectors=vectors[:0], diversity=0.5) == []


def test_of_first_components_rows_differ_by_these(hub: ks.Hub) -> None:
    space = hub.create_space("cut", dims=3, metric="l2")
    space.multiset({"a": [0, 1, 0], "b": [0, 2, 9], "c": [2, 0, 0]})
    for query in ([0, 0], [0, 0, 0]):
        hits = space.nearest_neighbors(3, vector=query, dims=2, rerank=False, diversity=1)
        assert hits.keys == ["a", "c", "b"]
        assert hits.distances.tolist() == [1.0, 2.0, 2.0]
    assert space.nearest_neighbors(3, vector=[0, 0, 0], dims=2, diversity=1).keys == ["a", "b", "c"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8"])
def test_what_is_stored_otherwise_is_told_apart_to_the_same_bits(hub: ks.Hub, dtype: str) -> None:
    vectors = np.random.default_rng(1).integers(-9, 9, size=(60, 5)).astype(np.float32)
    keys = [f"k{i}" for i in range(60)]
    answers = []
    for kind in ("float32", dtype):
        space = hub.create_space(kind, dims=5, dtype=kind)
        space.load(keys=keys, vectors=vectors)
        answers.append(list(space.nearest_neighbors(9, key="k0", diversity=0.5)))
    assert answers[0] == answers[1]


def test_of_bits_it_counts_bits(hub: ks.Hub) -> None:
    space = hub.create_space("bits", dims=6, dtype="bit")
    space.multiset({"a": [1, 0, 0, 0, 0, 0], "b": [1, 1, 0, 0, 0, 0], "c": [0, 0, 1, 1, 0, 0]})
    hits = space.nearest_neighbors(3, vector=[0] * 6, diversity=0.6)
    assert list(hits) == [("a", 1.0), ("c", 2.0), ("b", 2.0)]


def test_key_and_examples_and_filters_work_as_without(crowded: Any) -> None:
    space, _ = crowded
    for asked in ({"key": "k3"}, {"positive": ["k3", "k8"], "negative": ["k9"]}):
        hits = space.nearest_neighbors(20, **asked, diversity=0.3, where="key <> 'k7'", candidates=4_999)
        assert len(set(hits.keys)) == 20
        assert not {"k3", "k7"} & set(hits.keys)
    assert len(space.nearest_neighbors(9_999, key="k3", diversity=0.3, where="key IN ('k3', 'k4', 'k5')")) == 2
    assert len(space.nearest_neighbors(0, key="k3", diversity=0.3)) == 0


@pytest.mark.parametrize(
    "share", [-0.1, 1.1, float("nan"), float("inf"), True, "0.3", [0.3], 10**400], ids=lambda share: repr(share)[:9]
)
def test_a_share_outside_0_to_1_is_refused(hub: ks.Hub, space: ks.Space, share: Any) -> None:
    space.set("a", [1, 0, 0])
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="diversity must be a number in 0…1"):
        space.nearest_neighbors(1, vector=[1, 0, 0], diversity=share)


@pytest.mark.parametrize("candidates", [0, -1, True, 1.5, "9"], ids=repr)
def test_candidates_are_counted(space: ks.Space, candidates: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="candidates"):
        space.nearest_neighbors(1, vector=[1, 0, 0], diversity=0.5, candidates=candidates)
    with pytest.raises(ks.InvalidInput, match="candidates"):
        space.nearest_neighbors(1, vector=[1, 0, 0], candidates=5)


def test_of_nothing_there_is_nothing_to_choose() -> None:
    assert diversified(np.empty(0), 5, 0.5, lambda place: np.empty(0)).tolist() == []
