"""The command line as a process of its own: what only a process shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks

KINSPACE = [sys.executable, "-m", "kinspace"]


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*KINSPACE, *words],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['kinspace', '--help']\n"
        "from kinspace.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'polars', 'zarr', 'sqlite3', 'xxhash'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo" in done.stdout


def test_the_demo_stores_reopens_and_answers(tmp_path: Path) -> None:
    done = run("demo", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["texts"] > 3_000
    answers = [[hit["key"] for hit in one["hits"]] for one in told["questions"]]
    assert answers[0][0] == "tempfile.TemporaryDirectory"
    assert answers[1][0] == "textwrap.dedent"
    assert any(key.startswith("sqlite3.") for key in answers[2])
    assert all(key.startswith("decimal.") for key in answers[3])
    assert "json.dump" in answers[4]
    assert "json.dumps" not in answers[4]
    assert (tmp_path / "kinspace-demo" / "hub.sqlite").exists()


def test_the_demo_s_lines_of_python_work_when_pasted(tmp_path: Path) -> None:
    done = run("demo", "--path", "my hub", cwd=tmp_path, COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("from ", "keys, ", "docs", "print("))]
    assert len(lines) == 5
    pasted = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (pasted.returncode, pasted.stderr) == (0, "")
    assert "random.shuffle" in pasted.stdout


def test_the_demo_never_replaces_a_space_that_is_not_its_own(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        hub.create_space("stdlib", dims=2).set("mine", [1, 2])
    done = run("demo", "--path", "hub", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["error"]["kind"] == "space-exists"
    with ks.connect(tmp_path / "hub") as hub:
        assert list(hub.get_space("stdlib").keys()) == ["mine"]


def test_a_reader_that_goes_away_is_no_error_worth_a_word(tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.random.default_rng(1).standard_normal((3_000, 8)).astype(np.float32))
    assert run("load", "many.npy", cwd=tmp_path).returncode == 0
    command = [*KINSPACE, "query", "many", "--key", "1", "-k", "3000", "--json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_ctrl_c_ends_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from kinspace.space import connect\n"
        "connect.connect = lambda path: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['kinspace', 'demo']\n"
        "from kinspace.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((2, 2), np.float32))
    (tmp_path / "locked").mkdir(mode=0o500)
    done = run("load", "v.npy", "--hub", "locked/hub", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.rstrip().endswith("(unavailable)")


def test_a_terminal_without_unicode_gets_question_marks_and_no_traceback(tmp_path: Path) -> None:
    np.save(tmp_path / "größe.npy", np.ones((2, 2), np.float32))
    done = run("load", "größe.npy", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "gr??e" in done.stdout


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    done = run("info", cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
