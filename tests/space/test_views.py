"""A view, once taken, never changes: whatever is written, flushed, compacted or deleted meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks


def fill(space: ks.Space) -> ks.Space:
    """Two segments and a log, some of it dead, with columns."""
    for part in range(3):
        space.multiset([(f"k{part * 10 + i}", [part, i, 1], {"n": part * 10 + i}) for i in range(10)])
        if part < 2:
            space.flush()
    space.multidelete(["k3", "k13", "k23"])
    return space


def write_columns(space: ks.Space) -> None:
    space.set("k0", [9, 9, 9], n=0.5, fresh="text")
    space.set("new", [9, 9, 9], other=[1, 2])
    assert space.row("new") == {"n": None, "fresh": None, "other": [1, 2]}


CHANGES: dict[str, Callable[[ks.Space], Any]] = {
    "set": lambda space: space.set("new", [9, 9, 9], n=99),
    "replace": lambda space: space.multiset([(f"k{i}", [9, 9, 9], {"n": -1}) for i in range(30)]),
    "new columns and widening": write_columns,
    "update": lambda space: [space.update(f"k{i}", n=-i) for i in (0, 12, 24)],
    "many in the log": lambda space: [space.set(f"x{i}", [9, 9, 9]) for i in range(100)],
    "a bulk segment": lambda space: space.load(
        keys=[f"k{i}" for i in range(5_000)], vectors=np.full((5_000, 3), 9.0), columns={"n": [-1] * 5_000}
    ),
    "delete": lambda space: space.multidelete([f"k{i}" for i in range(0, 30, 2)]),
    "delete_all": lambda space: space.delete_all(),
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
    "delete, then compact": lambda space: (space.multidelete([f"k{i}" for i in range(20)]), space.compact()),
    "delete_all, flush, compact": lambda space: (space.delete_all(), space.set("a", [1, 1, 1]), space.compact()),
    "everything": lambda space: [CHANGES[name](space) for name in ("new columns and widening", "delete_all", "set")],
}


def rows(frames: Any) -> list[dict[str, Any]]:
    return [row for frame in frames for row in frame.rows(named=True)]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another hub"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_unfinished_scan_goes_on_as_it_began(hub: ks.Hub, space: ks.Space, change: str, elsewhere: bool) -> None:
    fill(space)
    before = rows(space.scan())
    scans = [space.scan(batch_size) for batch_size in (1, 4, 1_000)]
    begun = [[next(scan)] if i < 2 else [] for i, scan in enumerate(scans)]
    keys = iter(space)
    first = next(keys)
    vectors = space.multiget(key for key in ["k0", "k15"] * 5_000)
    multi = [next(vectors)]
    hits = space.nearest_neighbors(100, vector=[1, 1, 1])
    found = list(hits)
    late = space.nearest_neighbors(100, vector=[1, 1, 1])  # asked for nothing yet
    with ks.connect(hub.path) as other:
        CHANGES[change](other.get_space("docs") if elsewhere else space)
        len(space)
        assert list(space.scan()) is not None
    for done, scan in zip(begun, scans, strict=True):
        assert repr(rows([*done, *scan])) == repr(before)
    assert [first, *keys] == [row["key"] for row in before]
    multi.extend(vectors)
    assert {vector.tobytes() for vector in multi} == {np.array(v, np.float32).tobytes() for v in ([0, 0, 1], [1, 5, 1])}
    assert list(hits) == found
    assert (len(late), late.keys, list(late)) == (len(found), hits.keys, found)
    by_key = {row["key"]: row["n"] for row in before}
    assert hits.rows.to_dict(as_series=False) == {"key": hits.keys, "n": [by_key[key] for key in hits.keys]}


@pytest.mark.parametrize("change", CHANGES)
def test_an_unfinished_scan_does_not_disturb_what_comes_after(space: ks.Space, change: str) -> None:
    """An older view being read on must not spoil a newer one."""
    fill(space)
    scan = space.scan(4)
    next(scan)
    CHANGES[change](space)
    before = rows(space.scan())
    columns = {key: space.row(key) for key in space}
    list(scan)
    assert repr(rows(space.scan())) == repr(before)
    assert repr({key: space.row(key) for key in space}) == repr(columns)


def test_old_and_new_views_read_by_turns_each_see_their_own_columns(space: ks.Space) -> None:
    for i in range(20):
        space.set(f"k{i}", [i, 1, 1], n=i)
    old = space.scan(1)
    next(old)
    space.set("z", [0, 0, 1], n=2.5, fresh="new")
    for i, frame in zip(range(1, 10), old, strict=False):
        assert frame.rows(named=True)[0]["n"] == i
        assert frame.schema["n"] == pl.Int64
        assert "fresh" not in frame.columns
        assert space.row("z") == {"n": 2.5, "fresh": "new"}
        assert space.row("k3") == {"n": 3.0, "fresh": None}


def test_a_scan_s_batches_are_of_the_size_asked_in_insertion_order(space: ks.Space) -> None:
    fill(space)
    space.set("k1", [5, 5, 5])
    frames = list(space.scan(7))
    assert max(frame.height for frame in frames) <= 7
    assert [key for frame in frames for key in frame["key"]] == list(space.keys())
    for frame in frames:
        assert frame.columns == ["key", "n", "vector"]
        assert frame.schema["vector"] == pl.Array(pl.Float32, 3)
    vectors = np.concatenate([frame["vector"].to_numpy() for frame in frames])
    assert vectors.tobytes() == np.array(list(space.multiget(space.keys()))).tobytes()


@pytest.mark.parametrize("size", [0, -1, 1.5, "4", None, True], ids=repr)
def test_a_scan_s_batch_size_is_a_whole_number_of_at_least_one(space: ks.Space, size: Any) -> None:
    with pytest.raises(ks.InvalidInput):
        next(space.scan(size), None)


def test_what_is_written_inside_a_loop_over_the_keys_does_not_join_it(space: ks.Space) -> None:
    space.multiset({f"k{i}": [i, 1, 1] for i in range(10)})
    for key in space:
        space.set(f"{key} again", [1, 1, 1])
        space.delete(key)
    assert list(space) == [f"k{i} again" for i in range(10)]


def test_a_scan_left_unfinished_holds_nothing_up(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    scan = space.scan(1)
    next(scan)
    space.compact()
    space.delete_all()
    del scan
    space.set("a", [1, 2, 3])
    space.compact()
    hub.close()
    with ks.connect(hub.path) as again:
        assert list(again.get_space("docs").keys()) == ["a"]
