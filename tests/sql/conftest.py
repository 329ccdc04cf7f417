from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from kinspace import Hub, Space

ROWS, DIMS = 90, 4


def table(rng: np.random.Generator, rows: int = ROWS) -> pl.DataFrame:
    """Rows with nulls in every kind of column, and some equal vectors."""
    vectors = rng.integers(-3, 4, (rows, DIMS)).astype(np.float32)
    number = np.arange(rows)
    return pl.DataFrame(
        {
            "key": [f"k{i}" for i in number],
            "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, DIMS)),
            "title": [None if i % 11 == 0 else f"title {i % 7}" for i in number],
            "section": [["games", "web", None][i % 3] for i in number],
            "score": [None if i % 13 == 0 else round(float(x), 3) for i, x in enumerate(rng.random(rows))],
            "year": (2000 + number % 25).tolist(),
            "day": [dt.date(2024, 1, 1 + int(i) % 28) for i in number],
            "tags": [["a", "b", "c"][: i % 4] for i in number],
            "made": [{"by": f"p{i % 5}"} for i in number],
        }
    )


def filled(hub: Hub, name: str, metric: str) -> Space:
    """A space of those rows in two segments and the log, some deleted and some set again."""
    rows = table(np.random.default_rng(7))
    space = hub.create_space(name, dims=DIMS, metric=metric)
    for piece in (rows[:40], rows[40:80]):
        space.load(piece)
        space.flush()
    space.load(rows[80:])
    space.multidelete(["k3", "k41", "k85"])
    space.load(rows[5:7])
    return space


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with ks.connect(":memory:") as hub:
        for metric in ("cosine", "l2", "ip"):
            filled(hub, metric, metric)
        filled(hub, "docs", "cosine")
        bits = hub.create_space("bits", dims=8, dtype="bit")
        bits.multiset([(f"b{i}", list(map(int, f"{i * 37 % 256:08b}")), {"n": i}) for i in range(30)])
        sets = hub.create_space("sets", dims=8, dtype="bit", metric="jaccard")
        sets.multiset([(f"b{i}", list(map(int, f"{i * 37 % 256:08b}")), {"n": i}) for i in range(30)])
        yield hub
