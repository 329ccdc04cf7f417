"""set, get and row: what goes in comes out, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from oracle import state

TINY, HUGE = np.float32(1e-45), np.finfo(np.float32).max


@pytest.mark.parametrize("flushed", [False, True])
def test_a_vector_comes_back_to_the_bit(hub: ks.Hub, flushed: bool) -> None:
    space = hub.create_space("bits", dims=6)
    vector = np.array([-0.0, 0.0, TINY, -HUGE, 1 / 3, np.finfo(np.float32).tiny], np.float32)
    space.set("a", vector)
    if flushed:
        space.flush()
    found = space.get("a")
    assert found.dtype == np.float32
    assert found.shape == (6,)
    assert found.tobytes() == vector.tobytes()


@settings(max_examples=15)
@given(vector=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_any_finite_vector_comes_back_to_the_bit(vector: list[float]) -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("bits", dims=4)
        space.set("a", vector)
        before = space.get("a")
        space.flush()
        assert before.tobytes() == np.array(vector, np.float32).tobytes() == space.get("a").tobytes()


@pytest.mark.parametrize(
    "vector",
    [
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        [np.float32(1), np.int8(2), 3],
        np.array([1, 2, 3], np.int8),
        np.array([1, 2, 3], np.uint64),
        np.array([1, 2, 3], np.float16),
        np.array([1, 2, 3], ">f4"),
        np.array([1, 2, 3], ">f8"),
        np.array([1, 9, 2, 9, 3, 9], np.float32)[::2],
        np.array([3, 2, 1], np.float64)[::-1],
    ],
    ids=["list", "tuple", "scalars", "int8", "uint64", "float16", "big32", "big64", "strided", "reversed"],
)
def test_real_numbers_of_any_kind_are_a_vector(space: ks.Space, vector: Any) -> None:
    space.set("a", vector)
    assert space.get("a").tolist() == [1, 2, 3]


def test_a_polars_series_is_a_vector(space: ks.Space) -> None:
    pl = pytest.importorskip("polars")
    space.set("a", pl.Series([1.0, 2.0, 3.0]))
    assert space.get("a").tolist() == [1, 2, 3]


def test_the_caller_s_array_is_neither_written_to_nor_aliased(space: ks.Space) -> None:
    vector = np.array([1, 2, 3], np.float32)
    space.set("a", vector)
    space["b"] = vector
    space.multiset({"c": vector})
    space.load(keys=["d"], vectors=vector.reshape(1, 3))
    vector[:] = 7
    assert all(space.get(key).tolist() == [1, 2, 3] for key in "abcd")
    assert vector.tolist() == [7, 7, 7]


@pytest.mark.parametrize("flushed", [False, True])
def test_what_is_returned_is_the_caller_s_own_copy(space: ks.Space, flushed: bool) -> None:
    space.multiset({"a": [1, 2, 3], "b": [4, 5, 6]})
    if flushed:
        space.flush()
    space.get("a")[:] = 9
    space["a"][:] = 9
    for vector in space.multiget(["a", "b"]):
        vector[:] = 9
    hits = space.nearest_neighbors(2, vector=[1, 0, 0])
    hits.distances[:] = 9
    assert space.get("a").tolist() == [1, 2, 3]
    assert space.get("b").tolist() == [4, 5, 6]


def test_a_read_only_array_can_be_set(space: ks.Space) -> None:
    vector = np.array([1, 2, 3], np.float32)
    vector.flags.writeable = False
    space.set("a", vector)
    assert space.get("a").tolist() == [1, 2, 3]


def test_setting_a_key_again_replaces_its_row_whole_and_moves_it_to_the_end(space: ks.Space) -> None:
    space.set("a", [1, 0, 0], title="first", score=1)
    space.set("b", [0, 1, 0])
    space.set("a", [0, 0, 1], score=2)
    assert list(space.keys()) == ["b", "a"]
    assert len(space) == 2
    assert space.get("a").tolist() == [0, 0, 1]
    assert space.row("a") == {"title": None, "score": 2}


def test_a_space_reads_as_a_mapping_does(space: ks.Space) -> None:
    space["a"] = [1, 2, 3]
    space["b"] = [4, 5, 6]
    assert space["a"].tolist() == [1, 2, 3]
    assert "a" in space
    assert "z" not in space
    assert len(space) == 2
    assert list(space) == list(space.keys()) == ["a", "b"]
    assert "a" in space.keys()  # noqa: SIM118  # the view of keys is what is tested
    assert space.keys() - {"a"} == {"b"}
    del space["a"]
    assert list(space) == ["b"]


def test_a_missing_key_is_key_not_found_and_is_named(space: ks.Space) -> None:
    space.set("there", [1, 2, 3])
    for ask in (
        lambda: space.get("absent"),
        lambda: space.row("absent"),
        lambda: space["absent"],
        lambda: space.__delitem__("absent"),
        lambda: space.update("absent", title="x"),
        lambda: space.nearest_neighbors(1, key="absent"),
        lambda: list(space.multiget(["there", "absent"])),
    ):
        with pytest.raises(ks.KeyNotFound, match="'absent'") as caught:
            ask()
        assert isinstance(caught.value, KeyError)


def test_an_empty_space_answers_everything(space: ks.Space) -> None:
    assert len(space) == 0
    assert list(space.keys()) == []
    assert list(space.scan()) == []
    assert list(space.multiget([])) == []
    assert list(space.nearest_neighbors(5, vector=[1, 2, 3])) == []
    assert space.columns == {}
    assert space.delete_all() == 0
    space.flush()
    space.compact()
    assert space.check().ok


def test_a_row_without_columns_is_empty(space: ks.Space) -> None:
    space.set("a", [1, 2, 3])
    assert space.row("a") == {}


def test_multiget_keeps_the_order_asked_and_repeats(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "b": [0, 1, 0]})
    space.flush()
    space.set("c", [0, 0, 1])
    found = [vector.tolist() for vector in space.multiget(key for key in "cabba")]
    assert found == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_multiget_streams_and_names_the_missing_key_when_its_turn_comes(hub: ks.Hub) -> None:
    space = hub.create_space("long", dims=1)
    space.load(keys=[str(i) for i in range(10_000)], vectors=np.arange(10_000.0).reshape(-1, 1))
    vectors = space.multiget([*map(str, range(9_999)), "absent"])
    assert next(vectors).tolist() == [0]
    with pytest.raises(ks.KeyNotFound, match="'absent'"):
        list(vectors)


def test_a_str_is_not_many_keys(space: ks.Space) -> None:
    space.multiset({"a": [1, 2, 3], "b": [1, 2, 3]})
    with pytest.raises(ks.InvalidInput, match="list"):
        space.multiget("ab")
    with pytest.raises(ks.InvalidInput, match="list"):
        space.multidelete("ab")
    assert len(space) == 2


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=2, metric="l2")
        space.multiset([(f"k{i}", [i, 1], {"n": i, "title": f"t{i}"}) for i in range(20)])
        space.flush()
        space.set("k3", [9, 9], n=None)
        space.delete("k4")
        space.set("late", [0, 0], other=True)
        before = state(space)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.get_space("docs")
        assert state(space) == before
        assert (space.dims, space.metric, space.key_type, space.name) == (2, "l2", "str", "docs")


def test_the_version_counts_commits(space: ks.Space) -> None:
    seen = [space.version]
    space.set("a", [1, 2, 3])
    seen.append(space.version)
    space.multiset({"b": [1, 2, 3], "c": [1, 2, 3]})
    seen.append(space.version)
    space.delete("a")
    seen.append(space.version)
    assert seen == sorted(set(seen))
    space.delete("a")
    space.get("b")
    assert space.version == seen[-1]
