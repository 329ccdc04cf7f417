"""Resizable embeddings, after Nomic's cookbook: its NumPy flow beside a space, by overlap and by runs per second.

The cookbook scans 100,000 embeddings of 768 dims for the ten nearest, then their first 512 dims, their first 256, and
256 again with the hundred best put in order by all dims. Overlap is how many of the full scan's ten are found.
Contestants take turns; each runs one query after another on all CPUs. A space answers by a scan, which is proven to
find what NumPy's finds, and for 256 dims by an index too, which is quicker and proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kinspace as ks

from . import harness, passages
from .corpus import Vectors

K, EXPAND = 10, 10
WAYS = ("full scan", "512 dims", "256 dims", "256 dims + rerank")
ENOUGH = 9  # of the ten
PICTURE = harness.REPOSITORY / "docs" / "img" / "resizable.png"
Search = Callable[[NDArray[Any]], Any]  # a query -> row numbers
BY_NUMPY, BY_NUMPY_32, BY_SPACE, BY_INDEX = "NumPy, float64", "NumPy, float32", "Kinspace, exact", "Kinspace, HNSW"
SHORT, EFFORT = 256, 200  # dims of the index, and ef_search: twice the candidates


def numpy_searches(embeddings: NDArray[Any]) -> dict[str, Search]:
    """The cookbook's four ways: score every row, sort all scores, take the last ten (the best comes last)."""

    def scorer(dims: int) -> Search:
        short = embeddings[:, :dims] / np.linalg.norm(embeddings[:, :dims], axis=1, keepdims=True)

        def scores(query: NDArray[Any]) -> NDArray[Any]:
            start = query[:dims]
            found: NDArray[Any] = start / np.linalg.norm(start) @ short.T
            return found

        return scores

    scores_512, scores_256 = scorer(512), scorer(256)

    def reranked(query: NDArray[Any]) -> NDArray[Any]:
        candidates = np.argsort(scores_256(query))[-K * EXPAND :]
        return candidates[np.argsort(query @ embeddings[candidates].T)][-K:]

    ways = (
        lambda query: np.argsort(query @ embeddings.T)[-K:],
        lambda query: np.argsort(scores_512(query))[-K:],
        lambda query: np.argsort(scores_256(query))[-K:],
        reranked,
    )
    return dict(zip(WAYS, ways, strict=True))


def space_searches(space: ks.Space) -> dict[str, Search]:
    """The same four of a space, each exact: what a scan of those dims finds."""

    def by(**options: Any) -> Search:
        return lambda query: space.nearest_neighbors(K, vector=query, exact=True, **options).keys

    ways = (by(), by(dims=512, rerank=False), by(dims=256, rerank=False), by(dims=256, expand=EXPAND))
    return dict(zip(WAYS, ways, strict=True))


def stored(hub: ks.Hub, vectors: Vectors) -> tuple[ks.Space, ks.Space]:
    """Two spaces of the same vectors, the second with its index over the first 256 dims."""
    plain = hub.create_space("passages", dims=vectors.shape[1], key_type="int")
    indexed = hub.create_space("indexed", dims=vectors.shape[1], key_type="int", index_dims=SHORT)
    for space in (plain, indexed):
        space.load(keys=np.arange(len(vectors)), vectors=vectors)
        space.index()  # both, so that nothing is at work in the background when they are measured
    return plain, indexed


def index_searches(space: ks.Space) -> dict[str, Search]:
    """The two that 256 dims are enough for, of a space that has an index of so many: not proven, so measured."""

    def by(**options: Any) -> Search:
        return lambda query: space.nearest_neighbors(K, vector=query, dims=SHORT, ef_search=EFFORT, **options).keys

    return dict(zip(WAYS[2:], (by(rerank=False), by(expand=EXPAND)), strict=True))


def overlaps(search: Search, queries: NDArray[Any], full: Sequence[set[int]]) -> list[int]:
    """How many of the full scan's ten a search finds, for each query."""
    return [len(ten & set(map(int, search(query)))) for query, ten in zip(queries, full, strict=True)]


def runs_per_second(search: Search, queries: NDArray[Any], seconds: float) -> float:
    """Ask one query after another, for so long at least."""
    done, begin = 0, time.perf_counter()
    while (past := time.perf_counter() - begin) < seconds or done == 0:
        search(queries[done % len(queries)])
        done += 1
    return done / past


def compare(
    vectors: Vectors, queries: Vectors, space: ks.Space, indexed: ks.Space, *, passes: int, seconds: float
) -> dict[str, Any]:
    """Measure every way of every contestant: overlap with NumPy's full scan, and runs per second in turn."""
    double = vectors.astype(np.float64)  # as np.array makes of the numbers that the cookbook's model returns
    contestants: dict[str, tuple[dict[str, Search], NDArray[Any]]] = {
        BY_NUMPY: (numpy_searches(double), queries.astype(np.float64)),
        BY_NUMPY_32: (numpy_searches(vectors), queries),
        BY_SPACE: (space_searches(space), queries),
        BY_INDEX: (index_searches(indexed), queries),
    }
    searches, asked = contestants[BY_NUMPY]
    full = [set(map(int, searches[WAYS[0]](query))) for query in asked]
    found: dict[str, Any] = {}
    for way in WAYS:
        here = {who: (searches[way], asked) for who, (searches, asked) in contestants.items() if way in searches}
        overlap = {who: overlaps(search, asked, full) for who, (search, asked) in here.items()}
        timed = {who: partial(runs_per_second, search, asked, seconds) for who, (search, asked) in here.items()}
        measured = harness.in_turn(timed, passes, more_is_better=True)
        found[way] = {who: {"overlap": overlap[who], "runs": measured[who].json()} for who in here}
    return found


def table(found: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headers and rows: for each way and contestant the overlap, the runs per second, and how many times NumPy's."""
    headers = ["way", "by", "overlap", f"kept at ≥ {ENOUGH}", "runs/s", "× float64", "× float32"]
    rows = []
    for way, one in found.items():
        theirs = one[BY_NUMPY]["overlap"]
        runs = {who: one[who]["runs"]["best"] for who in one}
        for who, measured in one.items():
            good = [mine for mine, other in zip(measured["overlap"], theirs, strict=True) if other >= ENOUGH]
            rows.append(
                [
                    way,
                    who,
                    f"{np.mean(measured['overlap']):.2f} of {K}",
                    f"{sum(mine >= ENOUGH for mine in good)} of {len(good)}",
                    f"{runs[who]:,.1f}",
                    *(f"{runs[who] / runs[peer]:.1f}" for peer in (BY_NUMPY, BY_NUMPY_32)),
                ]
            )
    return headers, rows


def draw(found: Mapping[str, Any], title: str) -> Any:
    """Return a figure of overlap against runs per second, a line for each contestant; None without matplotlib."""
    try:
        from matplotlib import pyplot as plt
        from matplotlib.ticker import LogLocator
    except ImportError:
        print("no plot: matplotlib is not installed")
        return None
    looks = {
        BY_NUMPY: ("#777777", "s"),
        BY_NUMPY_32: ("#1f4e9c", "D"),
        BY_SPACE: ("#d1103a", "o"),
        BY_INDEX: ("#e08a1e", "^"),
    }
    with plt.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axis = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
        for who, (colour, marker) in looks.items():
            runs = [one[who]["runs"]["best"] for one in found.values() if who in one]
            means = [float(np.mean(one[who]["overlap"])) for one in found.values() if who in one]
            axis.plot(runs, means, color=colour, marker=marker, linestyle="", markersize=8, label=who)
        for way, one in found.items():
            here = one[BY_SPACE]["runs"]["best"], float(np.mean(one[BY_SPACE]["overlap"]))
            axis.annotate(way, here, (9, -4), textcoords="offset points", fontsize=9)
        axis.set(
            xscale="log", xlabel="runs per second, one query at a time", ylabel=f"of the full scan's {K}, on average"
        )
        axis.set(title=title, ylim=(0, K + 0.4))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.xaxis.set_minor_formatter("")
        axis.grid(alpha=0.25)
        axis.margins(x=0.25)
        axis.legend(frameon=False, loc="lower left")
        plt.close(figure)
    return figure


def main() -> None:
    options = harness.arguments(__doc__).parse_args()
    passes = options.passes or (3 if options.short else 5)
    real = passages.passages(20_000 if options.short else passages.ROWS)
    with harness.scratch() as folder, ks.connect(folder / "hub") as hub:
        space, indexed = stored(hub, real.vectors)
        seconds = 0.3 if options.short else 1.0
        found = compare(real.vectors, real.queries, space, indexed, passes=passes, seconds=seconds)
    harness.show(f"**{real.name}**, cosine, the ten nearest, {len(real.queries)} queries", *table(found))
    figure = draw(found, real.name)
    if figure is not None:
        figure.savefig(harness.RESULTS / PICTURE.name if options.short else PICTURE, dpi=160)
    harness.keep("cookbook", {"set": real.name, "k": K, "ways": found})


if __name__ == "__main__":
    main()
