"""Snapshots are published as they are, and what is published is copied, compared, and has no history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks
from oracle import state

URL = "memory://versions"


def test_snapshot_is_published_as_it_is(full: ks.Space, cache: Path) -> None:
    snapshot = full.snapshot("monday")
    keys = list(full.keys())
    full.multidelete(keys[:50])
    full.set("later", [1, 2, 3], t="later")
    full.flush()
    snapshot.publish(URL)
    with ks.connect(URL, cache=cache) as hub:
        there = hub.get_space("docs")
        assert list(there.keys()) == keys
        assert {**state(there), "version": 0} == {**state(snapshot), "version": 0}


def test_rows_that_came_after_the_snapshot_are_not_sent(full: ks.Space, tmp_path: Path) -> None:
    snapshot = full.snapshot("monday")
    full.set("later-key", [1, 2, 3], t="later text")
    full.flush()
    snapshot.publish(f"file://{tmp_path}/there")
    bodies = [path.read_bytes() for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert not any(b"later-key" in body or b"later text" in body for body in bodies)


def test_published_space_is_downloaded_and_written_to(full: ks.Space, cache: Path, tmp_path: Path) -> None:
    full.publish(URL)
    with ks.connect(URL, cache=cache) as hub:
        for copy in (
            hub.get_space("docs", download_snapshot=True),
            hub.get_space("docs").download_snapshot(tmp_path / "mine"),
        ):
            assert list(copy.keys()) == list(full.keys())
            copy.set("more", [1, 2, 3])
            assert copy.check().ok
        assert "more" not in hub.get_space("docs")
        assert hub.get_space("docs").check().ok


def test_published_space_is_compared(full: ks.Space, cache: Path) -> None:
    full.publish(URL)
    full.delete("a1")
    with ks.connect(URL, cache=cache) as hub:
        there = hub.get_space("docs")
        assert list(full.diff(there, full).removed["key"]) == ["a1"]
        assert there.frozen
        assert there.snapshots() == []


WRITES: dict[str, Callable[[ks.Hub, ks.Space], Any]] = {
    "snapshot": lambda hub, space: space.snapshot("x"),
    "drop_snapshot": lambda hub, space: space.drop_snapshot("x"),
    "restore": lambda hub, space: space.restore("x"),
    "fork": lambda hub, space: space.fork("x"),
    "freeze": lambda hub, space: space.freeze(),
    "write_to_space": lambda hub, space: space.write_to_space("x"),
    "merge": lambda hub, space: hub.merge("docs", "docs"),
}


@pytest.mark.parametrize("write", WRITES)
def test_versions_of_what_is_published_are_frozen(space: ks.Space, cache: Path, write: str) -> None:
    space.publish(URL)
    with ks.connect(URL, cache=cache) as hub, pytest.raises(ks.Frozen):
        WRITES[write](hub, hub.get_space("docs"))


def test_published_space_has_one_state(space: ks.Space, cache: Path) -> None:
    space.publish(URL)
    with ks.connect(URL, cache=cache) as hub, pytest.raises(ks.SnapshotNotFound, match="one state"):
        hub.get_space("docs").at("monday")
