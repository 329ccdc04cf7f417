"""Compaction: segments of like size, or with many dead rows, are merged into one; only then is their space freed."""

from __future__ import annotations

from dataclasses import dataclass

from ..storage.reader import SegmentReader
from .flush import replace, turn
from .part import Part
from .store import Store
from .view import View

FAN_IN = 4  # so many neighbours of one tier are merged
TIER_BASE = 4_096  # rows of the lowest tier; each next is FAN_IN times larger
DEAD_SHARE = 0.3  # a segment with more dead rows than this is rewritten
MAX_ROWS = 1 << 24  # a merge makes no larger segment


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did."""

    segments_before: int
    segments_after: int
    bytes_freed: int


def compact(store: Store, *, everything: bool, wait: bool = True) -> Compaction | None:
    """Merge what the policy names, or everything; None if another process was at it and not waiting."""
    lock = turn(store, store.merging, wait=wait)
    if lock is None:
        return None
    try:
        before = _size(store.view())
        while _step(store, everything=everything) and not everything:
            pass
    finally:
        lock.release()
    after = _size(store.view())
    store.sweep()
    return Compaction(before[0], after[0], before[1] - after[1])


def wanted(view: View) -> bool:
    """Whether the policy names anything to merge."""
    return bool(_next_group(view))


def tier(rows: int) -> int:
    """The size class of a segment."""
    number = 0
    while rows > TIER_BASE:
        rows //= FAN_IN
        number += 1
    return number


def _segments(view: View) -> list[Part]:
    return [part for part in view.parts if isinstance(part.source, SegmentReader)]


def _all(view: View) -> list[Part]:
    parts = _segments(view)
    if len(parts) == 1 and parts[0].dead == 0:
        return []
    return parts


def _next_group(view: View) -> list[Part]:
    parts = _segments(view)
    for part in parts:
        if part.dead > DEAD_SHARE * part.rows:
            return [part]
    run: list[Part] = []
    for part in parts:
        if run and tier(part.rows) != tier(run[0].rows):
            run = []
        run.append(part)
        if len(run) == FAN_IN:
            if sum(member.rows for member in run) <= MAX_ROWS:
                return run
            run = run[1:]
    return []


def _step(store: Store, *, everything: bool) -> bool:
    """One merge; False if there was nothing to merge. It keeps no view, so that what it replaced can be removed."""
    view = store.view()
    group = _all(view) if everything else _next_group(view)
    return bool(group) and replace(store, view, group)


def _size(view: View) -> tuple[int, int]:
    """Segments, and their bytes."""
    entries = [part.source.entry for part in _segments(view) if isinstance(part.source, SegmentReader)]
    return len(entries), sum(entry.bytes for entry in entries)
