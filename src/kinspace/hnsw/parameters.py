"""The numbers an index takes, checked: out of range is an error, never another number in silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypedDict

from ..errors import InvalidInput

MIN_M, MAX_M = 2, 512
MAX_EF = 65_536


class Effort(TypedDict, total=False):
    """How hard the core is to search: one of these."""

    ef: int
    recall: float
    exact: bool


def parse_m(m: object) -> int:
    """Return M as a Python int in 2…512, or raise InvalidInput."""
    return _whole(m, "M", MIN_M, MAX_M)


def parse_ef(ef: object, name: str) -> int:
    """Return ef_construction or ef_search as a Python int in 1…65,536, or raise InvalidInput."""
    return _whole(ef, name, 1, MAX_EF)


def parse_effort(ef_search: object, recall: object) -> Effort:
    """Return what to tell the core; both given is InvalidInput."""
    if ef_search is not None and recall is not None:
        raise InvalidInput("give ef_search or recall, not both: the one is chosen to reach the other")
    if ef_search is not None:
        return {"ef": parse_ef(ef_search, "ef_search")}
    if recall is None:
        return {}
    share = _real(recall)
    if not 0.0 < share <= 1.0:
        raise InvalidInput(f"recall must be a number above 0 and at most 1; got {recall!r} ({type(recall).__name__})")
    return {"exact": True} if share == 1.0 else {"recall": share}


def parse_progress(progress: Any) -> Callable[[int, int], object] | None:
    """Return it, or raise InvalidInput unless it can be called."""
    if progress is None or callable(progress):
        return progress  # type: ignore[no-any-return]  # its signature can't be known
    raise InvalidInput(f"progress must be a function of rows done and rows in all; got {type(progress).__name__}")


def _whole(value: object, name: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidInput(f"{name} must be a whole number in {low}…{high:,}; got {value!r} ({type(value).__name__})")
    number: int = value.__index__()
    if not low <= number <= high:
        raise InvalidInput(f"{name} must be in {low}…{high:,}; got {number}")
    return number


def _real(value: object) -> float:
    """The number; NaN for what is none."""
    if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
