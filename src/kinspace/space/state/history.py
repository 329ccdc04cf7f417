"""What became of rows: which of them are live at a seq, and which a snapshot sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ...storage.catalog import SnapshotEntry, TombstoneEntry
from ..parts.part import Part

Seqs = NDArray[np.uint64]
_KILLED, _REVIVED = 0, 1


def applied(
    parts: tuple[Part, ...],
    dead: Sequence[TombstoneEntry],
    revived: Sequence[TombstoneEntry],
    snapshots: Sequence[SnapshotEntry] = (),
) -> tuple[Part, ...]:
    """The parts once these have happened to their rows, in the order of their seqs.

    With revivals it must be all that ever happened: only that says what snapshots see of rows that came and went.
    """
    for kind, seqs, ats in _runs(dead, revived):
        if kind == _REVIVED:
            parts = tuple(part.revived(part.rows_of(seqs)) for part in parts)
            continue
        seen = seqs[_spanned(seqs, ats, snapshots)]
        parts = tuple(_without(part, seqs, seen) for part in parts)
    if not revived:
        return parts
    seen = seen_by_snapshots(dead, revived, snapshots)
    return tuple(part.pinning(part.rows_of(seen)) for part in parts)


def seen_by_snapshots(
    dead: Sequence[TombstoneEntry], revived: Sequence[TombstoneEntry], snapshots: Sequence[SnapshotEntry]
) -> Seqs:
    """Of the rows that died at some time, those that were live at the seq of a snapshot; ascending."""
    seqs, ats, kinds = _events(dead, revived)
    if not len(seqs) or not snapshots:
        return np.empty(0, np.uint64)
    order = np.lexsort((ats, seqs))
    seqs, ats, kinds = seqs[order], ats[order], kinds[order]
    born = seqs.copy()  # a row lives from its own seq or from its last revival
    again = np.flatnonzero((seqs[1:] == seqs[:-1]) & (kinds[:-1] == _REVIVED)) + 1
    born[again] = ats[again - 1]
    ended = kinds == _KILLED
    pinned = _spanned(born[ended], ats[ended], snapshots)
    return np.unique(seqs[ended][pinned])


def dead_rows(dead: Sequence[TombstoneEntry], revived: Sequence[TombstoneEntry]) -> Seqs:
    """The rows that are dead after all of this; ascending."""
    seqs, ats, kinds = _events(dead, revived)
    order = np.lexsort((ats, seqs))
    seqs, kinds = seqs[order], kinds[order]
    last = np.append(seqs[1:] != seqs[:-1], True)[: len(seqs)]
    gone: Seqs = seqs[last & (kinds == _KILLED)]
    return gone


def _spanned(born: Seqs, died: Seqs, snapshots: Sequence[SnapshotEntry]) -> NDArray[np.bool_]:
    """Whether there is a snapshot between: one at seq s sees writes below s."""
    if not snapshots:
        return np.zeros(len(born), np.bool_)
    at = np.sort(np.array([entry.seq for entry in snapshots], np.uint64))
    spanned: NDArray[np.bool_] = np.searchsorted(at, died, "right") > np.searchsorted(at, born, "right")
    return spanned


def _without(part: Part, seqs: Seqs, seen: Seqs) -> Part:
    rows = part.rows_of(seqs)
    if len(rows) == 0 or len(seen) == 0:
        return part.without(rows)
    return part.without(rows, np.isin(rows, part.rows_of(seen)))


def _runs(dead: Sequence[TombstoneEntry], revived: Sequence[TombstoneEntry]) -> Iterator[tuple[int, Seqs, Seqs]]:
    """What happened, in order; deaths that follow each other together, their seqs ascending."""
    entries = [(entry.at, _KILLED, entry) for entry in dead] + [(entry.at, _REVIVED, entry) for entry in revived]
    for kind, run in groupby(sorted(entries, key=lambda one: one[:2]), key=lambda one: one[1]):
        seqs, ats, _ = _events([entry for *_, entry in run], [])
        order = np.argsort(seqs, kind="stable")
        yield kind, seqs[order], ats[order]


def _events(dead: Sequence[TombstoneEntry], revived: Sequence[TombstoneEntry]) -> tuple[Seqs, Seqs, NDArray[np.uint8]]:
    """What happened as columns: the row, when, and what."""
    entries = [*dead, *revived]
    if not entries:
        return np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.uint8)
    lengths = [len(entry.seqs) for entry in entries]
    kinds = np.repeat([_KILLED] * len(dead) + [_REVIVED] * len(revived), lengths).astype(np.uint8)
    ats = np.repeat(np.array([entry.at for entry in entries], np.uint64), lengths)
    return np.concatenate([entry.seqs for entry in entries]), ats, kinds
