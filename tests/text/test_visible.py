"""A row's text is found exactly when the row is there: after writes, in other processes, in snapshots and copies."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.space.text import index as text_index

ROWS = 1_050  # enough for a segment whose text is stored


def filled(hub: ks.Hub, name: str = "docs") -> ks.Space:
    space = hub.create_space(name, dims=2)
    texts = [f"row {number} {'even' if number % 2 == 0 else 'odd'}" for number in range(ROWS)]
    space.load(
        keys=[f"k{number}" for number in range(ROWS)], vectors=np.ones((ROWS, 2), np.float32), columns={"text": texts}
    )
    space.flush()
    space.index_text("text")
    return space


def text_folders(folder: Path) -> list[Path]:
    return sorted(folder.glob("spaces/*/segments/*/text"))


def test_a_row_is_found_from_its_write_to_its_end(space: ks.Space) -> None:
    assert space.search("unicorn").keys == []
    space.set("new", [1, 1], title="Unicorns")
    assert space.search("unicorn").keys == ["new"]
    space.set("new", [1, 1], title="Horses")
    assert space.search("unicorn").keys == []
    assert space.search("horse").keys == ["new"]
    space.update("new", body="and unicorns")
    assert space.search("unicorn horse").keys == ["new"]
    space.flush()
    assert space.search("unicorn").keys == ["new"]
    space.delete("new")
    assert space.search("unicorn").keys == []
    space.compact()
    assert space.search("unicorn").keys == []


def test_a_state_of_the_past_is_searched_as_it_was(space: ks.Space) -> None:
    before = space.search("files").scores.tolist()
    monday = space.snapshot("monday")
    seq = space.seq
    space.set("new", [1, 1], body="files files files")
    space.delete("gzip")
    space.flush()
    space.set("newer", [1, 1], body="files")
    for then in (monday, space.at("monday"), space.at(seq)):
        assert then.search("files").keys == ["gzip", "tar"]
        assert then.search("files").scores.tolist() == before
    assert space.search("files").keys == ["new", "newer", "tar"]


def test_a_view_of_the_log_does_not_see_what_came_after(space: ks.Space) -> None:
    then = space.snapshot("before")
    for number in range(40):
        space.set(f"more {number}", [1, 1], title="archives of images")
    assert len(space.search("archive image", 100)) == 42
    assert then.search("archive image", 100).keys == ["tar", "viewer"]


def test_forks_copies_and_pulls_are_searched_alike(space: ks.Space, tmp_path: Path) -> None:
    expected = space.search("image archive files").scores.tolist()
    fork = space.fork("fork")
    space.publish("memory://text-tests")
    with ks.connect("memory://text-tests") as published, ks.connect(tmp_path) as other:
        copies = [
            fork,
            space.write_to_space("copy"),
            space.download_snapshot(tmp_path / "down"),
            published.get_space("docs"),
            other.pull("memory://text-tests"),
        ]
        for copy in copies:
            assert copy.text_columns == ("title", "body")
            assert copy.search("image archive files").scores.tolist() == expected
        fork.delete("gzip")
        assert "gzip" in space.search("files").keys
        assert "gzip" not in fork.search("files").keys
        with pytest.raises(ks.errors.Frozen):
            published.get_space("docs").index_text("title")


def test_another_opening_finds_what_is_there_and_stores_text_once(tmp_path: Path) -> None:
    with ks.connect(tmp_path) as hub:
        filled(hub).search("row")
        made = [folder.stat().st_ino for folder in text_folders(tmp_path)]
    with ks.connect(tmp_path) as hub:
        assert len(hub.get_space("docs").search("odd", ROWS)) == ROWS // 2
        assert [folder.stat().st_ino for folder in text_folders(tmp_path)] == made
        assert hub.get_space("docs").stats()["text_bytes"] > 0
    assert len(made) == 1


@pytest.mark.parametrize("damage", ["flip", "remove", "garbage", "swap"])
def test_damage_is_noticed_and_mended_and_no_answer_is_wrong(tmp_path: Path, damage: str) -> None:
    with ks.connect(tmp_path) as hub:
        expected = filled(hub).search("odd 7", ROWS).keys
        filled(hub, "other").search("row")
    files = sorted(path for path in text_folders(tmp_path)[0].rglob("*") if path.is_file())
    for number, path in enumerate(files):
        body = path.read_bytes()
        if damage == "flip":
            path.write_bytes(body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1 :])
        elif damage == "garbage":
            path.write_bytes(np.random.default_rng(number).bytes(len(body)))
        elif damage == "remove":
            path.unlink()
    if damage == "swap":
        one, other = text_folders(tmp_path)
        shutil.rmtree(one)
        shutil.copytree(other, one)
    with ks.connect(tmp_path) as hub:
        for name in ("docs", "other"):
            assert hub.get_space(name).search("odd 7", ROWS).keys == expected
            hub.get_space(name).index()
            assert hub.get_space(name).check().ok


def test_each_file_flipped_alone_is_noticed(tmp_path: Path) -> None:
    with ks.connect(tmp_path) as hub:
        space = filled(hub)
        space.search("row")
        (folder,) = text_folders(tmp_path)
        reader = space._store.view().segment(folder.parent.name)
        assert reader is not None
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            body = path.read_bytes()
            path.write_bytes(body[: len(body) // 3] + bytes([body[len(body) // 3] ^ 16]) + body[len(body) // 3 + 1 :])
            with pytest.raises(ks.errors.Corrupt):
                text_index.read_text(reader)
            path.write_bytes(body)
        assert text_index.read_text(reader).rows == reader.entry.rows


def test_a_hub_that_can_only_be_read_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ks.connect(tmp_path) as hub:
        filled(hub).set("last", [1, 1], text="unicorn")
    for folder in text_folders(tmp_path):
        shutil.rmtree(folder)

    def refuse(*_: object, **__: object) -> None:
        raise ks.errors.Unavailable("nothing can be written here")

    monkeypatch.setattr(text_index, "keep_text", refuse)
    with ks.connect(tmp_path) as hub:
        space = hub.get_space("docs")
        assert space.search("unicorn").keys == ["last"]
        assert len(space.search("odd", ROWS)) == ROWS // 2
    if os.geteuid() != 0:
        for path in [tmp_path, *tmp_path.rglob("*")]:
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        with ks.connect(tmp_path) as hub:
            assert hub.get_space("docs").search("unicorn").keys == ["last"]


def test_changing_or_dropping_columns_counts_at_once(space: ks.Space) -> None:
    space.index_text("title")
    assert space.text_columns == ("title",)
    assert space.search("friend").keys == []
    space.index_text("body", language="simple")
    assert space.search("friend").keys == ["chess"]
    assert space.search("friends").keys == []
    space.drop_text()
    assert space.text_columns == ()
    with pytest.raises(ks.errors.InvalidInput, match="index_text"):
        space.search("friend", mode="text")


def test_columns_that_are_no_text_are_refused_and_nothing_changes(space: ks.Space) -> None:
    for names, message in (
        (["place"], "Int64"),
        (["nowhere"], "title"),
        ([], "drop_text"),
        (["title", 5], "each a str"),
        ([["title"]], "each a str"),
    ):
        with pytest.raises(ks.errors.InvalidInput, match=message):
            space.index_text(*names)  # type: ignore[arg-type]
    with pytest.raises(ks.errors.InvalidInput, match="language"):
        space.index_text("title", language="klingon")
    assert space.text_columns == ("title", "body")


def test_index_makes_what_no_search_has_asked_for(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=2)
    space.load(keys=[f"k{n}" for n in range(2_000)], vectors=np.ones((2_000, 2)), columns={"text": ["a file"] * 2_000})
    space.index_text("text")
    space.flush()
    space.index()
    assert space.stats()["text_bytes"] > 0
    assert space.check().ok
