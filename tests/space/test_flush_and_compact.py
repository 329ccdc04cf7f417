"""flush and compact change nothing that can be seen, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.space.segments import compact as compaction, flush as flushing
from oracle import folders, state


def seen(space: ks.Space) -> dict[str, Any]:
    """All but the version, which counts commits."""
    return {name: value for name, value in state(space).items() if name != "version"}


def fill(space: ks.Space) -> None:
    for part in range(4):
        space.multiset([(f"k{i}", [i, part, 1], {"n": part}) for i in range(part * 3, part * 3 + 8)])
        space.flush()
        space.delete(f"k{part * 3 + 1}")
    space.set("k5", [0.5, 0.5, 0.5], n=None, t="x")


def test_they_change_nothing_that_can_be_seen(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    before = seen(space)
    for move in ("flush", "compact", "flush", "compact"):
        getattr(space, move)()
        assert seen(space) == before
        with ks.connect(hub.path) as other:
            assert seen(other.get_space("docs")) == before
            getattr(other.get_space("docs"), move)()
        assert seen(space) == before
    assert space.check().ok


def test_compact_leaves_one_segment_and_says_what_it_did(hub: ks.Hub, space: ks.Space) -> None:
    fill(space)
    done = space.compact()
    assert done.segments_before > 1
    assert done.segments_after == 1
    assert space.stats()["segments"] == 1
    assert space.stats()["log_rows"] == 0
    assert len([folder for folder in folders(hub) if folder.parent.name == "segments"]) == 1
    again = space.compact()
    assert (again.segments_before, again.segments_after, again.bytes_freed) == (1, 1, 0)


def test_flush_empties_the_log(space: ks.Space) -> None:
    space.multiset({"a": [1, 2, 3], "b": [1, 2, 3]})
    assert space.stats()["log_rows"] == 2
    space.flush()
    assert space.stats()["log_rows"] == 0
    assert space.stats()["segments"] == 1
    version = space.version
    space.flush()
    assert space.version == version


def test_a_log_of_dead_rows_flushes_to_nothing(hub: ks.Hub, space: ks.Space) -> None:
    space.multiset({"a": [1, 2, 3], "b": [1, 2, 3]})
    space.multidelete(["a", "b"])
    space.flush()
    assert space.stats()["segments"] == 0
    assert space.stats()["log_rows"] == 0
    assert len(space) == 0
    assert {folder.parent.name for folder in folders(hub)} == {"spaces"}


def test_a_full_log_is_flushed_by_itself_and_small_segments_are_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "LOG_ROWS", 50)
    monkeypatch.setattr(compaction, "TIER_BASE", 60)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=2)
        for i in range(1_000):
            space.set(f"k{i % 700}", [i, 1], n=i)
        assert [space.row(key)["n"] for key in space] == list(range(300, 1_000))
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.get_space("docs")
        assert space.stats()["log_rows"] < 1_000
        assert [space.row(key)["n"] for key in space] == list(range(300, 1_000))
        assert space.stats()["segments"] < 20
        named = space.stats()["segments"]
        assert len([folder for folder in folders(hub) if folder.parent.name == "segments"]) == named


def test_insertion_order_holds_where_segments_and_log_interleave(space: ks.Space) -> None:
    order = []
    for i in range(3):
        space.set(f"log {i}", [i, 0, 1])
        bulk = [f"bulk {i} {j}" for j in range(4_096)]
        space.load(keys=bulk, vectors=np.ones((4_096, 3)))
        order += [f"log {i}", *bulk]
    assert list(space.keys()) == order
    assert space.nearest_neighbors(3, vector=[1, 1, 1]).keys == order[1:4]
    space.flush()
    assert list(space.keys()) == order
    assert space.nearest_neighbors(3, vector=[1, 1, 1]).keys == order[1:4]
    space.compact()
    assert list(space.keys()) == order
    assert space.nearest_neighbors(3, vector=[1, 1, 1]).keys == order[1:4]


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 127, 128, 129, 4_095, 4_096, 4_097])
def test_any_number_of_rows_flushes(hub: ks.Hub, rows: int) -> None:
    space = hub.create_space("n", dims=1, metric="l2", key_type="int")
    vectors = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    space.load(keys=range(rows), vectors=vectors)
    space.delete(rows - 1)
    for _ in range(2):
        assert len(space) == rows - 1
        assert space.nearest_neighbors(3, vector=[rows]).keys == [*range(rows - 2, -1, -1)][:3]
        space.flush()
    assert np.array(list(space.multiget(range(rows - 1)))).tobytes() == vectors[:-1].tobytes()


@pytest.mark.parametrize("dims", [1, 2, 1_000, 65_536])
def test_any_dims_flush(hub: ks.Hub, dims: int) -> None:
    space = hub.create_space("n", dims=dims, metric="l2")
    vectors = np.random.default_rng(dims).standard_normal((70, dims)).astype(np.float32)
    space.load(keys=[f"k{i}" for i in range(70)], vectors=vectors)
    space.flush()
    assert np.array(list(space.multiget(f"k{i}" for i in range(70)))).tobytes() == vectors.tobytes()
    assert space.nearest_neighbors(1, vector=vectors[69]).keys == ["k69"]


def test_a_stray_link_or_file_among_the_segments_harms_nothing(hub: ks.Hub, space: ks.Space, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("years of work")
    fill(space)
    before = seen(space)
    (segments,) = (Path(hub.path) / "spaces").glob("*/segments")
    for place in (segments, segments.parent.parent):
        (place / "dangling").symlink_to(tmp_path / "nowhere")
        (place / "elsewhere").symlink_to(outside)
        (place / "a file").write_text("x")
    hub.close()
    with ks.connect(hub.path) as again:
        space = again.get_space("docs")
        assert seen(space) == before
        space.compact()
        assert seen(space) == before
        space.delete_all()
    assert (outside / "thesis.txt").read_text() == "years of work"
