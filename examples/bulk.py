"""A hundred thousand rows from a generator, stored batch by batch in bounded memory."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

import kinspace as ks

ROWS, DIMS, BATCH = 100_000, 128, 10_000


def frames() -> Iterator[pl.DataFrame]:
    rng = np.random.default_rng(0)
    for start in range(0, ROWS, BATCH):
        numbers = np.arange(start, start + BATCH)
        vectors = rng.standard_normal((BATCH, DIMS)).astype(np.float32)
        yield pl.DataFrame({"key": numbers, "vector": vectors, "shelf": numbers % 10})


with tempfile.TemporaryDirectory() as folder, ks.connect(Path(folder) / "hub") as hub:
    space = hub.create_space("numbers", dims=DIMS, key_type="int")
    begin = perf_counter()
    rows = space.load(frames())
    print(f"{rows:,} rows stored durably, {rows / (perf_counter() - begin):,.0f} rows/s")

    begin = perf_counter()
    hits = space.nearest_neighbors(3, key=7, where="shelf = 3")
    print(f"{hits} in {1e3 * (perf_counter() - begin):.1f} ms, exact: {hits.exact}")

    space.delete_where("shelf < 5")
    print(f"{len(space):,} rows left, the first of them {next(iter(space.keys()))}")
