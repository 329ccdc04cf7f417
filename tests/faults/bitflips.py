"""A flipped bit in every byte of every file of a small hub, one at a time: python tests/faults/bitflips.py.

After each flip

- every call (keys, get, row, multiget, scan, nearest exact and by index, filters, select) gives the right answer, or
  raises Corrupt or Unavailable, which names a file; a wrong answer ends the run,
- check() finds it if it is in a segment, or if any call has noticed it,
- get_space(skip_damaged=True) serves the rows of all other segments,
- repair() of a segment brings back, bit for bit and in order, every row that it does not name as lost.

Then many files at once are damaged in all kinds of ways, and what is left after repair() is held to the same.

What check() does not find is counted as harmless, for every answer was right. In a hub that is closed that can be in
SQLite's files (pages and bytes that it does not use, fields of its header that it only writes) and in catalog.mark, and
never in a segment.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np
import polars as pl

import kinspace as ks

ROWS, LATER, DIMS = 40, 24, 3
ALL = ROWS + LATER + 1
QUERY = np.array([0.3, -1, 0.2], np.float32)

ASKS: dict[str, Callable[[ks.Space], Any]] = {
    "len": len,
    "columns": lambda space: dict(space.columns),
    "keys": lambda space: list(space.keys()),
    "in": lambda space: [key in space for key in ("a0", "a1", "b3", "z", "nothing")],
    "get": lambda space: [space.get(key).tobytes() for key in ("a0", "a39", "b3", "z")],
    "row": lambda space: [space.row(key) for key in ("a0", "a39", "b3", "z")],
    "multiget": lambda space: [vector.tobytes() for vector in space.multiget(["b3", "a7", "z", "a2"])],
    "scan": lambda space: rows_of(space),
    "nearest exact": lambda space: list(space.nearest_neighbors(ALL, vector=QUERY, exact=True)),
    "nearest": lambda space: list(space.nearest_neighbors(10, vector=QUERY, ef_search=200)),
    "many": lambda space: [list(hits) for hits in space.nearest_neighbors(4, vectors=np.stack([QUERY, -QUERY]))],
    "by key": lambda space: list(space.nearest_neighbors(5, key="a7")),
    "where": lambda space: space.nearest_neighbors(9, vector=QUERY, where="n >= 12").rows.to_dicts(),
    "select": lambda space: (
        space.select("key", "n", d="_dist").where("t != 'tt'").nearest(QUERY).take(7).collect().rows()
    ),
    "select rows": lambda space: space.select("key", "vector").where("n < 9").collect().rows(),
}

DELETED = {"a1", "b4", "b12", "b20", "b5"}  # which repair() can't tell from live ones if a segment's seqs are lost

Row = tuple[Any, bytes, dict[str, Any]]  # key, vector, columns


@dataclass(frozen=True)
class Sound:
    """A hub without damage, and all it says."""

    folder: Path
    answers: dict[str, Any]
    rows: list[Row]

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Outcome:
    """What became of one flip."""

    noticed: bool  # by a call
    found: bool  # by check()
    lost: int = 0  # rows that repair() could not bring back
    columns_lost: int = 0


@contextmanager
def small_segments() -> Iterator[None]:
    """Segments of several chunks and an index, though they have few rows."""
    with (
        mock.patch("kinspace.storage.segment.INNER_ROWS", 16),
        mock.patch("kinspace.storage.segment._SHARD_BYTES", 32 * DIMS * 4),
        mock.patch("kinspace.storage.segment.chunk_rows", _chunk_rows),
        mock.patch("kinspace.storage.salvage.chunk_rows", _chunk_rows),
        mock.patch("kinspace.space.parts.index.INDEX_ROWS", ROWS),
        mock.patch("kinspace.space.space.SEGMENT_ROWS", ROWS),
    ):
        yield


def _chunk_rows(rows: int, dims: int) -> tuple[int, int]:
    return 16, 32


def make(folder: Path) -> Sound:
    """Two segments, the first of them bulk-loaded and indexed, the second with gaps in its seqs; dead rows; a log."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((ROWS + LATER, DIMS)).astype(np.float32)
    with small_segments():
        with ks.connect(folder) as hub:
            space = hub.create_space("docs", dims=DIMS)
            columns = {"n": list(range(ROWS)), "t": ["t" * (i % 4) for i in range(ROWS)]}
            space.load(keys=[f"a{i}" for i in range(ROWS)], vectors=vectors[:ROWS], columns=columns)
            for i in range(LATER):
                space.set(f"b{i}", vectors[ROWS + i], n=i)
                if i % 8 == 5:
                    space.delete(f"b{i - 1}")
            space.flush()
            space.delete("a1")
            space.set("a2", -vectors[2], n=-2, t="again")
            space.delete("b5")
            space.set("z", vectors[0], n=99)
            space.index()
        with ks.connect(folder) as hub:
            space = hub.get_space("docs")
            assert space.check().ok
            answers, rows = {what: call(space) for what, call in ASKS.items()}, rows_of(space)
    return Sound(folder, answers, rows)


def rows_of(space: ks.Space) -> list[Row]:
    """Every row, in order."""
    found: list[Row] = []
    for frame in space.scan(7):
        vectors = frame.get_column("vector").to_numpy()
        columns = pl.DataFrame(frame.get_columns()[1:-1]).to_dicts()
        found += zip(frame.get_column("key"), (vector.tobytes() for vector in vectors), columns, strict=True)
    return found


def trial(sound: Sound, place: Path, file: str, damage: Callable[[Path], object], what: str) -> Outcome:
    """Damage one file of a copy and ask everything. AssertionError if an answer is not right."""
    hub_folder = place / "hub"
    shutil.rmtree(hub_folder, ignore_errors=True)
    shutil.copytree(sound.folder, hub_folder, copy_function=_copy)
    if (hub_folder / file).is_file():
        _own(hub_folder / file)
    damage(hub_folder / file)
    before = _contents(hub_folder)
    try:
        with ks.connect(hub_folder, durability="off") as hub:
            assert hub.list_spaces() == ["docs"], what
            space = hub.get_space("docs")
            space._store.indexes.foreground = 1  # nothing is mended in the background
            noticed = _ask(space, sound, what)
            report = space.check()
            found = not report.ok
            assert found or not noticed, f"{what}: a call noticed it and check() did not"
            if "/segments/" not in file:
                if found:
                    assert not space.repair().ok, f"{what}: a catalog passes for repaired"
                after = {path: body for path, body in _contents(hub_folder).items() if path in before}
                assert _changed(before, after) <= {file}, f"{what}: {_changed(before, after)} changed"
                return Outcome(noticed, found)
            assert found, f"{what}: check() found nothing"
            _serves_the_rest(hub, sound, what)
            return Outcome(noticed, found, *_repairs(hub, sound, what))
    except (ks.Corrupt, ks.Unavailable) as error:
        if "/segments/" in file or ".sqlite" not in str(error):
            raise AssertionError(what) from error
        return Outcome(noticed=True, found=True)


DAMAGE: dict[str, Callable[[Path, Random], object]] = {
    "flipped": lambda file, random: flip(random.randrange(file.stat().st_size))(file),
    "cut": lambda file, random: os.truncate(file, random.randrange(file.stat().st_size)),
    "longer": lambda file, random: file.write_bytes(file.read_bytes() + random.randbytes(9)),
    "garbage": lambda file, random: file.write_bytes(random.randbytes(file.stat().st_size)),
    "zeros": lambda file, random: file.write_bytes(bytes(file.stat().st_size)),
    "gone": lambda file, random: file.unlink(),
    "a folder": lambda file, random: (file.unlink(), file.mkdir()),
}


def several(sound: Sound, place: Path, seed: int) -> None:
    """Damage many files of a copy, ask everything, and repair it. AssertionError if an answer is not right."""
    random, hub_folder = Random(seed), place / "hub"
    shutil.rmtree(hub_folder, ignore_errors=True)
    shutil.copytree(sound.folder, hub_folder, copy_function=_copy)
    files = [file for file in sound.files() if "/segments/" in file and "/index/" not in file]
    done = []
    for file in random.sample(files, random.choice([2, 3, 4, 8])):
        how = random.choice(list(DAMAGE))
        _own(hub_folder / file)
        DAMAGE[how](hub_folder / file, random)
        done.append(f"{kind(file)} {how}")
    with ks.connect(hub_folder, durability="off") as hub:
        space = hub.get_space("docs")
        space._store.indexes.foreground = 1
        _ask(space, sound, ", ".join(done))
        _repairs(hub, sound, ", ".join(done))


def _ask(space: ks.Space, sound: Sound, what: str) -> bool:
    """Whether any call complains; those that don't must be right."""
    noticed = False
    for name, call in ASKS.items():
        try:
            answer = call(space)
        except (ks.Corrupt, ks.Unavailable) as error:
            noticed = True
            if "/spaces/" not in str(error):
                raise AssertionError(f"{what}: {name} names no file") from error
        else:
            assert answer == sound.answers[name], f"{what}: {name} is wrong, and silently so"
    return noticed


def _serves_the_rest(hub: ks.Hub, sound: Sound, what: str) -> None:
    """Without the damaged segment the space has the others' rows, and only those."""
    rest = hub.get_space("docs", skip_damaged=True)
    segments = {problem.file.relative_to(hub.path).parts[3] for problem in rest.skipped}
    rows = rows_of(rest)
    assert len(segments) == (len(rows) < len(sound.rows)), f"{what}: {segments} are left out"
    assert rows == [row for row in sound.rows if row[0] in rest], f"{what}: other rows with skip_damaged"
    assert len(rows) >= LATER - 4, f"{what}: {len(rows)} rows are left"


def _repairs(hub: ks.Hub, sound: Sound, what: str) -> tuple[int, int]:
    """Rows lost and rows that lost their columns, all of which the report names or counts."""
    space = hub.get_space("docs")
    report = space.repair()
    assert not report.problems, f"{what}: {report.problems}"
    got, lost, bare = rows_of(space), set(report.lost), set(report.columns_lost)
    assert lost <= {row[0] for row in sound.rows} | DELETED, f"{what}: {lost} were not there"
    expected = [
        (key, vector, dict.fromkeys(columns) if key in bare else columns)
        for key, vector, columns in sound.rows
        if key not in lost
    ]
    if report.lost_unknown:
        kept = {row[0] for row in got}
        missing = [row for row in expected if row[0] not in kept]
        assert len(missing) == report.lost_unknown, f"{what}: {len(missing)} rows are gone, {report.lost_unknown} told"
        expected = [row for row in expected if row[0] in kept]
    assert got == expected, f"{what}: repair() brought other rows"
    hits = [hit for hit in sound.answers["nearest exact"] if hit.key in {row[0] for row in got}]
    assert list(space.nearest_neighbors(ALL, vector=QUERY, exact=True)) == hits, f"{what}: repaired, other distances"
    assert space.check().ok, f"{what}: repaired, and still damaged"
    return len(sound.rows) - len(got), len(bare)


def _copy(source: str, target: str) -> None:
    """Segments are linked: nothing may change their files."""
    (os.link if "/segments/" in source else shutil.copyfile)(source, target)


def _own(file: Path) -> None:
    """Have the file to itself, before it is damaged."""
    body = file.read_bytes()
    file.unlink()
    file.write_bytes(body)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".sqlite-" not in path.name and path.name != "catalog.mark"
    }


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {path for path, body in before.items() if after.get(path) != body}


def flip(at: int) -> Callable[[Path], object]:
    """Flip one bit of that byte, a different one from byte to byte."""

    def damage(path: Path) -> None:
        body = bytearray(path.read_bytes())
        body[at] ^= 1 << at * 5 % 8
        path.write_bytes(body)

    return damage


def kind(file: str) -> str:
    """A file without the random names on its way."""
    parts = file.split("/")
    if "segments" in parts:
        return "index/…" if parts[4] == "index" else "/".join(parts[4:])
    return parts[-1]


def run(sound: Sound, file: str, places: list[int]) -> list[Outcome]:
    """Trials of one file, in this process."""
    with small_segments(), tempfile.TemporaryDirectory(dir=_fast()) as place:
        return [trial(sound, Path(place), file, flip(at), f"byte {at} of {kind(file)}") for at in places]


def _fast() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="flip every so many bytes only")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--several", type=int, default=300, help="hubs of which many files are damaged at once")
    options = parser.parse_args()
    begin = time.monotonic()
    told: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory(dir=_fast()) as folder:
        sound = make(Path(folder, "hub"))
        sizes = {file: (sound.folder / file).stat().st_size for file in sound.files()}
        tasks = [
            (file, list(range(first, min(first + 256 * options.every, size), options.every)))
            for file, size in sizes.items()
            for first in range(0, size, 256 * options.every)
        ]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
            waiting = [(file, pool.submit(run, sound, file, places)) for file, places in tasks]
            for number, (file, result) in enumerate(waiting, 1):
                _count(told.setdefault(kind(file), Counter()), result.result())
                if sys.stdout.isatty() or number % 50 == 0:
                    print(f"{number} of {len(tasks)} pieces, {time.monotonic() - begin:.0f} s", flush=True)
        with small_segments():
            for seed in range(options.several):
                several(sound, Path(folder, "several"), seed)
    _print(told, time.monotonic() - begin)
    print(f"{options.several:,} hubs of many damaged files: every row came back, or was told to be lost")
    return 0


def _count(counter: Counter[str], outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        counter["flips"] += 1
        counter["noticed by a call"] += outcome.noticed
        counter["found by check"] += outcome.found
        counter["harmless"] += not outcome.found
        counter["cost rows"] += outcome.lost > 0
        counter["cost columns"] += outcome.columns_lost > 0


def _print(told: dict[str, Counter[str]], seconds: float) -> None:
    names = ("flips", "noticed by a call", "found by check", "harmless", "cost rows", "cost columns")
    print(f"{'file':28}" + "".join(f"{name:>20}" for name in names))
    total: Counter[str] = Counter()
    for file, counter in sorted(told.items()):
        print(f"{file:28}" + "".join(f"{counter[name]:>20,}" for name in names))
        total += counter
    print(f"{'all':28}" + "".join(f"{total[name]:>20,}" for name in names))
    print(
        f"{total['flips']:,} bits flipped in {seconds:.0f} s; none gave a wrong answer, none in a segment went unfound"
    )


if __name__ == "__main__":
    sys.exit(main())
