"""A snapshot keeps its state, whatever is done to the space; it can be read like the space, and not be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.space.segments.compact import wanted
from oracle import state


def shown(space: ks.Space) -> dict[str, Any]:
    """All that a reader sees, but for the count of commits."""
    return {name: value for name, value in state(space).items() if name != "version"}


def fill(space: ks.Space, seed: int = 0) -> None:
    rows = np.random.default_rng(seed).standard_normal((40, 3)).astype(np.float32)
    space.multiset([(f"k{i}", row, {"n": i, "t": "ab"[i % 2]}) for i, row in enumerate(rows)])


def change_everything(space: ks.Space) -> None:
    space.multidelete([f"k{i}" for i in range(0, 40, 3)])
    space.multiset([(f"k{i}", [i, 1, 1], {"n": -i, "later": True}) for i in range(0, 40, 4)])
    space.update("k1", t="changed")


CHANGES: dict[str, Callable[[ks.Space], object]] = {
    "changed": change_everything,
    "emptied": lambda space: space.delete_all(),
    "flushed": lambda space: (change_everything(space), space.flush()),
    "compacted": lambda space: (change_everything(space), space.compact()),
    "flushed, changed and compacted twice": lambda space: (
        space.flush(),
        change_everything(space),
        space.compact(),
        fill(space, 1),
        space.compact(),
    ),
    "emptied and compacted": lambda space: (space.delete_all(), space.compact(), fill(space, 2), space.compact()),
    "widened": lambda space: (space.set("w", [1, 2, 3], n=0.5), space.compact()),
    "restored": lambda space: (space.snapshot("other"), change_everything(space), space.restore("other")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_snapshot_stays_what_it_was(hub: ks.Hub, space: ks.Space, change: str) -> None:
    fill(space)
    held = space.snapshot("monday")
    before = shown(held)
    assert before == shown(space)
    CHANGES[change](space)
    assert shown(held) == before
    assert shown(space.at("monday")) == before
    with ks.connect(hub.path) as other:
        assert shown(other.get_space("docs").at("monday")) == before
    assert space.check().ok


def test_a_flushed_snapshot_keeps_whole_numbers_that_a_float_would_round(space: ks.Space) -> None:
    large = 2**53 + 1
    space.set("a", [1, 0, 0], n=large)
    space.snapshot("monday")
    space.set("b", [0, 1, 0], n=0.5)
    space.compact()
    space.set("c", [0, 0, 1], n=1.5)
    space.compact()
    assert space.at("monday").row("a") == {"n": large}
    assert space.row("a") == {"n": float(large)}


def test_two_snapshots_see_their_own_states(space: ks.Space) -> None:
    space.set("a", [1, 0, 0], n=1)
    space.snapshot("one")
    space.set("a", [0, 1, 0], n=2)
    space.snapshot("two")
    space.delete("a")
    space.compact()
    assert [space.at(name).row("a")["n"] for name in ("one", "two")] == [1, 2]
    assert "a" not in space


def test_a_snapshot_can_be_searched_and_filtered(space: ks.Space) -> None:
    fill(space)
    where = "n < 10"
    before = space.nearest_neighbors(5, vector=[1, 0, 0], where=where)
    held = space.snapshot("monday")
    space.delete_all()
    space.compact()
    after = held.nearest_neighbors(5, vector=[1, 0, 0], where=where)
    assert (after.keys, after.distances.tolist()) == (before.keys, before.distances.tolist())
    found = space.at("monday").select("key", d="_dist").where(where).nearest([1, 0, 0]).take(5).collect()
    assert found["key"].to_list() == before.keys


WRITES: dict[str, Callable[[ks.Space], object]] = {
    "set": lambda space: space.set("z", [1, 2, 3]),
    "item": lambda space: space.__setitem__("z", [1, 2, 3]),
    "update": lambda space: space.update("k1", n=1),
    "multiset": lambda space: space.multiset({"z": [1, 2, 3]}),
    "load": lambda space: space.load(keys=[f"z{i}" for i in range(5000)], vectors=np.ones((5000, 3))),
    "delete": lambda space: space.delete("k1"),
    "multidelete": lambda space: space.multidelete(["k1"]),
    "delete_where": lambda space: space.delete_where("n = 1"),
    "delete_all": lambda space: space.delete_all(),
    "restore": lambda space: space.restore("monday"),
}
OF_SPACES: dict[str, Callable[[ks.Space], object]] = {
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
    "index": lambda space: space.index(),
    "snapshot": lambda space: space.snapshot("again"),
    "drop_snapshot": lambda space: space.drop_snapshot("monday"),
    "freeze": lambda space: space.freeze(),
}


@pytest.mark.parametrize("call", WRITES | OF_SPACES)
def test_a_snapshot_refuses_every_write(space: ks.Space, call: str) -> None:
    fill(space)
    held = space.snapshot("monday")
    before = shown(space)
    with pytest.raises(ks.Frozen, match="monday"):
        (WRITES | OF_SPACES)[call](held)
    assert shown(space) == before


@pytest.mark.parametrize("call", WRITES)
def test_a_frozen_space_refuses_every_change_of_rows(hub: ks.Hub, space: ks.Space, call: str) -> None:
    fill(space)
    space.snapshot("monday")
    space.freeze()
    before = shown(space)
    with ks.connect(hub.path) as other:
        for one in (space, other.get_space("docs")):
            assert one.frozen
            with pytest.raises(ks.Frozen, match="docs"):
                WRITES[call](one)
    assert shown(space) == before


def test_a_frozen_space_can_be_kept_up_forked_and_deleted(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    space.freeze()
    space.freeze()
    before = shown(space)
    space.compact()
    space.snapshot("after")
    assert shown(space) == before
    fork = space.fork("fork")
    fork.set("z", [1, 2, 3])
    assert not fork.frozen
    hub.delete_space("docs")
    assert hub.list_spaces() == ["fork"]


def test_snapshots_are_listed_oldest_first(space: ks.Space) -> None:
    assert space.snapshots() == []
    space.snapshot("b")
    fill(space)
    space.snapshot("a")
    listed = space.snapshots()
    assert [(one.name, one.rows) for one in listed] == [("b", 0), ("a", 40)]
    assert listed[0].seq < listed[1].seq == space.seq
    assert listed[0].time <= listed[1].time


def test_a_name_is_taken_once_and_free_again_when_dropped(space: ks.Space) -> None:
    space.snapshot("monday")
    with pytest.raises(ks.InvalidInput, match="monday"):
        space.snapshot("monday")
    space.drop_snapshot("monday")
    space.set("a", [1, 2, 3])
    assert len(space.snapshot("monday")) == 1


@pytest.mark.parametrize("name", ["", "a" * 256, "a\nb", 7, None])
def test_a_bad_name_is_refused(space: ks.Space, name: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="name"):
        space.snapshot(name)


def test_an_unknown_snapshot_is_named_with_those_there_are(space: ks.Space) -> None:
    space.snapshot("monday")
    for call in (space.at, space.restore, space.drop_snapshot):
        with pytest.raises(ks.SnapshotNotFound, match=r"'tuesday'.*'monday'"):
            call("tuesday")


def test_dropping_a_snapshot_frees_what_only_it_saw(space: ks.Space) -> None:
    space.multiset([(f"k{i}", np.full(3, i), {"text": "x" * 1_000}) for i in range(500)])
    space.snapshot("monday")
    space.delete_all()
    space.compact()
    held = space.stats()["bytes"]
    space.drop_snapshot("monday")
    space.compact()
    assert space.stats()["bytes"] < held - 500_000
    assert space.stats()["segments"] == 0


def test_rows_only_snapshots_see_are_kept_apart_and_cost_a_search_nothing(space: ks.Space) -> None:
    fill(space)
    space.snapshot("monday")
    space.delete_all()
    fill(space, 1)
    space.compact()
    view = space._store.view()
    assert [part.dead for part in view.parts] == [0, 0]
    assert [part.rows for part in view.buried] == [40]


def test_an_open_snapshot_is_readable_after_it_is_dropped(space: ks.Space) -> None:
    fill(space)
    held = space.snapshot("monday")
    before = shown(held)
    space.delete_all()
    space.drop_snapshot("monday")
    space.compact()
    assert shown(held) == before


def test_reads_of_a_snapshot_end_with_its_hub_and_its_space(tmp_path: Path) -> None:
    hub = ks.connect(tmp_path / "other")
    held = [hub.create_space(name, dims=2).snapshot("now") for name in ("a", "b")]
    hub.delete_space("a")
    with pytest.raises(ks.SpaceNotFound):
        len(held[0])
    hub.close()
    with pytest.raises(ks.Closed):
        len(held[1])


def test_rows_that_came_and_went_are_wasted_if_no_snapshot_saw_them(space: ks.Space) -> None:
    space.multiset({f"k{i}": [1, i, 0] for i in range(100)})
    space.flush()
    space.snapshot("full")
    space.multidelete([f"k{i}" for i in range(90)])
    space.snapshot("few")
    for _ in range(3):
        space.restore("full")
        space.restore("few")
    assert [part.pinned for part in space._store.view().segments] == [90]
    assert not wanted(space._store.view())
    space.drop_snapshot("full")
    assert wanted(space._store.view())


def test_what_delete_all_leaves_that_no_snapshot_sees_is_looked_after(
    space: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.set("a", [1, 1, 1])
    space.snapshot("one")
    called: list[Any] = []
    monkeypatch.setattr(space._background, "look_after", called.append)  # nor does it begin by itself
    space.load(keys=[f"k{i}" for i in range(4_096)], vectors=np.ones((4_096, 3)))
    called.clear()
    space.delete_all()
    assert called == [space._store]
