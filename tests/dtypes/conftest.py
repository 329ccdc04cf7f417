"""A hub that doesn't wait for the disk: what is stored is what is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import kinspace as ks


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ks.Hub]:
    with ks.connect(tmp_path / "hub", durability="off") as hub:
        yield hub
