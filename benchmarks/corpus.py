"""The vectors and rows measured: Debian's packages if they are at hand, else a synthetic stand-in that says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .harness import REPOSITORY

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Corpus:
    """Rows with their vectors, and queries that are not among them."""

    name: str
    rows: pl.DataFrame  # key and columns, row for row with vectors
    vectors: Vectors
    queries: Vectors

    def head(self, n: int) -> Corpus:
        return Corpus(self.name, self.rows.head(n), self.vectors[:n], self.queries)


def data_folder() -> Path | None:
    """Return where the real set is, None if it is not at hand."""
    folder = Path(os.environ.get("KINSPACE_DATA", REPOSITORY.parent / "shared" / "data"))
    return folder if (folder / "debian_minilm_f16.npy").exists() else None


def debian() -> Corpus:
    """Return the 63,666 packages of Debian 12 with MiniLM embeddings, or a stand-in of the same shape."""
    folder = data_folder()
    if folder is None:
        return _stand_in(63_666, 384)
    vectors = np.load(folder / "debian_minilm_f16.npy").astype(np.float32)
    queries = np.load(folder / "debian_queries_minilm_f32.npy").astype(np.float32)
    rows = pl.read_parquet(folder / "debian_packages.parquet")
    return Corpus(f"Debian packages, {len(vectors):,} × {vectors.shape[1]}", rows, vectors, queries)


def _stand_in(n: int, dims: int) -> Corpus:
    """Clustered unit vectors and rows with columns of the same types as the real set's."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((500, dims), dtype=np.float32)
    drawn = centres[rng.integers(0, len(centres), n + 100)] + 0.7 * rng.standard_normal(
        (n + 100, dims), dtype=np.float32
    )
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    number = np.arange(n)
    rows = pl.DataFrame(
        {
            "key": [f"package-{i}" for i in number],
            "section": [f"section-{i % 60}" for i in number],
            "installed_kib": rng.integers(1, 100_000, n),
            "download_bytes": rng.integers(1, 10_000_000, n),
            "tags": [[f"tag-{i % 7}", f"tag-{i % 11}"] for i in number],
            "title": [f"the title of package {i}" for i in number],
            "body": [f"what package {i} is for " * 20 for i in number],
        }
    )
    return Corpus(f"SYNTHETIC stand-in, {n:,} × {dims} (no KINSPACE_DATA)", rows, unit[:n], unit[n:])


def random_vectors(n: int, dims: int, seed: int = 7) -> Vectors:
    """Return n standard normal vectors."""
    return np.random.default_rng(seed).standard_normal((n, dims), dtype=np.float32)


def clustered_vectors(n: int, dims: int, seed: int = 1) -> Vectors:
    """Return n vectors around 500 centres, each a normal one of its own; 0.7 of it is noise."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((500, dims), dtype=np.float32)
    noise = np.float32(0.7) * rng.standard_normal((n, dims), dtype=np.float32)
    return centres[rng.integers(0, len(centres), n)] + noise


def stream(n: int, dims: int, batch: int) -> Iterator[pl.DataFrame]:
    """Yield frames of key, number and vector, batch rows at a time; nothing is kept."""
    for start in range(0, n, batch):
        count = min(batch, n - start)
        number = np.arange(start, start + count)
        yield pl.DataFrame(
            {
                "key": [f"row-{i:07d}" for i in number],
                "number": number,
                "vector": pl.Series(values=random_vectors(count, dims, seed=start), dtype=pl.Array(pl.Float32, dims)),
            }
        )
