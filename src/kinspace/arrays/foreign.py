"""Whether a value is of a library that need not be installed, told without importing it."""

from __future__ import annotations

import sys
from typing import Any


def is_of(x: Any, library: str, *names: str) -> bool:
    """Whether x is an instance of one of the library's classes.

    A library that another thread is still importing may lack them; then nothing of it can be in the caller's hands.
    """
    module = sys.modules.get(library)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(module, name, None), type))
    return isinstance(x, kinds)
