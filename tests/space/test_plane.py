"""A plane is disposable: without it, or with a damaged one, answers are the same, and it is made again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from brute import nearest
from indexed import clustered, files_in, until
from kinspace.errors import Unavailable
from kinspace.space.segments import indexing

N, DIMS = 3_000, 24
X, Q = clustered(N, DIMS), clustered(5, DIMS)


def filled(hub: ks.Hub, **options: object) -> ks.Space:
    space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int", **options)
    space.load(keys=range(N), vectors=X)
    if space.stats()["log_rows"]:
        space.flush()
    return space


def has_planes(space: ks.Space) -> None:
    until(lambda: not indexing.lack_plane(space._store.view().parts), "for planes")


def answers_right(space: ks.Space) -> None:
    for query in Q:
        ids, distances = nearest(X, query, 10, "l2")
        hits = space.nearest_neighbors(10, vector=query, exact=True)
        assert hits.keys == ids.tolist()
        np.testing.assert_allclose(hits.distances, distances)


def plane_of(hub: Path) -> Path:
    (folder,) = hub.glob("spaces/*/segments/*/plane")
    return folder


@pytest.fixture
def being_made(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The first plane stands still after it has been begun in the background; returned is what waits for that."""
    begun, make, tick = threading.Event(), indexing.make_plane, threading.Event()

    def slow(reader: object, meta: object, threads: int, check: Callable[[], None]) -> object:
        while not begun.is_set() or threading.current_thread().name == "kinspace-indexing":
            begun.set()
            check()
            tick.wait(0.01)
        return make(reader, meta, threads, check)  # type: ignore[arg-type]

    monkeypatch.setattr(indexing, "make_plane", slow)
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 800)  # a load makes a segment
    return lambda: until(begun.is_set, "for a plane")


def test_a_compaction_erases_a_segment_whose_plane_is_being_made(
    tmp_path: Path, being_made: Callable[[], None]
) -> None:
    with ks.connect(tmp_path, durability="off") as hub:
        space = filled(hub)
        being_made()
        space.multidelete(range(0, N, 2))
        assert space.compact().erased
        assert len(list(tmp_path.glob("spaces/*/segments/*"))) == 1


def test_deleting_a_space_whose_plane_is_being_made_leaves_nothing(
    tmp_path: Path, being_made: Callable[[], None]
) -> None:
    with ks.connect(tmp_path, durability="off") as hub:
        filled(hub)
        being_made()
        hub.delete_space("docs")
        assert list(tmp_path.glob("spaces/*")) == []


def test_whatever_fails_while_a_plane_is_made_is_no_failure_of_a_load_or_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def fails(*_: object) -> None:
        failed.set()
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    with ks.connect(tmp_path, durability="off") as hub:
        with monkeypatch.context() as patch:
            patch.setattr(indexing, "make_plane", fails)
            space = filled(hub)
            until(failed.is_set)
            answers_right(space)
            until(lambda: space.stats()["indexed_segments"] == 1, "for an index, whatever becomes of planes")
            assert space.stats()["plane_bytes"] == 0
            with pytest.raises(np.linalg.LinAlgError):
                space.index()
        assert [record.message.partition(":")[0] for record in caplog.records] == [
            "codes of space 'docs' were not made, it is searched without"
        ]
        space.index()
        assert space.stats()["plane_bytes"] > 0
        answers_right(space)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed": lambda file: file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "empty": lambda file: file.write_bytes(b""),
    "gone": lambda file: file.unlink(),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


def test_damage_to_any_file_is_reported(tmp_path: Path) -> None:
    with ks.connect(tmp_path, durability="off") as hub:
        space = filled(hub)
        has_planes(space)
        folder = plane_of(tmp_path)
        for name in files_in(folder):
            whole = (folder / name).read_bytes()
            for what, damage in DAMAGE.items():
                damage(folder / name)
                assert [(one.file.name, one.keys) for one in space.check().problems] == [("plane", 0)], (name, what)
                if (folder / name).is_dir():
                    (folder / name).rmdir()
                (folder / name).write_bytes(whole)
        assert space.check().ok


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_mended_and_changes_no_answer(tmp_path: Path, what: str) -> None:
    with ks.connect(tmp_path, durability="off") as hub:
        has_planes(filled(hub))
    folder = plane_of(tmp_path)
    DAMAGE[what](folder / "codes4" / "c" / "0" / "0")
    with ks.connect(tmp_path, durability="off") as hub:
        space = hub.get_space("docs")
        answers_right(space)
        assert space.repair().ok
        assert space.check().ok
        answers_right(space)


@pytest.mark.parametrize("put", ["a file", "a link", "a link to nothing", "another's"])
def test_what_stands_in_the_place_of_a_plane_is_not_searched_and_makes_way(tmp_path: Path, put: str) -> None:
    other = tmp_path / "other"
    with ks.connect(other, durability="off") as hub:
        space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
        space.load(keys=range(N), vectors=X[::-1].copy())
        space.flush()
        has_planes(space)
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        has_planes(filled(hub))
    folder = plane_of(tmp_path / "hub")
    folder.rename(tmp_path / "aside")
    if put == "a file":
        folder.write_bytes(b"plane")
    elif put == "a link":
        folder.symlink_to(plane_of(other))
    elif put == "a link to nothing":
        folder.symlink_to(tmp_path / "nowhere")
    else:
        plane_of(other).rename(folder)
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = hub.get_space("docs")
        assert not space.check().ok
        answers_right(space)
        space.stats()
        answers_right(space.fork("fork"))
        answers_right(space.download_snapshot())
        has_planes(space)
        assert space.check().ok
        assert folder.is_dir()
        assert not folder.is_symlink()


def test_a_plane_that_cannot_be_read_is_not_copied_and_stops_no_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    copy = shutil.copyfile

    def fails(source: Path, target: Path) -> object:
        if "plane" in Path(source).parts:
            raise OSError(5, "Input/output error", str(source))
        return copy(source, target)

    with ks.connect(tmp_path / "hub", durability="off") as hub:
        space = filled(hub)
        has_planes(space)
        monkeypatch.setattr(shutil, "copyfile", fails)
        answers_right(space.download_snapshot(tmp_path / "copy"))


def test_a_plane_that_cannot_be_stored_is_no_failure_but_of_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def full(*_: object, **__: object) -> None:
        tried.set()
        raise Unavailable("writing failed: the disk is full")

    with ks.connect(tmp_path, durability="off") as hub:
        with monkeypatch.context() as patch:
            patch.setattr("kinspace.space.parts.plane.put_beside", full)
            space = filled(hub)
            until(tried.is_set)
            answers_right(space)
            with pytest.raises(Unavailable, match="the disk is full"):
                space.index()
        space.index()
        assert space.stats()["plane_bytes"] > 0
        answers_right(space)


def test_a_snapshot_that_was_opened_before_is_searched_by_what_was_made_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr("kinspace.space.segments.background.index_in_background", lambda *_: None)
    with ks.connect(tmp_path, durability="off") as hub:
        space = filled(hub)
        snap = space.snapshot("before")
        view = snap._store.view()
        answers_right(snap)
        assert view.graphs == [None, None]
        assert snap._store.view() is view
        space.index()
        answers_right(snap)
        assert snap._store.view().graphs[0] is not None
