"""What other orders cost than by distance, and what diversity does: Debian's packages, one query at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import kinspace as ks

from . import corpus, harness

K = 10
BOOST = "-0.02 * log1p(installed_kib)"  # small packages first
ALIKE = 0.2  # two hits nearer than this say much the same


def main() -> None:
    options = harness.arguments(__doc__).parse_args()
    passes, asked = options.passes or (2 if options.short else 5), 30 if options.short else 100
    real = corpus.debian()
    with ks.connect(":memory:") as hub:
        space = hub.create_space("rows", dims=real.vectors.shape[1])
        rows = real.rows.select("key", "installed_kib")
        space.load(keys=rows["key"], vectors=real.vectors, columns=rows.drop("key"))
        space.flush()
        space.index()
        queries = real.queries[:asked]
        costs = harness.in_turn(_costs(space, queries, rows["key"].to_list()), passes, more_is_better=False)
        shares = {share: _alike(space, queries, share) for share in (0.0, 0.1, 0.3, 0.5, 0.7)}
    harness.show(
        f"**{real.name}, cosine**, indexed: milliseconds a query of {K} hits",
        ["", "ms"],
        [[name, f"{one.best:.3f}"] for name, one in costs.items()],
    )
    harness.show(
        f"diversity: pairs of the {K} hits nearer to each other than {ALIKE}, and how far hits are from the query",
        ["diversity", "pairs", "mean distance"],
        [[share, f"{pairs:.2f}", f"{far:.3f}"] for share, (pairs, far) in shares.items()],
    )
    kept = {
        "cost": {name: one.json() for name, one in costs.items()},
        "diversity": {str(s): v for s, v in shares.items()},
    }
    harness.keep("ranking", {"set": real.name, "k": K, "boost": BOOST, **kept})


def _costs(space: Any, queries: corpus.Vectors, keys: list[str]) -> dict[str, Callable[[], float]]:
    def by_vector(**asked: Any) -> Callable[[], float]:
        return lambda: _milliseconds(lambda i: space.nearest_neighbors(K, vector=queries[i], **asked), len(queries))

    def like(**asked: Any) -> Callable[[], float]:
        def one(i: int) -> object:
            liked, unliked = [keys[i], keys[7 * i + 1], queries[i]], [keys[11 * i + 2]]
            return space.nearest_neighbors(K, positive=liked, negative=unliked, **asked)

        return lambda: _milliseconds(one, len(queries))

    return {
        "plain": by_vector(),
        "plain, exact": by_vector(exact=True),
        "diversity=0.3": by_vector(diversity=0.3),
        "diversity=0.3, exact": by_vector(diversity=0.3, exact=True),
        "diversity=0.3, 1,000 candidates": by_vector(diversity=0.3, candidates=1_000),
        "boost": by_vector(boost=BOOST),
        "boost, exact": by_vector(boost=BOOST, exact=True),
        "average of 3, less 1": like(),
        "average of 3, less 1, exact": like(exact=True),
        "best of 3, less 1": like(strategy="best"),
        "best of 3, less 1, exact": like(strategy="best", exact=True),
    }


def _milliseconds(work: Callable[[int], object], count: int) -> float:
    begin = time.perf_counter()
    for i in range(count):
        work(i)
    return (time.perf_counter() - begin) / count * 1e3


def _alike(space: Any, queries: corpus.Vectors, share: float) -> tuple[float, float]:
    """Pairs of hits that say much the same, and the mean distance of hits, of a query on average."""
    pairs, far = [], []
    for query in queries:
        hits = space.nearest_neighbors(K, vector=query, diversity=share, exact=True)
        found = np.stack(list(space.multiget(hits.keys)))
        pairs.append(sum(int(np.sum(ks.cos_dist(found[:i], found[i]) < ALIKE)) for i in range(1, len(found))))
        far.append(float(hits.distances.mean()))
    return float(np.mean(pairs)), float(np.mean(far))


if __name__ == "__main__":
    main()
