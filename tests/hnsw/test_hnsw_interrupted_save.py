"""A save that is killed, fails, or has no room leaves the old index or the new one, and loads meanwhile find either."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.storage import files
from sets import clustered, names
from small_disk import mounted, stuff
from thorough import rounds

ROWS = clustered(1_200, 16, 81)


def index_of(n: int) -> ks.Hnsw:
    return ks.Hnsw.build(ROWS[:n], "l2", M=4, ef_construction=20)


def load_checked(folder: Path) -> int:
    """Load it and see that it is whole; its number of rows."""
    index = ks.Hnsw.load(folder)
    ids, found = index.search(ROWS[: len(index)], 1, recall=1.0)
    assert ids[:, 0].tolist() == list(range(len(index)))
    assert not found.any()
    return len(index)


KILLED = """
import os, signal, sys
import numpy as np
import kinspace as ks
from kinspace.storage import files, replace

folder, at = sys.argv[1], int(sys.argv[2])
index = ks.Hnsw.load(folder)
index.remove(range(600, 1_200))
left = [at]

def passing(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def watched(call):
    def run(*arguments, **named):
        passing()
        answer = call(*arguments, **named)
        passing()
        return answer
    return run

EVENTS = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "shutil.rmtree")
sys.addaudithook(lambda event, _: passing() if event in EVENTS else None)
os.fsync = watched(os.fsync)
replace._put = watched(replace._put)
index.save(folder)
print(at - left[0])
"""


def test_killed_at_any_moment_it_leaves_the_old_index_or_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "index"

    def save_until(moment: int) -> tuple[int, str]:
        index_of(1_200).save(folder)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(moment)], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr[-500:]

    code, told = save_until(0)
    assert code == 0, told
    moments = -int(told) if int(told) < 0 else int(told)
    assert load_checked(folder) == 600
    left = set()
    for moment in sorted({1, *np.linspace(2, moments - 1, rounds(2, 12)).astype(int).tolist(), moments - 3}):
        code, told = save_until(moment)
        assert code == -signal.SIGKILL, told
        left.add(load_checked(folder))
    assert left == {600, 1_200}, "some moments are before the exchange and some after"
    index_of(50).save(folder)
    assert names(tmp_path) == ["index"], "leftovers are swept by the next save"


def test_without_room_it_is_unavailable_and_the_old_index_stays(tmp_path: Path) -> None:
    with mounted(tmp_path / "small") as place:
        index_of(200).save(place / "index")
        larger = index_of(1_200)
        for leave in (0, 20_000, 60_000):
            ballast = stuff(place, leave)
            with pytest.raises(ks.Unavailable, match="the disk is full"):
                larger.save(place / "index")
            assert load_checked(place / "index") == 200
            assert names(place) == ["ballast", "index"]
            with pytest.raises(ks.Unavailable, match="the disk is full"):
                larger.save(place / "another")
            assert names(place) == ["ballast", "index"]
            ballast.unlink()
        larger.save(place / "index")
        assert load_checked(place / "index") == 1_200


class Failing:
    """A call of the system that works `good` times and then fails."""

    def __init__(self, call: Callable[..., Any], good: int) -> None:
        self._call, self.good = call, good

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.good -= 1
        if self.good < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._call(*arguments, **named)


@pytest.mark.parametrize("call", ["fsync", "open", "mkdir"])
def test_a_failing_disk_is_unavailable_and_the_old_or_the_new_index_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    folder = tmp_path / "index"
    old, new = index_of(300), index_of(500)
    old.save(folder)
    for good in (0, 1, 3, 10, 25, 40):
        failing = Failing(getattr(os, call), good)
        with monkeypatch.context() as patched:
            patched.setattr(files.os, call, failing)
            try:
                new.save(folder)
            except ks.Unavailable:
                assert failing.good < 0
        assert load_checked(folder) in (300, 500)
        old.save(folder)
        assert names(tmp_path) == ["index"]


def test_ctrl_c_during_a_save_leaves_the_old_index_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_of(300).save(tmp_path / "index")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            index_of(500).save(tmp_path / "index")
    assert load_checked(tmp_path / "index") == 300
    assert names(tmp_path) == ["index"]


def test_loads_at_the_same_time_find_the_old_index_or_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    indexes = [index_of(n) for n in (200, 300, 400)]
    indexes[0].save(folder)
    done = threading.Event()
    errors: list[BaseException] = []

    def save() -> None:
        try:
            for turn in range(6):
                indexes[turn % 3].save(folder)
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    saver = threading.Thread(target=save)
    saver.start()
    found = set()
    while not done.is_set():
        found.add(load_checked(folder))
    saver.join()
    assert not errors
    assert found <= {200, 300, 400}
    assert names(tmp_path) == ["index"]


def test_two_who_save_to_one_path_leave_one_whole_index(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    errors: list[BaseException] = []

    def save(index: ks.Hnsw) -> None:
        try:
            for _ in range(8):
                index.save(folder)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(index_of(n),)) for n in (200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert load_checked(folder) in (200, 300)
    index_of(400).save(folder)
    assert names(tmp_path) == ["index"]


def test_what_another_is_still_writing_is_not_swept(tmp_path: Path) -> None:
    theirs, lock = files.new_folder(tmp_path, ".kinspace-new-")
    index_of(50).save(tmp_path / "index")
    assert theirs.is_dir()
    lock.release()
    index_of(50).save(tmp_path / "index")
    assert names(tmp_path) == ["index"]
