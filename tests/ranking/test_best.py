"""strategy="best": first what is nearer to something positive than to anything negative, then the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from ranks import METRICS, components, distance, filled, in_order, stored


def by_loops(live: dict, positive: list, negative: list, k: int, metric: str) -> list[tuple[str, float]]:
    between = distance(metric)
    given = [x for x in (*positive, *negative) if isinstance(x, str)]

    def near(key: str, examples: list) -> float:
        others = [np.float32(live[x][0] if isinstance(x, str) else x) for x in examples]
        return min((between(live[key][0], other) for other in others), default=np.inf)

    def rank(key: str) -> tuple[bool, float]:
        liked, unliked = near(key, positive), near(key, negative)
        return (False, liked) if liked < unliked else (True, -unliked)

    return [(key, near(key, positive or negative)) for key in in_order(live, rank, given)[:k]]


@given(stored, st.data(), st.sampled_from(METRICS), st.integers(0, 16))
def test_it_is_the_order_that_loops_find(rows: list[Any], data: st.DataObject, metric: str, k: int) -> None:
    with ks.connect(":memory:") as hub:
        space, live = filled(hub, metric, rows)
        one = components if not live else st.one_of(components, st.sampled_from(list(live)))
        positive = data.draw(st.lists(one, max_size=3))
        negative = data.draw(st.lists(one, min_size=0 if positive else 1, max_size=3))
        hits = space.nearest_neighbors(k, positive=positive, negative=negative, strategy="best")
        assert list(hits) == by_loops(live, positive, negative, k, metric)
        assert hits.exact


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("metric", METRICS)
def test_more_rows_are_looked_at_while_the_near_ones_are_unliked(hub: ks.Hub, metric: str, exact: bool) -> None:
    rng = np.random.default_rng(5)
    around = np.array([1.0, 0.2, 0.0], np.float32)
    vectors = np.concatenate([around + 0.01 * rng.normal(size=(900, 3)), rng.normal(size=(300, 3))]).astype(np.float32)
    space = hub.create_space("unliked", dims=3, metric=metric)
    space.load(keys=[f"k{i}" for i in range(1_200)], vectors=vectors)
    live = {f"k{i}": (vector, None) for i, vector in enumerate(vectors)}
    positive, negative = [np.float32([1, 0, 0]), np.float32([0, 1, 0])], [around, np.float32([0, 0, 1])]
    for k in (1, 10, 700):
        hits = space.nearest_neighbors(k, positive=positive, negative=negative, strategy="best", exact=exact)
        assert list(hits) == by_loops(live, positive, negative, k, metric)


def test_by_index_what_is_found_has_its_true_distance_and_k_come(hub: ks.Hub) -> None:
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(5_000, 8)).astype(np.float32)
    space = hub.create_space("indexed", dims=8)
    space.load(keys=[f"k{i}" for i in range(5_000)], vectors=vectors)
    space.flush()
    space.index()
    asked = {"positive": ["k1", "k2"], "negative": ["k3"], "strategy": "best"}
    hits, proven = space.nearest_neighbors(20, **asked), space.nearest_neighbors(20, **asked, exact=True)
    assert proven.exact
    assert len(hits) == len(proven) == 20
    assert len(set(hits.keys) & set(proven.keys)) >= 15
    for key, far in hits:
        assert far == min(ks.cos_dist(space.get(key), vectors[i]) for i in (1, 2))
    half = space.nearest_neighbors(20, **asked, dims=4, rerank=False, exact=True)
    assert half.exact
    for key, far in half:
        assert far == min(ks.cos_dist(space.get(key)[:4], vectors[i][:4]) for i in (1, 2))


@pytest.mark.parametrize("metric", ["hamming", "jaccard"])
def test_of_bits_it_is_what_is_meant(hub: ks.Hub, metric: str) -> None:
    space = hub.create_space("bits", dims=4, dtype="bit", metric=metric)
    space.multiset({"a": [1, 1, 0, 0], "b": [1, 1, 1, 0], "c": [0, 0, 1, 1], "d": [1, 0, 0, 0]})
    asked = {"positive": ["a"], "negative": ["c"]}
    hits = space.nearest_neighbors(5, **asked)
    assert hits.keys == ["b", "d"]
    assert list(hits) == list(space.nearest_neighbors(5, **asked, strategy="best"))
    assert space.nearest_neighbors(5, negative=["c"]).keys[0] in ("a", "d")
    with pytest.raises(ks.InvalidInput, match="no average"):
        space.nearest_neighbors(5, **asked, strategy="average")


def test_it_does_not_go_with_what_needs_one_distance(space: ks.Space) -> None:
    space.set("a", [1, 0, 0], n=1)
    for other in ({"diversity": 0.5}, {"boost": "n"}):
        for asked in ({"positive": ["a"], "strategy": "best"}, {"negative": ["a"]}):
            with pytest.raises(ks.InvalidInput, match="average"):
                space.nearest_neighbors(1, **asked, **other)
