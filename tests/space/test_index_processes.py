"""Several processes and one index: made once, noticed by all, and by nobody when its maker is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kinspace as ks
from indexed import clustered, files_in, index_folders, segment_folders, strangers, until, until_indexed
from thorough import some

N, DIMS = 1_200, 8
X, Q = clustered(N, DIMS), clustered(20, DIMS)
BEGIN = """
import sys
sys.path.insert(0, sys.argv[2])
import kinspace as ks
from kinspace.space import space as limits
from kinspace.space.parts import index, plane
from kinspace.space.segments import indexing
from indexed import clustered, strangers, until, until_indexed
index.INDEX_ROWS, plane.PLANE_ROWS, limits.SEGMENT_ROWS = 1_000, 5_000, 800
X, Q = clustered(1_200, 8), clustered(20, 8)
hub = ks.connect(sys.argv[1])
space = hub.get_space("docs")
"""
ANSWER = """
print("ready", flush=True)
for line in sys.stdin:
    print(repr(eval(line)), flush=True)
"""  # the questions are this file's own
KILLED = """
import os, signal
left = [int(sys.argv[3])]

def passing():
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

from kinspace.storage import replace, sealed
sealed.write_array = watched(sealed.write_array)
replace.sync_tree = watched(replace.sync_tree)
replace._put = watched(replace._put)
replace.shutil.rmtree = watched(replace.shutil.rmtree)
indexing._build = watched(indexing._build)
print(space.index())
os._exit(3)
"""


@pytest.fixture(autouse=True)
def small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr("kinspace.space.parts.plane.PLANE_ROWS", 5_000)
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 800)


@pytest.fixture
def space(hub: ks.Hub) -> ks.Space:
    """One segment; the background of this process builds nothing until it is let."""
    space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
    space._store.indexes.foreground = 1
    space.load(keys=range(N), vectors=X)
    return space


Ask = Callable[[str], str]


@pytest.fixture
def other(hub: ks.Hub, space: ks.Space) -> Iterator[Ask]:
    """Another process that has the space open and answers what it is asked."""
    with subprocess.Popen(
        command(hub, BEGIN + ANSWER), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def ask(question: str) -> str:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield ask
        process.stdin.close()


def command(hub: ks.Hub, program: str, *more: str) -> list[str]:
    return [sys.executable, "-c", program, str(hub.path), str(Path(__file__).parents[1]), *more]


NEAREST = "space.nearest_neighbors(5, vector=Q[0], ef_search=10).exact"


def test_who_only_reads_notices_an_index_made_by_another(space: ks.Space, other: Ask) -> None:
    lock = space._store.indexing
    from kinspace.storage.files import FolderLock

    lock.mkdir(exist_ok=True)
    building = FolderLock.alone(lock)  # as if this process were at it
    assert building is not None
    for _ in range(3):
        assert other(NEAREST) == "True"
    building.release()
    assert space.index() in (0, 1)
    until(lambda: other(NEAREST) == "False")
    assert other("strangers(space)") == "[]"


def test_one_opened_afterwards_has_it_at_once(hub: ks.Hub, space: ks.Space) -> None:
    assert space.index() == 1
    program = BEGIN + f"print({NEAREST}, space.index(), space.stats()['indexed_segments'])"
    done = subprocess.run(command(hub, program), capture_output=True, text=True, check=False)
    assert done.stdout == "False 0 1\n", done.stderr


def test_several_at_once_make_it_once(hub: ks.Hub, space: ks.Space) -> None:
    program = BEGIN + "sys.stdin.readline(); print(space.index())"
    processes = [
        subprocess.Popen(command(hub, program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate("go\n")[0] for process in processes]
    assert sorted(said) == ["0\n", "0\n", "1\n"]
    assert space.index() == 0
    assert strangers(space) == []
    assert space.check().ok


def test_two_that_build_apart_write_the_same_bytes(hub: ks.Hub, space: ks.Space) -> None:
    assert space.index() == 1
    (folder,) = index_folders(space)
    first = {name: (folder / name).read_bytes() for name in files_in(folder)}
    import shutil

    shutil.rmtree(folder)
    done = subprocess.run(command(hub, BEGIN + "print(space.index())"), capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr
    assert {name: (folder / name).read_bytes() for name in files_in(folder)} == first


@pytest.mark.parametrize("at", some([1, 2, 9, 20, 27, 28, 29, 30, 31, 32], 4))
def test_killed_at_any_moment_it_leaves_nothing_that_lasts(hub: ks.Hub, space: ks.Space, at: int) -> None:
    done = subprocess.run(command(hub, BEGIN + KILLED, str(at)), capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert space.check().ok
    made = len(index_folders(space))
    assert made or strangers(space) or at == 1
    with ks.connect(hub.path) as again:
        opened = again.get_space("docs")
        assert strangers(opened) == [], "swept when it is opened"
        assert opened.index() == 1 - made
        assert opened.nearest_neighbors(3, vector=Q[0], ef_search=10).exact is False
        assert opened.check().ok
        assert strangers(opened) == []


@pytest.mark.parametrize("at", some([1, 2, 8, 16, 17, 18, 19, 20], 4))
def test_killed_while_a_plane_is_written_it_leaves_nothing_that_lasts(
    hub: ks.Hub, space: ks.Space, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    planes_alone = BEGIN + "plane.PLANE_ROWS, index.INDEX_ROWS = 1_000, 5_000" + KILLED
    done = subprocess.run(command(hub, planes_alone, str(at)), capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    monkeypatch.setattr("kinspace.space.parts.plane.PLANE_ROWS", 1_000)
    assert space.check().ok
    with ks.connect(hub.path) as again:
        opened = again.get_space("docs")
        opened.flush()
        assert opened.stats()["plane_bytes"] > 0
        hits = opened.nearest_neighbors(3, vector=Q[0], exact=True)
        assert hits.keys == ks.knn(X, Q[0], 3, "l2")["_rowid"].to_list()
        assert opened.check().ok
        until(lambda: strangers(opened) == [])  # the background may just be making the same


def test_a_compaction_elsewhere_ends_the_build_of_what_is_gone(space: ks.Space, other: Ask) -> None:
    (folder,) = segment_folders(space)
    assert other("space.delete(1)") == "True"
    assert other("space.compact().segments_after") == "1"
    space._store.indexes.foreground = 0
    until(lambda: space.nearest_neighbors(5, vector=Q[0], ef_search=10).exact is False)
    until_indexed(space, 1)
    assert segment_folders(space) != [folder]
    assert 1 not in space.nearest_neighbors(N, vector=X[1]).keys


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize("made", [True, False])
def test_on_read_only_media_nothing_is_built_and_what_is_there_is_used(
    hub: ks.Hub, space: ks.Space, tmp_path: Path, made: bool
) -> None:
    if made:
        space.index()
    hub.close()
    place = tmp_path / "read-only"
    place.mkdir()
    for step in (["mount", "--bind", hub.path, place], ["mount", "-o", "remount,bind,ro", place]):
        if subprocess.run(step, capture_output=True, check=False).returncode:
            subprocess.run(["umount", place], capture_output=True, check=False)
            pytest.skip("no read-only mount here")
    try:
        with ks.connect(place) as mounted:
            opened = mounted.get_space("docs")
            for _ in range(2):
                assert opened.nearest_neighbors(5, vector=Q[0], ef_search=10).exact is not made
            assert opened.stats()["indexed_segments"] == int(made)
            if made:
                assert opened.index() == 0
            else:
                with pytest.raises(ks.Unavailable):
                    opened.index()
            assert opened.check().ok
            del opened
    finally:
        subprocess.run(["umount", "--lazy", place], capture_output=True, check=True)
