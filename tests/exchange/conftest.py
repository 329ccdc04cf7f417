"""Spaces to export need not outlive a power cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import kinspace as ks


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    """An empty hub in a folder of its own, not synced."""
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        yield hub
