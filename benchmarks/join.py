"""Many queries at once beside Faiss: the neighbours of every row of a batch, and all pairs within a distance.

Both use two threads. Faiss has no cosine: it gets unit vectors, made beforehand. Its range search compares every row
with every row in float32; near_duplicates compares each pair once, and proves in double which are within.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

import kinspace as ks

from . import corpus, harness
from .corpus import Vectors

K, THRESHOLD, AT_ONCE = 10, 0.05, 1_024
FAISS, OURS = "faiss", "kinspace"


def main() -> None:
    options = harness.arguments(__doc__).parse_args()
    passes = options.passes or (2 if options.short else 3)
    real = corpus.debian()
    asked = real.vectors[:: 31 if options.short else 8]
    rows = real.vectors[:: 6 if options.short else 1]
    with ks.connect(":memory:") as hub:
        joined = harness.in_turn(_joins(hub, asked, real.vectors), passes, more_is_better=True)
        counts, finds = _duplicates(hub, rows)
        found = harness.in_turn(finds, passes, more_is_better=True)
    title = f"**{real.name}, cosine**, two threads"
    _show(f"{title}: the {K} nearest for each of {len(asked):,} rows", joined)
    _show(f"{title}: all pairs of {len(rows):,} rows within {THRESHOLD}", found)
    print(f"pairs found: {', '.join(f'{who} {count:,}' for who, count in counts.items())}", flush=True)
    measured = {
        name: {who: one.json() for who, one in part.items()} for name, part in (("join", joined), ("pairs", found))
    }
    harness.keep("join", {"set": real.name, "k": K, "threshold": THRESHOLD, "pairs": counts, **measured})


def _joins(hub: ks.Hub, asked: Vectors, rows: Vectors) -> dict[str, Callable[[], float]]:
    left, right = _space(hub, "left", asked), _space(hub, "right", rows)
    index, queries = _index(rows), _unit(asked)
    return {
        FAISS: lambda: harness.per_second(lambda: _searched(index, queries), len(asked)),
        OURS: lambda: harness.per_second(lambda: sum(frame.height for frame in left.knn_join(right, K)), len(asked)),
    }


def _duplicates(hub: ks.Hub, rows: Vectors) -> tuple[dict[str, int], dict[str, Callable[[], float]]]:
    space, index, unit = _space(hub, "rows", rows), _index(rows), _unit(rows)
    counts: dict[str, int] = {}

    def with_faiss() -> None:
        limits = (index.range_search(unit[i : i + AT_ONCE], 1 - THRESHOLD)[0] for i in range(0, len(unit), AT_ONCE))
        counts[FAISS] = (sum(int(one[-1]) for one in limits) - len(unit)) // 2  # each twice, and each row with itself

    def with_space() -> None:
        counts[OURS] = sum(frame.height for frame in space.near_duplicates(THRESHOLD))

    finds = {FAISS: with_faiss, OURS: with_space}
    return counts, {who: _timed(find, len(rows)) for who, find in finds.items()}


def _timed(work: Callable[[], None], count: int) -> Callable[[], float]:
    return lambda: harness.per_second(work, count)


def _searched(index: Any, queries: Vectors) -> None:
    for start in range(0, len(queries), AT_ONCE):
        index.search(queries[start : start + AT_ONCE], K)


def _space(hub: ks.Hub, name: str, rows: Vectors) -> ks.Space:
    space = hub.create_space(name, dims=rows.shape[1], key_type="int")
    space.load(keys=np.arange(len(rows)), vectors=rows)
    space.flush()
    return space


def _index(rows: Vectors) -> Any:
    faiss.omp_set_num_threads(2)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(_unit(rows))
    return index


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _show(title: str, measured: dict[str, harness.Measured]) -> None:
    rows = [
        [who, f"{one.best:,.0f}", f"{one.spread:.0%}", f"{one.best / measured[FAISS].best:.2f}"]
        for who, one in measured.items()
    ]
    harness.show(title, ["", "rows/s", "spread", "× faiss"], rows)


if __name__ == "__main__":
    main()
