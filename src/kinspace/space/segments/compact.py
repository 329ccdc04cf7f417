"""Compaction: segments of like size, or with many dead rows, are merged into one; only then is their space freed."""

from __future__ import annotations

from dataclasses import dataclass

from ...storage.reader import SegmentReader
from ..parts.part import Part
from ..state.store import Store
from ..state.view import View
from .flush import replace, turn
from .widened import kinds

FAN_IN = 4  # so many neighbours of one tier are merged
TIER_BASE = 4_096  # rows of the lowest tier; each next is FAN_IN times larger
DEAD_SHARE = 0.3  # a segment with more dead rows than this is rewritten
MAX_ROWS = 1 << 24  # a merge makes no larger segment


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did."""

    segments_before: int
    segments_after: int
    bytes_freed: int  # of segments and catalog
    erased: bool  # whether nothing of the freed rows is left in the space's files: somebody may be reading them


def compact(store: Store, *, everything: bool, wait: bool = True) -> Compaction | None:
    """Merge what the policy names, or everything; None if another process was at it and not waiting."""
    lock = turn(store, store.merging, wait=wait)
    if lock is None:
        return None
    try:
        before = _size(store)
        erased = False
        if everything:
            while not _merge_all(store):
                pass
            erased = store.catalog.database.rewrite()
        else:
            while _step(store):
                pass
    finally:
        lock.release()
    after = _size(store)
    store.sweep()
    return Compaction(before[0], after[0], before[1] - after[1], erased and store.swept())


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


def _next_group(view: View) -> list[Part]:
    parts = view.segments
    for part in parts:
        if part.waste > DEAD_SHARE * part.rows:
            return [part]
    return _run(view, view.parts[:-1]) or _run(view, view.buried)


def _run(view: View, parts: tuple[Part, ...]) -> list[Part]:
    """Neighbours of one tier, as many as are merged."""
    if len(parts) < FAN_IN:
        return []
    kind = kinds(view)
    run: list[Part] = []
    for part in sorted(parts, key=lambda part: part.span):
        if run and (tier(part.rows), kind(part)) != (tier(run[0].rows), kind(run[0])):
            run = []
        run.append(part)
        if len(run) == FAN_IN:
            if sum(member.rows for member in run) <= MAX_ROWS:
                return run
            run = run[1:]
    return []


def _step(store: Store) -> bool:
    """One merge; False if there was nothing to merge. It keeps no view, so that what it replaced can be removed."""
    view = store.view()
    group = _next_group(view)
    return bool(group) and replace(store, view, group)


def _merge_all(store: Store) -> bool:
    """Merge all segments whose columns have the same types: into one, as a rule, and one of what snapshots see.

    False if rows were brought back meanwhile, so that it has to be done again.
    """
    view = store.view()
    kind = kinds(view)
    groups: dict[object, list[Part]] = {}
    for part in view.segments:
        groups.setdefault(kind(part), []).append(part)
    for group in groups.values():
        replace(store, view, group, afresh=True)
    return store.view().state.tallies["revival"].mix == view.state.tallies["revival"].mix or not groups


def _size(store: Store) -> tuple[int, int]:
    """Segments, and the bytes of everything."""
    entries = [part.source.entry for part in store.view().segments if isinstance(part.source, SegmentReader)]
    return len(entries), sum(entry.bytes for entry in entries) + store.catalog.size()
