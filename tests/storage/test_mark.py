"""The mark beside a catalog: no order in which writers come, stop or die hides an acknowledged commit from a reader."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import kinspace as ks
from kinspace.storage.catalog.mark import SIZE, Mark


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "catalog.sqlite").touch(0o640)
    return tmp_path / "catalog.mark"


def test_it_is_settled_between_a_commit_and_the_next(path: Path) -> None:
    writer, reader = Mark(path), Mark(path)
    reader.look()
    assert reader.settled() is None, "there is no file yet"
    seen = set()
    for _ in range(50):
        writer.begin()
        reader.look()
        assert reader.settled() is None
        writer.done()
        words = reader.settled()
        assert words == writer.last
        assert words not in seen
        seen.add(words)
    assert path.stat().st_size == SIZE
    assert path.stat().st_mode & 0o777 == 0o640, "who may write the catalog may write it"


def test_one_that_is_late_leaves_the_next_commit_alone(path: Path) -> None:
    late, next_one = Mark(path), Mark(path)
    late.begin()
    next_one.begin()
    late.done()
    assert late.settled() is None
    next_one.done()
    late.done()
    assert late.settled() == next_one.last != late.last


class Catalog:
    """What SQLite keeps, and who has its write lock."""

    commits = 0
    lock: int | None = None


def commits(name: int, mark: Mark, catalog: Catalog, rng: random.Random) -> Iterator[None]:
    """One writer, step by step; it may fail, or be killed and begin anew, before its COMMIT and after it."""
    while True:
        while catalog.lock is not None:
            yield
        catalog.lock = name
        yield
        mark.begin()
        yield
        if rng.random() < 0.2:
            catalog.lock = None
            continue
        catalog.commits += 1
        catalog.lock = None
        yield
        if rng.random() < 0.2:
            continue
        mark.done()
        yield


def test_whatever_writers_do_a_reader_that_goes_by_it_has_every_commit(path: Path) -> None:
    gone_by = 0
    for seed in range(200):
        rng, catalog, reader = random.Random(seed), Catalog(), Mark(path)
        writers = [commits(name, Mark(path), catalog, rng) for name in range(3)]
        view, seen = 0, None
        for _ in range(300):
            next(rng.choice(writers))
            if rng.random() < 0.7:
                continue
            reader.look()
            if reader.words == seen:
                gone_by += 1
            else:
                seen = reader.settled()
                for _ in range(rng.randrange(3)):  # others go on before it has loaded
                    next(rng.choice(writers))
                view = catalog.commits
            if reader.words == seen:
                assert view == catalog.commits
    assert gone_by > 500


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_without_room_for_it_there_is_none_and_nobody_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    mark = Mark(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        mark.begin()
        mark.done()
        assert mark.last is None
        assert mark.settled() is None
    mark.begin()
    mark.done()
    assert mark.settled() == mark.last


def test_a_commit_that_readers_can_t_be_told_of_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Mark(path).begin()

    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(ks.Unavailable, match=r"catalog\.mark"):
        Mark(path).begin()
    reader = Mark(path)
    reader.look()
    assert reader.settled() is None


@pytest.mark.parametrize("body", [b"", bytes(SIZE - 1)])
def test_an_unfinished_file_is_none_until_a_writer_finishes_it(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    reader, writer = Mark(path), Mark(path)
    reader.look()
    assert reader.settled() is None
    assert path.read_bytes() == body
    writer.begin()
    writer.done()
    reader.look()
    assert reader.settled() == writer.last


def test_a_closed_one_equals_nothing_and_looks_no_more(path: Path) -> None:
    mark = Mark(path)
    mark.begin()
    mark.done()
    words = mark.settled()
    mark.close()
    mark.look()
    assert mark.words != words
    assert mark.settled() is None
