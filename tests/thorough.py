"""How much a test does: some of it in the suite, all of it when KINSPACE_THOROUGH=1 (make thorough)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

T = TypeVar("T")
THOROUGH = os.environ.get("KINSPACE_THOROUGH") == "1"


def rounds(few: int, many: int) -> int:
    """How often something is tried."""
    return many if THOROUGH else few


def some(values: Iterable[T], few: int) -> list[T]:
    """All of these, or so many of them: the first, the last, and others evenly between."""
    every = list(values)
    if THOROUGH or few >= len(every):
        return every
    return [every[place] for place in np.linspace(0, len(every) - 1, few).round().astype(int)]
