"""kinspace export: files that load again, put in place whole or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import zarr

import kinspace as ks
from shell import Shell

N, DIMS = 60, 6  # of what is loaded


def test_an_exported_parquet_file_loads_again_as_the_same_space(loaded: Shell) -> None:
    out = loaded.folder / "out.parquet"
    assert loaded.json("export", "docs", out)["rows"] == N
    loaded.run("load", out)
    with ks.connect(loaded.hub) as hub:
        before, after = (pl.concat(hub.get_space(name).scan()) for name in ("docs", "out"))
    assert before.equals(after)


def test_an_exported_npy_file_has_its_rows_beside_it(loaded: Shell, rows: pl.DataFrame, vectors: np.ndarray) -> None:
    told = loaded.json("export", "docs", loaded.folder / "out.npy")
    assert told["files"] == [str(loaded.folder / "out.npy"), str(loaded.folder / "out.rows.parquet")]
    assert np.array_equal(np.load(loaded.folder / "out.npy"), vectors)
    assert pl.read_parquet(loaded.folder / "out.rows.parquet").equals(rows.rename({"id": "key"}))
    loaded.run("load", loaded.folder / "out.rows.parquet", "--vectors", loaded.folder / "out.npy", "--space", "again")


@pytest.mark.parametrize("keys", ["str", "int"])
def test_an_exported_zarr_group_has_vectors_keys_and_rows(loaded: Shell, vectors: np.ndarray, keys: str) -> None:
    if keys == "int":
        loaded.run("load", loaded.folder / "docs.npy", "--space", "numbered")
    loaded.run("export", "docs" if keys == "str" else "numbered", loaded.folder / "out.zarr")
    group: Any = zarr.open_group(loaded.folder / "out.zarr", mode="r")
    assert group.metadata.zarr_format == 3
    assert np.array_equal(group["vectors"][:], vectors)
    expected = [f"doc-{i:02}" for i in range(N)] if keys == "str" else list(range(N))
    assert group["keys"][:].tolist() == expected
    assert pl.read_parquet(loaded.folder / "out.zarr" / "rows.parquet")["key"].to_list() == expected


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".zarr"])
def test_an_empty_space_exports_as_empty_files(shell: Shell, suffix: str) -> None:
    with ks.connect(shell.hub) as hub:
        hub.create_space("empty", dims=3)
    assert shell.json("export", "empty", shell.folder / f"out{suffix}")["rows"] == 0
    if suffix == ".npy":
        assert np.load(shell.folder / "out.npy").shape == (0, 3)


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".zarr"])
def test_export_replaces_only_when_forced_and_leaves_nothing_beside(loaded: Shell, suffix: str) -> None:
    out = loaded.folder / f"out{suffix}"
    loaded.run("export", "docs", out)
    loaded.fails("export", "docs", out, kind="invalid-input", told="--force")
    there = sorted(path.name for path in loaded.folder.iterdir())
    with ks.connect(loaded.hub) as hub:
        hub.get_space("docs").delete("doc-00")
    loaded.run("export", "docs", out, "--force")
    assert sorted(path.name for path in loaded.folder.iterdir()) == there
    if suffix == ".npy":
        assert len(np.load(out)) == N - 1


def test_export_never_replaces_a_folder_that_is_no_zarr_group(loaded: Shell) -> None:
    (loaded.folder / "mine.zarr").mkdir()
    (loaded.folder / "mine.zarr" / "letter.txt").write_text("dear")
    loaded.fails("export", "docs", loaded.folder / "mine.zarr", "--force", kind="invalid-input", told="no Zarr group")
    assert (loaded.folder / "mine.zarr" / "letter.txt").read_text() == "dear"


def test_a_failed_export_leaves_what_was_there(loaded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    out = loaded.folder / "out.npy"
    loaded.run("export", "docs", out)
    before = {path.name: path.read_bytes() for path in loaded.folder.glob("out*")}

    def broken(*arguments: Any, **named: Any) -> Any:
        raise ks.Corrupt("the disk ate it")

    monkeypatch.setattr("kinspace.space.state.view.View.vectors", broken)
    loaded.fails("export", "docs", out, "--force", kind="corrupt", told="the disk ate it")
    assert {path.name: path.read_bytes() for path in loaded.folder.glob("*out*")} == before


@pytest.mark.parametrize(
    ("out", "kind", "told"),
    [("out.csv", "invalid-input", ".parquet, .npy, .zarr"), ("nowhere/out.npy", "unavailable", "nowhere")],
)
def test_an_export_that_cannot_be_written_says_why(loaded: Shell, out: str, kind: str, told: str) -> None:
    loaded.fails("export", "docs", loaded.folder / out, kind=kind, told=told)
