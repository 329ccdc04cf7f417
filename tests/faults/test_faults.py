"""A hub whose process meets a fault of the disk at any call keeps what it acknowledged. `make soak` tries all calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kinspace as ks
import shim
import strace_kills
from script import NOTHING, Said, held
from thorough import rounds
from verdict import Violation, judge, possible
from workload import DIMS, SPACE

HERE = Path(__file__).parent


def run(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, str(HERE / script), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(bool(shim.missing()), reason=shim.missing())
def test_a_fault_at_any_call_loses_nothing() -> None:
    kinds = ["enospc", "eio", "kill-before"]
    told = run("loop.py", "--kind", *kinds, "--script", "versions", "--sample", str(rounds(1, 3)))
    assert [line.split()[0] for line in told.splitlines()[1:]] == kinds, told


@pytest.mark.skipif(bool(strace_kills.missing()), reason=strace_kills.missing())
def test_a_process_killed_as_it_enters_a_call_loses_nothing() -> None:
    assert run("strace_kills.py", "--rounds", "2", "--script", "rows", "--seed", "7").startswith("2 kills")


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has everything loaded: safe on Linux")
def test_readers_see_whole_commits_in_order_while_writers_are_killed() -> None:
    told = run("many.py", "--seconds", str(rounds(2, 10)), "--kills", "1", "--seed", "1")
    assert "0 violations" in told
    assert ", 0 kills" not in told


def said(*kinds: str) -> Said:
    """What a process says that has done all of that."""
    return Said(steps=[{"kind": kind, "number": number} for number, kind in enumerate(kinds)])


def test_an_acknowledged_write_that_is_not_there_is_a_violation(tmp_path: Path) -> None:
    path = str(tmp_path / "hub")
    with ks.connect(path) as hub:
        hub.create_space(SPACE, dims=DIMS)
        assert held(hub) != NOTHING
    with pytest.raises(Violation, match="was allowed"):
        judge(path, said("create", "set"), seed=1)


def test_a_refused_write_that_is_there_is_a_violation(tmp_path: Path) -> None:
    path = str(tmp_path / "hub")
    told = said("create", "set")
    told.steps[1] |= {"error": "Unavailable: full", "doubt": False, "stored": None}
    with ks.connect(path) as hub:
        hub.create_space(SPACE, dims=DIMS).set("key-1", [1.0] * DIMS)
    with pytest.raises(Violation, match="was allowed"):
        judge(path, told, seed=1)


def test_a_folder_that_stays_behind_is_a_violation(tmp_path: Path) -> None:
    path = tmp_path / "hub"
    with ks.connect(path) as hub:
        hub.create_space(SPACE, dims=DIMS)
    (path / ".kinspace-new-0123456789abcdef").mkdir()
    with pytest.raises(Violation, match="left behind"):
        judge(str(path), said("create"), seed=1)


def test_an_error_of_another_kind_is_a_violation() -> None:
    told = said("create")
    told.steps[0] |= {"error": "OSError: …", "untyped": True}
    with pytest.raises(Violation, match="no KinspaceError"):
        possible(told, seed=1)


def test_what_is_in_doubt_may_be_there_or_not() -> None:
    told = said("create", "set")
    told.steps[1] |= {"error": "Unavailable: in doubt", "doubt": True, "stored": None}
    assert [len(state.rows) for state in possible(told, seed=1) if state] == [0, 1]
