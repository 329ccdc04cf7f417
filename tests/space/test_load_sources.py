"""load takes rows from anything that holds them: each kind of source gives the same space."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zarr

import kinspace as ks
from oracle import Arrow, state

N = 10
VECTORS = np.random.default_rng(5).standard_normal((N, 3)).astype(np.float32)
KEYS = [f"k{i}" for i in range(N)]
COLUMNS = {"n": list(range(N)), "title": [f"t{i}" if i % 3 else None for i in range(N)]}
FRAME = pl.DataFrame({"key": KEYS, **COLUMNS, "vector": pl.Series(VECTORS, dtype=pl.Array(pl.Float32, 3))})


class Batches:
    """A record-batch reader of another library."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._parts = iter([Arrow(frame[start : start + 4]) for start in range(0, frame.height, 4)])

    def read_next_batch(self) -> Any:
        return next(self._parts)

    def __iter__(self) -> Any:
        return self._parts


def parquet(folder: Path) -> Path:
    FRAME.write_parquet(folder / "rows.parquet", row_group_size=4)
    return folder / "rows.parquet"


def ipc(folder: Path) -> Path:
    FRAME.write_ipc(folder / "rows.arrow")
    return folder / "rows.arrow"


def npy(folder: Path) -> Path:
    np.save(folder / "vectors.npy", VECTORS)
    return folder / "vectors.npy"


def zarr_array(folder: Path) -> Any:
    array = zarr.create_array(folder / "vectors.zarr", shape=VECTORS.shape, chunks=(4, 3), dtype="float32")
    array[:] = VECTORS
    return array


def rows(_: Path) -> Any:
    return [(key, vector, {"n": n, "title": t}) for key, vector, n, t in zip(KEYS, VECTORS, *COLUMNS.values())]


TABLES: dict[str, Callable[[Path], Any]] = {
    "DataFrame": lambda _: FRAME,
    "DataFrame of several chunks": lambda _: pl.concat([FRAME[:3], FRAME[3:]], rechunk=False),
    "LazyFrame": lambda _: FRAME.lazy(),
    "lazy Parquet": lambda folder: pl.scan_parquet(parquet(folder)),
    "an Arrow stream": lambda _: Arrow(FRAME),
    "a reader of batches": lambda _: Batches(FRAME),
    "Parquet path": parquet,
    "Parquet path as str": lambda folder: os.fspath(parquet(folder)),
    "Arrow path": ipc,
    "list of rows": rows,
    "tuple of rows": lambda folder: tuple(rows(folder)),
    "generator of rows": lambda folder: (row for row in rows(folder)),
    "mapping": lambda folder: {key: (vector, columns) for key, vector, columns in rows(folder)},
    "list of frames": lambda _: [FRAME[:4], FRAME[4:]],
    "generator of frames": lambda _: (FRAME[i : i + 3] for i in range(0, N, 3)),
    "generator of Arrow": lambda _: (Arrow(FRAME[i : i + 3]) for i in range(0, N, 3)),
    "list columns": lambda _: FRAME.with_columns(pl.col("vector").cast(pl.List(pl.Float64))),
}
VECTORS_APART: dict[str, Callable[[Path], Any]] = {
    "array": lambda _: VECTORS,
    "float64": lambda _: VECTORS.astype(np.float64),
    "Fortran order": lambda _: np.asfortranarray(VECTORS),
    "big-endian": lambda _: VECTORS.astype(">f4"),
    "list": lambda _: VECTORS.tolist(),
    "list of arrays": lambda _: list(VECTORS),
    "series": lambda _: FRAME["vector"],
    "Arrow": lambda _: Arrow(FRAME["vector"]),
    "npy path": npy,
    "npy path as str": lambda folder: os.fspath(npy(folder)),
    "memmap": lambda folder: np.load(npy(folder), mmap_mode="r"),
    "zarr": zarr_array,
}
KEYS_APART: dict[str, Any] = {
    "list": KEYS,
    "tuple": tuple(KEYS),
    "array": np.array(KEYS),
    "object array": np.array(KEYS, object),
    "series": FRAME["key"],
    "Arrow": Arrow(FRAME["key"]),
    "mapping's keys": dict.fromkeys(KEYS).keys(),
}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=3)
        space.multiset(rows(Path()))
        return {name: value for name, value in state(space).items() if name != "version"}


def check(space: ks.Space, expected: dict[str, Any]) -> None:
    found = state(space)
    found.pop("version")
    assert found == expected


@pytest.mark.parametrize("source", TABLES)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_every_kind_of_table_gives_the_same_space(
    space: ks.Space, tmp_path: Path, expected: dict[str, Any], source: str, batch_size: int | None
) -> None:
    assert space.load(TABLES[source](tmp_path), batch_size=batch_size) == N
    check(space, expected)


@pytest.mark.parametrize("source", VECTORS_APART)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_vectors_apart_may_be_of_any_kind(
    space: ks.Space, tmp_path: Path, expected: dict[str, Any], source: str, batch_size: int | None
) -> None:
    vectors = VECTORS_APART[source](tmp_path)
    assert space.load(keys=KEYS, vectors=vectors, columns=COLUMNS, batch_size=batch_size) == N
    check(space, expected)


@pytest.mark.parametrize("source", KEYS_APART)
def test_keys_apart_may_be_of_any_kind(space: ks.Space, expected: dict[str, Any], source: str) -> None:
    assert space.load(keys=KEYS_APART[source], vectors=VECTORS, columns=pl.DataFrame(COLUMNS)) == N
    check(space, expected)


@pytest.mark.parametrize("source", ["array", "npy path", "memmap", "zarr"])
def test_an_array_or_npy_file_needs_only_keys(space: ks.Space, tmp_path: Path, source: str) -> None:
    assert space.load(VECTORS_APART[source](tmp_path), keys=KEYS) == N
    assert list(space.keys()) == KEYS
    assert np.array(list(space.multiget(KEYS))).tobytes() == VECTORS.tobytes()


@pytest.mark.parametrize("source", ["DataFrame", "LazyFrame", "Parquet path", "generator of frames"])
@pytest.mark.parametrize("vectors", ["array", "npy path", "zarr"])
def test_a_table_may_have_its_vectors_apart(
    space: ks.Space, tmp_path: Path, expected: dict[str, Any], source: str, vectors: str
) -> None:
    table = TABLES[source](tmp_path)
    if source == "Parquet path":
        FRAME.drop("vector").write_parquet(table)
    elif source == "generator of frames":
        table = (FRAME[i : i + 3].drop("vector") for i in range(0, N, 3))
    else:
        table = table.drop("vector")
    assert space.load(table, vectors=VECTORS_APART[vectors](tmp_path), batch_size=4) == N
    check(space, expected)


def test_the_key_and_vector_columns_may_have_other_names(space: ks.Space, expected: dict[str, Any]) -> None:
    frame = FRAME.rename({"key": "id", "vector": "emb"})
    space.load(frame, key="id", vector="emb")
    assert "id" not in space.columns, "it is not kept a second time"
    assert "emb" not in space.columns
    check(space, expected)


def test_a_pandas_frame(space: ks.Space) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"key": KEYS, "n": COLUMNS["n"], "vector": list(VECTORS)})
    assert space.load(frame) == N
    assert list(space.keys()) == KEYS
    assert space.row("k3") == {"n": 3}
    assert space.get("k3").tobytes() == VECTORS[3].tobytes()


def test_arrow_tables_and_readers_of_pyarrow(hub: ks.Hub, expected: dict[str, Any]) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = FRAME.to_arrow()
    batches = table.to_batches(max_chunksize=4)
    reader = arrow.RecordBatchReader.from_batches(table.schema, batches)
    for i, source in enumerate([table, reader, batches[0], iter(batches)]):
        space = hub.create_space(str(i), dims=3)
        count = space.load(source)
        assert list(space.keys()) == KEYS[:count]
        if count == N:
            check(space, expected)
    space = hub.create_space("apart", dims=3)
    space.load(keys=table["key"], vectors=table["vector"], columns=table.select(["n", "title"]))
    check(space, expected)


@pytest.mark.parametrize("rows", [N, 5_000])
def test_what_is_whole_in_memory_is_one_commit(hub: ks.Hub, rows: int) -> None:
    frame = pl.concat([FRAME] * (rows // N)).with_columns(key=pl.Series([f"k{i}" for i in range(rows)]))
    halves = [frame[: rows // 2], frame[rows // 2 :]]
    for i, source in enumerate((frame, halves, tuple(halves), Arrow(frame), dict(zip(frame["key"], frame["vector"])))):
        space = hub.create_space(str(i), dims=3)
        space.load(source, batch_size=3)
        assert space.version == 1
        assert len(space) == rows


def test_a_progress_bar_is_shown_on_a_terminal_and_nowhere_else() -> None:
    pty = pytest.importorskip("pty")
    program = """
import sys, kinspace as ks
with ks.connect(":memory:") as hub:
    space = hub.create_space("docs", dims=1)
    space.load(((str(i), [i]) for i in range(10_000)), batch_size=1_000)
    space.load([("a", [1])])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4_096)
            except OSError:  # the other end was closed
                break
        assert process.stdout is not None
        assert process.stdout.read() == b""
    os.close(ours)
    assert b"docs" in shown
    assert process.returncode == 0
