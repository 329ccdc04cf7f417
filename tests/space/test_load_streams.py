"""load: what goes wrong on the way in, from a file, a reader or an array on disk, and what is stored then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zarr

import kinspace as ks
from oracle import unchanged

V = [1.0, 2.0, 3.0]


def frame(start: int, stop: int, bad: int | None = None, **columns: Any) -> pl.DataFrame:
    vectors = [[float("nan") if i == bad else 1.0, 2.0, float(i)] for i in range(start, stop)]
    table = pl.DataFrame({"key": [f"k{i}" for i in range(start, stop)], "vector": vectors})
    return table.with_columns(pl.lit(value).alias(name) for name, value in columns.items())


def test_an_error_in_a_stream_of_frames_says_how_many_rows_were_stored(space: ks.Space) -> None:
    stream = (frame(i, i + 5, bad=12) for i in range(0, 20, 5))
    with pytest.raises(ks.InvalidInput, match=r"'k12'.*\b12\b") as caught:
        space.load(stream, batch_size=4)
    assert caught.value.stored == 12
    assert list(space.keys()) == [f"k{i}" for i in range(12)]


@pytest.mark.parametrize("kind", ["parquet", "lazy", "npy", "zarr"])
def test_an_error_in_a_file_says_how_many_rows_were_stored(space: ks.Space, tmp_path: Path, kind: str) -> None:
    table = frame(0, 20, bad=12)
    vectors = np.array(table["vector"].to_list(), np.float32)
    keys = table["key"].to_list()
    with pytest.raises(ks.InvalidInput, match="'k12'") as caught:
        if kind == "parquet":
            table.write_parquet(tmp_path / "t.parquet")
            space.load(tmp_path / "t.parquet", batch_size=4)
        elif kind == "lazy":
            space.load(table.lazy(), batch_size=4)
        elif kind == "npy":
            np.save(tmp_path / "v.npy", vectors)
            space.load(tmp_path / "v.npy", keys=keys, batch_size=4)
        else:
            array = zarr.create_array(tmp_path / "v.zarr", shape=(20, 3), chunks=(5, 3), dtype="float32")
            array[:] = vectors
            space.load(array, keys=keys, batch_size=4)
    assert caught.value.stored == 12
    assert len(space) == 12


def test_one_bad_row_in_a_list_of_frames_stores_nothing(space: ks.Space, hub: ks.Hub) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="'k12'"):
        space.load([frame(0, 5), frame(5, 20, bad=12)], batch_size=2)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_frames_of_a_stream_may_differ_in_their_columns(space: ks.Space, batch_size: int) -> None:
    stream = iter(
        [frame(0, 3), frame(3, 5, n=1), frame(5, 7, n=2.5, t="x"), frame(7, 9, t="y").select("vector", "t", "key")]
    )
    assert space.load(stream, batch_size=batch_size) == 9
    assert [space.row(f"k{i}") for i in (0, 3, 5, 8)] == [
        {"n": None, "t": None},
        {"n": 1.0, "t": None},
        {"n": 2.5, "t": "x"},
        {"n": None, "t": "y"},
    ]


def test_frames_of_a_stream_that_conflict_are_refused_by_name(space: ks.Space) -> None:
    stream = iter([frame(0, 4, n=1), frame(4, 8, n="x")])
    with pytest.raises(ks.InvalidInput, match="'n'") as caught:
        space.load(stream, batch_size=4)
    assert caught.value.stored == 4
    assert len(space) == 4


def test_a_frame_without_the_key_late_in_a_stream_lists_the_columns_there_are(space: ks.Space) -> None:
    stream = iter([frame(0, 4), frame(4, 8).rename({"key": "id"})])
    with pytest.raises(ks.InvalidInput, match="'id'") as caught:
        space.load(stream, batch_size=4)
    assert caught.value.stored == 4


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_source_that_breaks_says_how_many_rows_were_stored(space: ks.Space, before: int) -> None:
    def stream() -> Iterator[pl.DataFrame]:
        for i in range(before):
            yield frame(i * 4, i * 4 + 4)
        raise OSError("the cable was pulled")

    with pytest.raises(OSError, match="the cable") as caught:
        space.load(stream(), batch_size=4)
    assert caught.value.stored == before * 4  # type: ignore[attr-defined]
    assert len(space) == before * 4


def test_something_else_amid_a_stream_of_frames_is_refused(space: ks.Space) -> None:
    with pytest.raises(ks.InvalidInput) as caught:
        space.load(iter([frame(0, 4), ("k9", V)]), batch_size=4)
    assert caught.value.stored == 4


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("absent.parquet", None),
        ("absent.npy", None),
        ("broken.parquet", b"PAR1 and no more"),
        ("empty.parquet", b""),
        ("broken.npy", b"\x93NUMPY\x01"),
        ("empty.npy", b""),
        ("objects.npy", np.array([{}, []], object)),
        ("texts.npy", np.array([["1", "2", "3"]])),
        ("flat.npy", np.ones(3, np.float32)),
        ("wide.npy", np.ones((1, 4), np.float32)),
        ("rows.csv", b"key,vector\n"),
        ("rows", b"x"),
        ("broken.arrow", b"ARROW1"),
        ("folder.parquet", "folder"),
        ("folder.npy", "folder"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(
    space: ks.Space, hub: ks.Hub, tmp_path: Path, name: str, body: Any
) -> None:
    path = tmp_path / name
    if isinstance(body, np.ndarray):
        np.save(path, body)
    elif body == "folder":
        path.mkdir()
    elif body is not None:
        path.write_bytes(body)
    with unchanged(hub), pytest.raises((ks.InvalidInput, ks.Unavailable)):
        space.load(path, keys=["a"]) if name.endswith("npy") else space.load(path)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"hub", name}


def test_a_truncated_npy_file_is_refused(space: ks.Space, hub: ks.Hub, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((100, 3), np.float32))
    body = (tmp_path / "v.npy").read_bytes()
    (tmp_path / "v.npy").write_bytes(body[:-400])
    with unchanged(hub), pytest.raises((ks.InvalidInput, ks.Corrupt), match=r"v\.npy"):
        space.load(tmp_path / "v.npy", keys=[str(i) for i in range(100)])


def test_a_damaged_chunk_of_a_zarr_array_is_corrupt(space: ks.Space, tmp_path: Path) -> None:
    crc = zarr.codecs.Crc32cCodec()
    array = zarr.create_array(
        tmp_path / "v.zarr", shape=(20, 3), chunks=(5, 3), dtype="float32", compressors=crc, filters=None
    )
    array[:] = 1
    chunk = tmp_path / "v.zarr" / "c" / "2" / "0"
    body = bytearray(chunk.read_bytes())
    body[7] ^= 1
    chunk.write_bytes(body)
    with pytest.raises(ks.Corrupt) as caught:
        space.load(array, keys=[f"k{i}" for i in range(20)], batch_size=5)
    assert caught.value.stored == 10
    assert len(space) == 10


@pytest.mark.parametrize("kind", ["frame", "lazy", "npy", "zarr", "parquet"])
@pytest.mark.parametrize("count", [19, 21])
def test_more_or_fewer_keys_than_vectors_are_refused(
    space: ks.Space, hub: ks.Hub, tmp_path: Path, kind: str, count: int
) -> None:
    vectors = np.ones((20, 3), np.float32)
    keys = [f"k{i}" for i in range(count)]
    table = pl.DataFrame({"n": range(20)})
    np.save(tmp_path / "v.npy", vectors)
    table.write_parquet(tmp_path / "t.parquet")
    array = zarr.create_array(tmp_path / "v.zarr", shape=(20, 3), chunks=(5, 3), dtype="float32")
    array[:] = vectors
    sources: dict[str, dict[str, Any]] = {
        "frame": {"table": table, "vectors": vectors},
        "lazy": {"table": table.lazy(), "vectors": vectors},
        "parquet": {"table": tmp_path / "t.parquet", "vectors": vectors},
        "npy": {"table": tmp_path / "v.npy"},
        "zarr": {"vectors": array},
    }
    if kind == "lazy":  # how many rows it has is known at its end
        with pytest.raises(ks.InvalidInput):
            space.load(**sources[kind], keys=keys, batch_size=4)
    else:
        with unchanged(hub), pytest.raises(ks.InvalidInput, match=str(count)):
            space.load(**sources[kind], keys=keys, batch_size=4)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"keys": ["a"]},
        {"vectors": [V]},
        {"table": np.ones((1, 3))},
        {"table": pl.DataFrame({"key": ["a"], "vector": [V]}), "columns": {"n": [1]}},
        {"table": pl.Series([1, 2])},
        {"table": 7},
        {"table": b"rows.parquet"},
        {"table": {"a": V}, "batch_size": 0},
        {"keys": "abc", "vectors": [V, V, V]},
        {"keys": 7, "vectors": [V]},
        {"keys": None, "vectors": [V]},
    ],
    ids=str,
)
def test_arguments_that_do_not_go_together_are_refused(space: ks.Space, hub: ks.Hub, arguments: dict[str, Any]) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        space.load(**arguments)


def test_a_table_of_no_rows_stores_nothing(space: ks.Space, hub: ks.Hub) -> None:
    with unchanged(hub):
        assert space.load(frame(0, 5)[:0]) == 0
        assert space.load(keys=[], vectors=np.empty((0, 3))) == 0
        assert space.load(frame(0, 5)[:0].lazy()) == 0


def test_a_load_replaces_rows_as_set_does(space: ks.Space) -> None:
    space.set("k1", [9, 9, 9], title="old")
    space.set("other", V)
    space.load(frame(0, 3, n=1))
    assert list(space.keys()) == ["other", "k0", "k1", "k2"]
    assert space.row("k1") == {"title": None, "n": 1}
