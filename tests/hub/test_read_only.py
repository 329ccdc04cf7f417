"""A hub that can only be read can be read; writing to it is Unavailable, and leaves everything as it was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks
from oracle import state

WRITES: dict[str, Callable[[ks.Hub, ks.Space], Any]] = {
    "set": lambda hub, space: space.set("b", [1, 2, 3]),
    "update": lambda hub, space: space.update("k1", n=9),
    "multiset": lambda hub, space: space.multiset({"b": [1, 2, 3]}),
    "bulk load": lambda hub, space: space.load(keys=[f"x{i}" for i in range(5_000)], vectors=[[1, 2, 3]] * 5_000),
    "delete": lambda hub, space: space.delete("k1"),
    "multidelete": lambda hub, space: space.multidelete(["k1"]),
    "delete_where": lambda hub, space: space.delete_where("n = 1"),
    "delete_all": lambda hub, space: space.delete_all(),
    "flush": lambda hub, space: space.flush(),
    "compact": lambda hub, space: space.compact(),
    "create_space": lambda hub, space: hub.create_space("new", dims=1),
    "delete_space": lambda hub, space: hub.delete_space("docs"),
}
# a process of a user who may only read; what it needs is imported while it may still read everything
STRANGER = """
import importlib.machinery, os, sys
import kinspace as ks
with ks.connect(":memory:") as hub:
    space = hub.create_space("warm", dims=1)
    space.set("a", [1], n=1)
    space.flush()
    list(space.scan()), space.row("a"), space.nearest_neighbors(1, vector=[1], where="n = 1")
os.setgroups([]), os.setgid(65534), os.setuid(65534)
path = sys.argv[1]
"""
needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")


def fill(path: Path) -> dict[str, Any]:
    with ks.connect(path) as hub:
        space = hub.create_space("docs", dims=3)
        space.multiset([(f"k{i}", [i, 1, 1], {"n": i}) for i in range(10)])
        space.flush()
        space.delete("k3")
        space.set("k4", [4, 4, 4], t="x")
        return state(space)


def listing(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Mounts a folder a second time, read-only."""
    places: list[Path] = []

    def mount(folder: Path) -> Path:
        place = tmp_path / f"read-only {len(places)}"
        place.mkdir()
        for command in (["mount", "--bind", folder, place], ["mount", "-o", "remount,bind,ro", place]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                subprocess.run(["umount", place], capture_output=True, check=False)
                pytest.skip(f"no read-only mount here: {done.stderr.strip()}")
        places.append(place)
        return place

    try:
        yield mount
    finally:
        gc.collect()
        for place in places:
            subprocess.run(["umount", "--lazy", place], capture_output=True, check=True)


def test_a_hub_on_a_read_only_medium_can_be_read(tmp_path: Path, mounted: Callable[[Path], Path]) -> None:
    before = fill(tmp_path / "hub")
    files = listing(tmp_path / "hub")
    with ks.connect(mounted(tmp_path / "hub")) as hub:
        space = hub.get_space("docs")
        assert state(space) == before
        assert hub.list_spaces() == ["docs"]
        assert space.check().ok
        assert space.nearest_neighbors(3, vector=[1, 1, 1], where="n > 5").keys
    assert listing(tmp_path / "hub") == files


def test_writing_on_a_read_only_medium_is_unavailable(tmp_path: Path, mounted: Callable[[Path], Path]) -> None:
    before = fill(tmp_path / "hub")
    files = listing(tmp_path / "hub")
    with ks.connect(mounted(tmp_path / "hub")) as hub:
        space = hub.get_space("docs")
        for name, call in WRITES.items():
            with pytest.raises(ks.Unavailable) as caught:
                print(name, call(hub, space))
            assert isinstance(caught.value, OSError)
            assert str(tmp_path) in str(caught.value)
            assert state(space) == before
    assert listing(tmp_path / "hub") == files
    with ks.connect(tmp_path / "hub") as hub:
        assert state(hub.get_space("docs")) == before


def test_a_new_hub_on_a_read_only_medium_is_unavailable(tmp_path: Path, mounted: Callable[[Path], Path]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ks.Unavailable):
        ks.connect(mounted(tmp_path / "empty"))
    with pytest.raises(ks.Unavailable):
        ks.connect(mounted(tmp_path / "empty") / "hub")
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_reader_on_a_read_only_mount_sees_what_a_writer_elsewhere_commits(
    tmp_path: Path, mounted: Callable[[Path], Path]
) -> None:
    fill(tmp_path / "hub")
    with ks.connect(mounted(tmp_path / "hub")) as reader:
        seen = reader.get_space("docs")
        assert "new" not in seen
        with ks.connect(tmp_path / "hub") as writer:
            writer.get_space("docs").set("new", [1, 2, 3])
            assert "new" in seen
            writer.create_space("more", dims=1)
            assert reader.list_spaces() == ["docs", "more"]
            assert state(seen) == state(writer.get_space("docs"))
        assert "new" in seen


def test_what_a_killed_writer_left_can_be_read_on_a_read_only_medium(
    tmp_path: Path, mounted: Callable[[Path], Path]
) -> None:
    fill(tmp_path / "hub")
    program = """
import os, sys, kinspace as ks
ks.connect(sys.argv[1]).get_space("docs").set("last", [1, 2, 3])
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "hub")], check=False)
    assert list((tmp_path / "hub").rglob("catalog.sqlite-wal"))
    with ks.connect(mounted(tmp_path / "hub")) as hub:
        assert hub.get_space("docs").get("last").tolist() == [1, 2, 3]


def stranger(program: str, path: Path) -> subprocess.Popen[str]:
    path.parent.chmod(0o755)
    for parent in path.parents[1:]:
        if "pytest" in str(parent):
            parent.chmod(parent.stat().st_mode | 0o011)
    return subprocess.Popen(
        [sys.executable, "-c", STRANGER + program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
    )


@needs_root
def test_a_user_who_may_only_read_reads_and_is_refused_to_write(tmp_path: Path) -> None:
    before = fill(tmp_path / "hub")
    program = """
with ks.connect(path) as hub:
    space = hub.get_space("docs")
    print(len(space), space.row("k1"), space.nearest_neighbors(1, key="k1").keys)
    for call in (lambda: space.set("b", [1, 2, 3]), lambda: hub.create_space("new", dims=1), space.delete_all):
        try:
            call()
        except ks.Unavailable:
            print("refused")
"""
    said = stranger(program, tmp_path / "hub").communicate()[0]
    assert said == f"{len(before['keys'])} {{'n': 1, 't': None}} ['k4']\nrefused\nrefused\nrefused\n"
    with ks.connect(tmp_path / "hub") as hub:
        assert state(hub.get_space("docs")) == before


@needs_root
def test_a_user_who_may_only_read_sees_what_is_written_after_it_opened(tmp_path: Path) -> None:
    before = fill(tmp_path / "hub")
    program = """
hub = ks.connect(path)
space = hub.get_space("docs")
print(len(space), flush=True)
input()
print(len(space), hub.list_spaces())
"""
    reader = stranger(program, tmp_path / "hub")
    assert reader.stdout is not None
    assert reader.stdout.readline() == f"{len(before['keys'])}\n"
    with ks.connect(tmp_path / "hub") as hub:
        hub.get_space("docs").set("new", [1, 2, 3])
        hub.create_space("more", dims=1)
        assert reader.communicate("\n")[0] == f"{len(before['keys']) + 1} ['docs', 'more']\n"


@needs_root
@pytest.mark.parametrize("where", ["hub", "spaces/*", "spaces/*/segments", "hub.sqlite", "spaces/*/catalog.sqlite"])
def test_what_a_user_may_not_even_read_is_unavailable(tmp_path: Path, where: str) -> None:
    fill(tmp_path / "hub")
    (target,) = [tmp_path / "hub"] if where == "hub" else (tmp_path / "hub").glob(where)
    target.chmod(0)
    program = """
try:
    print(len(ks.connect(path).get_space("docs")))
except ks.Unavailable as error:
    print("refused", isinstance(error, OSError))
"""
    assert stranger(program, tmp_path / "hub").communicate()[0] == "refused True\n"


@needs_root
def test_a_new_hub_where_a_user_may_not_write_is_unavailable(tmp_path: Path) -> None:
    program = """
try:
    ks.connect(path)
except ks.Unavailable:
    print("refused")
"""
    assert stranger(program, tmp_path / "hub").communicate()[0] == "refused\n"
    assert list(tmp_path.iterdir()) == []
