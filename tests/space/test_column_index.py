"""index_column: filters and facets by it read no column, it goes where the rows go, and what they find is the same."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from by_row import predicate
from kinspace.filter import tree as t
from kinspace.space.columns import indexing as column_indexing
from kinspace.space.columns.counting import facet_counts
from kinspace.space.columns.files import folder_of
from kinspace.space.columns.masks import masks_of, matching
from kinspace.storage.reader import SegmentReader

N = 200
SECTIONS = [None if i % 9 == 0 else ("games", "games", "science", f"rare{i}")[i % 4] for i in range(N)]
GAMES = t.Compare("=", t.Column(("section",)), t.Constant("games"))


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of any size get zones and columns' indexes."""
    monkeypatch.setattr(column_indexing, "COLUMN_ROWS", 1)


@pytest.fixture
def kept(space: ks.Space) -> ks.Space:
    """Two segments, the first of them indexed before the second came, and some dead rows."""
    store(space, 0, N // 2)
    space.index_column("section")
    store(space, N // 2, N)
    space.multidelete([f"k{i}" for i in range(0, N, 10)])
    return space


def store(space: ks.Space, start: int, stop: int) -> None:
    space.multiset([(f"k{i}", [1, 0, i], {"section": SECTIONS[i], "n": i}) for i in range(start, stop)])
    space.flush()


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What columns were read of segments since."""
    seen: list[list[str]] = []
    read = SegmentReader.read

    def note(self: SegmentReader, names: list[str]) -> pl.DataFrame:
        seen.append(names)
        return read(self, names)

    monkeypatch.setattr(SegmentReader, "read", note)
    return seen


def games(space: ks.Space) -> set[Any]:
    """The keys of the rows that match, and how many rows the filter looked at itself."""
    view = space._store.view()
    filtered = predicate(GAMES)
    positions = matching(view, filtered)
    return {*view.keys(positions), ("looked", filtered.looked)}


def truth(looked: int = 0) -> set[Any]:
    return {*(f"k{i}" for i in range(N) if i % 10 and SECTIONS[i] == "games"), ("looked", looked)}


def facets(space: ks.Space) -> dict[str, int]:
    values, counts = facet_counts(space._store.view(), "section", None, None)
    return dict(zip(values, counts.tolist(), strict=True))


WANTED = Counter(section for i, section in enumerate(SECTIONS) if i % 10 and section is not None)


def test_filters_and_facets_by_an_indexed_column_do_not_read_it(kept: ks.Space, unread: list[list[str]]) -> None:
    assert games(kept) == truth()
    assert facets(kept) == WANTED
    assert unread == []


def test_an_index_survives_reopening_and_goes_where_the_rows_go(
    kept: ks.Space, tmp_path: Path, unread: list[Any]
) -> None:
    monday = kept.snapshot("monday")
    others = [monday, kept.fork("other"), kept.download_snapshot(tmp_path / "download"), kept.download_snapshot()]
    with ks.connect(tmp_path / "hub") as again:
        for space in (*others, again.get_space("docs")):
            assert space.column_indexes == ["section"]
            assert games(space) == truth()
            assert facets(space) == WANTED
    assert unread == []


def test_merged_segments_are_indexed_too(kept: ks.Space, unread: list[list[str]]) -> None:
    kept.compact()
    unread.clear()
    assert games(kept) == truth()
    assert facets(kept) == WANTED
    assert unread == []


def test_rows_of_the_log_are_looked_at(kept: ks.Space) -> None:
    kept.set("late", [1, 1, 1], section="games")
    assert games(kept) == {*truth(1), "late"}
    assert facets(kept)["games"] == WANTED["games"] + 1


@pytest.mark.parametrize("what", ["missing", "damaged"])
def test_without_its_files_the_column_is_read(kept: ks.Space, hub: ks.Hub, tmp_path: Path, what: str) -> None:
    for folder in (tmp_path / "hub").rglob(folder_of("section")):
        spoil(folder, what)
    with ks.connect(tmp_path / "hub") as again:
        space = again.get_space("docs")
        assert games(space) == truth(N)
        assert facets(space) == WANTED
        problems = space.check().problems
        assert len(problems) == (2 if what == "damaged" else 0)
        space.index()
        assert space.check().ok
        assert games(space) == truth()


@pytest.mark.parametrize("what", ["missing", "damaged"])
def test_without_zones_filters_find_the_same(kept: ks.Space, tmp_path: Path, what: str) -> None:
    for folder in (tmp_path / "hub").rglob("zones"):
        spoil(folder, what)
    with ks.connect(tmp_path / "hub") as again:
        space = again.get_space("docs")
        assert games(space) == truth()
        assert space.check().ok == (what == "missing")
        assert space.repair().ok
        assert space.check().ok


def spoil(folder: Path, what: str) -> None:
    if what == "missing":
        shutil.rmtree(folder)
        return
    for path in folder.rglob("0"):
        if path.is_file():
            body = bytearray(path.read_bytes())
            body[len(body) // 2] ^= 1
            path.write_bytes(body)


def test_a_damaged_segment_is_repaired_and_indexed_again(kept: ks.Space, tmp_path: Path) -> None:
    for path in (tmp_path / "hub").rglob("key_hash/c/0"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with ks.connect(tmp_path / "hub") as again:
        space = again.get_space("docs")
        assert space.repair().ok
        space.index()
        assert games(space) == truth()
        assert not list((tmp_path / "hub").rglob("quarantine/*/column-*"))


def test_a_dropped_index_leaves_nothing(kept: ks.Space, tmp_path: Path) -> None:
    kept.index_column("n", "section")
    assert kept.column_indexes == ["section", "n"]
    kept.drop_column_index("section", "n")
    assert kept.column_indexes == []
    assert not list((tmp_path / "hub").rglob("column-*"))
    assert games(kept) == truth(N)


def test_what_cannot_be_indexed_changes_nothing(kept: ks.Space) -> None:
    kept.set("odd", [1, 1, 1], shape={"width": 1})
    version = kept.version
    for call, names, told in (
        (kept.index_column, ["n", "nothing"], "'section'"),
        (kept.index_column, ["n", "shape"], "Struct"),
        (kept.index_column, [], "names"),
        (kept.index_column, ["key"], "no column 'key'"),
        (kept.drop_column_index, ["n"], "'section'"),
    ):
        with pytest.raises(ks.InvalidInput, match=told):
            call(*names)
    assert kept.column_indexes == ["section"]
    assert kept.version == version
    with pytest.raises(ks.Frozen):
        kept.snapshot("monday").index_column("n")


def test_a_frozen_space_can_be_indexed(kept: ks.Space, unread: list[list[str]]) -> None:
    kept.freeze()
    kept.index_column("n")
    kept.drop_column_index("section")
    assert kept.column_indexes == ["n"]
    assert games(kept) == truth(N)


def test_a_column_that_widens_is_not_taken_for_what_it_was(space: ks.Space) -> None:
    store(space, 0, N)
    space.index_column("n")
    space.set("half", [1, 1, 1], n=0.5)
    space.flush()
    view = space._store.view()
    values, counts = facet_counts(view, "n", None, 2)
    assert values.dtype == pl.Float64
    assert (values.to_list(), counts.tolist()) == ([0.0, 0.5], [1, 1])
    found = masks_of(view, predicate(t.Compare("<", t.Column(("n",)), t.Constant(0.75))))
    assert sum(int(np.bitwise_count(words).sum()) for words in found) == 2


@pytest.mark.parametrize("name", ["x", "tags", "section", "b", "d"])
def test_facets_by_an_index_are_those_by_the_column(space: ks.Space, name: str) -> None:
    rng = np.random.default_rng(3)
    choices: dict[str, list[Any]] = {
        "x": [0.0, -0.0, float("nan"), 1.5, None],
        "tags": [None, [], ["a"], ["a", "b", "a"], [None, "b"]],
        "section": [None, *(f"s{i}" for i in range(60))],
        "b": [True, False, None],
        "d": [None, *(np.datetime64("2024-01-01", "D") + i for i in range(5))],
    }
    rows = [{one: values[int(rng.integers(len(values)))] for one, values in choices.items()} for _ in range(N)]
    for start in (0, 150):
        space.multiset([(f"k{i}", [1, 0, i], rows[i]) for i in range(start, min(start + 150, N))])
        space.flush()
    space.delete("k3")
    found = []
    for indexed in (False, True):
        if indexed:
            space.index_column(name)
        for limit in (None, 3, 0):
            values, counts = facet_counts(space._store.view(), name, predicate(t.IsNull(t.Column(("section",)))), limit)
            found.append((str(values.dtype), repr(values.to_list()), counts.tolist()))
        values, counts = facet_counts(space._store.view(), name, None, None)
        found.append((str(values.dtype), repr(values.to_list()), counts.tolist()))
    assert found[:4] == found[4:]
