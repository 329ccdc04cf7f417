"""Merging a fork: what has changed in it since it was made comes into the space it was made of."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import Conflict, InvalidInput, SnapshotNotFound
from ...storage.keys import parse_keys
from ...types import Key
from ..exchange.batch import Batch
from ..segments.flush import flushed_if_needed
from ..state.past import at
from ..state.store import Store
from ..state.transaction import Transaction
from ..state.view import View
from .diff import same
from .lineage import changed_since, parted_at

CHOICES = ("error", "theirs", "ours")
_NAMED = 10  # keys an error names
_BATCH = 4_096  # rows of a log entry


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge did: rows added, changed and removed, and the keys both sides had changed."""

    added: int
    changed: int
    removed: int
    conflicts: list[Key]


class _Side:
    """One of the two: its rows that have changed since they parted, and the others."""

    def __init__(self, store: Store, view: View, parted: int, base: View | None) -> None:
        self.view = view
        seqs, places = view.live()
        new = np.isin(seqs, changed_since(store, view, parted, base))
        self.new = dict(zip(view.keys(places[new]), places[new].tolist(), strict=True))
        self.kept_seqs, self.kept_places = seqs[~new], places[~new]

    def lost(self, other: _Side) -> list[Key]:
        """Keys of rows that the other has as they were, and this one has not any more."""
        gone = ~np.isin(other.kept_seqs, self.kept_seqs, assume_unique=True)
        keys = other.view.keys(other.kept_places[gone])
        return [key for key in keys if key not in self.new]


def merge(fork: Store, into: Store, on_conflict: str) -> Merge:
    """Merge, in one transaction of `into`."""
    if on_conflict not in CHOICES:
        raise InvalidInput(f"on_conflict must be one of {', '.join(map(repr, CHOICES))}; got {on_conflict!r}")
    for what in ("dims", "metric", "dtype", "key_type"):
        ours, theirs = getattr(into.meta, what), getattr(fork.meta, what)
        if ours != theirs:
            raise InvalidInput(
                f"{what} of {into.name!r} is {ours!r}, of {fork.name!r} {theirs!r}; they can't be merged"
            )
    parted = parted_at(fork, into)
    if parted is None:
        raise InvalidInput(f"spaces {fork.name!r} and {into.name!r} don't come from each other or from one fork")
    if fork.folder == into.folder:
        raise InvalidInput(f"{fork.name!r} can't be merged into itself")
    base = _base(fork, into, parted)

    def change() -> Merge:
        with into.write("merging a fork") as transaction:
            ours, theirs = _Side(into, transaction.view, parted, base), _Side(fork, fork.view(), parted, base)
            return _merge(transaction, ours, theirs, base, on_conflict)

    return flushed_if_needed(into, change)


def _merge(transaction: Transaction, ours: _Side, theirs: _Side, base: View | None, on_conflict: str) -> Merge:
    equal = _equal(ours, theirs)
    both = [key for key in theirs.new if key in ours.new and key not in equal]
    deleted = _changed_and_lost(ours, theirs, base)  # by the fork, and changed here
    conflicts = both + deleted + _changed_and_lost(theirs, ours, base)
    if conflicts and on_conflict == "error":
        raise _conflict(conflicts)
    left = equal | (set(conflicts) if on_conflict == "ours" else set())
    take = [key for key in theirs.new if key not in left]
    drop = theirs.lost(ours) + (deleted if on_conflict == "theirs" else [])
    changed = int((_find(ours.view, take) >= 0).sum())
    transaction.kill(_find(ours.view, drop))
    for start in range(0, len(take), _BATCH):  # an entry of the log has its limits
        transaction.put(_batch(theirs, take[start : start + _BATCH]))
    return Merge(len(take) - changed, changed, len(drop), conflicts)


def _equal(ours: _Side, theirs: _Side) -> set[Key]:
    """Keys that both have changed, to the same."""
    keys = [key for key in theirs.new if key in ours.new]
    if not keys:
        return set()
    places = [np.array([side.new[key] for key in keys], np.int64) for side in (ours, theirs)]
    alike = same(ours.view, places[0], theirs.view, places[1])
    return {key for key, equal in zip(keys, alike, strict=True) if equal}


def _changed_and_lost(one: _Side, other: _Side, base: View | None) -> list[Key]:
    """Keys that one has changed and the other has lost, as far as the state they come from is known."""
    if base is None:
        return []
    kept = set(other.view.keys(other.kept_places))
    alone = [key for key in one.new if key not in other.new and key not in kept]
    return [key for key, place in zip(alone, _find(base, alone), strict=True) if place >= 0]


def _base(fork: Store, into: Store, parted: int) -> View | None:
    """The state both come from, if one of them has it still: without it whoever lost a row is not known to have."""
    for store in (into, fork):
        with contextlib.suppress(SnapshotNotFound):
            return at(store, parted).view()
    return None


def _find(view: View, keys: list[Key]) -> NDArray[np.int64]:
    """Positions of those keys, -1 where there is none."""
    return view.find_many(*parse_keys(keys, view.meta.key_type))


def _batch(side: _Side, keys: list[Key]) -> Batch:
    view, places = side.view, np.array([side.new[key] for key in keys], np.int64)
    columns = view.take(places)[:, 1:] if view.schema else None
    return Batch(keys, parse_keys(keys, view.meta.key_type)[1], view.vectors(places), columns)


def _conflict(keys: list[Key]) -> Conflict:
    named = ", ".join(map(repr, keys[:_NAMED])) + (", …" if len(keys) > _NAMED else "")
    error = Conflict(
        f"both sides have changed {len(keys):,} keys since they parted: {named}; nothing was merged: say which side "
        'wins with on_conflict="theirs" or "ours"'
    )
    error.keys = keys
    return error
