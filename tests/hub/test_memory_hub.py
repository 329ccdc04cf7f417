""" ":memory:" is a hub like any other that leaves nothing behind, whatever becomes of its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import kinspace as ks
from oracle import state

USE = """
import gc, os, sys, kinspace as ks
from kinspace.space.segments import background
background._AT_EXIT = 600.0  # a build that is under way ends by itself, and is not waited for so long
hub = ks.connect(":memory:")
space = hub.create_space("docs", dims=1)
space.load(keys=[str(i) for i in range(9000)], vectors=[[1]] * 9000)
space.set("a", [1], n=1)
space.flush()
assert len(space) == 9001
"""


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", USE + program], env=environment, capture_output=True, text=True, cwd=folder
    )


@pytest.mark.parametrize(
    "end",
    ["hub.close()", "", "sys.exit(3)", "raise RuntimeError", "del hub", "del hub; gc.collect()", "del hub, space"],
)
def test_nothing_is_left_when_the_process_ends(tmp_path: Path, end: str) -> None:
    done = run(end, tmp_path)
    assert done.returncode == (3 if "exit" in end else 1 if "raise" in end else 0), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves_goes_with_the_next_memory_hub(tmp_path: Path) -> None:
    done = run("os.kill(os.getpid(), 9)", tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert run("hub.close()", tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_closing_removes_everything_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ks.connect(":memory:") as hub:
        hub.create_space("docs", dims=1).set("a", [1])
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_two_memory_hubs_are_two_hubs() -> None:
    with ks.connect(":memory:") as one, ks.connect(":memory:") as two:
        one.create_space("docs", dims=1).set("a", [1])
        assert two.list_spaces() == []
        with ks.connect(":memory:") as three:
            three.create_space("docs", dims=2).set("b", [1, 2])
        assert list(one.get_space("docs")) == ["a"]


def test_a_memory_hub_answers_as_one_in_a_folder_does(tmp_path: Path) -> None:
    states = []
    for path in (":memory:", str(tmp_path / "hub")):
        with ks.connect(path) as hub:
            space = hub.create_space("docs", dims=2, metric="l2")
            space.multiset([(f"k{i}", [i, 1], {"n": i}) for i in range(20)])
            space.flush()
            space.delete("k3")
            space.set("k4", [0, 0], n=0.5)
            space.compact()
            space.update("k5", t="x")
            states.append(state(space))
    assert states[0] == states[1]


def test_a_path_object_of_that_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ks.connect(Path(":memory:")) as hub:
        hub.create_space("docs", dims=1)
    assert (tmp_path / ":memory:" / "hub.sqlite").exists()
