"""import_space gives a whole space or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from exchanged import filled, same


def test_a_file_that_turns_out_bad_halfway_leaves_no_space_and_no_folder(hub: ks.Hub, tmp_path: Path) -> None:
    vectors = np.ones((100, 3), np.float32)
    vectors[90, 1] = np.nan
    np.save(tmp_path / "bad.npy", vectors)
    with pytest.raises(ks.InvalidInput, match="key 90"):
        hub.import_space("bad", tmp_path / "bad.npy", batch_size=8)
    assert hub.list_spaces() == []
    with ks.connect(hub.path):  # which sweeps
        assert list((Path(hub.path) / "spaces").iterdir()) == []


def test_a_space_being_filled_has_no_name_yet(hub: ks.Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", np.ones((100, 3), np.float32))
    seen: list[list[str]] = []
    store = ks.Space._store_batch

    def watched(self: ks.Space, batch: object) -> None:
        with ks.connect(hub.path) as other:  # whose sweep leaves it alone
            seen.append(other.list_spaces())
        store(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(ks.Space, "_store_batch", watched)
    space = hub.import_space("late", tmp_path / "x.npy", batch_size=50)
    assert seen == [[], []]
    assert len(space) == 100


def test_a_name_in_use_is_refused_and_its_space_stays(hub: ks.Hub, tmp_path: Path) -> None:
    space = filled(hub)
    space.export(tmp_path / "x.parquet")
    copy = hub.import_space("copy", tmp_path / "x.parquet")
    with pytest.raises(ks.SpaceExists, match="docs"):
        hub.import_space("docs", tmp_path / "x.parquet")
    assert same(space, copy)


@pytest.mark.parametrize(
    ("name", "told"),
    [("missing.npy", "no file"), ("x.csv", "must end in"), ("x.parquet", "parquet"), ("folder.npy", "folder")],
)
def test_what_is_no_file_of_a_format_is_refused(hub: ks.Hub, tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "x.csv").write_text("a,b\n")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(ks.InvalidInput, match=told):
        hub.import_space("docs", tmp_path / name)
    assert hub.list_spaces() == []


def test_a_table_without_keys_or_vectors_is_refused(hub: ks.Hub, tmp_path: Path) -> None:
    pl.DataFrame({"key": ["a"], "n": [1]}).write_parquet(tmp_path / "no-vectors.parquet")
    pl.DataFrame({"n": [1], "vector": [[1.0]]}).write_parquet(tmp_path / "no-keys.parquet")
    pl.DataFrame({"key": [1.5], "vector": [[1.0]]}).write_parquet(tmp_path / "odd-keys.parquet")
    for name, told in (("no-vectors", "vector="), ("no-keys", "key="), ("odd-keys", "Float64")):
        with pytest.raises(ks.InvalidInput, match=told):
            hub.import_space("docs", tmp_path / f"{name}.parquet")
    assert hub.list_spaces() == []


def test_vectors_or_keys_given_to_a_file_that_has_them_are_refused(hub: ks.Hub, tmp_path: Path) -> None:
    space = filled(hub)
    space.export(tmp_path / "x.zarr")
    with pytest.raises(ks.InvalidInput, match="keys come from one place"):
        space.load(tmp_path / "x.zarr", keys=list(space.keys()))
    with pytest.raises(ks.InvalidInput, match="vectors come from one place"):
        space.load(tmp_path / "x.zarr", vectors=np.ones((49, 4)))
    with pytest.raises(ks.InvalidInput, match="columns="):
        space.load(tmp_path / "x.zarr", columns={"n": range(49)})


def test_a_file_of_other_dims_is_refused_before_a_row_is_stored(hub: ks.Hub, tmp_path: Path) -> None:
    filled(hub).export(tmp_path / "x.zarr")
    other = hub.create_space("other", 5)
    with pytest.raises(ks.InvalidInput, match="4"):
        other.load(tmp_path / "x.zarr")
    assert other.version == 0
