"""What snapshots and forks cost: time and disk at a million rows, and the disk after all was overwritten many times."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import corpus, harness

DIMS = 384
OVERWRITES = 20


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument("--rows", type=int, help="rows (default 1,000,000; 100,000 with --short)")
    options = parser.parse_args()
    rows = options.rows or (100_000 if options.short else 1_000_000)
    passes = options.passes or (3 if options.short else 5)
    with harness.scratch() as folder:
        states = _states(folder / "hub", rows, passes)
    with harness.scratch() as folder:
        disk = _overwritten(folder, rows // 20)
    _show(rows, states, disk)
    harness.keep("versions", {"rows": rows, "dims": DIMS, "states": states, "overwritten": disk})


def _states(folder: Path, rows: int, passes: int) -> dict[str, Any]:
    import kinspace as ks

    with ks.connect(folder) as hub:
        space = hub.create_space("docs", dims=DIMS)
        space.load(corpus.stream(rows, DIMS, 10_000), key="key", vector="vector")
        space.multidelete(list(space.keys())[:: max(1, rows // 1_000)])  # as a space in use has: some dead rows,
        space.set("one more", np.ones(DIMS))  # and some in the log
        held = _bytes(folder)
        found: dict[str, Any] = {"bytes": held}
        found["snapshot"] = _best(passes, lambda turn: space.snapshot(f"s{turn}"))
        found["at"] = _best(passes, lambda turn: space.at(f"s{turn}"))
        found["at_and_get"] = _best(passes, lambda turn: space.at(f"s{turn}").get("one more"))
        found["fork"] = _best(passes, lambda turn: space.fork(f"f{turn}"))
        found["fork_bytes"] = (_bytes(folder) - held) / passes
        space.set("one more", np.zeros(DIMS))
        found["diff"] = _best(passes, lambda turn: space.diff(f"s{turn}"))
        found["restore"] = _best(1, lambda turn: space.restore("s0"))
    return found


def _overwritten(folder: Path, rows: int) -> dict[str, Any]:
    """Bytes on disk of a space whose rows were all overwritten many times, and of one that got the last of them."""
    import kinspace as ks

    sizes = {}
    for name, times in (("fresh", 1), ("overwritten", OVERWRITES)):
        with ks.connect(folder / name) as hub:
            space = hub.create_space("docs", dims=DIMS)
            for _ in range(times):
                space.load(corpus.stream(rows, DIMS, 10_000), key="key", vector="vector")
            space.compact()
            space.index()
        sizes[name] = _bytes(folder / name)
    return {"rows": rows, **sizes, "ratio": sizes["overwritten"] / sizes["fresh"]}


def _best(passes: int, work: Callable[[int], object]) -> float:
    """Seconds of the quickest of several turns."""
    seconds = []
    for turn in range(passes):
        begin = time.perf_counter()
        work(turn)
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _bytes(folder: Path) -> int:
    """What the files take on the disk, those with several links once."""
    stats = {}
    for path in folder.rglob("*"):
        if path.is_file():
            stat = path.stat()
            stats[stat.st_dev, stat.st_ino] = stat.st_blocks * 512
    return sum(stats.values())


def _show(rows: int, states: dict[str, Any], disk: dict[str, Any]) -> None:
    more = states["fork_bytes"] / states["bytes"]
    table = [
        ["snapshot(name)", f"{states['snapshot'] * 1e3:.1f} ms", "50 ms"],
        ["at(name)", f"{states['at'] * 1e3:.1f} ms", "50 ms"],
        ["at(name).get(key)", f"{states['at_and_get'] * 1e3:.1f} ms", ""],
        ["fork(name)", f"{states['fork'] * 1e3:.0f} ms", "1 s"],
        ["  more on disk", f"{more:.2%}", "1 %"],
        ["diff(name), one row changed", f"{states['diff'] * 1e3:.0f} ms", ""],
        ["restore(name), one row changed", f"{states['restore'] * 1e3:.0f} ms", ""],
        [
            f"disk after {OVERWRITES} × overwriting {disk['rows']:,} rows and compact(), × a fresh store",
            f"{disk['ratio']:.2f}",
            "1.3",
        ],
    ]
    harness.show(f"**{rows:,} × {DIMS}**, string keys, one column", ["", "measured", "budget"], table)


if __name__ == "__main__":
    main()
