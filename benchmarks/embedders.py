"""Embedders beside each other: how long they take, and whether a package's one-line title finds its description.

Titles are the questions and descriptions the documents, of packages whose title does not stand in the description word
for word. It is known-item search: one document is right for each question, so that no judge is needed.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import polars as pl

import kinspace as ks

from . import corpus, harness


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument("--rows", type=int, help="documents (default 20,000, 3,000 with --short)")
    parser.add_argument("--model", help="a folder or name for sentence-transformers, measured too")
    options = parser.parse_args()
    folder = corpus.data_folder()
    if folder is None:
        raise SystemExit("this needs Debian's packages: set KINSPACE_DATA to their folder")
    rows = options.rows or (3_000 if options.short else 20_000)
    frame = pl.read_parquet(folder / "debian_packages.parquet", columns=["key", "title", "body"])
    apart = ~pl.col("body").str.contains(pl.col("title"), literal=True) & (pl.col("body").str.len_chars() > 40)
    frame = frame.filter(apart).unique("body", keep="first", maintain_order=True).unique("title", maintain_order=True)
    frame = frame.sample(rows, seed=1, shuffle=True)
    documents, titles = frame["body"].to_list(), frame["title"].to_list()[:1_000]
    found = [
        _measured("hashing", lambda: ks.embed.Hashing(512), documents, titles),
        _measured("lsa", lambda: ks.embed.Lsa.fit(documents, 256), documents, titles),
    ]
    if options.model:
        found.append(_measured("model", lambda: ks.embed.SentenceTransformers(options.model), documents, titles))
    harness.show(
        f"**Titles find descriptions**, {rows:,} of Debian's packages, {len(titles):,} questions",
        ["", "dims", "made in s", "texts/s", "first", "in ten", "MRR@10", "MRR@10 of dims / 4"],
        found,
    )


def _measured(name: str, make: Any, documents: list[str], questions: list[str]) -> list[str]:
    begin = time.perf_counter()
    embedder = make()
    dims = embedder.dims
    made = time.perf_counter() - begin
    begin = time.perf_counter()
    vectors = embedder.embed(documents)
    each = len(documents) / (time.perf_counter() - begin)
    asked = np.stack([ks.embed.query_vector(embedder, question) for question in questions])
    places, short = (_places(vectors[:, :length], asked[:, :length]) for length in (dims, dims // 4))
    rank = [float(np.mean(np.where(place <= 10, 1 / place, 0))) for place in (places, short)]
    return [
        name,
        str(dims),
        f"{made:.1f}",
        f"{each:,.0f}",
        f"{np.mean(places == 1):.1%}",
        f"{np.mean(places <= 10):.1%}",
        *(f"{one:.3f}" for one in rank),
    ]


def _places(vectors: Any, asked: Any) -> Any:
    """At which place the right document stands for each question, from 1."""
    unit = ks.resize(vectors, vectors.shape[1]), ks.resize(asked, asked.shape[1])
    scores = unit[1] @ unit[0].T
    right = scores[np.arange(len(asked)), np.arange(len(asked))]
    return 1 + (scores > right[:, None]).sum(axis=1)


if __name__ == "__main__":
    main()
