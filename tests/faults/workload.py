"""The writes of a kill test: operation number n of a round, the same for whoever asks, and what it does to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

DIMS = 24
KEYS = 600  # few enough that writes replace and delete what others wrote
BATCH = 64  # rows of a stream that are stored together
SPACE, TEMPORARY, FORK = "kept", "temporary", "forked"
SMALL = ("set", "update", "delete", "multiset", "multidelete")

# how often each is drawn
KINDS = {
    "set": 14,
    "update": 6,
    "delete": 8,
    "multiset": 10,
    "stream": 8,
    "load": 8,
    "multidelete": 6,
    "delete_where": 3,
    "delete_all": 0.3,
    "flush": 5,
    "compact": 4,
    "index": 3,
    "text": 1,
    "temporary": 2,
    "snapshot": 2,
    "drop": 1.5,
    "restore": 0.7,
    "fork": 1,
}


@dataclass(frozen=True)
class Row:
    """What one key holds."""

    vector: bytes
    mark: int | None  # which write it came from, so that a row made of two writes is seen
    note: str | None


@dataclass(frozen=True)
class Model:
    """What a hub must hold: the rows of one space in insertion order, its snapshots', and the other spaces."""

    rows: dict[str, Row]
    temporary: bool
    snapshots: dict[str, dict[str, Row]] = field(default_factory=dict)  # the oldest first
    forked: dict[str, Row] | None = None  # the rows of the space that was forked off


@dataclass(frozen=True)
class Operation:
    """One write with everything it needs."""

    kind: str
    mark: int
    keys: list[str]
    vectors: NDArray[np.float32]  # a row for each key

    @property
    def notes(self) -> list[str]:
        return [f"{key} of {self.mark}" for key in self.keys]

    def frame(self, rows: slice = slice(None)) -> pl.DataFrame:
        vector = pl.Series(values=self.vectors[rows], dtype=pl.Array(pl.Float32, DIMS))
        columns = {"key": self.keys[rows], "mark": [self.mark] * len(self.keys[rows]), "note": self.notes[rows]}
        return pl.DataFrame({**columns, "vector": vector})


def operation(seed: int, turn: int, number: int) -> Operation:
    """Return operation `number` of round `turn`. Every third round has small writes alone, or few would be caught."""
    rng = np.random.default_rng([seed, turn, number])
    kinds = SMALL if turn % 3 == 0 else tuple(KINDS)
    weights = np.array([KINDS[kind] for kind in kinds])
    kind = str(rng.choice(kinds, p=weights / weights.sum()))
    return _drawn(kind, rng, turn * 1_000_000 + number)


def drawn(kind: str, seed: list[int], mark: int) -> Operation:
    """Return a write of that kind, the same for the same seed."""
    return _drawn(kind, np.random.default_rng(seed), mark)


def _drawn(kind: str, rng: np.random.Generator, mark: int) -> Operation:
    most = {"multiset": 80, "stream": 600, "load": 600, "multidelete": 60}.get(kind, 1)
    picked = rng.choice(KEYS, int(rng.integers(1, most + 1)), replace=most > KEYS)
    keys = [f"key-{i}" for i in picked]
    return Operation(kind, mark, keys, rng.standard_normal((len(keys), DIMS), dtype=np.float32))


def perform(hub: Any, operation: Operation) -> None:
    """Do it to the hub."""
    space = hub.get_space(SPACE)
    keys, vectors, mark = operation.keys, operation.vectors, operation.mark
    match operation.kind:
        case "set":
            space.set(keys[0], vectors[0], mark=mark, note=operation.notes[0])
        case "update":
            if keys[0] in space:
                space.update(keys[0], mark=mark)
        case "delete":
            space.delete(keys[0])
        case "multiset":
            space.multiset(list(zip(keys, vectors, ({"mark": mark, "note": n} for n in operation.notes), strict=True)))
        case "stream":
            space.load(_batches(operation), key="key", vector="vector", batch_size=BATCH)
        case "load":
            space.load(operation.frame(), key="key", vector="vector")
        case "multidelete":
            space.multidelete(keys)
        case "delete_where":
            if "mark" in space.columns:
                space.delete_where(f"mark % 7 = {mark % 7}")
        case "delete_all":
            space.delete_all()
        case "flush":
            space.flush()
        case "compact":
            space.compact()
        case "index":
            space.index()
        case "text":
            if "note" in space.columns:
                space.index_text("note", language="simple")
                space.search("of", 3)
        case "snapshot":
            space.snapshot(f"at {mark}")
        case "drop":
            for snapshot in space.snapshots()[:1]:
                space.drop_snapshot(snapshot.name)
        case "restore":
            for snapshot in space.snapshots()[:1]:
                space.restore(snapshot.name)
        case "fork":
            if FORK in hub:
                hub.delete_space(FORK)
            else:
                space.fork(FORK)
        case "temporary":
            if TEMPORARY in hub:
                hub.delete_space(TEMPORARY)
            else:
                hub.create_space(TEMPORARY, dims=DIMS)


def _batches(operation: Operation) -> Iterator[pl.DataFrame]:
    for start in range(0, len(operation.keys), BATCH):
        yield operation.frame(slice(start, start + BATCH))


def outcomes(model: Model, operation: Operation) -> list[Model]:
    """Every state that may be found once the operation has begun: untouched first, done last.

    There are two for all but a stream, which is stored batch by batch.
    """
    rows, keys, mark = model.rows, operation.keys, operation.mark
    fresh = {
        key: Row(vector.tobytes(), mark, note)
        for key, vector, note in zip(keys, operation.vectors, operation.notes, strict=True)
    }
    match operation.kind:
        case "set" | "multiset" | "load":
            steps = [_moved(rows, fresh)]
        case "stream":
            steps = []
            for start in range(0, len(keys), BATCH):
                part = {key: fresh[key] for key in keys[start : start + BATCH]}
                steps.append(_moved(steps[-1] if steps else rows, part))
        case "update":
            old = rows.get(keys[0])
            steps = [_moved(rows, {keys[0]: Row(old.vector, mark, old.note)}) if old else rows]
        case "delete" | "multidelete":
            steps = [_kept(rows, lambda key, _: key not in set(keys))]
        case "delete_where":
            steps = [_kept(rows, lambda _, row: row.mark is None or row.mark % 7 != mark % 7)]
        case "delete_all":
            steps = [{}]
        case "temporary":
            return [model, replace(model, temporary=not model.temporary)]
        case "snapshot":
            return [model, replace(model, snapshots={**model.snapshots, f"at {mark}": rows})]
        case "drop":
            return [model, replace(model, snapshots=dict(list(model.snapshots.items())[1:]))]
        case "restore":
            steps = [*list(model.snapshots.values())[:1], rows][:1]
        case "fork":
            return [model, replace(model, forked=rows if model.forked is None else None)]
        case _:  # flush, compact, index and text change nothing that can be seen
            steps = [rows]
    return [model, *(replace(model, rows=step) for step in steps)]


def _moved(rows: dict[str, Row], fresh: dict[str, Row]) -> dict[str, Row]:
    """A row that is set again goes to the end of insertion order."""
    return {**_kept(rows, lambda key, _: key not in fresh), **fresh}


def _kept(rows: dict[str, Row], keep: Callable[[str, Row], bool]) -> dict[str, Row]:
    return {key: row for key, row in rows.items() if keep(key, row)}
