"""nearest_neighbors(positive=, negative=): whom the rows are nearest to, and who is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from kinspace.ranking import average
from oracle import unchanged
from ranks import METRICS, components, distance, filled, in_order, stored


@given(stored, st.data(), st.sampled_from(METRICS), st.integers(0, 16))
def test_the_average_s_neighbours_come_without_the_keys_given(
    rows: list[Any], data: st.DataObject, metric: str, k: int
) -> None:
    with ks.connect(":memory:") as hub:
        space, live = filled(hub, metric, rows)
        one = components if not live else st.one_of(components, st.sampled_from(list(live)))
        positive = data.draw(st.lists(one, min_size=1, max_size=3))
        negative = data.draw(st.lists(one, max_size=3))
        vectors = [
            np.float32([live[x][0] if isinstance(x, str) else x for x in given]).reshape(-1, 3)
            for given in (positive, negative)
        ]
        query, given = average(*vectors, metric), [x for x in (*positive, *negative) if isinstance(x, str)]
        far = {key: distance(metric)(vector, query) for key, (vector, _) in live.items()}
        for where in (None, "n >= 0"):
            allowed = {key: row for key, row in live.items() if where is None or (row[1] is not None and row[1] >= 0)}
            hits = space.nearest_neighbors(k, positive=positive, negative=negative, where=where)
            wanted = in_order(allowed, far.__getitem__, given)[:k]
            assert list(hits) == [(key, far[key]) for key in wanted]
            assert hits.exact


def test_one_positive_alone_is_asked_for_as_by_key_or_by_vector(hub: ks.Hub) -> None:
    space = hub.create_space("one", dims=8)
    vectors = np.random.default_rng(2).normal(size=(50, 8)).astype(np.float32)
    space.load(keys=[f"k{i}" for i in range(50)], vectors=vectors)
    for settings in ({}, {"dims": 4}, {"dims": 4, "rerank": False}, {"exact": True}):
        assert list(space.nearest_neighbors(5, positive=["k3"], **settings)) == list(
            space.nearest_neighbors(5, key="k3", **settings)
        )
        assert list(space.nearest_neighbors(5, positive=[vectors[3]], **settings)) == list(
            space.nearest_neighbors(5, vector=vectors[3], **settings)
        )


def test_many_keys_are_left_out_and_k_others_still_come(hub: ks.Hub) -> None:
    space = hub.create_space("many", dims=4)
    vectors = np.random.default_rng(3).normal(size=(5_000, 4)).astype(np.float32)
    keys = [f"k{i}" for i in range(5_000)]
    space.load(keys=keys, vectors=vectors)
    space.flush()
    space.index()
    hits = space.nearest_neighbors(50, positive=keys[:4_960])
    assert sorted(hits.keys) == sorted(keys[4_960:])
    assert len(space.nearest_neighbors(50, positive=keys)) == 0
    assert len(space.nearest_neighbors(50, positive=keys[:2_000], negative=keys[2_000:4_000])) == 50


def test_examples_of_the_first_components_are_compared_by_them(hub: ks.Hub) -> None:
    space = hub.create_space("cut", dims=4, metric="l2")
    space.multiset({"a": [1, 1, 9, 9], "b": [2, 2, 0, 0], "c": [9, 9, 0, 0]})
    hits = space.nearest_neighbors(2, positive=["a", [1, 1]], dims=2)
    assert list(hits) == [("b", 2**0.5), ("c", 128**0.5)]
    hits = space.nearest_neighbors(2, positive=["a", [1, 1, 9, 9]], dims=2, rerank=False)
    assert list(hits) == [("b", 2**0.5), ("c", 128**0.5)]
    with pytest.raises(ks.InvalidInput, match="rerank"):
        space.nearest_neighbors(2, positive=["a", [1, 1]], dims=2, rerank=True)


def test_int_keys_of_any_kind_are_keys(hub: ks.Hub) -> None:
    space = hub.create_space("ints", dims=2, key_type="int")
    space.multiset({1: [1, 0], 2: [1, 0.1], 3: [0, 1]})
    assert space.nearest_neighbors(3, positive=[1, np.int64(3)]).keys == [2]
    assert space.nearest_neighbors(3, positive=np.array([1, 3])).keys == [2]
    assert space.nearest_neighbors(3, positive=np.array([[1.0, 0.0]])).keys == [1, 2, 3]


def test_a_key_that_is_not_there_is_named(hub: ks.Hub, space: ks.Space) -> None:
    space.set("a", [1, 0, 0])
    for examples in ({"positive": ["a", "gone"]}, {"positive": ["a"], "negative": ["gone"]}, {"negative": ["gone"]}):
        with unchanged(hub), pytest.raises(ks.KeyNotFound, match="'gone'"):
            space.nearest_neighbors(1, **examples)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"positive": "a"}, "put it in a list"),
        ({"positive": b"a"}, "put it in a list"),
        ({"positive": 1}, "put it in a list"),
        ({"positive": [1.0, 0.0, 0.0]}, "put the vector in a list"),
        ({"positive": [], "negative": []}, "empty"),
        ({"positive": []}, "empty"),
        ({"positive": [1]}, "keys are str"),
        ({"positive": [True]}, "keys are str"),
        ({"positive": [None]}, "positive examples"),
        ({"positive": [[1, 0]]}, "3 dims"),
        ({"positive": ["a"], "negative": [[1, 0, float("nan")]]}, "negative examples.*nan"),
        ({"positive": ["a"], "strategy": "worst"}, "'average', 'best'"),
        ({"negative": ["a"], "strategy": "average"}, "positive"),
        ({"vector": [1, 0, 0], "strategy": "best"}, "positive and negative"),
        ({"positive": ["a"], "vector": [1, 0, 0]}, "exactly one"),
        ({"positive": ["a"], "key": "a"}, "exactly one"),
        ({"negative": ["a"], "vectors": [[1, 0, 0]]}, "exactly one"),
    ],
    ids=repr,
)
def test_examples_that_are_none_are_refused(space: ks.Space, asked: dict[str, Any], reason: str) -> None:
    space.set("a", [1, 0, 0])
    with pytest.raises(ks.InvalidInput, match=reason):
        space.nearest_neighbors(1, **asked)
    vector = asked.get("vector")
    assert vector is None or space.nearest_neighbors(1, vector=vector).keys == ["a"]
