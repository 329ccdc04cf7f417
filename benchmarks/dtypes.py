"""The storage types side by side: bytes a vector on the disk, and exact searches a second, one query on one thread.

Bytes are those of the vectors' files, of the segments' other files and the catalog, and of what can be made anew: the
index and the plane.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import kinspace as ks

from . import corpus, harness

K = 10


def main() -> None:
    options = harness.arguments(__doc__).parse_args()
    passes = options.passes or (3 if options.short else 5)
    real = corpus.debian()
    vectors, queries = real.vectors, real.queries[: 30 if options.short else 100]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scale = 127 / np.abs(unit).max()
    given = {
        **dict.fromkeys(("float32", "float16", "bfloat16"), (vectors, queries)),
        "int8": (np.round(unit * scale), queries),
        "bit": (vectors > 0, (queries > 0).astype(np.float32)),
    }
    with harness.scratch() as folder, ks.connect(folder / "hub", durability="off") as hub:
        spaces = {}
        for dtype, (rows, _) in given.items():
            space = hub.create_space(dtype, dims=rows.shape[1], dtype=dtype, key_type="int")
            space.load(keys=np.arange(len(rows)), vectors=rows)
            space.compact()
            space.index()  # now, rather than beside what is measured
            spaces[dtype] = space
        sizes = {dtype: _bytes(space) for dtype, space in spaces.items()}
        rates = harness.in_turn(
            {dtype: _each(space, given[dtype][1]) for dtype, space in spaces.items()}, passes, more_is_better=True
        )
        best = spaces["float32"].nearest_neighbors(K, vectors=queries, exact=True)
        kept = {
            dtype: float(np.mean([_shared(one, two) for one, two in zip(best, _answers(space, asked), strict=True)]))
            for (dtype, space), (_, asked) in zip(spaces.items(), given.values(), strict=True)
        }
    base = rates["float32"].best
    table = [
        [
            dtype,
            spaces[dtype].metric,
            *(f"{size:,.0f}" for size in sizes[dtype].values()),
            f"{rate.best:,.0f}",
            f"{rate.best / base:.2f}",
            f"{rate.spread:.0%}",
            f"{kept[dtype]:.3f}",
        ]
        for dtype, rate in rates.items()
    ]
    headers = ["dtype", "metric", *sizes["float32"], "queries/s", "× float32", "spread", f"of float32's {K} nearest"]
    harness.show(f"**{real.name}**, exact, one query, one thread", headers, table)
    harness.keep(
        "dtypes", {dtype: {**rate.json(), "bytes": sizes[dtype], "kept": kept[dtype]} for dtype, rate in rates.items()}
    )


def _bytes(space: ks.Space) -> dict[str, float]:
    """Bytes a vector of each kind of file."""
    segments, told = Path(space._store.folder) / "segments", space.stats()
    vectors = sum(path.stat().st_size for path in segments.glob("*/vectors/c/**/*") if path.is_file())
    kinds = {
        "vectors": vectors,
        "other": told["bytes"] - vectors,
        "index": told["index_bytes"],
        "plane": told["plane_bytes"],
    }
    return {kind: size / told["rows"] for kind, size in kinds.items()}


def _each(space: ks.Space, queries: corpus.Vectors) -> Callable[[], float]:
    def search() -> None:
        for query in queries:
            space.nearest_neighbors(K, vector=query, exact=True, threads=1)

    return lambda: harness.per_second(search, len(queries))


def _answers(space: ks.Space, queries: corpus.Vectors) -> list[ks.Hits]:
    found: list[ks.Hits] = space.nearest_neighbors(K, vectors=queries, exact=True)
    return found


def _shared(one: ks.Hits, two: ks.Hits) -> float:
    return len(set(one.keys) & set(two.keys)) / K


if __name__ == "__main__":
    main()
