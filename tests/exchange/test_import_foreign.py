"""What other programs write: HDF5 in ann-benchmarks layout, vecs, npy alone, Zarr groups of their own making."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest
import zarr

import kinspace as ks

VECTORS = np.random.default_rng(5).integers(-9, 9, (40, 6)).astype(np.float32)


def hdf5(path: Path, distance: object = "euclidean", **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("train", data=VECTORS, **options)
        file.create_dataset("test", data=VECTORS[:3])
        file.create_dataset("neighbors", data=np.zeros((3, 5), np.int32))
        file.attrs["distance"] = distance
    return path


def vecs(path: Path, vectors: np.ndarray, dtype: str) -> Path:
    rows = [np.int32(len(row)).tobytes() + row.astype(dtype).tobytes() for row in vectors]
    path.write_bytes(b"".join(rows))
    return path


def vectors_of(space: ks.Space) -> np.ndarray:
    return np.stack(list(space.multiget(space.keys())))


@pytest.mark.parametrize(
    "options",
    [{}, {"chunks": (7, 6)}, {"compression": "gzip"}, {"compression": "lzf", "shuffle": True}, {"dtype": "f8"}],
    ids=str,
)
def test_the_train_set_of_hdf5_is_read_under_its_row_numbers(
    hub: ks.Hub, tmp_path: Path, options: dict[str, Any]
) -> None:
    space = hub.import_space("fashion", hdf5(tmp_path / "x.hdf5", **options), batch_size=9)
    assert list(space.keys()) == list(range(40))
    assert np.array_equal(vectors_of(space), VECTORS)


@pytest.mark.parametrize(
    ("distance", "metric"),
    [("euclidean", "l2"), ("angular", "cosine"), (b"dot", "ip"), ("jaccard", "cosine"), (7, "cosine")],
)
def test_the_metric_is_the_one_that_hdf5_names(hub: ks.Hub, tmp_path: Path, distance: object, metric: str) -> None:
    path = hdf5(tmp_path / "x.h5", distance)
    assert hub.import_space("a", path).metric == metric
    assert hub.import_space("b", path, metric="ip").metric == "ip"


@pytest.mark.parametrize(("suffix", "dtype"), [(".fvecs", "<f4"), (".bvecs", "u1"), (".ivecs", "<i4")])
def test_vecs_are_read_under_their_row_numbers(hub: ks.Hub, tmp_path: Path, suffix: str, dtype: str) -> None:
    whole = np.abs(VECTORS)
    path = vecs(tmp_path / f"x{suffix}", whole, dtype)
    space = hub.import_space("sift", path, metric="l2", batch_size=7)
    assert list(space.keys()) == list(range(40))
    assert np.array_equal(vectors_of(space), whole)


def test_row_numbers_are_text_in_a_space_of_str_keys(hub: ks.Hub, tmp_path: Path) -> None:
    for number, path in enumerate((hdf5(tmp_path / "x.hdf5"), vecs(tmp_path / "x.fvecs", VECTORS, "<f4"))):
        space = hub.create_space(f"text {number}", 6)
        space.load(path)
        assert list(space.keys()) == [str(row) for row in range(40)]
        assert hub.import_space(f"typed {number}", path, key_type="str").keys() == space.keys()


@pytest.mark.parametrize("suffix", [".hdf5", ".fvecs", ".npy"])
def test_keys_and_columns_may_be_given_for_vectors_alone(hub: ks.Hub, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, VECTORS)
    else:
        hdf5(path) if suffix == ".hdf5" else vecs(path, VECTORS, "<f4")
    space = hub.create_space("docs", 6)
    space.load(path, keys=[f"k{row}" for row in range(40)], columns={"n": range(40)})
    assert np.array_equal(space["k39"], VECTORS[39])
    assert space.row("k39") == {"n": 39}
    with pytest.raises(ks.InvalidInput, match="39 keys"):
        space.load(path, keys=[f"k{row}" for row in range(39)])


def test_a_npy_file_alone_has_row_numbers_or_says_what_to_do(hub: ks.Hub, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", VECTORS)
    assert list(hub.import_space("numbers", tmp_path / "x.npy").keys()) == list(range(40))
    text = hub.create_space("text", 6)
    with pytest.raises(ks.InvalidInput, match=r"keys=.*x\.rows\.parquet"):
        text.load(tmp_path / "x.npy")


def test_rows_beside_a_npy_file_come_under_the_column_named(hub: ks.Hub, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", VECTORS)
    pl.DataFrame({"id": [f"d{row}" for row in range(40)], "n": range(40)}).write_parquet(tmp_path / "x.rows.parquet")
    space = hub.import_space("docs", tmp_path / "x.npy", key="id")
    assert space.row("d7") == {"n": 7}
    with pytest.raises(ks.InvalidInput, match="no column 'key'"):
        hub.import_space("again", tmp_path / "x.npy")
    pl.DataFrame({"key": ["a"]}).write_parquet(tmp_path / "x.rows.parquet")
    with pytest.raises(ks.InvalidInput, match="40 vectors"):
        hub.import_space("again", tmp_path / "x.npy")


@pytest.mark.parametrize("compressors", [None, "auto"], ids=["plain", "zstd"])
@pytest.mark.parametrize("keys", ["str", "int", "none"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_group_made_by_zarr_itself_is_read(
    hub: ks.Hub, tmp_path: Path, compressors: Any, keys: str, zipped: bool
) -> None:
    path = tmp_path / ("x.zarr.zip" if zipped else "x.zarr")
    names: Any = {"str": [f"κ{row}" for row in range(40)], "int": list(range(100, 140)), "none": list(range(40))}[keys]
    store: Any = zarr.storage.ZipStore(path, mode="w") if zipped else zarr.storage.LocalStore(path)
    group = zarr.create_group(store)
    group.create_array("vectors", data=VECTORS.astype(np.float64), chunks=(7, 4), compressors=compressors)
    if keys != "none":
        values = np.array(names, np.dtypes.StringDType() if keys == "str" else np.int32)
        group.create_array("keys", data=values, chunks=(9,), compressors=compressors)
    store.close()
    space = hub.import_space("docs", path, batch_size=11)
    assert list(space.keys()) == names
    assert np.array_equal(vectors_of(space), VECTORS)


def test_a_table_of_lists_gives_its_dims(hub: ks.Hub, tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [5, 6], "emb": [[1.0, 2.0], [3.0, 4.0]], "n": ["a", None]})
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_ipc(tmp_path / "x.arrow")
    for suffix in (".parquet", ".arrow"):
        space = hub.import_space(suffix, tmp_path / f"x{suffix}", key="id", vector="emb")
        assert (space.dims, space.key_type, space.row(5)) == (2, "int", {"n": "a"})


def test_a_name_with_the_letters_of_a_pattern_is_one_file(hub: ks.Hub, tmp_path: Path) -> None:
    frame = pl.DataFrame({"key": ["a"], "vector": [[1.0, 2.0]]})
    frame.write_parquet(tmp_path / "x1.parquet")
    with (tmp_path / "x[1]*.parquet").open("wb") as file:
        frame.with_columns(key=pl.lit("b")).write_parquet(file)
    assert list(hub.import_space("docs", tmp_path / "x[1]*.parquet").keys()) == ["b"]
