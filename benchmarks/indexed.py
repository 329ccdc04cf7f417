"""A space beside the bare index: the same rows in one segment, the same recall asked for, one query at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from . import harness
from .compare import sets

RECALL, K = 0.95, 10


def main() -> None:
    options = harness.arguments(__doc__).parse_args()
    passes = options.passes or (3 if options.short else 9)
    import kinspace as ks

    prepared = sets.prepare("minilm", 25_000 if options.short else None)
    rows, queries = prepared.rows(), list(prepared.queries(sets.HELD))
    truth = prepared.truth(sets.HELD)
    with harness.scratch() as folder, ks.connect(folder / "hub") as hub:
        space = hub.create_space("rows", dims=rows.shape[1], metric=prepared.metric)
        space.load(keys=[str(i) for i in range(len(rows))], vectors=rows)
        space.compact()
        space.index()
        assert space.stats()["segments"] == space.stats()["indexed_segments"] == 1
        index = ks.Hnsw.build(rows, prepared.metric)

        def each(call: Callable[[np.ndarray], object]) -> Callable[[], float]:
            def run() -> float:
                begin = time.perf_counter()
                for query in queries:
                    call(query)
                return len(queries) / (time.perf_counter() - begin)

            return run

        contestants = {
            "index": each(lambda query: index.search(query, K, recall=RECALL)),
            "space": each(lambda query: space.nearest_neighbors(K, vector=query, recall=RECALL)),
            "answered": each(lambda query: space.nearest_neighbors(K, vector=query, recall=RECALL).keys),
        }
        found = [space.nearest_neighbors(K, vector=query, recall=RECALL).keys for query in queries]
        recall = truth.recall(np.array(keys, np.int64) for keys in found)
        rates = harness.in_turn(contestants, passes, more_is_better=True)
    raw = rates["index"].best
    table = [
        [name, f"{rates[key].best:,.0f}", f"{rates[key].best / raw:.0%}", f"{rates[key].spread:.0%}"]
        for name, key in (
            ("Hnsw.search(query, 10, recall=.95)", "index"),
            ("Space.nearest_neighbors(10, vector=query, recall=.95)", "space"),
            ("the same, and its keys", "answered"),
        )
    ]
    title = f"**{prepared.about['title']}**, one thread; recall of the space {recall:.3f}"
    harness.show(title, ["", "queries/s", "of the index", "spread"], table)
    harness.keep("indexed", {name: rate.json() for name, rate in rates.items()} | {"recall": recall})


if __name__ == "__main__":
    main()
