"""SQLite's write-ahead log, when it is lost or damaged, takes nothing with it but the commits that only it held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kinspace as ks


@pytest.mark.parametrize("lost", ["hub.sqlite-wal", "catalog.sqlite-wal"])
@pytest.mark.parametrize("how", ["removed", "flipped", "emptied"])
def test_a_lost_wal_loses_no_space_and_no_segment(tmp_path: Path, lost: str, how: str) -> None:
    program = """
import os, sys, kinspace as ks
space = ks.connect(sys.argv[1]).create_space("docs", dims=1)
space.multiset([(f"k{i}", [i], {"n": i}) for i in range(100)])
space.flush()
space.set("log", [1])
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "hub")], check=False)
    wals = list((tmp_path / "hub").rglob(lost))
    for wal in wals:
        body = bytearray(wal.read_bytes())
        wal.unlink()
        if how != "removed" and body:
            body[len(body) // 2] ^= 1
            wal.write_bytes(body if how == "flipped" else b"")
    for side in (tmp_path / "hub").rglob("*-shm"):
        side.unlink()
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.get_space("docs")
        assert set(space) - {"log"} == {f"k{i}" for i in range(100)}
        assert space.row("k7") == {"n": 7}
        assert space.check().ok
        space.set("more", [1])
    with ks.connect(tmp_path / "hub") as hub:
        assert "more" in hub.get_space("docs")
