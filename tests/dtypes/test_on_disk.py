"""Each dtype on the disk: any Zarr client reads it, damage is seen and mended, files of other programs go both ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zarr
from stored import DTYPES, rows_for, widened
from typer.testing import CliRunner

import kinspace as ks
from kinspace.cli import app
from kinspace.storage.dtypes import row_bytes

N, DIMS = 200, 19


def filled(hub: ks.Hub, dtype: str) -> tuple[ks.Space, np.ndarray]:
    space = hub.create_space("docs", dims=DIMS, dtype=dtype)
    given = rows_for(dtype, N, DIMS)
    space.load(keys=list(map(str, range(N))), vectors=given)
    space.flush()
    return space, widened(dtype, given)


def segment_of(space: ks.Space) -> Path:
    (folder,) = (space._store.folder / "segments").iterdir()
    return folder


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_zarr_client_reads_the_vectors_from_what_the_array_says(hub: ks.Hub, dtype: str) -> None:
    space, stored = filled(hub, dtype)
    array = zarr.open_array(segment_of(space) / "vectors", mode="r")
    values = array[...]
    told = array.attrs.asdict().get("kinspace", {})
    if dtype == "bfloat16":
        assert (values.dtype, told) == (np.uint16, {"dtype": "bfloat16"})
        values = (values.astype(np.uint32) << 16).view(np.float32)
    elif dtype == "bit":
        assert (values.dtype, told) == (np.uint8, {"dtype": "bit", "dims": DIMS, "bit_order": "little"})
        values = np.unpackbits(values, axis=1, count=told["dims"], bitorder=told["bit_order"])
    else:
        assert (values.dtype, told) == (np.dtype(dtype), {})
    np.testing.assert_array_equal(values.astype(np.float32), stored)
    assert zarr.open_group(segment_of(space), mode="r").attrs["kinspace"]["dtype"] == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_takes_the_bytes_it_should(hub: ks.Hub, dtype: str) -> None:
    space = hub.create_space("docs", dims=384, dtype=dtype)
    space.load(keys=list(map(str, range(4_096))), vectors=rows_for(dtype, 4_096, 384))
    size = (segment_of(space) / "vectors" / "c" / "0" / "0").stat().st_size
    assert size == 4_096 * row_bytes(dtype, 384) + 4 + 16 + 4  # a checksum, the shard's index and its checksum


def test_a_segment_of_float32_is_as_it_ever_was(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=3)
    space.set("a", [1, 2, 3])
    space.flush()
    told = json.loads((segment_of(space) / "zarr.json").read_text())["attributes"]["kinspace"]
    assert told == {"format": 1, "rows": 1, "dims": 3, "key_type": "str"}
    assert not json.loads((segment_of(space) / "vectors" / "zarr.json").read_text())["attributes"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_damaged_chunk_is_seen_and_the_others_are_saved(hub: ks.Hub, dtype: str) -> None:
    space, stored = filled(hub, dtype)
    shard = segment_of(space) / "vectors" / "c" / "0" / "0"
    body = bytearray(shard.read_bytes())
    body[5] ^= 4
    shard.unlink()
    shard.write_bytes(body)
    with ks.connect(hub.path) as other:
        damaged = other.get_space("docs")
        with pytest.raises(ks.Corrupt):
            damaged.get("0")
        assert not damaged.check().ok
        inner = 256  # rows of its only chunk
        assert len(damaged.repair().lost) == min(N, inner)
        assert damaged.check().ok
    again = hub.create_space("again", dims=DIMS, dtype=dtype)
    again.load(keys=list(map(str, range(N))), vectors=stored)
    again.flush()
    flat = next((again._store.folder / "segments").iterdir()) / "norms" / "c" / "0"
    body = bytearray(flat.read_bytes())
    body[0] ^= 4
    flat.unlink()
    flat.write_bytes(body)
    with ks.connect(hub.path) as other:
        mended = other.get_space("again")
        report = mended.repair()
        assert report.rebuilt
        assert not report.lost
        np.testing.assert_array_equal(np.stack(list(mended.multiget(map(str, range(N))))), stored)
        assert mended.check().ok


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_segment_of_another_dtype_is_refused(hub: ks.Hub, dtype: str) -> None:
    from kinspace.storage.layout import map_rows

    space, _ = filled(hub, dtype)
    for other in ("float32", *DTYPES):
        if other != dtype:
            with pytest.raises(ks.Corrupt, match="was expected"):
                map_rows(segment_of(space) / "vectors", N, DIMS, other)
    assert len(map_rows(segment_of(space) / "vectors", N, DIMS, dtype)) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".zarr", ".zarr.zip"])
def test_an_export_is_float32_and_comes_back_in_its_dtype(hub: ks.Hub, tmp_path: Path, dtype: str, suffix: str) -> None:
    space, stored = filled(hub, dtype)
    path = tmp_path / f"out{suffix}"
    assert space.export(path) == N
    if suffix == ".parquet":
        assert pl.read_parquet(path)["vector"].dtype == pl.Array(pl.Float32, DIMS)
    back = hub.import_space("back", path)
    assert (back.stats()["dtype"], back.metric) == (dtype, space.metric)
    np.testing.assert_array_equal(np.stack(list(back.multiget(map(str, range(N))))), stored)
    wide = hub.import_space("wide", path, dtype="float32")
    assert (wide.stats()["dtype"], wide.metric) == ("float32", "cosine")
    np.testing.assert_array_equal(np.stack(list(wide.multiget(map(str, range(N))))), stored)


def test_the_command_loads_into_a_dtype_and_tells_it(tmp_path: Path) -> None:
    rows = rows_for("bit", 30, 9)
    pl.DataFrame({"key": list(map(str, range(30))), "vector": rows.tolist()}).write_parquet(tmp_path / "x.parquet")
    run, place = CliRunner(), ["--hub", str(tmp_path / "hub")]
    load = ["load", str(tmp_path / "x.parquet"), *place]
    assert run.invoke(app, [*load, "--dtype", "bit", "--metric", "jaccard"]).exit_code == 0
    told = json.loads(run.invoke(app, ["info", "x", *place, "--json"]).stdout)
    assert (told["dtype"], told["metric"]) == ("bit", "jaccard")
    assert run.invoke(app, [*load, "--dtype", "bit"]).exit_code == 0
    refused = run.invoke(app, [*load, "--dtype", "int8"])
    assert refused.exit_code != 0
    assert run.invoke(app, [*load, "--space", "y", "--dtype", "bit", "--metric", "cosine"]).exit_code != 0
    assert "bit" in run.invoke(app, ["info", *place]).stdout
