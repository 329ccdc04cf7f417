"""A segment is an ordinary Zarr group: clients that know nothing of Kinspace read what was set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import kinspace as ks

ROWS, DIMS = 10_000, 37  # three inner chunks, the last one not full; rows that are not a multiple of any register


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], NDArray[np.float32]]:
    """One segment on disk, and what was put into it."""
    folder = tmp_path_factory.mktemp("interop") / "hub"
    vectors = np.random.default_rng(3).standard_normal((ROWS, DIMS), dtype=np.float32)
    vectors[17] = 0
    vectors[18] = -0.0
    keys = [f"clé-{i}" for i in range(ROWS)]
    with ks.connect(folder) as hub:
        space = hub.create_space("interop", dims=DIMS)
        space.load(pl.DataFrame({"key": keys, "number": np.arange(ROWS)}), key="key", vectors=vectors)
        space.flush()
    (segment,) = folder.glob("spaces/*/segments/*")
    return segment, keys, vectors


def test_zarr_python_reads_what_was_set(stored: tuple[Path, list[str], NDArray[np.float32]]) -> None:
    import zarr

    segment, keys, vectors = stored
    group = zarr.open_group(segment, mode="r", zarr_format=3)
    array: Any = group["vectors"]
    assert array.shape == (ROWS, DIMS)
    assert array.dtype == np.float32
    assert array[:].tobytes() == vectors.tobytes()
    rows = pl.read_ipc((segment / "rows.arrow").read_bytes())
    assert rows["key"].to_list() == keys
    assert rows["number"].to_list() == list(range(ROWS))


def test_tensorstore_reads_what_was_set(stored: tuple[Path, list[str], NDArray[np.float32]]) -> None:
    tensorstore = pytest.importorskip("tensorstore")
    segment, _, vectors = stored
    array = tensorstore.open(
        {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(segment / "vectors")}}, open=True
    ).result()
    assert array.shape == (ROWS, DIMS)
    assert array.dtype.numpy_dtype == np.float32
    assert array.read().result().tobytes() == vectors.tobytes()
    assert np.array_equal(array[9_000:9_010].read().result(), vectors[9_000:9_010])


def test_tensorstore_notices_a_flipped_bit(stored: tuple[Path, list[str], NDArray[np.float32]], tmp_path: Path) -> None:
    """The checksums are Zarr's own, so other clients are protected too."""
    tensorstore = pytest.importorskip("tensorstore")
    segment, _, _ = stored
    damaged = tmp_path / "vectors"
    for source in (path for path in (segment / "vectors").rglob("*") if path.is_file()):
        target = damaged / source.relative_to(segment / "vectors")
        target.parent.mkdir(parents=True, exist_ok=True)
        body = bytearray(source.read_bytes())
        if target.name != "zarr.json":
            body[1000] ^= 1
        target.write_bytes(body)
    array = tensorstore.open(
        {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(damaged)}}, open=True
    ).result()
    with pytest.raises(ValueError, match=r"(?i)crc|checksum|digest"):
        array[:10].read().result()
