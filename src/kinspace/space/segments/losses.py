"""What a repair can't bring back: the keys of the rows that are gone, and the seqs that no row has any more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...storage.catalog import SegmentEntry, SnapshotEntry, State, Tally
from ...storage.salvage import Remains
from ...types import Key
from ..state.history import Seqs, dead_rows
from ..state.past import events_before
from ..state.view import View

if TYPE_CHECKING:
    import sqlite3

    from ..state.store import Store


@dataclass(frozen=True, slots=True)
class Losses:
    """Of one segment. `doubtful` are keys of rows that are gone, of which nothing says whether they had died before."""

    gone: Seqs
    lost: list[Key]
    doubtful: list[Key]
    dead: list[Key]
    unknown: int  # live rows that are gone without a key
    columns: list[Key]  # live rows that have lost their columns


def losses(
    store: Store, connection: sqlite3.Connection, state: State, remains: Remains, kept: NDArray[np.int64]
) -> Losses:
    """What is lost of a segment of which these rows are kept, at this transaction's state."""
    dead = _dead(store, connection, state)
    lost = np.setdiff1d(np.arange(remains.entry.rows), kept)
    named = lost[remains.known[lost]]
    if remains.seqs is None:
        gone = _dead_of(store, connection, state, remains.entry, dead)
        unknown = max(0, len(lost) - len(named) - len(gone))
        return Losses(gone, [], remains.keys(named), [], unknown, [])
    live = ~np.isin(remains.seqs, dead)
    return Losses(
        remains.seqs[lost],
        remains.keys(named[live[named]]),
        [],
        remains.keys(named[~live[named]]),
        int(live[lost].sum()) - int(live[named].sum()),
        remains.keys(kept[live[kept]]) if state.columns and not remains.has_columns else [],
    )


def lost_to_snapshots(
    store: Store, connection: sqlite3.Connection, view: View, entry: SegmentEntry, lost: Losses, seqs: Seqs | None
) -> list[SnapshotEntry]:
    """The snapshots that saw rows that are gone now, with how many they see still; -1 if nothing tells."""
    changed = []
    for one in view.known.snapshots:
        if seqs is None:
            if entry.first < one.seq:
                changed.append(replace(one, rows=-1))
            continue
        gone = lost.gone[lost.gone < one.seq]
        seen = len(np.setdiff1d(gone, dead_rows(*events_before(store.catalog, connection, view.state, one.seq))))
        if seen and one.rows >= 0:
            changed.append(replace(one, rows=one.rows - seen))
    return changed


def _dead(store: Store, connection: sqlite3.Connection, state: State) -> Seqs:
    """The seqs of every row that is dead and still in a file."""
    return dead_rows(*events_before(store.catalog, connection, state, state.next_seq))


def _dead_of(store: Store, connection: sqlite3.Connection, state: State, entry: SegmentEntry, dead: Seqs) -> Seqs:
    """The seqs of a segment's dead rows when its own are unreadable: those that nothing else has."""
    mine = dead[(dead >= entry.first) & (dead <= entry.last)]
    for logged in store.catalog.log(connection, 0, store.meta.dims, Tally(), state.tallies["log"]):
        mine = mine[(mine < logged.first) | (mine >= logged.first + len(logged.keys))]
    for other in store.catalog.segments(connection, state.tallies["segment"]):
        if other.id == entry.id or other.first > entry.last or other.last < entry.first:
            continue
        seqs = Remains(store.segments, other, store.meta.dims, store.meta.key_type, dtype=store.meta.dtype).seqs
        mine = mine[(mine < other.first) | (mine > other.last)] if seqs is None else np.setdiff1d(mine, seqs)
    return mine
