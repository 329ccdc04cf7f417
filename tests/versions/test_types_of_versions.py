"""Columns whose types differ between states: each state keeps its own, whatever the log and the segments hold."""

from __future__ import annotations

import threading
from typing import Any

import polars as pl
import pytest

import kinspace as ks

BIG = 2**53 + 1  # no float is that


def tidied(space: ks.Space) -> ks.Space:
    space.flush()
    space.compact()
    return space


def test_a_restore_keeps_wider_values_that_a_snapshot_sees_in_the_log(space: ks.Space) -> None:
    space.set("a", [1, 1, 1], n=1)
    space.snapshot("ints")
    space.set("b", [1, 1, 1], n=1.5)
    space.snapshot("floats")
    space.restore("ints")
    tidied(space)
    assert space.columns == {"n": pl.Int64}
    assert space.at("floats").row("b") == {"n": 1.5}


@pytest.mark.parametrize("kept", [True, False])
def test_a_column_may_come_back_with_another_type_after_a_restore(space: ks.Space, kept: bool) -> None:
    space.snapshot("empty")
    space.set("a", [1, 1, 1], m="x")
    if kept:
        space.snapshot("texts")
    space.restore("empty")
    space.set("b", [1, 1, 1], m=1)
    for _ in range(2):
        assert space.row("b") == {"m": 1}
        if kept:
            assert space.at("texts").row("a") == {"m": "x"}
        tidied(space)


def test_a_filter_passes_over_dead_rows_whose_values_have_another_type(space: ks.Space) -> None:
    space.set("a", [1, 1, 1])
    space.snapshot("none")
    space.set("b", [1, 1, 1], m="x")
    space.snapshot("texts")
    space.flush()
    space.restore("none")
    space.set("c", [1, 1, 1], m=1)
    for _ in range(2):
        assert space.nearest_neighbors(9, vector=[1, 1, 1], where="m IS NULL").keys == ["a"]
        assert space.nearest_neighbors(9, vector=[1, 1, 1], where="m = 1").keys == ["c"]
        tidied(space)
    space.restore("texts")
    assert space.nearest_neighbors(9, vector=[1, 1, 1], where="m = 'x'").keys == ["b"]


def widen_by_set(space: ks.Space) -> None:
    space.set("b", [1, 1, 1], n=1.5)


def widen_by_update(space: ks.Space) -> None:
    space.update("b", n=1.5)


def widen_by_load(space: ks.Space) -> None:
    space.load(keys=[f"k{i}" for i in range(4_096)], vectors=[[1, 1, 1]] * 4_096, columns={"n": [1.5] * 4_096})


def widen_by_merge(space: ks.Space) -> None:
    fork = space.fork("fork")
    fork.set("b", [1, 1, 1], n=1.5)
    space._hub.merge(fork, space)


@pytest.mark.parametrize("widen", [widen_by_set, widen_by_update, widen_by_load, widen_by_merge])
def test_a_snapshot_keeps_its_digits_however_a_column_widens(space: ks.Space, widen: Any) -> None:
    space.multiset([("a", [1, 1, 1], {"n": BIG}), ("b", [1, 1, 1], {"n": 1})])
    space.snapshot("ints")
    widen(space)
    tidied(space)
    assert space.columns == {"n": pl.Float64}
    assert space.at("ints").row("a") == {"n": BIG}


def test_a_snapshot_taken_while_a_column_widens_keeps_its_digits(
    space: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.set("a", [1, 1, 1], n=BIG)
    write, taken = space._store.write, []

    def late(doing: str, **how: Any) -> Any:
        if not taken and doing == "storing rows":  # another thread is quicker
            taken.append(True)
            thread = threading.Thread(target=space.snapshot, args=["ints"])
            thread.start()
            thread.join()
        return write(doing, **how)

    monkeypatch.setattr(space._store, "write", late)
    space.set("b", [1, 1, 1], n=1.5)
    tidied(space)
    assert space.at("ints").row("a") == {"n": BIG}


def test_a_state_whose_types_a_restore_has_changed_is_refused(space: ks.Space) -> None:
    space.set("a", [1, 1, 1], n=1)
    space.snapshot("ints")
    space.set("b", [1, 1, 1], n=1.5)
    before = space.seq
    space.restore("ints")
    with pytest.raises(ks.SnapshotNotFound, match=f"seq {before}"):
        space.at(before)
    assert list(space.at(space.seq)) == ["a"]
