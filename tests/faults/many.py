"""Two writers and four readers on one hub: python tests/faults/many.py --seconds 60.

Each writer commits again and again, as writes of every kind, flushing, compacting and indexing on the way; now and
then one is killed and another takes its place. Each reader demands of every answer that

- it has what was acknowledged before it was asked for,
- it never goes back behind what the reader saw before,
- a commit's rows are there all or none, and each row is whole: its vector and its columns come of one write.
"""

from __future__ import annotations

import argparse
import gc
import mmap
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl

import kinspace as ks
from forked import Process, import_as_in
from writer import small

GROUP = 8  # rows that are always written together
DIMS = 4
SPACE = "shared"
_NUMBERS = 8  # of each writer: acknowledged, under way, commits, flushes, compactions, indexings, 2 to spare
_ACKED, _COMMITS, _FLUSHES, _COMPACTIONS, _INDEXINGS = range(5)


class Board:
    """Numbers that all processes see."""

    def __init__(self, writers: int, readers: int) -> None:
        size = writers * _NUMBERS + readers
        self.numbers = np.frombuffer(mmap.mmap(-1, size * 8), np.int64)
        self.writers = self.numbers[: writers * _NUMBERS].reshape(writers, _NUMBERS)
        self.reads = self.numbers[writers * _NUMBERS :]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--kills", type=float, default=0.5, help="a second, on average")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the writes and the kills")
    options = parser.parse_args()
    small()
    import_as_in(_rehearse)
    folder = Path(tempfile.mkdtemp(prefix="kinspace-many-"))
    try:
        return run(str(folder / "hub"), options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(path: str, options: argparse.Namespace) -> int:
    """Have them all run for so long; how many complained."""
    board = Board(options.writers, options.readers)
    random = Random(options.seed)
    begun = time.monotonic()
    end = begun + options.seconds
    heard, code = Process(lambda _: make(path, options.writers)).wait()
    assert code == 0, heard
    born = 0

    def writer(number: int) -> Process:
        nonlocal born
        born += 1
        seed = [options.seed, born]
        return Process(lambda _: write(path, number, board, seed, end))

    writers = {number: writer(number) for number in range(options.writers)}
    readers = [
        Process(lambda _, number=number: read(path, number, board, options.writers, end))  # type: ignore[misc]
        for number in range(options.readers)
    ]
    kills, failures = 0, 0
    while (left := end - time.monotonic()) > 0:
        wait = min(left, random.uniform(0.5, 1.5) / options.kills if options.kills else left)
        select.select([process.pipe for process in readers], [], [], wait)  # a reader that ends has complained
        if any(os.waitid(os.P_PID, process.id, os.WEXITED | os.WNOHANG | os.WNOWAIT) for process in readers):
            break
        if end - time.monotonic() > 1.0:
            number = random.randrange(options.writers)
            os.kill(writers[number].id, signal.SIGKILL)
            failures += writers[number].wait()[1] not in (0, -signal.SIGKILL)
            writers[number] = writer(number)
            kills += 1
    for process in (*writers.values(), *readers):
        failures += process.wait()[1] != 0
    _, code = Process(lambda _: finish(path, board, options.writers)).wait()
    failures += code != 0
    sums = board.writers.sum(axis=0)
    print(
        f"{options.writers} writers, {options.readers} readers, {time.monotonic() - begun:.0f} s, {kills} kills: "
        f"{sums[_COMMITS]:,} commits, {sums[_FLUSHES]:,} flushes, {sums[_COMPACTIONS]:,} compactions, "
        f"{sums[_INDEXINGS]:,} indexings; {board.reads.sum():,} answers looked at; {failures} violations"
        + (f"; again: --seed {options.seed}" if failures else "")
    )
    return min(failures, 1)


def make(path: str, writers: int) -> None:
    """The hub, with every writer's rows at 0."""
    with ks.connect(path) as hub:
        space = hub.create_space(SPACE, dims=DIMS, metric="l2")
        for number in range(writers):
            space.multiset(rows(number, 0))


def rows(writer: int, count: int, kind: str = "w") -> list[tuple[str, list[float], dict[str, Any]]]:
    """A writer's rows as its commit number `count` writes them."""
    return [(f"{kind}{writer}-{i}", [writer, i, count, 1], {"writer": writer, "count": count}) for i in range(GROUP)]


def write(path: str, writer: int, board: Board, seed: list[int], end: float) -> None:
    """Commit until the end, telling the board what was acknowledged."""
    random = Random(repr(seed))
    numbers = board.writers[writer]
    with ks.connect(path) as hub:
        space = hub.get_space(SPACE)
        count = space.row(f"w{writer}-0")["count"]  # a killed writer's last commit may be there unacknowledged
        assert numbers[_ACKED] <= count <= numbers[_ACKED] + 1, (writer, count, numbers[_ACKED])
        numbers[_ACKED] = count
        while time.monotonic() < end:
            count += 1
            match random.random():
                case draw if draw < 0.1:  # enough rows to be a segment at once
                    filler = [(f"f{writer}-{i}", [writer, i, -1, 1], {"writer": writer}) for i in range(260)]
                    space.multiset([*filler, *rows(writer, count)])
                case draw if draw < 0.2:
                    keys, vectors, columns = zip(*rows(writer, count), strict=True)
                    frame = pl.DataFrame({"key": keys, "vector": vectors, **_columns(columns)})
                    space.load(frame, key="key", vector="vector")
                case _:
                    space.multiset(rows(writer, count))
            numbers[_ACKED] = count
            numbers[_COMMITS] += 1
            others = random.random()
            if others < 0.2:
                space.multiset(rows(writer, count, "o"))
            elif others < 0.4:
                assert space.multidelete([f"o{writer}-{i}" for i in range(GROUP)]) in (0, GROUP)
            elif others < 0.45:
                space.delete_where(f"writer = {writer} AND count IS NULL")
            elif others < 0.5:
                space.flush()
                numbers[_FLUSHES] += 1
            elif others < 0.53:
                space.compact()
                numbers[_COMPACTIONS] += 1
            elif others < 0.55:
                space.index()
                numbers[_INDEXINGS] += 1


def _columns(columns: tuple[dict[str, Any], ...]) -> dict[str, list[Any]]:
    return {name: [one[name] for one in columns] for name in ("writer", "count")}


def read(path: str, reader: int, board: Board, writers: int, end: float) -> None:
    """Look at one answer after another until the end."""
    seen = np.zeros(writers, np.int64)
    with ks.connect(path) as hub:
        space = hub.get_space(SPACE)
        asks = [scanned, searched, listed, selected]
        while time.monotonic() < end:
            ask = asks[int(board.reads[reader]) % len(asks)]
            acknowledged = board.writers[:, _ACKED].copy()
            counts = judged(ask(space), writers, ask.__name__)
            assert (counts >= acknowledged).all(), f"{ask.__name__}: {counts} where {acknowledged} was acknowledged"
            assert (counts >= seen).all(), f"{ask.__name__}: {counts} after {seen} had been seen"
            seen = counts
            board.reads[reader] += 1


Answer = list[tuple[str, Any, Any]]  # key, count, and the vector if it is known


def judged(answer: Answer, writers: int, ask: str) -> np.ndarray:
    """The count each writer has come to, once the answer is known to be whole."""
    counts = np.zeros(writers, np.int64)
    for number in range(writers):
        for kind in "wo":
            group = {key: (count, vector) for key, count, vector in answer if key.startswith(f"{kind}{number}-")}
            values = {count for count, _ in group.values()}
            assert len(group) == GROUP or (kind == "o" and not group), f"{ask}: of a commit only {sorted(group)}"
            assert len(values) <= 1, f"{ask}: of several commits: {group}"
            for key, (count, vector) in group.items():
                assert vector is None or list(vector) == [number, int(key[3:]), count, 1], (
                    f"{ask}: {key} {count} {vector}"
                )
            if kind == "w":
                (counts[number],) = values
    keys = [key for key, _, _ in answer]
    assert len(keys) == len(set(keys)), f"{ask}: a key twice"
    return counts


def scanned(space: Any) -> Answer:
    """By scan."""
    return [(key, count, vector) for batch in space.scan(100) for key, count, vector in _taken(batch)]


def _taken(batch: pl.DataFrame) -> Any:
    return zip(batch["key"], batch["count"], batch["vector"].to_list(), strict=True)


def searched(space: Any) -> Answer:
    """By an exact search that lists all."""
    found = space.nearest_neighbors(5_000, vector=[0.0] * DIMS, exact=True)
    return list(zip(found.keys, found.rows["count"], [None] * len(found.keys), strict=True))


def listed(space: Any) -> Answer:
    """By a filtered search."""
    found = space.nearest_neighbors(5_000, vector=[0.0] * DIMS, where="count >= 0")
    return list(zip(found.keys, found.rows["count"], [None] * len(found.keys), strict=True))


def selected(space: Any) -> Answer:
    """By select."""
    found = space.select("key", "count").where("count IS NOT NULL").collect()
    return list(zip(found["key"], found["count"], [None] * found.height, strict=True))


def finish(path: str, board: Board, writers: int) -> None:
    """Everything acknowledged is there, nothing is damaged, and no litter is left."""
    with ks.connect(path) as hub:
        space = hub.get_space(SPACE)
        counts = judged(scanned(space), writers, "at the end")
        assert (counts == board.writers[:, _ACKED]).all(), (
            f"{counts} is there where {board.writers[:, _ACKED]} was written"
        )
        assert (board.writers[:, _COMMITS] > 0).all(), "a writer never got its turn"
        report = space.check()
        assert report.ok, report.problems
        space.compact()
        assert (judged(scanned(space), writers, "compacted") == counts).all()
        del space
    gc.collect()
    with ks.connect(path) as hub:
        named = hub.get_space(SPACE).stats()["segments"]
        left = [folder.name for folder in Path(path).glob("spaces/*/segments/*")]
        assert len(left) == named, f"{left}: {named} are named"


def _rehearse(folder: Path) -> None:
    """Do all that they do, for what it imports."""
    path = str(folder / "hub")
    board = Board(1, 1)
    make(path, 1)
    write(path, 0, board, [0], time.monotonic() + 0.5)
    with ks.connect(path) as hub:
        space = hub.get_space(SPACE)
        space.multiset([(f"f0-{i}", [0, i, -1, 1], {"writer": 0}) for i in range(260)])
        space.compact()
        space.index()
        for ask in (scanned, searched, listed, selected):
            judged(ask(space), 1, "rehearsal")
    finish(path, board, 1)


if __name__ == "__main__":
    sys.exit(main())
