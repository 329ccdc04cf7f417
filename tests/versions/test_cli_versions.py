"""The commands that keep, compare and merge states."""

from __future__ import annotations

from pathlib import Path

import pytest

import kinspace as ks
from shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=2)
        space.multiset({"a": [1, 0], "b": [0, 1], "c": [1, 1]})
        space.snapshot("monday")
        space.delete("a")
        space.set("b", [1, 0])
        space.set("d", [2, 1])
    return Shell(tmp_path)


def test_snapshots_are_taken_listed_and_dropped(shell: Shell) -> None:
    assert "kept tuesday of docs" in shell.run("snapshot", "docs", "tuesday")
    listed = shell.run("snapshot", "docs")
    assert listed.index("monday") < listed.index("tuesday")
    assert [one["rows"] for one in shell.json("snapshot", "docs")["snapshots"]] == [3, 3]
    shell.run("snapshot", "docs", "monday", "--drop")
    assert [one["snapshot"] for one in shell.json("snapshot", "docs")["snapshots"]] == ["tuesday"]
    shell.fails("snapshot", "docs", "monday", "--drop", kind="snapshot-not-found", told="tuesday")
    shell.run("snapshot", "docs", "tuesday", "--drop")
    assert "no snapshots" in shell.run("snapshot", "docs")


def test_a_diff_shows_what_came_went_and_changed(shell: Shell) -> None:
    told = shell.json("diff", "docs", "monday")
    assert (told["added"], told["removed"]) == (["d"], ["a"])
    assert told["changed"] == [{"key": "b", "distance": 1.0, "columns": []}]
    shown = shell.run("diff", "docs", "monday")
    assert "1 added, 1 removed, 1 changed" in shown
    assert ["b", "changed", "1"] in [line.split() for line in shown.splitlines()]


def test_restore_brings_a_state_back_by_name_or_seq(shell: Shell) -> None:
    assert "3 rows" in shell.run("restore", "docs", "monday")
    assert shell.json("get", "docs", "a")["key"] == "a"
    assert shell.json("restore", "docs", "0")["rows"] == 0
    shell.fails("restore", "docs", "2001-01-01", kind="snapshot-not-found")


def test_a_fork_is_made_and_merged(shell: Shell) -> None:
    assert shell.json("fork", "docs", "trial", "--at", "monday")["rows"] == 3
    with ks.connect(shell.hub) as hub:
        hub.get_space("trial").set("new", [3, 3])
    assert shell.json("merge", "trial", "docs") == {
        "space": "docs",
        "added": 1,
        "changed": 0,
        "removed": 0,
        "conflicts": [],
    }
    shell.fails("merge", "trial", "docs", "--on-conflict", "mine", kind="invalid-input")


def test_compact_says_what_it_freed(shell: Shell) -> None:
    shell.run("snapshot", "docs", "monday", "--drop")
    assert shell.json("compact", "docs")["segments_after"] == 1
    assert "freed" in shell.run("compact", "docs")
