"""The frame that selects of frames are tested on."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

N = 40
EMB = np.random.default_rng(6).normal(size=(N, 4)).astype(np.float32)
QUERY = EMB[11] * 2
FRAME = pl.DataFrame(
    {
        "id": [f"row {i}" for i in range(N)],
        "kib": [None if i % 10 == 3 else i * 100 for i in range(N)],
        "section": [("games", "web", None, "net")[i % 4] for i in range(N)],
        "day": [dt.date(2024, 1, 1) + dt.timedelta(i) for i in range(N)],
        "tags": [[f"t{i % 3}"] * (i % 3) or None for i in range(N)],
        "emb": pl.Series(EMB),
        "vec": pl.Series(EMB).cast(pl.List(pl.Float64)),
    }
)


def ids(frame: pl.DataFrame) -> list[int]:
    return [int(name.split()[1]) for name in frame["id"]]
