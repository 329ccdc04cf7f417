"""Vectors and all their columns from memory to durable: rows per second, beside Chroma and LanceDB.

Each engine runs in a process of its own, in turn, and is handed what it likes best (a Polars frame and a NumPy array,
an Arrow table, lists of ids and dicts), made before the clock starts. It loads twice, into one table and then another:
the first load of a process pays for what is imported or started on the way. The clock stops when the engine says the
rows are stored. What that word means differs, so the fsyncs of one load are counted too, by strace where there is one:
Kinspace syncs every file and folder before the transaction that names it, and the transaction itself (SQLite,
synchronous=FULL); the peers run at their own defaults.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import corpus, harness

FIRST, SECOND = "packages1", "packages2"  # in a trace, the lines that name them show where the loads begin and end
SYNCS = "fsync,fdatasync,sync_file_range,msync,syncfs"


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument("--rows", type=int, help="rows to load (default all, 15,000 with --short)")
    parser.add_argument("--engine", choices=ENGINES, help="internal: one load, answered in JSON")
    options = parser.parse_args()
    rows = options.rows or (15_000 if options.short else 63_666)
    if options.engine:
        harness.answer(_load(options.engine, corpus.debian().head(rows)))
        return

    passes = options.passes or (2 if options.short else 3)
    answers: dict[str, dict[str, Any]] = {}
    first: dict[str, float] = {}

    def contestant(engine: str) -> Callable[[], float]:
        def run() -> float:
            answers[engine] = harness.apart("load", "--engine", engine, "--rows", str(rows))
            first[engine] = max(first.get(engine, 0), answers[engine]["first"])
            return float(answers[engine]["second"])

        return run

    measured = harness.in_turn({engine: contestant(engine) for engine in ENGINES}, passes, more_is_better=True)
    syncs = {engine: _count_syncs(engine, min(rows, 15_000)) for engine in ENGINES}
    ours = measured["kinspace"].best
    harness.show(
        f"**Load to durable**, {answers['kinspace']['set']}, every column, {answers['kinspace']['rows']:,} rows",
        ["", "rows/s", "spread", "kinspace is × this", "first load of a process", "fsyncs of a load", "on disk"],
        [
            [
                engine,
                f"{one.best:,.0f}",
                f"{one.spread:.0%}",
                f"{ours / one.best:.1f}",
                f"{first[engine]:,.0f}",
                "?" if syncs[engine] is None else str(syncs[engine]),
                f"{answers[engine]['bytes'] / 1e6:,.0f} MB",
            ]
            for engine, one in measured.items()
        ],
    )
    harness.keep(
        "load",
        {
            engine: answers[engine] | one.json() | {"first": first[engine], "syncs": syncs[engine]}
            for engine, one in measured.items()
        },
    )


def _load(engine: str, source: corpus.Corpus) -> dict[str, Any]:
    seconds = []
    with harness.scratch() as folder:
        for name, load, count in ENGINES[engine](source, folder):
            print(f"{name} begins", flush=True)
            begin = time.perf_counter()
            load()
            seconds.append(time.perf_counter() - begin)
            print(f"{name} ends", flush=True)
            if count() != len(source.rows):
                raise SystemExit(f"{engine} says it has {count()} rows after a load of {len(source.rows)}")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    first, second = (len(source.rows) / each for each in seconds)
    return {"set": source.name, "rows": len(source.rows), "first": first, "second": second, "bytes": size // 2}


Loads = list[tuple[str, Callable[[], object], Callable[[], int]]]  # a name, the load, how many rows there are after it


def _kinspace(source: corpus.Corpus, folder: Path) -> Loads:
    import kinspace as ks

    hub = ks.connect(folder / "hub")

    def into(name: str) -> tuple[str, Callable[[], object], Callable[[], int]]:
        space = hub.create_space(name, dims=source.vectors.shape[1])
        return name, lambda: space.load(source.rows, key="key", vectors=source.vectors), lambda: len(space)

    return [into(FIRST), into(SECOND)]


def _lancedb(source: corpus.Corpus, folder: Path) -> Loads:
    """create_table, then the key index without which a get would scan."""
    import lancedb
    import pyarrow as pa

    dims = source.vectors.shape[1]
    vector = pa.FixedSizeListArray.from_arrays(pa.array(source.vectors.ravel()), dims)
    rows = source.rows.to_arrow()
    small = pa.schema([field.with_type(_small(field.type)) for field in rows.schema])  # no key index on 64-bit strings
    table = rows.cast(small).append_column("vector", vector)
    database = lancedb.connect(folder / "lance")

    def into(name: str) -> tuple[str, Callable[[], object], Callable[[], int]]:
        def load() -> None:
            database.create_table(name, table).create_scalar_index("key")

        return name, load, lambda: int(database.open_table(name).count_rows())

    return [into(FIRST), into(SECOND)]


def _small(kind: Any) -> Any:
    """The Arrow type with 32-bit offsets."""
    import pyarrow as pa

    if pa.types.is_large_list(kind):
        return pa.list_(_small(kind.value_type))
    return pa.string() if pa.types.is_large_string(kind) else kind


def _chroma(source: corpus.Corpus, folder: Path) -> Loads:
    """Add in the largest batches the client allows. Its metadata holds scalars, so lists are joined into strings."""
    import chromadb
    import polars as pl

    lists = [name for name, kind in source.rows.schema.items() if kind == pl.List(pl.String)]
    plain = source.rows.with_columns(pl.col(name).list.join(",") for name in lists)
    ids = plain["key"].to_list()
    columns = plain.drop("key").to_dicts()
    client = chromadb.PersistentClient(
        path=str(folder / "chroma"), settings=chromadb.config.Settings(anonymized_telemetry=False)
    )
    batch = client.get_max_batch_size()

    def into(name: str) -> tuple[str, Callable[[], object], Callable[[], int]]:
        packages = client.create_collection(name, metadata={"hnsw:space": "cosine"}, embedding_function=None)

        def load() -> None:
            for start in range(0, len(ids), batch):
                end = start + batch
                packages.add(ids=ids[start:end], embeddings=source.vectors[start:end], metadatas=columns[start:end])

        return name, load, packages.count

    return [into(FIRST), into(SECOND)]


ENGINES: dict[str, Callable[[corpus.Corpus, Path], Loads]] = {
    "kinspace": _kinspace,
    "lancedb": _lancedb,
    "chroma": _chroma,
}


def _count_syncs(engine: str, rows: int) -> int | None:
    """How many times one load asks the kernel to put something on the disk; None without a working strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    command = [strace, "-f", "-e", f"trace={SYNCS},write", "-e", "signal=none", "-s", "12"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "benchmarks.load", "--engine", engine, "--rows", str(rows)],
        cwd=harness.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    traced = done.stderr.partition(f'"{SECOND} b')[2].partition(f'"{SECOND} e')[0]
    return len(re.findall(rf"\b(?:{SYNCS.replace(',', '|')})\(", traced))


if __name__ == "__main__":
    main()
