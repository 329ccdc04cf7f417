"""Exact search in float32 beside Faiss: one query on one thread, then 100 at once on two, answers checked.

The one-thread part runs in a process pinned to one CPU, warm, contestants in turn, and is set beside the rate at which
that CPU reads memory: a float scan can't be faster than reading every row once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

import kinspace as ks

from . import corpus, harness, truth

K = 10
READING = "reading memory"


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument(
        "--part", nargs=2, metavar=("THREADS", "SET"), help="internal: measure one part and answer in JSON"
    )
    options = parser.parse_args()
    passes = options.passes or (3 if options.short else 5)
    if options.part:
        threads, name = options.part
        harness.answer(_part(int(threads), name, passes, options.short))
        return

    cpus = sorted(harness.available_cpus())
    size = ["--passes", str(passes), *(["--short"] if options.short else [])]
    results: dict[str, Any] = {}
    for threads in (1, 2):
        for name in ("debian-ip", "debian-cosine", "random-l2", "random-ip"):
            part = harness.apart("flat", "--part", str(threads), name, *size, cpus=cpus[-threads:])
            results[f"{name} threads={threads}"] = part
            _show(threads, part)
    harness.keep("flat", {"k": K, "parts": results})


def _show(threads: int, part: dict[str, Any]) -> None:
    faiss_best = part["contestants"]["faiss"]["best"]
    rows = []
    for name, measured in part["contestants"].items():
        row = [
            name,
            f"{measured['best']:,.0f}",
            f"{measured['spread']:.0%}",
            f"{measured['best'] / faiss_best:.2f}",
            f"{part['right'][name]} of {part['checked']}",
        ]
        if threads == 1:
            row.append(f"{measured['best'] * part['bytes'] / part['bandwidth']:.0%}")
        rows.append(row)
    how = "one query at a time, one thread" if threads == 1 else f"{part['queries']} queries at once, {threads} threads"
    headers = ["", "queries/s", "spread", "× faiss", "answers right"] + (["of memory speed"] if threads == 1 else [])
    harness.show(f"**{part['set']}, {part['metric']}**, k = {K}, {how}", headers, rows)
    if threads == 1:
        print(f"one CPU reads {part['bandwidth'] / 1e9:.1f} GB/s; the set is {part['bytes'] / 1e6:,.0f} MB", flush=True)


def _part(threads: int, name: str, passes: int, short: bool) -> dict[str, Any]:
    which, metric = name.split("-")
    if which == "debian":
        real = corpus.debian()
        label, vectors, queries = real.name, real.vectors, real.queries
    else:
        n = 20_000 if short else 100_000
        label, vectors, queries = (
            f"random normal, {n:,} × 768",
            corpus.random_vectors(n, 768),
            corpus.random_vectors(100, 768, 8),
        )
    if short and threads == 1:
        queries = queries[:30]
    with harness.scratch() as folder:
        searches = _contestants(vectors, metric, threads, folder)
        checked = queries[:20]
        expected = [truth.neighbours(vectors, query, K, metric) for query in checked]
        contestants = {who: _timed(search, queries, threads) for who, search in searches.items()}
        if threads == 1:
            contestants[READING] = _reader()  # in turn with the others: a noisy minute slows all of them
        measured = harness.in_turn(contestants, passes, more_is_better=True)
        bandwidth = measured.pop(READING).best if threads == 1 else None
        right = {
            who: sum(
                np.array_equal(ids, best)
                for ids, best in zip(_answers(search, checked, threads), expected, strict=True)
            )
            for who, search in searches.items()
        }
    return {
        "set": label,
        "metric": metric,
        "queries": len(queries),
        "checked": len(checked),
        "right": right,
        "bytes": vectors.nbytes,
        "bandwidth": bandwidth,
        "contestants": {who: one.json() for who, one in measured.items()},
    }


Search = Callable[[corpus.Vectors], list[np.ndarray]]  # one query, or many at once -> row ids of each


def _contestants(vectors: corpus.Vectors, metric: str, threads: int, folder: Path) -> dict[str, Search]:
    """Each answers with row numbers. Faiss has no cosine: it gets unit vectors, made beforehand, and unit queries."""
    faiss.omp_set_num_threads(threads)
    stored = vectors
    if metric == "cosine":
        stored = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = (faiss.IndexFlatL2 if metric == "l2" else faiss.IndexFlatIP)(vectors.shape[1])
    index.add(stored)

    space = ks.connect(folder / "hub").create_space("flat", dims=vectors.shape[1], metric=metric, key_type="int")
    space.load(keys=np.arange(len(vectors)), vectors=vectors)
    space.flush()

    def with_faiss(queries: corpus.Vectors) -> list[np.ndarray]:
        if metric == "cosine":
            queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        return list(index.search(queries, K)[1])

    def with_space(queries: corpus.Vectors) -> list[np.ndarray]:
        if len(queries) == 1:
            return [np.array(space.nearest_neighbors(K, vector=queries[0]).keys)]
        return [np.array(hits.keys) for hits in space.nearest_neighbors(K, vectors=queries)]

    def with_knn(queries: corpus.Vectors) -> list[np.ndarray]:
        return [ks.knn(vectors, query, K, metric, threads=threads)["_rowid"].to_numpy() for query in queries]

    found: dict[str, Search] = {"faiss": with_faiss, "kinspace Space": with_space}
    if threads == 1:
        found["kinspace knn"] = with_knn
    return found


def _timed(search: Search, queries: corpus.Vectors, threads: int) -> Callable[[], float]:
    if threads > 1:
        return lambda: harness.per_second(lambda: search(queries), len(queries))
    singles = [queries[i : i + 1] for i in range(len(queries))]
    return lambda: harness.per_second(lambda: [search(single) for single in singles], len(singles))


def _answers(search: Search, queries: corpus.Vectors, threads: int) -> list[np.ndarray]:
    return search(queries) if threads > 1 else [search(queries[i : i + 1])[0] for i in range(len(queries))]


def _reader() -> Callable[[], float]:
    """Bytes per second this CPU reads: the best of NumPy's dot, max and sum over 512 MB, twice."""
    block = np.ones(1 << 27, np.float32)
    ways: tuple[Callable[[], object], ...] = (lambda: np.dot(block, block), block.max, block.sum)
    return lambda: max(harness.per_second(read, block.nbytes) for read in 2 * ways)


if __name__ == "__main__":
    main()
