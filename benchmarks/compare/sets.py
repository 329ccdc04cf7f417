"""The sets that are searched: rows, queries that are not among them, exact neighbours; prepared once and kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import corpus, passages
from ..harness import REPOSITORY
from . import fashion
from .synthetic import Clustered
from .truth import Truth, exact

Vectors = NDArray[np.float32]

CACHE = Path(os.environ.get("KINSPACE_CACHE", REPOSITORY / "build" / "compare"))
HELD, QUESTIONS = "held", "questions"  # queries from the set itself; questions asked of it in plain words
QUERIES = 1_000
VERSION = 2  # raise it when what is prepared changes


@dataclass(frozen=True)
class Prepared:
    """A set in its folder: rows.npy, a file for each kind of queries, and their truths."""

    folder: Path

    @property
    def about(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "about.json").read_text()))

    @property
    def metric(self) -> str:
        return self.about["metric"]

    def rows(self, *, mapped: bool = False) -> Vectors:
        rows: Vectors = np.load(self.folder / "rows.npy", mmap_mode="r" if mapped else None)
        return rows

    def kinds(self) -> list[str]:
        return [kind for kind in (HELD, QUESTIONS) if (self.folder / f"{kind}.npy").exists()]

    def queries(self, kind: str) -> Vectors:
        queries: Vectors = np.load(self.folder / f"{kind}.npy")
        return queries

    def truth(self, kind: str) -> Truth:
        """Return the exact neighbours, found the first time and kept."""
        path = self.folder / f"{kind}.truth.npz"
        if not path.exists():
            exact(self.rows(mapped=True), self.queries(kind), self.metric).save(path)
        return Truth.load(path)


def prepare(name: str, rows: int | None = None) -> Prepared:
    """Return the set, made if it is not there yet; `rows` asks for its first ones only."""
    folder = CACHE / ("stand-in" if name == "minilm" and corpus.data_folder() is None else name)
    if rows is not None:
        folder = folder.with_name(f"{folder.name}-{rows}")
    about = folder / "about.json"
    if not about.exists() or json.loads(about.read_text()).get("version") != str(VERSION):
        shutil.rmtree(folder, ignore_errors=True)
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        title, metric = SETS[name](partial, rows)
        text = json.dumps({"title": title, "metric": metric, "version": str(VERSION)})
        (partial / "about.json").write_text(text)
        partial.rename(folder)
    prepared = Prepared(folder)
    for kind in prepared.kinds():
        prepared.truth(kind)
    return prepared


def _minilm(folder: Path, rows: int | None) -> tuple[str, str]:
    real = corpus.debian()
    order = np.random.default_rng(42).permutation(len(real.vectors))
    kept = order[2_000:][:rows]  # at random: in the order of names, neighbours in a row, most graphs come out worse
    np.save(folder / "rows.npy", real.vectors[kept])
    np.save(folder / f"{HELD}.npy", real.vectors[order[:QUERIES]])
    np.save(folder / f"{QUESTIONS}.npy", real.queries)
    what = "SYNTHETIC stand-in" if corpus.data_folder() is None else "MiniLM, Debian packages"
    return f"{what}, {len(kept):,} × {real.vectors.shape[1]}, cosine", "cosine"


def _fashion(folder: Path, rows: int | None) -> tuple[str, str]:
    train, test = fashion.load(CACHE / "fashion-package")
    np.save(folder / "rows.npy", train[:rows])
    np.save(folder / f"{HELD}.npy", test[:QUERIES])
    return f"Fashion-MNIST, {len(train[:rows]):,} × {train.shape[1]}, l2", "l2"


def _passages(folder: Path, rows: int | None) -> tuple[str, str]:
    real = passages.passages()
    order = np.random.default_rng(42).permutation(len(real.vectors))
    kept = order[QUERIES:][:rows]
    np.save(folder / "rows.npy", real.vectors[kept])
    np.save(folder / f"{HELD}.npy", real.vectors[order[:QUERIES]])
    return f"{real.name}, {QUERIES:,} of them held out, cosine", "cosine"


def _million(folder: Path, rows: int | None) -> tuple[str, str]:
    n, dims = rows or 1_000_000, 384
    source = Clustered(dims)
    _write(folder / "rows.npy", source.blocks(n), n, dims)
    np.save(folder / f"{HELD}.npy", source.queries(QUERIES))
    return f"synthetic clusters, {n:,} × {dims}, cosine", "cosine"


def _write(path: Path, blocks: Iterator[Vectors], n: int, dims: int) -> None:
    """Write the blocks one after the other; the whole is never in memory."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, (n, dims))
    start = 0
    for block in blocks:
        out[start : start + len(block)] = block
        start += len(block)


SETS: dict[str, Callable[[Path, int | None], tuple[str, str]]] = {
    "minilm": _minilm,
    "fashion": _fashion,
    "passages": _passages,
    "million": _million,
}
