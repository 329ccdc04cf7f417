"""A damaged index costs time and nothing else: answers stay right, check() says so, and it is made again."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from brute import nearest
from indexed import clustered, files_in, index_folders, segment_folders, strangers, until_indexed
from small_disk import mounted, stuff

N, DIMS = 1_200, 8
X, Q = clustered(N, DIMS), clustered(20, DIMS)


@pytest.fixture(autouse=True)
def small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr(
        "kinspace.space.parts.plane.PLANE_ROWS", 100_000
    )  # or the plan preferred planes to such small indexes
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 800)


def fill(path: Path, seed: int = 0) -> None:
    with ks.connect(path, durability="off") as hub:
        space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
        space.load(keys=range(N), vectors=clustered(N, DIMS, seed))
        space.index()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with one indexed segment, to be copied."""
    folder = tmp_path_factory.mktemp("sound") / "hub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
        patch.setattr(
            "kinspace.space.parts.plane.PLANE_ROWS", 100_000
        )  # or the plan preferred planes to such small indexes
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 800)
        fill(folder)
    return folder


@pytest.fixture
def copied(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "hub"))


def index_of(hub: Path) -> Path:
    (folder,) = hub.glob("spaces/*/segments/*/index")
    return folder


def answers_right(space: ks.Space) -> None:
    for query in Q:
        ids, _ = nearest(X, query, 10, "l2")
        hits = space.nearest_neighbors(10, vector=query, exact=True)
        assert hits.keys == ids.tolist()
        near = space.nearest_neighbors(10, vector=query)
        assert np.allclose(near.distances, np.sqrt(((X[near.keys] - query.astype(float)) ** 2).sum(axis=1)))
        if near.exact:
            assert near.keys == hits.keys


def is_noticed_and_mended(hub: Path) -> None:
    """In one process that finds it so, and in the next."""
    with ks.connect(hub, durability="off") as opened:
        space = opened.get_space("docs")
        report = space.check()
        assert not report.ok
        assert {(problem.file.name, problem.keys) for problem in report.problems} == {("index", 0)}
        assert space.nearest_neighbors(3, vector=Q[0], ef_search=10).exact in (True, False)
        answers_right(space)
        until_indexed(space, 1)
        answers_right(space)
        assert space.check().ok
        assert space.index() == 0
        assert strangers(space) == []
    with ks.connect(hub) as opened:
        space = opened.get_space("docs")
        assert space.nearest_neighbors(3, vector=Q[0], ef_search=10).exact is False
        answers_right(space)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "first byte": lambda file: flip(file, 0),
    "middle byte": lambda file: flip(file, file.stat().st_size // 2),
    "last byte": lambda file: flip(file, -1),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "empty": lambda file: file.write_bytes(b""),
    "gone": lambda file: file.unlink(),
    "garbage": lambda file: file.write_bytes(np.random.default_rng(0).bytes(file.stat().st_size)),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


def flip(file: Path, at: int) -> None:
    body = bytearray(file.read_bytes())
    body[at] ^= 0x40
    file.write_bytes(bytes(body))


def test_any_damage_to_any_file_is_found_when_it_is_read(copied: Path) -> None:
    folder = index_of(copied)
    names = files_in(folder)
    assert len(names) > 10
    whole = {name: (folder / name).read_bytes() for name in names}
    with ks.connect(copied) as hub:
        space = hub.get_space("docs")
        for name in names:
            for what, damage in DAMAGE.items():
                damage(folder / name)
                report = space.check()
                assert [(one.file.name, one.keys) for one in report.problems] == [("index", 0)], (name, what)
                if (folder / name).is_dir():
                    (folder / name).rmdir()
                (folder / name).write_bytes(whole[name])
        assert space.check().ok
        assert space.index() == 0


@pytest.mark.parametrize("name", ["zarr.json", "neighbours/c/0/0", "codes/zarr.json", "header/c/0"])
@pytest.mark.parametrize("what", ["middle byte", "truncated", "gone"])
def test_a_damaged_index_is_made_again(copied: Path, name: str, what: str) -> None:
    DAMAGE[what](index_of(copied) / name)
    is_noticed_and_mended(copied)


WHOLE: dict[str, Callable[[Path], object]] = {
    "empty folder": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "a file": lambda folder: (shutil.rmtree(folder), folder.write_text("x")),
    "a dangling link": lambda folder: (shutil.rmtree(folder), folder.symlink_to("nowhere")),
    "a link to elsewhere": lambda folder: (shutil.rmtree(folder), folder.symlink_to("/usr")),
    "a folder of strangers": lambda folder: (shutil.rmtree(folder), (folder / "a" / "b").mkdir(parents=True)),
}


@pytest.mark.parametrize("what", WHOLE)
def test_something_else_of_that_name_is_replaced(copied: Path, what: str) -> None:
    WHOLE[what](index_of(copied))
    is_noticed_and_mended(copied)
    assert index_of(copied).is_dir()
    assert not index_of(copied).is_symlink()


def test_the_index_of_another_segment_is_not_taken_for_its_own(copied: Path, tmp_path: Path) -> None:
    fill(tmp_path / "other", seed=1)
    shutil.rmtree(index_of(copied))
    (segment,) = copied.glob("spaces/*/segments/*")
    shutil.copytree(index_of(tmp_path / "other"), segment / "index")
    is_noticed_and_mended(copied)


def test_a_missing_index_is_no_damage(copied: Path) -> None:
    shutil.rmtree(index_of(copied))
    with ks.connect(copied) as hub:
        space = hub.get_space("docs")
        assert space.check().ok
        assert space.stats()["indexed_segments"] == 0
        answers_right(space)
        until_indexed(space, 1)


def test_index_mends_what_was_damaged_after_it_was_read(copied: Path) -> None:
    with ks.connect(copied) as hub:
        space = hub.get_space("docs")
        assert space.nearest_neighbors(3, vector=Q[0], ef_search=10).exact is False
        flip(index_of(copied) / "neighbours" / "c" / "0" / "0", 1_000)
        answers_right(space)
        assert not space.check().ok
        assert space.index() == 1
        assert space.check().ok
        answers_right(space)


def test_a_damaged_segment_is_corrupt_with_an_index_too(copied: Path) -> None:
    (shard,) = copied.glob("spaces/*/segments/*/vectors/c/0/0")
    flip(shard, 5_000)
    with ks.connect(copied) as hub:
        space = hub.get_space("docs")
        for asked in ({}, {"exact": True}, {"ef_search": 10}):
            with pytest.raises(ks.Corrupt):
                space.nearest_neighbors(3, vector=Q[0], **asked)
        with pytest.raises(ks.Corrupt):
            space.measure_recall()
        assert any("vectors" in str(problem.file) for problem in space.check().problems)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "small", "6m") as place:
        yield place


def test_a_full_disk_leaves_the_segment_without_an_index_and_whole(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ks.connect(small / "hub") as hub, caplog.at_level(logging.WARNING, "kinspace"):
        space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
        space._store.indexes.foreground = 1  # the background waits
        space.load(keys=range(N), vectors=X)
        for leave in (0, 20_000, 60_000, 120_000):
            ballast = stuff(small, leave)
            with pytest.raises(ks.Unavailable, match="full|room|space"):
                space.index()
            assert (index_folders(space), strangers(space)) == ([], [])
            answers_right(space)
            ballast.unlink()
        assert space.check().ok
        assert space.index() == 1
        space._store.indexes.foreground = 0
        assert space.nearest_neighbors(3, vector=Q[0], ef_search=10).exact is False
        assert space.check().ok
        assert len(segment_folders(space)) == 1
