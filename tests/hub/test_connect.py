"""connect: which paths are hubs, which can become one, and what any other says."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks
from oracle import state


def inside(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "a" / "b" / "hub") as hub:
        assert hub.list_spaces() == []
    assert (tmp_path / "a" / "b" / "hub" / "hub.sqlite").is_file()
    assert inside(tmp_path) >= {"a", "a/b", "a/b/hub"}
    assert {path.split("/")[0] for path in inside(tmp_path)} == {"a"}


@pytest.mark.parametrize("kind", [str, Path, os.fspath], ids=["str", "Path", "fspath"])
def test_a_path_is_a_str_or_path_like(tmp_path: Path, kind: Any) -> None:
    with ks.connect(kind(tmp_path / "hub")) as hub:
        hub.create_space("docs", dims=1)
    with ks.connect(tmp_path / "hub") as hub:
        assert hub.list_spaces() == ["docs"]


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ks.connect("hub") as hub:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        space = hub.create_space("docs", dims=1)
        space.set("a", [1])
        space.flush()
    assert inside(tmp_path / "elsewhere") == set()


@pytest.mark.parametrize("name", ["with space", "日本", "per%cent?x=1#y", "quote'\"", "-", "a\nb", ":memory: ", "~"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with ks.connect(tmp_path / name) as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1], n=1)
        space.flush()
        before = state(space)
    with ks.connect(tmp_path / name) as hub:
        assert state(hub.get_space("docs")) == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_empty_folder_becomes_a_hub(tmp_path: Path) -> None:
    with ks.connect(tmp_path) as hub:
        assert hub.list_spaces() == []


def test_a_path_that_is_a_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ks.InvalidInput, match="file"):
        ks.connect(file)
    with pytest.raises((ks.InvalidInput, ks.Unavailable), match="file"):
        ks.connect(file / "below")
    assert file.read_text() == "mine"
    assert inside(tmp_path) == {"file"}


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "deep")
    with pytest.raises(ks.KinspaceError):
        ks.connect(tmp_path / "link")
    assert inside(tmp_path) == {"link"}


def test_what_else_is_in_a_hub_s_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with ks.connect(tmp_path) as hub:
        hub.create_space("docs", dims=1).set("a", [1])
        hub.delete_space("docs")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("path", ["", None, 7, b"hub", "a\0b", True, ["hub"], "\ud800"], ids=repr)
def test_what_is_no_path_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ks.InvalidInput):
        ks.connect(path)
    assert inside(tmp_path) == set()


@pytest.mark.parametrize("url", ["http://localhost:1/hub", "https://example.org", "gs://bucket/hub", "file://host/x"])
def test_a_url_is_not_taken_for_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ks.InvalidInput):
        ks.connect(url)
    assert inside(tmp_path) == set()


@pytest.mark.parametrize("durability", ["full", "normal", "off"])
def test_durability_is_one_of_three(tmp_path: Path, durability: Any) -> None:
    with ks.connect(tmp_path / "hub", durability=durability) as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1])
    with ks.connect(tmp_path / "hub") as hub:
        assert list(hub.get_space("docs")) == ["a"]


@pytest.mark.parametrize("durability", ["FULL", "", None, 1, True, ["full"]], ids=repr)
def test_any_other_durability_is_refused_naming_the_three(tmp_path: Path, durability: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="'full'.*'normal'.*'off'"):
        ks.connect(tmp_path / "hub", durability=durability)
    assert inside(tmp_path) == set()


def test_hub_sqlite_missing_beside_spaces_is_corrupt_never_a_new_hub(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        hub.create_space("docs", dims=1).set("a", [1])
    (tmp_path / "hub" / "hub.sqlite").unlink()
    before = inside(tmp_path)
    for _ in range(2):
        with pytest.raises(ks.Corrupt, match=r"hub\.sqlite"):
            ks.connect(tmp_path / "hub")
    assert inside(tmp_path) == before


def test_spaces_missing_beside_hub_sqlite_is_corrupt(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        hub.create_space("docs", dims=1)
    shutil.rmtree(tmp_path / "hub" / "spaces")
    with pytest.raises(ks.Corrupt, match="spaces"):
        ks.connect(tmp_path / "hub")


@pytest.mark.parametrize("version", [0, 2, 99])
def test_a_hub_of_another_format_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        hub.create_space("docs", dims=1).set("a", [1])
    with sqlite3.connect(tmp_path / "hub" / "hub.sqlite") as raw:
        raw.execute(f"PRAGMA user_version={version}")
    raw.close()
    before = inside(tmp_path / "hub" / "spaces")
    with pytest.raises(ks.Corrupt, match="format"):
        ks.connect(tmp_path / "hub")
    assert inside(tmp_path / "hub" / "spaces") == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with sqlite3.connect(tmp_path / "hub" / "hub.sqlite") as raw:
        raw.execute("CREATE TABLE mine (x)")
    raw.close()
    body = (tmp_path / "hub" / "hub.sqlite").read_bytes()
    with pytest.raises((ks.Corrupt, ks.InvalidInput)):
        ks.connect(tmp_path / "hub")
    assert (tmp_path / "hub" / "hub.sqlite").read_bytes() == body


def test_two_hubs_of_one_folder_in_one_process_are_one_hub(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as one, ks.connect(tmp_path / "hub") as two:
        here = one.create_space("docs", dims=1)
        there = two.get_space("docs")
        for i in range(10):
            here.set(f"a{i}", [i])
            there.set(f"b{i}", [i])
            assert len(here) == len(there) == 2 * i + 2
        assert state(here) == state(there)


def test_a_hub_may_be_moved_while_it_is_closed(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "old") as hub:
        space = hub.create_space("docs", dims=1)
        space.multiset({"a": [1], "b": [2]})
        space.flush()
        before = state(space)
    (tmp_path / "old").rename(tmp_path / "new")
    with ks.connect(tmp_path / "new") as hub:
        assert state(hub.get_space("docs")) == before
    assert not (tmp_path / "old").exists()


def test_many_processes_may_make_one_hub_at_once(tmp_path: Path) -> None:
    program = """
import sys, kinspace as ks
ks.connect(sys.argv[1]).create_space("docs", dims=1, exist_ok=True).set(sys.argv[2], [1])
"""
    made = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "hub"), str(i)], stderr=subprocess.PIPE, text=True
        )
        for i in range(4)
    ]
    for one in made:
        assert one.communicate()[1] == ""
        assert one.returncode == 0
    with ks.connect(tmp_path / "hub") as hub:
        assert sorted(hub.get_space("docs")) == ["0", "1", "2", "3"]
        assert len(list((tmp_path / "hub" / "spaces").iterdir())) == 1


@pytest.mark.parametrize("end", ["-wal", "-shm"])
def test_a_hub_whose_wal_can_t_be_brought_into_its_file_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    from kinspace.space import places

    create = places.HubCatalog.create

    def failing(path: Path, *, durability: str) -> places.HubCatalog:
        made = create(path, durability=durability)
        made.database.close()
        path.with_name(path.name + end).write_bytes(b"left")
        return made

    folder = tmp_path / "hub"
    with monkeypatch.context() as patched:
        patched.setattr(places.HubCatalog, "create", failing)
        with pytest.raises(ks.Unavailable, match="WAL"):
            ks.connect(folder)
    assert not (folder / "hub.sqlite").exists()
    with ks.connect(folder) as hub:
        assert hub.list_spaces() == []
    assert inside(folder) == {"hub.sqlite", "spaces"}
