"""100,000 embeddings of real text, 768 dims in order of energy: passages of Debian's descriptions, TF-IDF and SVD.

What a Matryoshka model is trained for a truncated SVD has by itself: its first dims say most of what all of them say.
Made once, in two minutes, and kept in build/passages; without the real set a synthetic stand-in takes its place.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from . import corpus
from .corpus import Corpus, Vectors
from .harness import REPOSITORY

ROWS, DIMS, QUERIES = 100_000, 768, 100
SHORTEST, USUAL = 40, 90  # characters of a passage: at least, and when the next sentence begins another
KEPT = REPOSITORY / "build" / "passages"
SEED = 20_251_126


def passages(rows: int = ROWS) -> Corpus:
    """Return the first of 100,000 passages with their embeddings, and 100 queries: passages that are not among them."""
    if corpus.data_folder() is None:
        return stand_in(rows, DIMS)
    if not (KEPT / "queries.npy").exists():
        _make()
    texts = pl.read_parquet(KEPT / "passages.parquet").head(rows)
    vectors: Vectors = np.load(KEPT / "vectors.npy")[:rows]
    queries: Vectors = np.load(KEPT / "queries.npy")
    return Corpus(f"passages of Debian descriptions, {len(vectors):,} × {DIMS}", texts, vectors, queries)


def stand_in(rows: int, dims: int) -> Corpus:
    """Return unit vectors whose energy falls from one dimension to the next as it does in the real set."""
    rng = np.random.default_rng(SEED)
    spectrum = (1 + np.arange(dims)) ** -0.5
    topics = rng.standard_normal((rows // 100 + 1, dims)) * spectrum
    drawn = topics[rng.integers(0, len(topics), rows + QUERIES)]
    drawn = drawn + 0.5 * rng.standard_normal((rows + QUERIES, dims)) * spectrum
    unit = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    texts = pl.DataFrame({"key": np.arange(rows), "text": [f"passage {i}" for i in range(rows)]})
    return Corpus(f"SYNTHETIC stand-in, {rows:,} × {dims} (no KINSPACE_DATA)", texts, unit[:rows], unit[rows:])


def split(text: str) -> list[str]:
    """Return whole sentences put together to passages.

    >>> split("A small tool. " * 12)
    ['A small tool. A small tool. A small tool. A small tool. A small tool. A small tool. ...
    """
    found, passage = [], ""
    for sentence in re.split(r"(?<=[.!?:])\s+|\n+", text):
        passage = f"{passage} {sentence}".strip()
        if len(passage) >= USUAL:
            found.append(passage)
            passage = ""
    return [one for one in [*found, passage] if len(one) >= SHORTEST]


def _make() -> None:
    """Word vectors by SVD of TF-IDF, in order of energy; a passage is the weighted mean of its words'."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    folder = corpus.data_folder()
    assert folder is not None
    bodies = pl.read_parquet(folder / "debian_packages.parquet")["body"]
    texts = list(dict.fromkeys(passage for body in bodies for passage in split(body)))  # each text once
    weigh = TfidfVectorizer(min_df=3, max_df=0.3, sublinear_tf=True, stop_words="english", dtype=np.float32)
    reduce = TruncatedSVD(DIMS, n_iter=3, random_state=SEED)
    vectors = reduce.fit_transform(weigh.fit_transform(texts)) * reduce.singular_values_
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.maximum(lengths, 1e-30)).astype(np.float32)
    known = np.flatnonzero(lengths > 0)  # the others have no word that three passages have
    known = known[np.unique(unit[known].round(5), axis=0, return_index=True)[1]]  # those of the same words: one of them
    chosen = np.random.default_rng(SEED).permutation(np.sort(known))[: ROWS + QUERIES]
    rows, asked = np.sort(chosen[:ROWS]), chosen[ROWS:]
    KEPT.mkdir(parents=True, exist_ok=True)
    np.save(KEPT / "vectors.npy", unit[rows])
    pl.DataFrame({"key": np.arange(ROWS), "text": [texts[i] for i in rows]}).write_parquet(KEPT / "passages.parquet")
    np.save(KEPT / "queries.npy", unit[asked])  # last: it says that all is there
