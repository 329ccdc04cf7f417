"""How good answers are: nDCG@10 of search by text, by vector and by both, on questions whose answers were judged.

The judgments are in benchmarks/judged, a file for each set, which says how they were made. `--pool` prints what is
found and nobody has judged yet. Rows found without stemming were not pooled, which counts against it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import corpus, harness

JUDGED = Path(__file__).resolve().parent / "judged"
K = 10
WAYS: dict[str, dict[str, Any]] = {
    "text": {"mode": "text"},
    "vector": {"mode": "vector"},
    "hybrid, by scores": {"mode": "hybrid"},
    "hybrid, by ranks": {"mode": "hybrid", "fusion": "rrf"},
}
Judgments = Mapping[str, Mapping[str, int]]  # question -> key -> grade; what is not named is 0
Search = Callable[[str, Any], list[str]]  # the question and its vector -> keys, best first


def ndcg(found: Sequence[str], grades: Mapping[str, float], k: int = K) -> float:
    """Return the normalised discounted cumulative gain of an answer's first k, in [0, 1]; gain is 2**grade − 1.

    Examples
    --------
    >>> ndcg(["a", "b"], {"a": 2, "b": 1}), round(ndcg(["b", "x", "a"], {"a": 2, "b": 1}), 2)
    (1.0, 0.69)
    """

    def gained(ranked: Sequence[float]) -> Any:
        return sum((2.0**grade - 1) / np.log2(place + 2) for place, grade in enumerate(ranked[:k]))

    best = gained(sorted(grades.values(), reverse=True))
    return float(gained([grades.get(key, 0) for key in found]) / best) if best else 0.0


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument(
        "--pool", action="store_true", help="print what is found and not judged yet, and measure nothing"
    )
    options = parser.parse_args()
    folder = corpus.data_folder()
    if folder is None:
        sys.exit("the Debian set is not at hand (KINSPACE_DATA): its judgments are of no use without it")
    judged = json.loads((JUDGED / "debian.json").read_text())
    results = _debian(folder, judged["judgments"], pool=options.pool)
    if options.pool:
        return
    _show(f"{len(judged['judgments'])} judged questions over Debian's packages, MiniLM vectors", results)
    lee = _lee()
    if lee:
        _show("50 news texts as questions about each other (Lee et al. 2005), vectors of ks.embed.Hashing", lee)
    harness.keep("retrieval", {"debian": results, "lee": lee})


def _show(what: str, results: Mapping[str, Sequence[float]]) -> None:
    rows = [
        [way, f"{np.mean(each):.3f}", f"{np.median(each):.3f}", _against(each, results["vector"])]
        for way, each in results.items()
    ]
    harness.show(f"**nDCG@{K}**, {what}", ["search", "mean", "median", "better / worse than by vector"], rows)


def _against(each: Sequence[float], other: Sequence[float]) -> str:
    better = sum(one > two + 1e-9 for one, two in zip(each, other, strict=True))
    worse = sum(one < two - 1e-9 for one, two in zip(each, other, strict=True))
    return f"{better} / {worse}"


def _lee() -> dict[str, list[float]]:
    """The set that gensim carries: people said how alike each two of 50 texts are, from 1 (not at all) to 5."""
    import kinspace as ks

    spec = importlib.util.find_spec("gensim")
    if spec is None or spec.submodule_search_locations is None:
        print("gensim, which carries the texts of Lee et al., is not installed: they are left out")
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "test" / "test_data"
    texts = (folder / "lee.cor").read_text(encoding="cp1252").splitlines()
    alike = np.loadtxt(folder / "similarities0-1.txt")
    alike = np.maximum(alike, alike.T)  # one triangle is filled
    keys = [f"text {number}" for number in range(len(texts))]
    results: dict[str, list[float]] = {}
    with ks.connect(":memory:") as hub:
        space = hub.create_space("news", embedder=ks.embed.Hashing(1_024))
        space.add_texts(keys, texts)
        for name, how in WAYS.items():
            results[name] = [
                ndcg(
                    [str(key) for key in space.search(text, K, where=f"key <> '{keys[number]}'", **how).keys],
                    {key: 5 * alike[number, other] - 1 for other, key in enumerate(keys) if other != number},
                )
                for number, text in enumerate(texts)
            ]
    return results


def _debian(folder: Path, judgments: Judgments, *, pool: bool) -> dict[str, list[float]]:
    import kinspace as ks

    set_ = corpus.debian()
    asked = pl.read_parquet(folder / "debian_queries.parquet").to_series(0).to_list()
    vectors = dict(zip(asked, set_.queries, strict=True))
    with ks.connect(":memory:") as hub:
        space = hub.create_space("packages", dims=set_.vectors.shape[1])
        rows = set_.rows
        space.load(rows.select("key", "title", "body"), vectors=set_.vectors, key="key")
        space.index_text("title", "body")

        def way(**how: Any) -> Search:
            return lambda text, vector: [
                str(key)
                for key in space.search(
                    text, K, vector=None if how["mode"] == "text" else vector, exact=True, **how
                ).keys
            ]

        ways = {name: way(**how) for name, how in WAYS.items()}
        if pool:
            titles = dict(rows.select("key", "title").iter_rows())
            _pool(ways, vectors, judgments, titles)
            return {}
        results = {
            name: [ndcg(search(text, vectors[text]), grades) for text, grades in judgments.items()]
            for name, search in ways.items()
        }
        space.index_text("title", "body", language="simple")
        for name in ("text", "hybrid, by scores"):
            results[f"{name}, no stemming"] = [
                ndcg(ways[name](text, vectors[text]), grades) for text, grades in judgments.items()
            ]
    return results


def _pool(
    ways: Mapping[str, Search], vectors: Mapping[str, Any], judgments: Judgments, titles: Mapping[str, str]
) -> None:
    """Print every row found that has no grade, in an order that tells nothing of who found it."""
    for text, vector in vectors.items():
        found = {key for search in ways.values() for key in search(text, vector)}
        unjudged = sorted(found - judgments.get(text, {}).keys())
        if unjudged:
            print(f"\n{text}")
            for key in unjudged:
                print(f"  {key}: {titles[key]}")


if __name__ == "__main__":
    main()
