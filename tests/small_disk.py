"""A file system of a few megabytes, to be filled: what a write does when the disk is full."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(place: Path, size: str = "3m") -> Iterator[Path]:
    """The place, as a file system of that size; the test is skipped where none can be mounted."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        gc.collect()
        subprocess.run(["umount", "--lazy", place], capture_output=True, check=True)


def stuff(folder: Path, leave: int = 0) -> Path:
    """Fill what room there is, but for so many bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))
    return ballast
