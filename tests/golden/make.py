"""Make the golden hub of the current format: run once when a format is born, never to change what is there."""

from __future__ import annotations

import datetime as dt
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import kinspace as ks


def vector(number: int) -> np.ndarray:
    """Exact in float32, and different for every row."""
    return np.array([number, number / 8, -number, 1], np.float32)


def of_dtype(dtype: str, number: int) -> np.ndarray:
    """Eleven components that the dtype holds exactly."""
    if dtype == "bit":
        return np.array([number >> place & 1 for place in range(11)], np.float32)
    scale = 1 if dtype == "int8" else 0.125
    return np.array([(number * place % 128 - 64) * scale for place in range(11)], np.float32)


def fill(hub: ks.Hub) -> None:
    """Every kind of thing the format has: segments, log, tombstones, replaced rows, late columns, both key types."""
    docs = hub.create_space("docs", dims=4, metric="l2")
    titles = ["é" * (n % 3) for n in range(5_000)]
    rows = pl.DataFrame({"key": [f"k{n}" for n in range(5_000)], "n": range(5_000), "title": titles})
    docs.load(rows, key="key", vectors=np.stack([vector(n) for n in range(5_000)]))
    docs.delete("k7")
    docs.set("k8", vector(80), n=2.5, day=dt.date(2026, 11, 20), tags=["a", None], place={"x": 1})
    docs.flush()
    docs.set("in the log", vector(-1), n=9, title="log")
    numbers = hub.create_space("names are data: ../x", dims=4, metric="ip", key_type="int")
    numbers.multiset({n: vector(n) for n in (-(2**63), 0, 2**63 - 1)})
    numbers.flush()
    numbers.delete(0)
    states = hub.create_space("states", dims=4)
    states.multiset([(f"k{n}", vector(n), {"n": n}) for n in range(1, 5)])
    states.snapshot("monday")
    states.delete("k1")
    states.set("k2", vector(20), n=0.5)
    states.snapshot("tuesday")
    states.compact()
    states.restore("monday")
    states.delete("k4")
    states.fork("a fork").set("k9", vector(9))
    states.freeze()
    for dtype in ("float16", "bfloat16", "int8", "bit"):
        space = hub.create_space(dtype, dims=11, dtype=dtype)
        space.multiset({f"k{n}": of_dtype(dtype, n) for n in range(100)})
        space.flush()
        space.delete("k7")
        space.set("in the log", of_dtype(dtype, 3))
    texts = [f"File number {n} of many, with {'pictures' if n % 3 else 'music'}." for n in range(1_500)]
    words = hub.create_space("words", embedder=ks.embed.Lsa.fit(texts, dims=4), key_type="int")
    words.add_texts(
        range(1_500), texts, section=[f"s{n % 7}" for n in range(1_500)], tags=[["a"] * (n % 2) for n in range(1_500)]
    )
    words.index_column("section", "tags")
    words.index_text("text", "tags", language="german")
    words.delete(5)
    words.flush()
    words.index()
    words.add_texts([9_000], ["In the log, with music."])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        with ks.connect(Path(folder, "hub")) as hub:
            fill(hub)
        with tarfile.open(target, "x:xz") as archive:
            archive.add(Path(folder, "hub"), "hub")
