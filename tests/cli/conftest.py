"""A hub, files to load into it, and a space that holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shell import Shell

N, DIMS = 60, 6


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(7).standard_normal((N, DIMS)).astype(np.float32)


@pytest.fixture
def rows(tmp_path: Path, vectors: np.ndarray) -> pl.DataFrame:
    """Write docs.parquet (key, columns, vector), words.parquet (no vectors) and docs.npy; return the rows."""
    frame = pl.DataFrame(
        {
            "id": [f"doc-{i:02}" for i in range(N)],
            "title": [f"The {i}th [bold]title[/] of 東京" for i in range(N)],
            "year": [2000 + i if i % 5 else None for i in range(N)],
            "score": [i / 7 for i in range(N)],
            "tags": [["a", "b"][: i % 3] for i in range(N)],
            "body": ["long text\nwith \x1b[31mcontrol characters " * 20 for i in range(N)],
        }
    )
    frame.write_parquet(tmp_path / "words.parquet")
    frame.with_columns(emb=pl.Series(vectors)).write_parquet(tmp_path / "docs.parquet")
    np.save(tmp_path / "docs.npy", vectors)
    return frame


@pytest.fixture
def loaded(shell: Shell, rows: pl.DataFrame) -> Shell:
    shell.run("load", shell.folder / "docs.parquet", "--key", "id")
    return shell
