"""Exact search beside Faiss: one query on one thread, 100 at once on two, and behind filters; every answer checked.

The one-thread parts run in a process pinned to one CPU, warm, contestants in turn. A scan can't be faster than reading
what it scans once: every row for Faiss and ks.knn, for a space its plane's 4-bit codes and what bounds them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import polars as pl

import kinspace as ks

from . import corpus, harness, truth

K = 10
SPACE = "kinspace Space"
READING = "reading memory"
SHARES = {"thousandth": 0.001, "hundredth": 0.01, "tenth": 0.1}  # columns that are true for so many rows
SETS = ("debian-ip", "debian-cosine", "clustered-l2", "clustered-ip", "random-ip")
FILTERED = ("debian-ip", "clustered-ip")


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
        for name in SETS:
            part = harness.apart("flat", "--part", str(threads), name, *size, cpus=cpus[-threads:])
            results[f"{name} threads={threads}"] = part
            _show(threads, part)
    for name in FILTERED:
        for share in SHARES:
            part = harness.apart("flat", "--part", "1", f"{name}-{share}", *size, cpus=cpus[-1:])
            results[f"{name} {share}"] = part
            _show(1, part)
    harness.keep("flat", {"k": K, "parts": results})


def _show(threads: int, part: dict[str, Any]) -> None:
    faiss_best = part["contestants"]["faiss"]["best"]
    limit = threads == 1 and not part["share"]
    rows = []
    for name, measured in part["contestants"].items():
        row = [
            name,
            f"{measured['best']:,.0f}",
            f"{measured['spread']:.0%}",
            f"{measured['best'] / faiss_best:.2f}",
            f"{part['right'][name]} of {part['checked']}",
        ]
        if limit:
            row.append(f"{measured['best'] * part['read'][name] / part['bandwidth']:.0%}")
        rows.append(row)
    how = "one query at a time, one thread" if threads == 1 else f"{part['queries']} queries at once, {threads} threads"
    if part["share"]:
        how += f", rows allowed: {part['share']:.1%}"
    headers = ["", "queries/s", "spread", "× faiss", "answers right"] + (["of memory speed"] if limit else [])
    harness.show(f"**{part['set']}, {part['metric']}**, k = {K}, {how}", headers, rows)
    if limit:
        read = "; ".join(f"{name} reads {size / 1e6:,.0f} MB" for name, size in part["read"].items())
        print(f"one CPU reads {part['bandwidth'] / 1e9:.1f} GB/s; {read}", flush=True)


def _part(threads: int, name: str, passes: int, short: bool) -> dict[str, Any]:
    which, metric, *filtered = name.split("-")
    column = filtered[0] if filtered else None
    if which == "debian":
        real = corpus.debian()
        label, vectors, queries = real.name, real.vectors, real.queries
    elif which == "clustered":
        n = 20_000 if short else 100_000
        drawn = corpus.clustered_vectors(n + 100, 768)
        label, vectors, queries = f"clustered, {n:,} × 768", drawn[:n], drawn[n:]
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
        allowed = None if column is None else _masks(len(vectors))[column]
        searches = _contestants(vectors, metric, threads, folder, column)
        checked = queries[:20]
        rows = np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed)
        expected = [rows[truth.neighbours(vectors[rows], query, K, metric)] for query in checked]
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
        "share": SHARES.get(column or ""),
        "read": {who: _coded(vectors) if who == SPACE else vectors.nbytes for who in searches},
        "bandwidth": bandwidth,
        "contestants": {who: one.json() for who, one in measured.items()},
    }


def _masks(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    return {name: rng.random(n) < share for name, share in SHARES.items()}


def _coded(vectors: corpus.Vectors) -> int:
    """Bytes of a plane that every query reads: 4 bits a dimension, in whole bytes of 8 dimensions, and four floats."""
    return len(vectors) * (-(-int(vectors.shape[1]) // 8) * 4 + 16)


Search = Callable[[corpus.Vectors], list[np.ndarray]]  # one query, or many at once -> row ids of each


def _contestants(
    vectors: corpus.Vectors, metric: str, threads: int, folder: Path, column: str | None
) -> dict[str, Search]:
    """Each answers with row numbers. Faiss has no cosine: it gets unit vectors, made beforehand, and unit queries."""
    masks = _masks(len(vectors))
    selected = None
    if column is not None:
        bits = np.packbits(masks[column], bitorder="little")
        selected = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
    faiss.omp_set_num_threads(threads)
    stored = vectors
    if metric == "cosine":
        stored = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = (faiss.IndexFlatL2 if metric == "l2" else faiss.IndexFlatIP)(vectors.shape[1])
    index.add(stored)

    space = ks.connect(folder / "hub").create_space("flat", dims=vectors.shape[1], metric=metric, key_type="int")
    space.load(pl.DataFrame({"key": np.arange(len(vectors)), **masks, "vector": vectors}))
    space.flush()
    space.index()  # now, rather than beside what is measured
    options: dict[str, Any] = {"exact": True, "where": column, "threads": threads}

    def with_faiss(queries: corpus.Vectors) -> list[np.ndarray]:
        if metric == "cosine":
            queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        return list(index.search(queries, K, params=selected)[1])

    def with_space(queries: corpus.Vectors) -> list[np.ndarray]:
        if len(queries) == 1:
            return [np.array(space.nearest_neighbors(K, vector=queries[0], **options).keys)]
        return [np.array(hits.keys) for hits in space.nearest_neighbors(K, vectors=queries, **options)]

    def with_knn(queries: corpus.Vectors) -> list[np.ndarray]:
        return [ks.knn(vectors, query, K, metric, threads=threads)["_rowid"].to_numpy() for query in queries]

    found: dict[str, Search] = {"faiss": with_faiss, SPACE: with_space}
    if threads == 1 and column is None:
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
