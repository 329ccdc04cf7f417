"""space.repair(): what follows from whole files is made anew, what doesn't is put aside, and what is lost is named."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks

N, DIMS, INNER = 40, 3, 16
X = np.random.default_rng(1).standard_normal((N, DIMS)).astype(np.float32)
DERIVABLE = [
    "zarr.json", "norms/c/0", "norms/zarr.json", "seq/zarr.json", "key_hash/c/0", "key_row/c/0", "key_text/c/0",
    "key_offset/c/0", "key_text/zarr.json", "vectors/zarr.json",
]  # fmt: skip


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("segment", "salvage"):
        monkeypatch.setattr(f"kinspace.storage.{module}.chunk_rows", lambda rows, dims: (INNER, 2 * INNER))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        yield hub


@pytest.fixture
def space(hub: ks.Hub) -> ks.Space:
    """One segment of 40 rows, its seqs without a gap, two of them dead; and one row in the log."""
    space = hub.create_space("docs", dims=DIMS)
    space.multiset([(f"k{i}", X[i], {"n": i, "t": f"text {i}"}) for i in range(N)])
    space.flush()
    space.delete("k3")
    space.set("k20", X[0], n=-20)
    return space


def segment_of(space: ks.Space) -> Path:
    """The folder of its only segment."""
    (folder,) = (space._store.folder / "segments").iterdir()
    return folder


def flip(file: Path, at: int = 0) -> None:
    body = bytearray(file.read_bytes())
    body[at] ^= 4
    file.unlink()  # the bytes of another link to it stay as they are, and so does what is mapped
    file.write_bytes(body)


def contents(space: ks.Space) -> list[tuple[Any, ...]]:
    """Every row in order, the vector by its bytes."""
    return [
        (key, space.get(key).tobytes(), space.row(key).get("n"), space.row(key).get("t")) for key in list(space.keys())
    ]


def reopened(space: ks.Space, path: Path) -> ks.Space:
    """The space as a process finds it that has mapped nothing yet."""
    space._hub.close()  # type: ignore[attr-defined]
    return ks.connect(path, durability="off").get_space(space.name)


@pytest.fixture
def damaged(space: ks.Space, tmp_path: Path) -> Callable[..., tuple[ks.Space, list[tuple[Any, ...]]]]:
    """Damage one file of the segment: the space, opened anew, and what it held."""

    def damage(*names: str, how: Callable[[Path], object] = flip) -> tuple[ks.Space, list[tuple[Any, ...]]]:
        before = contents(space)
        for name in names:
            how(segment_of(space) / name)
        again = reopened(space, tmp_path / "hub")
        assert not again.check().ok
        return again, before

    return damage


Damaged = Callable[..., tuple[ks.Space, list[tuple[Any, ...]]]]


@pytest.mark.parametrize("name", DERIVABLE)
def test_a_derivable_file_is_made_anew_and_costs_nothing(damaged: Damaged, name: str) -> None:
    space, before = damaged(name)
    report = space.repair()
    assert report.ok
    assert [path.relative_to(segment_of(space)).as_posix() for path in report.rebuilt] == [name]
    assert contents(space) == before
    assert space.check().ok
    assert "k3" not in space


def test_all_derivable_files_at_once_cost_nothing(damaged: Damaged) -> None:
    space, before = damaged(*DERIVABLE, how=Path.unlink)
    assert space.repair().ok
    assert contents(space) == before


def test_int_keys_are_taken_from_rows_arrow(hub: ks.Hub) -> None:
    space = hub.create_space("ints", dims=DIMS, key_type="int")
    space.multiset({i - 5: X[i] for i in range(N)})
    space.flush()
    flip(segment_of(space) / "key" / "c" / "0")
    assert space.repair().ok
    assert list(space.keys()) == [i - 5 for i in range(N)]
    assert space.check().ok


def test_lost_columns_leave_the_vectors_and_are_told(damaged: Damaged) -> None:
    space, before = damaged("rows.arrow")
    report = space.repair()
    assert (report.lost, report.ok) == ([], False)
    assert report.columns_lost == [row[0] for row in before if row[0] != "k20"]
    assert contents(space) == [row if row[0] == "k20" else (*row[:2], None, None) for row in before]
    assert space.nearest_neighbors(50, vector=X[0], where="n < 0").keys == ["k20"]


def test_a_damaged_chunk_costs_its_rows_and_no_others(damaged: Damaged) -> None:
    space, before = damaged("vectors/c/0/0", how=lambda file: flip(file, INNER * DIMS * 4 + 9))
    report = space.repair()
    assert report.lost == [f"k{i}" for i in range(INNER, 2 * INNER) if i != 20]
    assert report.lost_dead == ["k20"], "the row that was replaced before"
    assert contents(space) == [row for row in before if row[0] not in report.lost]


def test_columns_are_copied_piece_by_piece(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.segments.repair._COLUMN_ROWS", 7)
    space, before = damaged("vectors/c/0/0")
    report = space.repair()
    assert contents(space) == [row for row in before if row[0] not in report.lost]


@pytest.mark.parametrize("at", [-1, -9, -30])
def test_a_damaged_shard_index_costs_nothing(damaged: Damaged, at: int) -> None:
    space, before = damaged("vectors/c/0/0", how=lambda file: flip(file, at))
    assert space.repair().ok
    assert contents(space) == before


def test_a_damaged_checksum_of_a_whole_chunk_costs_nothing(damaged: Damaged) -> None:
    space, before = damaged("vectors/c/0/0", how=lambda file: flip(file, INNER * DIMS * 4 + 1))
    assert space.repair().ok
    assert contents(space) == before


def test_a_shard_cut_short_costs_what_is_cut_off(damaged: Damaged) -> None:
    space, _ = damaged("vectors/c/0/0", how=lambda file: os.truncate(file, INNER * DIMS * 4 + 100))
    assert space.repair().lost == [f"k{i}" for i in range(INNER, 2 * INNER) if i != 20]


def test_a_seq_array_without_gaps_is_derived(damaged: Damaged) -> None:
    space, before = damaged("seq/c/0")
    assert space.repair().ok
    assert contents(space) == before


@pytest.fixture
def gaps(hub: ks.Hub) -> ks.Space:
    """A segment whose seqs have gaps, with two dead rows, and a segment and a log beside it."""
    space = hub.create_space("gaps", dims=DIMS)
    space.multiset({f"a{i}": X[i] for i in range(5)})
    space.flush()
    for i in range(10):
        space.set(f"b{i}", X[i])
    space.delete("b1")
    space.set("b2", X[30])
    space.flush()
    space.set("b3", X[31])
    space.delete("a0")
    return space


def last_segment(space: ks.Space) -> Path:
    return space._store.segments / space._store.view().parts[-2].source.entry.id  # type: ignore[union-attr]


def test_rows_whose_seqs_are_lost_are_lost_and_named(gaps: ks.Space) -> None:
    gaps.delete("b5")
    folder = last_segment(gaps)
    flip(folder / "seq" / "c" / "0")
    report = gaps.repair()
    assert set(report.lost) >= {f"b{i}" for i in range(10) if i not in (1, 3, 5)}
    assert "b3" not in report.lost, "it had been replaced before"
    assert (report.lost_unknown, report.rebuilt) == (0, [])
    assert list(gaps.keys()) == ["a1", "a2", "a3", "a4", "b3"]
    assert gaps.check().ok


def test_no_tombstone_of_a_lost_row_is_left(gaps: ks.Space) -> None:
    flip(last_segment(gaps) / "seq" / "c" / "0")
    gaps.repair()
    with gaps._store.catalog.database.read("a test") as connection:
        (count,) = connection.execute("SELECT count(*) FROM tombstone").fetchone()
    assert count == 1, "that of a0, which is dead and there"


def test_a_missing_segment_is_counted_without_its_dead_rows(gaps: ks.Space) -> None:
    live = sum(key.startswith("b") for key in gaps) - 1  # b3 is in the log
    shutil.rmtree(last_segment(gaps))
    report = gaps.repair()
    assert (report.lost, report.lost_unknown, report.quarantined) == ([], live, [])
    assert list(gaps.keys()) == ["a1", "a2", "a3", "a4", "b3"]
    gaps.set("b0", X[0])
    assert gaps.check().ok


def test_keys_damaged_in_both_places_are_told_apart_by_their_hashes(damaged: Damaged) -> None:
    space, before = damaged("rows.arrow", "key_text/c/0")
    report = space.repair()
    assert (report.lost, report.lost_unknown) == ([], 1), "of one key a byte is wrong"
    assert contents(space) == [(*row[:2], *(row[2:] if row[0] == "k20" else (None, None))) for row in before[1:]]
    assert "k0" not in space


def test_rows_without_any_keys_are_counted(damaged: Damaged) -> None:
    space, _ = damaged("rows.arrow", "key_text/c/0", "key_hash/c/0", how=Path.unlink)
    report = space.repair()
    assert (report.lost, report.lost_unknown) == ([], N - 2)
    assert list(space.keys()) == ["k20"]
    assert space.check().ok


def test_the_damaged_files_are_kept_as_they_were(damaged: Damaged, tmp_path: Path) -> None:
    space, _ = damaged("vectors/c/0/0")
    folder = segment_of(space)
    held = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    report = space.repair()
    space = reopened(space, tmp_path / "hub")  # which sweeps
    space.compact()
    (kept,) = report.quarantined
    assert kept == space._store.folder / "quarantine" / folder.name
    assert {path.relative_to(kept): path.read_bytes() for path in kept.rglob("*") if path.is_file()} == held
    assert not folder.exists()


def test_nothing_is_modified_in_place(damaged: Damaged, tmp_path: Path) -> None:
    space, _ = damaged("vectors/c/0/0")
    folder, fork = segment_of(space), tmp_path / "fork"
    shutil.copytree(folder, fork, copy_function=os.link)
    held = {path: path.read_bytes() for path in fork.rglob("*") if path.is_file()}
    space.repair()
    assert {path: path.read_bytes() for path in fork.rglob("*") if path.is_file()} == held


def test_a_second_repair_has_nothing_to_do(damaged: Damaged) -> None:
    space, _ = damaged("vectors/c/0/0")
    assert not space.repair().ok
    version = space.version
    assert space.repair() == type(space.repair())()
    assert space.version == version


def test_a_whole_space_is_left_as_it_is(space: ks.Space) -> None:
    version, folder = space.version, segment_of(space)
    assert space.repair().ok
    assert (space.version, segment_of(space)) == (version, folder)
    assert not (space._store.folder / "quarantine").exists()


def test_a_repaired_space_is_repaired_for_every_process(damaged: Damaged, tmp_path: Path) -> None:
    space, before = damaged("norms/c/0")
    space.repair()
    again = reopened(space, tmp_path / "hub")
    assert contents(again) == before
    again.set("new", X[5])
    again.compact()
    assert [row[0] for row in contents(again)] == [*(row[0] for row in before), "new"]
    assert again.check().ok


def test_a_damaged_catalog_is_told_and_left_alone(space: ks.Space) -> None:
    with space._store.catalog.database.write("a test") as connection:
        connection.execute("UPDATE tombstone SET seqs = x'0000000000000000'")
    flip(segment_of(space) / "norms" / "c" / "0")
    report = space.repair()
    assert not report.ok
    assert [problem.file.name for problem in report.problems] == ["catalog.sqlite"]
    assert "restore it from a backup" in report.problems[0].what
    assert (report.rebuilt, report.quarantined) == ([], [])


def test_what_is_deleted_while_a_repair_is_under_way_stays_deleted(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kinspace.space.segments import repair

    space, before = damaged("norms/c/0")
    write = repair.write_segment

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        written = write(*arguments, **options)
        space.delete("k7")
        space.set("new", X[7])
        return written

    monkeypatch.setattr(repair, "write_segment", meanwhile)
    assert space.repair().ok
    assert [row[0] for row in contents(space)] == [*(row[0] for row in before if row[0] != "k7"), "new"]
    assert space.check().ok


def test_a_space_emptied_while_a_repair_is_under_way_stays_empty(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kinspace.space.segments import repair

    space, _ = damaged("norms/c/0")
    write = repair.write_segment
    monkeypatch.setattr(repair, "write_segment", lambda *a, **o: [write(*a, **o), space.delete_all()][0])
    report = space.repair()
    assert (report.rebuilt, report.lost, report.problems) == ([], [], [])
    assert len(space) == 0
    assert list(space._store.segments.iterdir()) == []


@pytest.mark.parametrize(
    "where",
    [
        "space.segments.repair.replace_folder",
        "space.segments.repair.write_segment",
        "space.segments.repair.Transaction",
        "storage.catalog.SpaceCatalog.put_state",
    ],
)
def test_a_repair_that_fails_changes_nothing_and_can_be_repeated(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    space, before = damaged("norms/c/0")
    folder = segment_of(space)

    def fails(*_: Any, **__: Any) -> None:
        raise ks.Unavailable("the disk refused")

    with monkeypatch.context() as patch:
        patch.setattr(f"kinspace.{where}", fails)
        report = space.repair()
    assert [problem.what for problem in report.problems] == ["the disk refused"]
    assert not report.ok
    assert segment_of(space) == folder
    assert space.repair().ok
    assert contents(space) == before


KILLED = """
import os, sys
import kinspace as ks
from kinspace.space.segments import repair
from kinspace.space.state.store import Store
if sys.argv[2] == "before":
    repair.Transaction = lambda *_: os._exit(9)
else:
    Store.sweep = lambda _: os._exit(9) if list(_.folder.glob("quarantine/*")) else None
ks.connect(sys.argv[1]).get_space("docs").repair()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_repair_killed_at_its_commit_leaves_the_old_or_the_new(damaged: Damaged, tmp_path: Path, moment: str) -> None:
    space, before = damaged("key_text/c/0")
    folder = segment_of(space)
    space._hub.close()  # type: ignore[attr-defined]
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "hub"), moment], check=False)
    assert done.returncode == 9
    again = ks.connect(tmp_path / "hub").get_space("docs")
    assert (segment_of(again) == folder) == (moment == "before"), "and what is not named has been swept"
    assert again.check().ok == (moment == "after")
    assert again.repair().ok
    assert contents(again) == before
    assert again.check().ok
    assert len(list((again._store.folder / "quarantine").iterdir())) == 1


def test_a_damaged_index_is_built_again(hub: ks.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", N)
    space = hub.create_space("indexed", dims=DIMS)
    space._store.indexes.foreground = 1  # not in the background
    space.multiset({f"k{i}": X[i] for i in range(N)})
    space.flush()
    space.index()
    folder = segment_of(space)
    flip(folder / "index" / "neighbours" / "c" / "0" / "0")
    report = space.repair()
    assert (report.ok, report.rebuilt, report.quarantined) == (True, [folder / "index"], [])
    assert space.check().ok
    assert segment_of(space) == folder


def test_what_replaces_a_damaged_segment_is_indexed_too(hub: ks.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", N)
    space = hub.create_space("indexed", dims=DIMS)
    space.multiset({f"k{i}": X[i] for i in range(N)})
    space.flush()
    space.index()
    flip(segment_of(space) / "norms" / "c" / "0")
    report = space.repair()
    assert space.stats()["indexed_segments"] == 1
    assert not (report.quarantined[0] / "index").exists(), "an index can be made again, and is not kept"


def test_a_disk_that_refuses_is_told_and_costs_nothing(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    space, before = damaged("norms/c/0")

    def refuses(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("numpy.fromfile", refuses)
        report = space.repair()
    assert (report.lost, report.lost_unknown, report.ok) == ([], 0, False)
    assert "copy the hub to another disk" in report.problems[0].what
    assert space.repair().ok
    assert contents(space) == before


def test_a_hub_that_can_only_be_read_is_not_repaired(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space._store.catalog.database, "readonly", True)
    with pytest.raises(ks.Unavailable, match="only be read"):
        space.repair()
