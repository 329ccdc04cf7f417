"""get_space(skip_damaged=True): what is whole goes on being served, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks

X = np.random.default_rng(2).standard_normal((12, 3)).astype(np.float32)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    """A space of two segments and a log, and a damaged file in the first segment."""
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=3)
        space.multiset([(f"a{i}", X[i], {"n": i}) for i in range(5)])
        space.flush()
        first = next((space._store.folder / "segments").iterdir())
        space.multiset([(f"b{i}", X[5 + i], {"n": 10 + i}) for i in range(5)])
        space.flush()
        space.delete("b1")
        space.set("c", X[11], n=20)
    file = first / "rows.arrow"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with ks.connect(tmp_path / "hub") as hub:
        yield hub


KEPT = ["b0", "b2", "b3", "b4", "c"]


def test_it_has_the_rows_of_whole_segments_and_of_the_log(hub: ks.Hub) -> None:
    space = hub.get_space("docs", skip_damaged=True)
    assert list(space.keys()) == KEPT
    assert len(space) == 5
    assert [space.get(key).tolist() for key in ("b0", "c")] == [X[5].tolist(), X[11].tolist()]
    assert pl.concat(space.scan()).get_column("n").to_list() == [10, 12, 13, 14, 20]
    assert sorted(space.nearest_neighbors(20, vector=X[0]).keys) == sorted(KEPT)
    assert space.nearest_neighbors(20, vector=X[0], where="n > 12").keys
    assert space.select("key").where("n = 20").collect().get_column("key").to_list() == ["c"]
    assert space.stats()["segments"] == 1


def test_skipped_tells_the_damaged_file_and_its_rows(hub: ks.Hub) -> None:
    (problem,) = hub.get_space("docs", skip_damaged=True).skipped
    assert problem.file.name == "rows.arrow"
    assert problem.keys == 5
    assert "checksum" in problem.what


def test_a_key_that_may_be_in_a_skipped_segment_says_so(hub: ks.Hub) -> None:
    with pytest.raises(ks.KeyNotFound, match="'a0'; segments with 1 damaged file"):
        hub.get_space("docs", skip_damaged=True).get("a0")


def test_without_it_the_damage_is_raised(hub: ks.Hub) -> None:
    space = hub.get_space("docs")
    assert space.skipped == []
    with pytest.raises(ks.Corrupt, match=r"rows\.arrow"):
        space.row("a0")


WRITES: dict[str, Callable[[ks.Space], Any]] = {
    "set": lambda space: space.set("x", X[0]),
    "[]=": lambda space: space.__setitem__("x", X[0]),
    "update": lambda space: space.update("c", n=1),
    "multiset": lambda space: space.multiset({"x": X[0]}),
    "load": lambda space: (
        space.load(keys=range(5), vectors=X[:5]) if space.key_type == "int" else space.load({"x": X[0]})
    ),
    "load of many": lambda space: space.load(keys=[f"x{i}" for i in range(5_000)], vectors=np.ones((5_000, 3))),
    "delete": lambda space: space.delete("c"),
    "multidelete": lambda space: space.multidelete(["c"]),
    "delete_where": lambda space: space.delete_where("n = 20"),
    "delete_all": lambda space: space.delete_all(),
    "flush": lambda space: space.flush(),
    "compact": lambda space: space.compact(),
    "index": lambda space: space.index(),
    "repair": lambda space: space.repair(),
}


@pytest.mark.parametrize("write", WRITES)
def test_writes_are_refused_and_change_nothing(hub: ks.Hub, write: str) -> None:
    space = hub.get_space("docs", skip_damaged=True)
    before = {path for path in hub.path.rglob("*") if path.is_dir()}
    with pytest.raises(ks.Frozen, match="skip_damaged"):
        WRITES[write](space)
    assert {path for path in hub.path.rglob("*") if path.is_dir()} == before
    assert list(space.keys()) == KEPT


def test_it_stays_as_it_was_when_it_was_opened(hub: ks.Hub) -> None:
    partial, space = hub.get_space("docs", skip_damaged=True), hub.get_space("docs")
    space.repair()
    space.set("new", X[0])
    assert list(partial.keys()) == KEPT
    assert hub.get_space("docs", skip_damaged=True).skipped == []
    assert "new" in hub.get_space("docs", skip_damaged=True)


def test_check_tells_of_the_skipped_segments_too(hub: ks.Hub) -> None:
    space = hub.get_space("docs", skip_damaged=True)
    assert space.check().problems == space.skipped


def test_damaged_metadata_that_keeps_a_space_from_being_read_is_skipped(hub: ks.Hub) -> None:
    for file in hub.path.glob("spaces/*/segments/*/zarr.json"):
        file.write_text("{}")
    with pytest.raises(ks.Corrupt):
        len(hub.get_space("docs"))
    space = hub.get_space("docs", skip_damaged=True)
    assert list(space.keys()) == ["c"]
    assert {problem.file.name for problem in space.skipped} == {"zarr.json", "rows.arrow"}


def test_a_damaged_catalog_can_not_be_skipped(hub: ks.Hub) -> None:
    with hub.get_space("docs")._store.catalog.database.write("a test") as connection:
        connection.execute("UPDATE tombstone SET seqs = x'0000000000000000'")
    with pytest.raises(ks.Corrupt, match=r"catalog\.sqlite"):
        hub.get_space("docs", skip_damaged=True)


def test_a_closed_hub_says_so(hub: ks.Hub) -> None:
    space = hub.get_space("docs", skip_damaged=True)
    hub.close()
    with pytest.raises(ks.Closed):
        space.get("c")
