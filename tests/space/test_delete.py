"""delete, multidelete, delete_all: what goes is gone on every path, and what stays, stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kinspace as ks
from oracle import folders, state, unchanged


@pytest.fixture(params=["log", "segment", "both"])
def kept(space: ks.Space, request: pytest.FixtureRequest) -> ks.Space:
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(6)])
    if request.param != "log":
        space.flush()
    if request.param == "both":
        space.multiset([(f"k{i}", [i, 2, 2], {"n": i}) for i in range(3, 6)])
    return space


def gone(space: ks.Space, key: str) -> None:
    """No door leads to the key any more."""
    assert key not in space
    assert key not in list(space.keys())
    assert key not in space.nearest_neighbors(100, vector=[1, 1, 1]).keys
    assert all(key not in frame["key"] for frame in space.scan())
    for ask in (space.get, space.row, lambda k: list(space.multiget([k])), lambda k: space.nearest_neighbors(1, key=k)):
        with pytest.raises(ks.KeyNotFound):
            ask(key)


def test_delete_says_whether_there_was_a_row(hub: ks.Hub, kept: ks.Space) -> None:
    assert kept.delete("k1") is True
    gone(kept, "k1")
    assert kept.delete("k1") is False
    assert kept.delete("never") is False
    assert [key for key in kept.keys()] == ["k0", "k2", "k3", "k4", "k5"]  # noqa: C416, SIM118
    with ks.connect(hub.path) as again:
        gone(again.get_space("docs"), "k1")


def test_multidelete_says_how_many_it_removed(kept: ks.Space) -> None:
    assert kept.multidelete(["k1", "never", "k4", "k1"]) == 2
    gone(kept, "k1")
    gone(kept, "k4")
    assert kept.multidelete(iter(["k1", "k5"])) == 1
    assert kept.multidelete([]) == 0
    assert len(kept) == 3


def test_multidelete_of_the_keys_of_the_space_itself(kept: ks.Space) -> None:
    assert kept.multidelete(kept.keys()) == 6
    assert list(kept.keys()) == []


def test_a_deletion_that_fails_removes_nothing(hub: ks.Hub, kept: ks.Space) -> None:
    def keys() -> Any:
        yield "k1"
        raise RuntimeError("the source broke")

    with unchanged(hub):
        with pytest.raises(ks.InvalidInput):
            kept.multidelete(["k1", 7])
        with pytest.raises(RuntimeError, match="the source broke"):
            kept.multidelete(keys())
        with pytest.raises(ks.InvalidInput):
            kept.multidelete(None)
        with pytest.raises(ks.InvalidInput):
            kept.multidelete(7)


def test_delete_all_empties_the_space_and_keeps_what_it_is(hub: ks.Hub, kept: ks.Space) -> None:
    assert kept.delete_all() == 6
    assert state(kept)["keys"] == []
    assert kept.delete_all() == 0
    assert (kept.dims, kept.metric) == (3, "cosine")
    kept.set("k1", [1, 2, 3], n=7)
    assert kept.row("k1") == {"n": 7}
    with ks.connect(hub.path) as again:
        assert list(again.get_space("docs").keys()) == ["k1"]


def test_a_deleted_key_can_be_set_again_and_stands_last(kept: ks.Space) -> None:
    kept.delete("k1")
    kept.set("k1", [7, 7, 7])
    assert list(kept.keys())[-1] == "k1"
    assert kept.get("k1").tolist() == [7, 7, 7]
    assert kept.row("k1") == {"n": None}
    kept.flush()
    assert kept.get("k1").tolist() == [7, 7, 7]
    assert len(kept) == 6


def test_deletions_survive_flush_and_compaction(kept: ks.Space) -> None:
    kept.multidelete(["k0", "k4"])
    for move in (kept.flush, kept.compact, kept.flush, kept.compact):
        move()
        gone(kept, "k0")
        gone(kept, "k4")
        assert len(kept) == 4
        assert kept.check().ok


def test_what_all_died_leaves_no_segment_after_compaction(hub: ks.Hub, kept: ks.Space) -> None:
    kept.multidelete([f"k{i}" for i in range(6)])
    kept.compact()
    assert list(kept.keys()) == []
    assert kept.stats()["segments"] == 0
    assert not [folder for folder in folders(hub) if folder.parent.name == "segments"]


def test_delete_all_frees_the_segments(hub: ks.Hub, kept: ks.Space) -> None:
    kept.flush()
    kept.delete_all()
    kept.flush()
    assert not [folder for folder in folders(hub) if folder.parent.name == "segments"]


def test_a_bulk_load_over_deleted_and_logged_keys_wins(space: ks.Space) -> None:
    """Rows that go straight to a segment come after what the log holds."""
    space.set("k1", [9, 9, 9], n=-1)
    space.set("k2", [9, 9, 9], n=-1)
    space.delete("k2")
    keys = [f"k{i}" for i in range(5_000)]
    vectors = np.arange(15_000, dtype=np.float32).reshape(-1, 3)
    space.load(keys=keys, vectors=vectors, columns={"n": list(range(5_000))})
    for _ in range(2):
        assert len(space) == 5_000
        for key, place in (("k1", 1), ("k2", 2), ("k4999", 4_999)):
            assert key in space
            assert space.get(key).tolist() == vectors[place].tolist()
            assert next(space.multiget([key])).tolist() == vectors[place].tolist()
            assert space.row(key) == {"n": place}
        assert list(space.keys()) == keys
        space.flush()
    space.set("k1", [0, 0, 1], n=0)
    assert space.get("k1").tolist() == [0, 0, 1]
    assert space.delete("k1")
    gone(space, "k1")
