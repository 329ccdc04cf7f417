"""A merge takes what one side has changed, three-way by key, and says what both have."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import Phase, given, settings, strategies as st

import kinspace as ks
from thorough import some


def rows(space: ks.Space) -> dict[Any, tuple[list[float], dict[str, Any]]]:
    return {key: (space.get(key).tolist(), {k: v for k, v in space.row(key).items() if v is not None}) for key in space}


@pytest.fixture
def pair(hub: ks.Hub, space: ks.Space) -> tuple[ks.Space, ks.Space]:
    """A space of a…f, and a fork of it."""
    space.multiset([(key, [number, 1, 0], {"n": number}) for number, key in enumerate("abcdef")])
    return space, space.fork("fork")


def test_what_only_the_fork_has_changed_is_taken(hub: ks.Hub, pair: tuple[ks.Space, ks.Space]) -> None:
    space, fork = pair
    fork.set("new", [1, 1, 1], n=9)
    fork.set("a", [7, 7, 7])
    fork.update("b", n=50)
    fork.delete("c")
    space.set("d", [8, 8, 8])
    space.delete("e")
    space.set("mine", [5, 5, 5])
    expected = rows(space)
    expected |= {key: rows(fork)[key] for key in ("new", "a", "b")}
    del expected["c"]
    done = hub.merge("fork", into="docs")
    assert (done.added, done.changed, done.removed, done.conflicts) == (1, 2, 1, [])
    assert rows(space) == expected
    assert "e" in fork


CLASHES = {
    "both set it": (lambda s: s.set("a", [7, 0, 0]), lambda s: s.set("a", [8, 0, 0])),
    "both added it": (lambda s: s.set("z", [7, 0, 0]), lambda s: s.set("z", [8, 0, 0])),
    "columns differ": (lambda s: s.update("a", n=7), lambda s: s.update("a", n=8)),
    "the fork deleted what was changed": (lambda s: s.set("a", [7, 0, 0]), lambda s: s.delete("a")),
    "the fork changed what was deleted": (lambda s: s.delete("a"), lambda s: s.set("a", [8, 0, 0])),
}


@pytest.mark.parametrize(("clash", "tidied"), some(product(CLASHES, ["", "space", "fork"]), 8))
def test_what_both_have_changed_is_a_conflict(
    hub: ks.Hub, pair: tuple[ks.Space, ks.Space], clash: str, tidied: str
) -> None:
    space, fork = pair
    ours, theirs = CLASHES[clash]
    ours(space)
    theirs(fork)
    fork.set("b", [3, 3, 3])
    if tidied:
        hub.get_space("docs" if tidied == "space" else "fork").compact()
    before, key = rows(space), "z" if "added" in clash else "a"
    with pytest.raises(ks.Conflict, match=f"'{key}'") as caught:
        hub.merge("fork", into="docs")
    assert list(caught.value.keys) == [key]
    assert rows(space) == before
    assert hub.merge("fork", into="docs", on_conflict="ours").conflicts == [key]
    assert rows(space) == before | {"b": rows(fork)["b"]}
    hub.merge("fork", into="docs", on_conflict="theirs")
    assert rows(space).get(key) == rows(fork).get(key)


def test_the_same_change_on_both_sides_is_no_conflict(hub: ks.Hub, pair: tuple[ks.Space, ks.Space]) -> None:
    for space in pair:
        space.set("a", [7, 7, 7], n=1)
        space.delete("b")
    done = hub.merge("fork", into="docs")
    assert (done.added, done.changed, done.removed, done.conflicts) == (0, 0, 0, [])


def test_rows_restored_in_the_space_are_its_own_change(hub: ks.Hub, pair: tuple[ks.Space, ks.Space]) -> None:
    space = pair[0]
    space.snapshot("all")
    space.delete("a")
    fork = space.fork("late")
    space.restore("all")
    fork.set("b", [9, 9, 9])
    hub.merge("late", into="docs")
    assert "a" in space
    assert space.get("b").tolist() == [9, 9, 9]


def test_siblings_and_grandchildren_can_be_merged(hub: ks.Hub, pair: tuple[ks.Space, ks.Space]) -> None:
    space, fork = pair
    space.set("late", [1, 0, 0])
    sibling, grandchild = space.fork("sibling"), fork.fork("grandchild")
    sibling.set("s", [1, 1, 0])
    grandchild.set("g", [1, 1, 1])
    hub.merge(sibling, into=fork)
    assert {"s", "late"} <= set(fork)
    hub.merge(grandchild, into=space)
    assert "g" in space
    assert "s" not in space


def test_a_space_can_be_merged_into_its_fork(hub: ks.Hub, pair: tuple[ks.Space, ks.Space]) -> None:
    space, fork = pair
    space.delete("a")
    space.set("b", [5, 5, 5])
    hub.merge("docs", into="fork")
    assert rows(fork) == rows(space)


def test_spaces_without_a_common_past_are_refused(hub: ks.Hub, pair: tuple[ks.Space, ks.Space]) -> None:
    hub.create_space("other", dims=3)
    hub.create_space("short", dims=2)
    for one, into, told in [("other", "docs", "come from"), ("short", "docs", "dims"), ("docs", "docs", "itself")]:
        with pytest.raises(ks.InvalidInput, match=told):
            hub.merge(one, into=into)
    with pytest.raises(ks.InvalidInput, match="on_conflict"):
        hub.merge("fork", into="docs", on_conflict="mine")  # type: ignore[arg-type]
    with pytest.raises(ks.SpaceNotFound, match="nowhere"):
        hub.merge("nowhere", into="docs")


changes = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | st.integers(0, 3)), max_size=8)


@settings(max_examples=15, phases=[Phase.generate])
@given(begin=changes, ours=changes, theirs=changes, tidy=st.booleans())
def test_any_merge_is_that_of_three_dicts(begin: Any, ours: Any, theirs: Any, tidy: bool) -> None:
    def apply(space: ks.Space, model: dict[str, int], changes: Any) -> None:
        for key, value in changes:
            if value is None:
                assert space.delete(key) is (model.pop(key, None) is not None)
            else:
                space.set(key, [value, 1])
                model[key] = value

    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=2)
        base: dict[str, int] = {}
        apply(space, base, begin)
        fork, mine = space.fork("fork"), dict(base)
        apply(space, mine, ours)
        apply(fork, dict(base), theirs)
        if tidy:
            fork.compact()
        hub.merge(fork, into=space, on_conflict="theirs")
        for key, value in dict(theirs).items():  # the last change of each key
            if value is not None:
                mine[key] = value
            elif key in base:
                mine.pop(key, None)
        assert {key: int(space.get(key)[0]) for key in space} == mine


def test_a_row_that_was_deleted_and_brought_back_has_not_changed(hub: ks.Hub, space: ks.Space) -> None:
    space.multiset({f"k{i}": [1, i, 0] for i in range(5)})
    fork = space.fork("fork")
    space.snapshot("monday")
    space.delete_all()
    space.restore("monday")
    fork.set("k1", [9, 9, 9])
    fork.delete("k2")
    assert hub.merge(fork, space).conflicts == []
    assert (list(space), space.get("k1").tolist()) == (["k0", "k3", "k4", "k1"], [9, 9, 9])


@pytest.mark.parametrize("into", ["early", "late"])
def test_a_row_brought_back_between_two_forks_is_taken_and_never_dropped(
    hub: ks.Hub, space: ks.Space, into: str
) -> None:
    space.multiset({f"k{i}": [1, i, 0] for i in range(3)})
    space.snapshot("monday")
    space.delete("k0")
    early = space.fork("early")
    space.restore("monday")
    late = space.fork("late")
    early.set("new", [1, 1, 1])
    hub.merge(*([late, early] if into == "early" else [early, late]))
    assert sorted(hub.get_space(into)) == ["k0", "k1", "k2", "new"]


def test_a_merge_of_many_rows_makes_log_entries_of_bounded_size(
    hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.space.forks.merge._BATCH", 4)
    fork = space.fork("fork")
    fork.multiset([(f"k{i}", [1, i, 0], {"n": i}) for i in range(10)])
    assert hub.merge(fork, space).added == 10
    entries = space._store.with_catalog(lambda connection, _: connection.execute("SELECT keys FROM log").fetchall())
    assert [len(keys.split(",")) for (keys,) in entries] == [4, 4, 2]
    assert [space.row(f"k{i}") for i in range(10)] == [{"n": i} for i in range(10)]
