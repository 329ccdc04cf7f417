"""Spaces to export, and what is compared of them afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import kinspace as ks

FORMATS = [".parquet", ".npy", ".zarr", ".zarr.zip"]


def content(space: ks.Space) -> tuple[list[Any], bytes, pl.DataFrame]:
    """Keys in order, the vectors' bits, and key and columns."""
    frames = list(space.scan())
    if not frames:
        return [], b"", pl.DataFrame()
    whole = pl.concat(frames)
    vectors = np.ascontiguousarray(whole["vector"].to_numpy(), np.float32)
    return whole["key"].to_list(), vectors.tobytes(), whole.drop("vector")


def same(one: ks.Space, other: ks.Space) -> bool:
    """Whether two spaces hold the same rows in the same order, types and bits included."""
    (keys, vectors, frame), (keys_2, vectors_2, frame_2) = content(one), content(other)
    return keys == keys_2 and vectors == vectors_2 and frame.schema == frame_2.schema and frame.equals(frame_2)


def filled(hub: ks.Hub, name: str = "docs", rows: int = 50, dims: int = 4, **options: Any) -> ks.Space:
    """A space with a segment, a log and dead rows, whose order is not that of its keys."""
    space = hub.create_space(name, dims, **options)
    vectors = np.random.default_rng(3).standard_normal((rows, dims)).astype(np.float32)
    keys: list[Any] = list(range(rows)) if options.get("key_type") == "int" else [f"k{i}" for i in range(rows)]
    space.load(keys=keys, vectors=vectors, columns={"n": list(range(rows)), "t": ["x" * (i % 3) for i in range(rows)]})
    space.flush()
    space.delete(keys[1])
    space.set(keys[0], vectors[1], n=-1)
    return space


def there(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
