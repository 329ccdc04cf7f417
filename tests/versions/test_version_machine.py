"""Snapshots, times past, restores and forks against dicts: any sequence of calls, from two hubs and another process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from other_process import other_process

import kinspace as ks

keys = st.sampled_from("abcdef")
values = st.integers(0, 3)
names = st.sampled_from(["one", "two", "three"])
Model = dict[str, tuple[int, Any]]  # key -> the vector's first component, column n; in insertion order


def shown(space: ks.Space) -> Model:
    """What a space holds, read the ways there are."""
    listed = list(space)
    held = {key: (int(space.get(key)[0]), space.row(key).get("n")) for key in listed}
    scanned = [row for frame in space.scan(3) for row in frame.rows(named=True)]
    assert [(row["key"], int(row["vector"][0]), row.get("n")) for row in scanned] == [
        (key, *value) for key, value in held.items()
    ]
    hits = space.nearest_neighbors(99, vector=[1, 1], exact=True)
    assert sorted(hits.keys) == sorted(listed)
    assert len(space) == len(held)
    return held


class VersionMachine(RuleBasedStateMachine):
    """`present` is the model of the space; `kept` of its snapshots, `past` of its seqs, `forks` of its forks."""

    @initialize()
    def begin(self) -> None:
        self.owner = ks.connect(":memory:")
        self.hubs = [ks.connect(self.owner.path, durability="off") for _ in range(2)]
        self.hubs[0].create_space("s", dims=2)
        self.present: Model = {}
        self.kept: dict[str, Model] = {}
        self.past: dict[int, Model] = {0: {}}
        self.held: list[tuple[ks.Space, Model]] = []
        self.forks: dict[str, Model] = {}

    def space(self, who: int) -> ks.Space:
        return self.hubs[who].get_space("s")

    def wrote(self) -> None:
        self.past[self.space(0).seq] = dict(self.present)

    @rule(who=st.integers(0, 1), rows=st.lists(st.tuples(keys, values, st.none() | values), min_size=1, max_size=4))
    def set(self, who: int, rows: list[tuple[str, int, Any]]) -> None:
        self.space(who).multiset([(key, [value, 1], {"n": n}) for key, value, n in rows])
        for key, value, n in rows:
            self.present.pop(key, None)
            self.present[key] = (value, n)
        self.wrote()

    @rule(who=st.integers(0, 1), key=keys)
    def delete(self, who: int, key: str) -> None:
        assert self.space(who).delete(key) is (self.present.pop(key, None) is not None)
        self.wrote()

    @rule(who=st.integers(0, 1))
    def delete_all(self, who: int) -> None:
        self.space(who).delete_all()
        self.present.clear()
        self.wrote()

    @rule(who=st.integers(0, 1), call=st.sampled_from(["flush", "compact"]))
    def tidy(self, who: int, call: str) -> None:
        getattr(self.space(who), call)()

    @rule(who=st.integers(0, 1), name=names)
    def snapshot(self, who: int, name: str) -> None:
        if name in self.kept:
            with pytest.raises(ks.InvalidInput):
                self.space(who).snapshot(name)
            return
        self.held.append((self.space(who).snapshot(name), dict(self.present)))
        self.kept[name] = dict(self.present)

    @rule(who=st.integers(0, 1), name=names)
    def drop_snapshot(self, who: int, name: str) -> None:
        if name not in self.kept:
            with pytest.raises(ks.SnapshotNotFound):
                self.space(who).drop_snapshot(name)
            return
        self.space(who).drop_snapshot(name)
        del self.kept[name]

    @precondition(lambda self: self.kept)
    @rule(who=st.integers(0, 1), data=st.data())
    def restore(self, who: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.kept)))
        self.space(who).restore(name)
        self.present = dict(self.kept[name])
        self.wrote()

    @rule(who=st.integers(0, 1), data=st.data())
    def at_a_seq(self, who: int, data: st.DataObject) -> None:
        seq = data.draw(st.sampled_from(sorted(self.past)))
        try:
            found = shown(self.space(who).at(seq))
        except ks.SnapshotNotFound:
            assert seq < self.space(who).seq
            return
        assert found == self.past[seq]

    @rule(who=st.integers(0, 1), name=st.sampled_from(["f1", "f2"]))
    def fork(self, who: int, name: str) -> None:
        if name in self.forks:
            with pytest.raises(ks.SpaceExists):
                self.space(who).fork(name)
            return
        self.space(who).fork(name)
        self.forks[name] = dict(self.present)

    @precondition(lambda self: self.kept)
    @rule(who=st.integers(0, 1), data=st.data())
    def write_a_snapshot_over_a_fork(self, who: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.kept)))
        self.space(who).at(name).write_to_space("f1", overwrite=True)
        self.forks["f1"] = dict(self.kept[name])

    @precondition(lambda self: self.forks)
    @rule(who=st.integers(0, 1), data=st.data(), key=keys, value=values)
    def change_a_fork(self, who: int, data: st.DataObject, key: str, value: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.forks)))
        fork = self.hubs[who].get_space(name)
        fork.set(key, [value, 1])
        self.forks[name].pop(key, None)
        self.forks[name][key] = (value, None)
        fork.compact()

    @rule(call=st.sampled_from(["set", "delete", "flush", "compact", "snapshot", "restore"]), key=keys, value=values)
    def another_process(self, call: str, key: str, value: int) -> None:
        if call == "set":
            other_process().call(self.owner.path, "s", "set", key, [value, 1])
            self.present.pop(key, None)
            self.present[key] = (value, None)
            self.wrote()
        elif call == "delete":
            other_process().call(self.owner.path, "s", "delete", key)
            self.present.pop(key, None)
            self.wrote()
        elif call == "snapshot" and "theirs" not in self.kept:
            other_process().call(self.owner.path, "s", "snapshot", "theirs")
            self.kept["theirs"] = dict(self.present)
        elif call == "restore" and "theirs" in self.kept:
            other_process().call(self.owner.path, "s", "restore", "theirs")
            self.present = dict(self.kept["theirs"])
            self.wrote()
        elif call in ("flush", "compact"):
            other_process().call(self.owner.path, "s", call)

    @rule()
    def crash(self) -> None:
        """What is on the disk at this moment, as a process that is killed leaves it, holds everything."""
        with tempfile.TemporaryDirectory(prefix="kinspace-test-") as folder:
            left = Path(folder, "hub")
            shutil.copytree(self.owner.path, left)
            with ks.connect(left, durability="off") as hub:
                assert shown(hub.get_space("s")) == self.present
                for name, model in self.kept.items():
                    assert shown(hub.get_space("s").at(name)) == model
                for name, model in self.forks.items():
                    assert shown(hub.get_space(name)) == model

    @rule(who=st.integers(0, 1))
    def reopen(self, who: int) -> None:
        if not self.held:  # what is held ends with its hub
            self.hubs[who].close()
            self.hubs[who] = ks.connect(self.owner.path, durability="off")

    @invariant()
    def all_states_are_what_they_were(self) -> None:
        for who in range(2) if hasattr(self, "hubs") else ():
            assert shown(self.space(who)) == self.present
        if hasattr(self, "hubs"):
            listed = {one.name: one.rows for one in self.space(1).snapshots()}
            assert listed == {name: len(model) for name, model in self.kept.items()}
            for name, model in self.kept.items():
                assert shown(self.space(1).at(name)) == model
            for name, model in self.forks.items():
                assert shown(self.hubs[0].get_space(name)) == model

    def teardown(self) -> None:
        if not hasattr(self, "hubs"):
            return
        for held, model in self.held:
            assert shown(held) == model
        for name in self.hubs[0].list_spaces():
            assert self.hubs[0].get_space(name).check().problems == []
        for hub in (*self.hubs, self.owner):
            hub.close()


VersionMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
test_any_sequence_of_calls_keeps_every_state = VersionMachine.TestCase
