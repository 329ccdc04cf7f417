"""What two spaces, or two states of one, have in common: rows with the same seq below the seq they parted at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..state.history import Seqs, dead_rows
from ..state.past import events_before
from ..state.store import Store
from ..state.view import View

if TYPE_CHECKING:
    import sqlite3

_NEVER = 1 << 63  # a seq above all


def parted_at(one: Store, other: Store) -> int | None:
    """The seq from which on the two are not the same; None if they are not related."""
    ours, theirs = _line(one), _line(other)
    for id in reversed(ours):
        if id in theirs:
            return min(ours[id], theirs[id])
    return None


def _line(store: Store) -> dict[str, int]:
    """The spaces it comes from, oldest first, itself last: id -> the seq from which on it isn't that one."""
    line: dict[str, int] = {}
    low = _NEVER
    for id, seq in reversed([*store.meta.lineage, (store.folder.name, _NEVER)]):
        low = min(low, seq)
        line[id] = low
    return dict(reversed(line.items()))


def unlike(ours: View, theirs: View, parted: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the rows that may differ: all but those both have, with one seq below the one they parted at."""
    (our_seqs, our_places), (their_seqs, their_places) = ours.live(), theirs.live()
    both = np.intersect1d(our_seqs, their_seqs, assume_unique=True)
    both = both[both < parted]
    return our_places[~np.isin(our_seqs, both)], their_places[~np.isin(their_seqs, both)]


def changed_since(store: Store, view: View, parted: int, base: View | None) -> Seqs:
    """Seqs of the rows, live now, that were not when the two parted: written since, or brought back; ascending.

    Without the state they parted at (`base`), what happened to this side's rows tells as much, but of the time before
    this side was made a fork.
    """
    seqs = view.live()[0]
    if base is not None:
        return np.setdiff1d(seqs, base.live()[0], assume_unique=True)

    def buried(connection: sqlite3.Connection, now: View) -> Seqs:
        return dead_rows(*events_before(store.catalog, connection, now.state, parted))

    return seqs[(seqs >= parted) | np.isin(seqs, store.with_catalog(buried))]
