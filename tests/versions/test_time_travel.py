"""at(seq) and at(datetime) show the states there were, for as long as their rows are kept; restore brings one back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

import kinspace as ks


def contents(space: ks.Space) -> list[tuple[str, list[float], dict[str, Any]]]:
    return [(key, space.get(key).tolist(), space.row(key)) for key in space]


def test_every_seq_shows_the_state_it_named(space: ks.Space) -> None:
    states = [(space.seq, contents(space))]
    for number in range(12):
        space.set(f"k{number % 5}", [number, 1, 0], n=number)
        states.append((space.seq, contents(space)))
        if number % 4 == 3:
            space.delete(f"k{number % 3}")
            states.append((space.seq, contents(space)))
    for seq, rows in states:
        assert [row[:2] for row in contents(space.at(seq))] == [row[:2] for row in rows]
    assert contents(space.at(np.int64(states[-1][0]))) == states[-1][1]


def test_a_time_shows_the_last_state_committed_by_then(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for hour in range(4):
        moment = int((begin + timedelta(hours=hour)).timestamp() * 1_000_000)
        monkeypatch.setattr("kinspace.space.state.transaction.now", lambda moment=moment: moment)
        space.set(f"k{hour}", [hour, 1, 0])
    assert list(space.at(begin)) == ["k0"]
    assert list(space.at(begin + timedelta(minutes=90))) == ["k0", "k1"]
    assert list(space.at((begin + timedelta(hours=2)).astimezone().replace(tzinfo=None))) == ["k0", "k1", "k2"]
    space.flush()
    assert list(space.at(begin + timedelta(hours=2))) == ["k0", "k1", "k2"]
    assert list(space.at(begin + timedelta(days=2))) == ["k0", "k1", "k2", "k3"]
    with pytest.raises(ks.SnapshotNotFound, match="2025"):
        space.at(begin - timedelta(days=1))


def test_a_flush_keeps_the_last_moment_of_each_second(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        moment = 1_700_000_000_000_000 + number * 100_000
        monkeypatch.setattr("kinspace.space.state.transaction.now", lambda moment=moment: moment)
        space.set(f"k{number}", [number, 1, 0])
    space.flush()
    assert space._store.view().state.tallies["moment"].rows == 3
    assert len(space.at(datetime.fromtimestamp(1_700_000_001.95, UTC))) == 20
    assert space.check().ok


def test_a_flush_looks_at_the_latest_moments_only(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.storage.catalog.history._LATEST", 5)
    monkeypatch.setattr("kinspace.space.state.transaction.now", lambda: 1_700_000_000_000_000)
    for number in range(20):
        space.set(f"k{number}", [number, 1, 0])
    space.flush()
    assert space._store.view().state.tallies["moment"].rows == 15 + 1
    assert len(space.at(datetime.fromtimestamp(1_700_000_001, UTC))) == 20
    assert space.check().ok


def test_states_whose_rows_were_freed_are_refused_and_snapshots_are_not(space: ks.Space) -> None:
    space.set("a", [1, 0, 0])
    space.snapshot("monday")
    space.set("a", [0, 1, 0])
    between = space.seq
    space.set("a", [0, 0, 1])
    space.compact()
    with pytest.raises(ks.SnapshotNotFound, match=r"freed.*'monday'"):
        space.at(between)
    assert space.at("monday").get("a").tolist() == [1, 0, 0]
    assert space.at(space.snapshots()[0].seq).get("a").tolist() == [1, 0, 0]
    assert space.at(space.seq).get("a").tolist() == [0, 0, 1]


def test_states_before_everything_was_deleted_are_refused(space: ks.Space) -> None:
    space.set("a", [1, 0, 0])
    before = space.seq
    space.delete_all()
    with pytest.raises(ks.SnapshotNotFound):
        space.at(before)
    assert len(space.at(space.seq)) == 0


@pytest.mark.parametrize("when", [None, True, 1.5, b"monday", ["monday"]])
def test_what_names_no_state_is_refused(space: ks.Space, when: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="snapshot's name"):
        space.at(when)


@pytest.mark.parametrize("seq", [-1, 1_000])
def test_a_seq_there_never_was_is_refused(space: ks.Space, seq: int) -> None:
    with pytest.raises(ks.SnapshotNotFound, match="0 to 0"):
        space.at(seq)


def fill(space: ks.Space) -> None:
    rows = np.random.default_rng(1).standard_normal((50, 3))
    space.multiset([(f"k{i}", row, {"n": i}) for i, row in enumerate(rows)])


@pytest.mark.parametrize("kept", ["in the log", "in a segment", "after a compaction"])
def test_restore_brings_back_rows_order_columns_and_answers(space: ks.Space, kept: str) -> None:
    fill(space)
    if kept != "in the log":
        space.flush()
    space.snapshot("monday")
    before = contents(space), space.columns, space.nearest_neighbors(9, vector=[1, 1, 0]).keys
    space.delete_where("n < 20")
    space.multiset([(f"k{i}", [i, 0, 1], {"other": "x"}) for i in range(10, 60)])
    if kept == "after a compaction":
        space.compact()
    space.snapshot("tuesday")
    tuesday = contents(space), space.columns
    space.restore("monday")
    assert (contents(space), space.columns, space.nearest_neighbors(9, vector=[1, 1, 0]).keys) == before
    space.compact()
    assert (contents(space), space.columns) == before[:2]
    assert (contents(space.at("tuesday")), space.at("tuesday").columns) == tuesday
    space.restore("tuesday")
    assert (contents(space), space.columns) == tuesday
    assert space.check().ok


def test_restore_of_the_present_changes_nothing(space: ks.Space) -> None:
    fill(space)
    space.snapshot("now")
    version = space.version
    space.restore("now")
    assert space.version == version


def test_restored_rows_can_be_changed_and_freed(space: ks.Space) -> None:
    fill(space)
    space.snapshot("monday")
    space.delete_all()
    space.restore("monday")
    space.delete("k1")
    space.set("k2", [9, 9, 9])
    space.drop_snapshot("monday")
    space.compact()
    assert len(space) == 49
    assert space._store.view().state.tallies["revival"].rows <= 1
    space.delete_all()
    space.compact()
    assert space.stats()["segments"] == 0
    assert space.check().ok


def test_a_time_that_no_clock_shows_is_refused(space: ks.Space) -> None:
    space.set("a", [1, 2, 3])
    with pytest.raises(ks.InvalidInput, match="year"):
        space.at(datetime(1, 1, 1))
