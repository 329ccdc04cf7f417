"""A writer killed at random moments loses nothing it acknowledged. `make soak` is the long form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from thorough import rounds


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has everything loaded: safe on Linux")
def test_killed_writer_loses_nothing_it_acknowledged() -> None:
    kills = rounds(3, 20)
    soak = Path(__file__).parent / "soak.py"
    done = subprocess.run(
        [sys.executable, str(soak), "--rounds", str(kills), "--seed", "11"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills} kills" in done.stdout
