"""Spaces with indexes, for tests: their rows, where the indexes lie, and waiting until they are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import kinspace as ks
from kinspace.storage.files import FolderLock

PATIENCE = 60.0  # seconds; a machine under load is slow


def clustered(n: int, dims: int = 12, seed: int = 0) -> np.ndarray:
    """Vectors around 20 centres, float32; the same seed has the same centres, another n other vectors."""
    centres = np.random.default_rng(seed).normal(size=(20, dims))
    rng = np.random.default_rng([seed, n])
    return (centres[rng.integers(0, 20, n)] + 0.5 * rng.normal(size=(n, dims))).astype(np.float32)


def until(condition: Callable[[], Any], what: str = "") -> None:
    """Look until it is true."""
    end, tick = time.monotonic() + PATIENCE, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"waited in vain {what}"
        tick.wait(0.005)


def until_indexed(space: ks.Space, segments: int | None = None) -> None:
    """Until all segments, or so many, have been indexed by the background, and it has nothing more to do."""
    store = space._store

    def ready() -> bool:
        stats = space.stats()
        return stats["indexed_segments"] == (stats["segments"] if segments is None else segments)

    until(ready, "for indexes")
    until(lambda: not store.indexes._held, "for the background")


def segment_folders(space: ks.Space) -> list[Path]:
    """Of the segments the space names, oldest first."""
    return [part.source.folder for part in space._store.view().parts[:-1]]


def index_folders(space: ks.Space) -> list[Path]:
    """The indexes there are."""
    return [folder / "index" for folder in segment_folders(space) if (folder / "index").exists()]


def files_in(folder: Path) -> list[str]:
    """Every file in a folder, by its path there."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def strangers(space: ks.Space) -> list[str]:
    """What lies in the segments' folders that should not: what somebody is writing may."""
    there = [path for folder in segment_folders(space) for path in folder.iterdir() if path.name.startswith(".")]
    return [path.name for path in there if _unused(path)]


def _unused(folder: Path) -> bool:
    try:
        lock = FolderLock.alone(folder)
    except FileNotFoundError:  # it was put in its place, or removed
        return False
    if lock is not None:
        lock.release()
    return lock is not None
