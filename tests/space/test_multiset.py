"""multiset: a mapping or a list all or nothing, a generator batch by batch; the last of equal keys wins."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from oracle import shown, state, unchanged

NAN = float("nan")


def rows(count: int) -> Iterator[tuple[str, list[float]]]:
    for i in range(count):
        yield f"k{i}", [float(i), 1.0, 2.0]


@pytest.mark.parametrize("kind", [dict, OrderedDict, lambda r: MappingProxyType(dict(r)), list, tuple, iter], ids=shown)
def test_rows_come_as_a_mapping_a_sequence_or_an_iterator(space: ks.Space, kind: Any) -> None:
    assert space.multiset(kind(list(rows(10)))) == 10
    assert list(space.keys()) == [f"k{i}" for i in range(10)]
    assert space.get("k7").tolist() == [7, 1, 2]


def test_a_mapping_s_values_may_be_a_vector_and_columns(space: ks.Space) -> None:
    space.multiset({"a": ([1, 2, 3], {"n": 1}), "b": [4, 5, 6], "c": (np.ones(3), None)})
    assert [space.row(key) for key in "abc"] == [{"n": 1}, {"n": None}, {"n": None}]
    assert space.get("c").tolist() == [1, 1, 1]


def test_a_tuple_is_a_vector_too(hub: ks.Hub) -> None:
    for dims in (1, 2, 3):
        space = hub.create_space(f"dims {dims}", dims=dims)
        vector = tuple(float(i) for i in range(dims))
        space.multiset({"a": vector})
        space.multiset([("b", vector)])
        assert space.get("a").tolist() == space.get("b").tolist() == list(vector)


def test_nothing_is_nothing(space: ks.Space, hub: ks.Hub) -> None:
    with unchanged(hub):
        for empty in ({}, [], (), iter(()), (row for row in ())):
            assert space.multiset(empty) == 0


def test_the_last_of_equal_keys_wins_and_stands_last(space: ks.Space) -> None:
    space.multiset([("a", [1, 0, 0], {"n": 1}), ("b", [0, 1, 0], {"n": 2}), ("a", [0, 0, 1], {"t": "x"})])
    assert list(space.keys()) == ["b", "a"]
    assert space.get("a").tolist() == [0, 0, 1]
    assert space.row("a") == {"n": None, "t": "x"}


def test_equal_keys_are_counted_each_time(space: ks.Space) -> None:
    assert space.multiset([("a", [1, 0, 0])] * 3) == 3
    assert len(space) == 1


def test_equal_keys_in_different_batches_end_as_the_last(space: ks.Space) -> None:
    stream = ((f"k{i % 7}", [float(i), 0.0, 1.0], {"n": i}) for i in range(30))
    assert space.multiset(stream, batch_size=4) == 30
    assert list(space.keys()) == [f"k{i % 7}" for i in range(23, 30)]
    assert [space.row(key)["n"] for key in space.keys()] == list(range(23, 30))  # noqa: SIM118


def test_a_bad_row_first_middle_or_last_undoes_a_list(space: ks.Space, hub: ks.Hub) -> None:
    space.multiset({"k1": [1, 1, 1]})
    for place in (0, 5, 9):
        given: list[Any] = list(rows(10))
        given[place] = ("bad-key", [NAN, 0, 0])
        with unchanged(hub), pytest.raises(ks.InvalidInput, match="'bad-key'") as caught:
            space.multiset(given)
        assert caught.value.stored is None


@pytest.mark.parametrize(
    "row",
    [
        "ab",
        b"ab",
        7,
        None,
        ("a",),
        (),
        ("a", [1, 2, 3], {"n": 1}, 4),
        ("a", [1, 2, 3], "n"),
        ("a", [1, 2, 3], 7),
        ("a", [1, 2, 3], [("n", 1)]),
        {"a": [1, 2, 3]},
    ],
    ids=shown,
)
def test_what_is_no_row_is_refused(space: ks.Space, hub: ks.Hub, row: Any) -> None:
    with unchanged(hub):
        with pytest.raises(ks.InvalidInput):
            space.multiset([("good", [1, 2, 3]), row])
        with pytest.raises(ks.InvalidInput):
            space.multiset([row])


@pytest.mark.parametrize(
    "source", [None, 7, 1.5, "abc", b"abc", True, object(), {1, 2}, {"a": 7}, {"a": None}], ids=shown
)
def test_what_holds_no_rows_is_refused(space: ks.Space, hub: ks.Hub, source: Any) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        space.multiset(source)


def test_a_stream_keeps_the_batches_before_the_error_and_says_how_many(space: ks.Space) -> None:
    def stream() -> Iterator[Any]:
        yield from rows(10)
        yield "bad-key", [NAN, 0, 0]
        yield "never", [1, 1, 1]

    with pytest.raises(ks.InvalidInput, match=r"'bad-key'.*\b8\b") as caught:
        space.multiset(stream(), batch_size=4)
    assert caught.value.stored == 8
    assert list(space.keys()) == [f"k{i}" for i in range(8)]


def test_a_batch_of_a_stream_is_atomic(space: ks.Space, hub: ks.Hub) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput) as caught:
        space.multiset(iter([*rows(3), ("bad", [NAN, 0, 0]), ("z", [1, 1, 1])]), batch_size=5)
    assert caught.value.stored == 0


def test_stored_counts_rows_of_the_stream_not_keys(space: ks.Space) -> None:
    stream = iter([("a", [1, 1, 1])] * 6 + [("bad", [NAN, 0, 0])])
    with pytest.raises(ks.InvalidInput) as caught:
        space.multiset(stream, batch_size=3)
    assert caught.value.stored == 6
    assert list(space.keys()) == ["a"]


@pytest.mark.parametrize("before", [0, 4, 5])
def test_the_generator_s_own_error_comes_through_with_what_was_stored(space: ks.Space, before: int) -> None:
    def stream() -> Iterator[Any]:
        yield from rows(before)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke") as caught:
        space.multiset(stream(), batch_size=4)
    assert caught.value.stored == before // 4 * 4  # type: ignore[attr-defined]
    assert len(space) == before // 4 * 4


def test_a_wrong_type_late_in_a_stream_keeps_what_came_before(space: ks.Space) -> None:
    stream = ((f"k{i}", [1, 2, 3], {"n": i if i < 6 else "six"}) for i in range(10))
    with pytest.raises(ks.InvalidInput, match="'k6'.*'n'") as caught:
        space.multiset(stream, batch_size=3)
    assert caught.value.stored == 6
    assert len(space) == 6


def test_a_generator_may_read_and_write_the_space_it_feeds(space: ks.Space) -> None:
    space.multiset(dict(rows(5)))

    def doubled() -> Iterator[Any]:
        for key in space.keys():  # noqa: SIM118
            space.set(f"{key} seen", [1, 1, 1])
            yield f"{key} again", space.get(key)

    assert space.multiset(doubled(), batch_size=2) == 5
    assert len(space) == 15


def test_a_stream_is_read_a_batch_at_a_time(space: ks.Space) -> None:
    seen = []

    def stream() -> Iterator[Any]:
        for i, row in enumerate(rows(20)):
            seen.append((i, len(space)))
            yield row

    space.multiset(stream(), batch_size=5)
    assert all(there >= i - 5 for i, there in seen), "no more than a batch is held back"


@pytest.mark.parametrize("size", [0, -1, 1.5, "4", True])
def test_a_batch_size_is_a_whole_number_of_at_least_one(space: ks.Space, hub: ks.Hub, size: Any) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        space.multiset(rows(3), batch_size=size)


def test_a_refused_stream_can_go_on(space: ks.Space) -> None:
    given: list[Any] = list(rows(10))
    given[6] = ("k6", [NAN, 0, 0])
    with pytest.raises(ks.InvalidInput) as caught:
        space.multiset(iter(given), batch_size=3)
    assert caught.value.stored is not None
    given[6] = ("k6", [6.0, 1.0, 2.0])
    space.multiset(iter(given[caught.value.stored :]), batch_size=3)
    assert state(space)["keys"] == [f"k{i}" for i in range(10)]


def test_a_multiset_of_many_rows_is_one_commit(space: ks.Space) -> None:
    before = space.version
    space.multiset(dict(rows(5_000)))
    assert space.version == before + 1
    assert len(space) == 5_000
