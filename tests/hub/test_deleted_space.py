"""delete_space: gone for everybody, whoever has it open; what was begun ends right or says what happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks

CALLS: dict[str, Callable[[ks.Space], Any]] = {
    "set": lambda space: space.set("b", [1, 2, 3]),
    "update": lambda space: space.update("a", n=1),
    "multiset": lambda space: space.multiset({"b": [1, 2, 3]}),
    "load": lambda space: space.load(keys=[f"k{i}" for i in range(5_000)], vectors=[[1, 2, 3]] * 5_000),
    "get": lambda space: space.get("a"),
    "row": lambda space: space.row("a"),
    "len": len,
    "in": lambda space: "a" in space,
    "keys": lambda space: list(space.keys()),
    "scan": lambda space: list(space.scan()),
    "multiget": lambda space: list(space.multiget(["a"])),
    "nearest": lambda space: space.nearest_neighbors(1, vector=[1, 2, 3]),
    "select": lambda space: space.select().collect(),
    "delete": lambda space: space.delete("a"),
    "delete_all": lambda space: space.delete_all(),
    "delete_where": lambda space: space.delete_where("key = 'a'"),
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
    "version": lambda space: space.version,
    "columns": lambda space: space.columns,
    "stats": lambda space: space.stats(),
}


def test_its_name_is_free_and_its_folder_gone(hub: ks.Hub, space: ks.Space) -> None:
    space.set("a", [1, 2, 3])
    space.flush()
    hub.delete_space("docs")
    assert "docs" not in hub
    assert hub.list_spaces() == []
    assert list((Path(hub.path) / "spaces").iterdir()) == []
    with pytest.raises(ks.SpaceNotFound, match="'docs'"):
        hub.get_space("docs")
    with pytest.raises(ks.SpaceNotFound):
        hub.delete_space("docs")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another hub"])
def test_every_call_on_a_deleted_space_is_space_not_found(
    hub: ks.Hub, space: ks.Space, call: str, elsewhere: bool
) -> None:
    space.set("a", [1, 2, 3])
    with ks.connect(hub.path) as other:
        (other if elsewhere else hub).delete_space("docs")
    with pytest.raises(ks.SpaceNotFound, match="'docs'"):
        CALLS[call](space)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another hub"])
def test_an_old_handle_never_sees_a_new_space_of_the_same_name(hub: ks.Hub, space: ks.Space, elsewhere: bool) -> None:
    space.set("a", [1, 2, 3])
    with ks.connect(hub.path) as other:
        maker = other if elsewhere else hub
        maker.delete_space("docs")
        fresh = maker.create_space("docs", dims=2)
        fresh.set("a", [1, 2])
        for call in CALLS.values():
            with pytest.raises(ks.SpaceNotFound):
                call(space)
        assert fresh.get("a").tolist() == [1, 2]
        assert hub.get_space("docs").get("a").tolist() == [1, 2]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another hub"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_scan_begun_before_ends_right_or_says_the_space_is_gone(
    hub: ks.Hub, space: ks.Space, elsewhere: bool, begun: bool
) -> None:
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(20)])
    space.flush()
    space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(20, 30)])
    hits = space.nearest_neighbors(30, vector=[1, 1, 1])
    scan = space.scan(4)
    seen = [next(scan)] if begun else []
    with ks.connect(hub.path) as other:
        (other if elsewhere else hub).delete_space("docs")
    for look in (lambda: [*seen, *scan], lambda: [hits.rows]):
        try:
            frames = look()
        except ks.SpaceNotFound:
            continue
        rows = {row["key"]: row["n"] for frame in frames for row in frame.rows(named=True)}
        assert rows == {f"k{i}": i for i in range(30)}


def test_deleting_one_space_leaves_the_others(hub: ks.Hub, space: ks.Space) -> None:
    keep = hub.create_space("keep", dims=1)
    keep.set("a", [1])
    hub.delete_space("docs")
    assert keep.get("a").tolist() == [1]
    assert hub.list_spaces() == ["keep"]
    with ks.connect(hub.path) as again:
        assert again.get_space("keep").get("a").tolist() == [1]


def test_a_space_can_be_made_and_deleted_over_and_over(hub: ks.Hub) -> None:
    for i in range(10):
        space = hub.create_space("docs", dims=2)
        assert len(space) == 0
        space.set(f"k{i}", [1, 2])
        hub.delete_space("docs")
    assert list((Path(hub.path) / "spaces").iterdir()) == []


def test_a_folder_a_reader_still_uses_goes_when_the_hub_is_next_opened(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as one, ks.connect(tmp_path / "hub") as two:
        space = one.create_space("docs", dims=1)
        space.set("a", [1])
        space.flush()
        assert two.get_space("docs").get("a").tolist() == [1]
        one.delete_space("docs")
        one.create_space("other", dims=1)
    with ks.connect(tmp_path / "hub") as hub:
        assert hub.list_spaces() == ["other"]
        assert len(list((tmp_path / "hub" / "spaces").iterdir())) == 1


@pytest.mark.parametrize("call", ["delete", "get", "create"])
def test_a_deletion_that_a_dead_process_began_is_finished_by_whoever_comes(hub: ks.Hub, call: str) -> None:
    space = hub.create_space("half", dims=1)
    with space._store.write("deleting the space") as transaction:
        transaction.delete_space()
    assert "half" in hub
    if call == "delete":
        hub.delete_space("half")
    elif call == "get":
        with pytest.raises(ks.SpaceNotFound):
            hub.get_space("half")
    else:
        assert len(hub.create_space("half", dims=2)) == 0
    assert ("half" in hub) is (call == "create")


def test_it_is_not_begun_in_a_hub_that_can_only_be_read(hub: ks.Hub, space: ks.Space) -> None:
    space.set("a", [1, 2, 3])
    hub._catalog.database.readonly = True  # the disk refused SQLite's shared memory, say
    with pytest.raises(ks.Unavailable, match="can only be read"):
        hub.delete_space("docs")
    assert list(hub.get_space("docs")) == ["a"]


def test_one_whose_name_stays_is_in_doubt_gone_for_readers_and_deleted_by_the_next_call(
    hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ks.Unavailable("the disk failed")

    space.set("a", [1, 2, 3])
    with monkeypatch.context() as patched:
        patched.setattr(hub._catalog, "remove", refuse)
        with pytest.raises(ks.Unavailable, match="in doubt.*the disk failed.*delete it again"):
            hub.delete_space("docs")
        with pytest.raises(ks.SpaceNotFound):
            hub.get_space("docs")
        with pytest.raises(ks.Unavailable, match="the disk failed"):
            hub.create_space("docs", dims=3)
        assert hub.list_spaces() == ["docs"]
    hub.delete_space("docs")
    assert hub.list_spaces() == []
    hub.create_space("docs", dims=3)
