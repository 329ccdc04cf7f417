"""diff() says which rows differ between two states, compare() how the answers do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks


def test_a_diff_names_what_came_went_and_changed(space: ks.Space) -> None:
    space.multiset([(key, [number + 1, 0, 0], {"n": number}) for number, key in enumerate("abcd")])
    space.snapshot("monday")
    space.delete("a")
    space.set("b", [0, 5, 0], n=1)
    space.update("c", n=7, t="x")
    space.set("d", [4, 0, 0], n=3)  # the same again
    space.set("e", [1, 1, 1])
    for _ in range(2):
        found = space.diff("monday")
        assert found.added["key"].to_list() == ["e"]
        assert found.removed["key"].to_list() == ["a"]
        assert found.changed.rows() == [("b", 1.0, []), ("c", 0.0, ["n", "t"])]
        assert repr(found) == "<Diff: 1 added, 1 removed, 2 changed>"
        space.compact()
    back = space.diff(space, "monday")
    assert back.added["key"].to_list() == ["a"]
    assert back.removed["key"].to_list() == ["e"]


def test_a_diff_of_equal_states_is_false(space: ks.Space) -> None:
    space.set("a", [1, 2, 3], when=[1, 2], x=float("nan"))
    space.snapshot("monday")
    space.set("a", [1, 2, 3], when=[1, 2], x=float("nan"))
    assert not space.diff("monday")
    assert not space.diff("monday", "monday")


@pytest.mark.parametrize("metric", ["cosine", "l2", "ip"])
def test_the_distance_moved_is_the_spaces_own(hub: ks.Hub, metric: str) -> None:
    space = hub.create_space("m", dims=2, metric=metric)
    space.set("a", [3, 1])
    space.snapshot("before")
    space.set("a", [1, 2])
    oracle = {"cosine": 1 - 5 / np.sqrt(50), "l2": np.sqrt(5), "ip": -5.0}[metric]
    assert space.diff("before").changed["distance"][0] == pytest.approx(oracle, rel=1e-12)


def test_a_fork_is_told_from_its_space_without_looking_at_what_they_share(hub: ks.Hub, space: ks.Space) -> None:
    space.load(keys=[f"k{i}" for i in range(5_000)], vectors=np.ones((5_000, 3)))
    fork = space.fork("fork")
    fork.set("k7", [1, 2, 3])
    space.set("k8", [3, 2, 1])
    found = fork.diff(space)
    assert sorted(found.changed["key"]) == ["k7", "k8"]
    assert (found.added.height, found.removed.height) == (0, 0)


def test_spaces_of_other_dims_differ_in_every_vector(hub: ks.Hub, space: ks.Space) -> None:
    other = hub.create_space("other", dims=2)
    space.set("a", [1, 2, 3])
    other.set("a", [1, 2])
    assert space.diff(other).changed.rows() == [("a", None, [])]
    ints = hub.create_space("ints", dims=3, key_type="int")
    with pytest.raises(ks.InvalidInput, match="int"):
        space.diff(ints)


rows = st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 2), st.none() | st.integers(0, 1)))


@given(before=rows, after=rows)
def test_any_diff_is_that_of_two_dicts(before: Any, after: Any) -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=2)
        space.multiset([(key, [value, 1], {"n": n}) for key, (value, n) in before.items()])
        space.snapshot("before")
        space.multidelete(list(before.keys() - after.keys()))
        space.multiset([(key, [value, 1], {"n": n}) for key, (value, n) in after.items()])
        found = space.diff("before")
    assert found.added["key"].to_list() == [key for key in after if key not in before]
    assert found.removed["key"].to_list() == [key for key in before if key not in after]
    changed = {key: names for key, _, names in found.changed.rows()}
    expected = {
        key: ["n"] * (before[key][1] != after[key][1]) for key in after if key in before and before[key] != after[key]
    }
    assert changed == expected


def test_compare_says_which_hits_came_went_and_moved(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "b": [1, 0.1, 0], "c": [1, 0.2, 0], "d": [1, 0.3, 0]})
    space.snapshot("before")
    space.set("b", [0, 1, 0])
    space.set("c", [1, 0.01, 0])
    found = space.compare("before", queries=[[1, 0, 0], [0, 0, 1]], k=3)
    assert found.k == 3
    first = found.queries.row(0, named=True)
    assert first == {"query": 0, "overlap": 2 / 3, "moved": 0.5, "entered": ["d"], "left": ["b"]}
    hit = {row["key"]: row for row in found.hits.rows(named=True) if row["query"] == 0}
    assert (hit["c"]["rank_before"], hit["c"]["rank_after"]) == (3, 2)
    assert (hit["b"]["rank_before"], hit["b"]["rank_after"]) == (2, None)
    assert found.overlap == found.queries["overlap"].mean()
    assert 0 <= found.unchanged < 1


def test_equal_states_compare_as_equal(space: ks.Space) -> None:
    space.multiset({f"k{i}": [i, 1, 0] for i in range(20)})
    space.snapshot("one")
    found = space.compare("one", queries=np.eye(3), k=5)
    assert (found.overlap, found.unchanged) == (1.0, 1.0)
    assert found.queries["moved"].to_list() == [0.0, 0.0, 0.0]


def test_spaces_of_other_models_compare_by_key_or_text(hub: ks.Hub) -> None:
    texts = ["a red fox", "a brown fox", "the blue sea", "a deep sea", "stars at night"]
    spaces = [hub.create_space(f"d{dims}", embedder=ks.embed.Hashing(dims)) for dims in (64, 256)]
    for space in spaces:
        space.add_texts(list("abcde"), texts)
    by_text = spaces[0].compare(spaces[0], spaces[1], ["red fox", "sea"], 2)
    assert by_text.queries["query"].to_list() == [0, 1]
    by_key = spaces[0].compare(spaces[0], spaces[1], keys=["a", "c"], k=2)
    assert by_key.queries["query"].to_list() == ["a", "c"]
    assert "a" not in by_key.hits.filter(query="a")["key"].to_list()


@pytest.mark.parametrize(
    "asked", [{}, {"queries": [[1, 0, 0]], "keys": ["a"]}, {"queries": []}, {"queries": ["words"]}]
)
def test_questions_are_given_once(space: ks.Space, asked: dict[str, Any]) -> None:
    space.set("a", [1, 0, 0])
    space.snapshot("one")
    with pytest.raises(ks.InvalidInput):
        space.compare("one", **asked)
