"""Forks and copies: independent from their first write on, in both directions, and cheap where links are to be had."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from oracle import folders, state


def shown(space: ks.Space) -> dict[str, Any]:
    return {name: value for name, value in state(space).items() if name != "version"}


def fill(space: ks.Space) -> None:
    rows = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    for start in (0, 20, 40):
        space.multiset([(f"k{i}", rows[i], {"n": i}) for i in range(start, start + 20)])
        if start < 40:
            space.flush()
        space.delete(f"k{start + 3}")
    space.set("k1", [1, 2, 3], n=-1)


def files(hub: ks.Hub, space: ks.Space) -> list[Path]:
    folder = Path(hub.path) / "spaces" / space._store.folder.name
    return [path for path in folder.glob("segments/*/**/*") if path.is_file()]


def test_a_fork_begins_with_the_same_rows_and_answers(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    fork = space.fork("fork")
    assert shown(fork) == shown(space)
    with ks.connect(hub.path) as other:
        assert shown(other.get_space("fork")) == shown(space)
    assert fork.check().ok


def test_neither_side_sees_what_the_other_does(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    fork = space.fork("fork")
    before = shown(space)
    fork.delete_where("n < 30")
    fork.multiset({"k1": [9, 9, 9], "new": [1, 1, 1]})
    fork.compact()
    assert shown(space) == before
    forked = shown(fork)
    space.delete_all()
    space.compact()
    assert shown(fork) == forked
    hub.delete_space("docs")
    assert shown(fork) == forked
    assert fork.check().ok


def test_a_snapshot_can_be_forked_after_its_rows_have_died(space: ks.Space) -> None:
    fill(space)
    monday = space.snapshot("monday")
    before = shown(monday)
    space.delete_all()
    space.set("z", [1, 2, 3])
    fork = space.at("monday").fork("fork")
    assert shown(fork) == before
    assert fork.snapshots() == []
    fork.set("z", [3, 2, 1])
    fork.compact()
    assert len(fork) == before["keys"].__len__() + 1
    assert shown(space.at("monday")) == before


def test_a_fork_links_segments_and_takes_no_room(hub: ks.Hub, space: ks.Space) -> None:
    space.load(keys=[f"k{i}" for i in range(5_000)], vectors=np.random.default_rng(0).standard_normal((5_000, 3)))
    space.index()
    fork = space.fork("fork")
    linked = [path for path in files(hub, fork) if path.stat().st_nlink > 1]
    assert len(linked) >= len(files(hub, space)) - 1 > 0


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_a_fork_copies_where_there_are_no_links(
    hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    fill(space)
    space.flush()
    monkeypatch.setattr("os.link", refuse)
    fork = space.fork("fork")
    assert shown(fork) == shown(space)
    assert {path.stat().st_nlink for path in files(hub, fork)} == {1}


def test_a_fork_that_fails_leaves_nothing(hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    fill(space)
    before, there = shown(space), folders(hub)
    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(ks.Unavailable, match="Input/output"):
        space.fork("fork")
    assert (shown(space), folders(hub), hub.list_spaces()) == (before, there, ["docs"])


def test_a_taken_name_is_refused(hub: ks.Hub, space: ks.Space) -> None:
    hub.create_space("other", dims=2)
    there = folders(hub)
    for name in ("other", "docs"):
        with pytest.raises(ks.SpaceExists, match=name):
            space.fork(name)
    with pytest.raises(ks.InvalidInput, match="name"):
        space.fork("")
    assert folders(hub) == there


def test_a_fork_keeps_its_index(hub: ks.Hub, space: ks.Space) -> None:
    rows = np.random.default_rng(0).standard_normal((5_000, 3)).astype(np.float32)
    space.load(keys=[f"k{i}" for i in range(5_000)], vectors=rows)
    space.index()
    fork = space.fork("fork")
    assert fork.stats()["indexed_segments"] == 1
    assert fork.index() == 0
    asked = {"vector": rows[7], "ef_search": 50}
    assert fork.nearest_neighbors(5, **asked).keys == space.nearest_neighbors(5, **asked).keys


def test_a_download_is_independent_of_its_hub(tmp_path: Path, space: ks.Space, hub: ks.Hub) -> None:
    fill(space)
    before = shown(space)
    copies = [space.download_snapshot(), space.download_snapshot(tmp_path / "there")]
    assert [shown(copy) for copy in copies] == [before] * 2
    hub.delete_space("docs")
    for copy in copies:
        copy.set("z", [1, 2, 3])
        assert len(copy) == len(before["keys"]) + 1
    with ks.connect(tmp_path / "there") as other:
        assert other.list_spaces() == ["docs"]
        assert len(other.get_space("docs")) == len(before["keys"]) + 1
        assert {path.stat().st_nlink for path in files(other, other.get_space("docs"))} == {1}


def test_get_space_can_give_a_copy_in_memory(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    copy = hub.get_space("docs", download_snapshot=True)
    copy.delete_all()
    assert len(space) > 0
    assert hub.list_spaces() == ["docs"]


def test_a_download_onto_a_name_there_is_refused(tmp_path: Path, space: ks.Space) -> None:
    space.download_snapshot(tmp_path / "there")
    with pytest.raises(ks.SpaceExists, match="docs"):
        space.download_snapshot(tmp_path / "there")


def test_write_to_space_makes_or_replaces_a_space(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    monday = space.snapshot("monday")
    before = shown(monday)
    with pytest.raises(ks.SpaceNotFound, match="other"):
        monday.write_to_space("other", create=False)
    made = monday.write_to_space("other", create=True)
    assert shown(made) == before
    with pytest.raises(ks.SpaceExists, match="other"):
        monday.write_to_space("other")
    made.set("z", [1, 2, 3])
    again = monday.write_to_space("other", create=False, overwrite=True)
    assert shown(again) == shown(hub.get_space("other")) == before
    with pytest.raises(ks.SpaceNotFound):
        len(made)
    assert len([folder for folder in folders(hub) if folder.parent.name == "spaces"]) == 2


def test_a_space_can_be_written_over_by_its_own_past(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    before = shown(space.snapshot("monday"))
    space.delete_all()
    assert shown(space.at("monday").write_to_space("docs", overwrite=True)) == before
    assert shown(hub.get_space("docs")) == before


def test_a_space_that_somebody_writes_to_is_replaced_after_that_or_not_at_all(
    hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = hub.create_space("other", dims=3)
    target.set("x", [1, 1, 1])
    there = folders(hub)

    def refuse(*_: object, **__: object) -> None:
        raise ks.Conflict("another writer held it for over 60 s")

    monkeypatch.setattr(target._store, "write", refuse)
    with pytest.raises(ks.Conflict):
        space.write_to_space("other", overwrite=True)
    assert (list(hub.get_space("other")), folders(hub)) == (["x"], there)
    monkeypatch.undo()
    seen: list[object] = []
    add = hub._catalog.add

    def naming(*how: Any) -> None:
        with sqlite3.connect(target._store.folder / "catalog.sqlite", timeout=0) as late:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                late.execute("BEGIN IMMEDIATE")
            seen.append(late.execute("SELECT body FROM state").fetchone())
        add(*how)

    monkeypatch.setattr(hub._catalog, "add", naming)
    space.write_to_space("other", overwrite=True)
    assert len(seen) == 1
    with pytest.raises(ks.SpaceNotFound):
        target.set("y", [1, 1, 1])
