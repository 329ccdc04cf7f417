"""An export is from one view and there whole, or what was there stays and nothing is left beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from exchanged import FORMATS, content, filled, same, there
from kinspace.space.exchange.export import outgoing


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder to export to."""
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_there_is_replaced_only_when_asked(hub: ks.Hub, out: Path, suffix: str) -> None:
    space = filled(hub)
    space.export(out / f"x{suffix}")
    before = there(out)
    space.delete("k5")
    with pytest.raises(ks.InvalidInput, match="overwrite=True"):
        space.export(out / f"x{suffix}")
    assert there(out) == before
    assert space.export(out / f"x{suffix}", overwrite=True) == len(space)
    assert same(space, hub.import_space("again", out / f"x{suffix}"))
    assert {path.name for path in out.iterdir()} == {Path(name).parts[0] for name in before}


@pytest.mark.parametrize("broken", ["vectors", "take", "keys"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_an_export_that_fails_leaves_the_folder_as_it_was(
    hub: ks.Hub, out: Path, suffix: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = filled(hub)
    space.export(out / f"x{suffix}")
    before = there(out)

    def damaged(*_: Any) -> Any:
        raise ks.Corrupt("the disk ate it")

    monkeypatch.setattr(f"kinspace.space.state.view.View.{broken}", damaged)
    if broken == "keys" and "zarr" not in suffix:  # which holds them in no array of their own
        assert space.export(out / f"x{suffix}", overwrite=True) == len(space)
    else:
        with pytest.raises(ks.Corrupt, match="ate it"):
            space.export(out / f"x{suffix}", overwrite=True)
        assert there(out) == before
        with pytest.raises(ks.Corrupt, match="ate it"):
            space.export(out / f"y{suffix}")
    assert set(there(out)) == set(before)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_disk_that_refuses_a_sync_leaves_the_folder_as_it_was(
    hub: ks.Hub, out: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = filled(hub)
    space.export(out / f"x{suffix}")
    before = there(out)

    def refuse(*_: Any) -> None:
        raise OSError(5, "no such luck")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(ks.Unavailable, match="no such luck"):
            space.export(out / f"x{suffix}", overwrite=True)
    assert there(out) == before


def test_a_npy_file_and_its_rows_are_replaced_together_or_not_at_all(
    hub: ks.Hub, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = filled(hub)
    space.export(out / "x.npy")
    before = there(out)
    space.delete("k7")
    replace = Path.replace

    def once(self: Path, target: Path) -> Path:
        if target.name == "x.rows.parquet" and self.name == "rows":
            raise OSError(13, "not this one")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", once)
    with pytest.raises(ks.Unavailable, match="not this one"):
        space.export(out / "x.npy", overwrite=True)
    assert there(out) == before


def test_a_npy_file_beside_the_rows_of_another_export_is_refused(hub: ks.Hub, out: Path) -> None:
    space = filled(hub)
    space.export(out / "x.npy")
    old = (out / "x.rows.parquet").read_bytes()
    space.set("k3", [9, 9, 9, 9])
    space.export(out / "x.npy", overwrite=True)
    (out / "x.rows.parquet").write_bytes(old)
    with pytest.raises(ks.Corrupt, match=r"x\.npy"):
        hub.import_space("again", out / "x.npy")


@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_written_meanwhile_are_in_all_of_an_export_or_in_none(
    hub: ks.Hub, out: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = filled(hub)
    before = content(space)

    def writing(view: Any) -> Any:
        space.set("new", np.ones(4))
        space.multidelete(["k8", "k9"])
        space.compact()
        return outgoing(view)

    with monkeypatch.context() as patched:
        patched.setattr("kinspace.space.exchange.export.outgoing", writing)
        assert space.export(out / f"x{suffix}") == len(before[0])
    assert "new" in space
    after = content(hub.import_space("again", out / f"x{suffix}"))
    assert after[:2] == before[:2]
    assert after[2].equals(before[2])


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_a_killed_export_left_is_swept_by_the_next(hub: ks.Hub, out: Path, suffix: str) -> None:
    left = out / ".kinspace-new-0123456789abcdef"
    left.mkdir()
    (left / "made").write_bytes(b"half")
    filled(hub).export(out / f"x{suffix}")
    assert not left.exists()


@pytest.mark.parametrize(
    ("name", "told"), [("x.csv", r"\.parquet"), ("x", r"\.npy"), ("x.zip", "zarr"), (".zarr.gz", "zarr")]
)
def test_a_suffix_of_no_format_is_refused(hub: ks.Hub, out: Path, name: str, told: str) -> None:
    with pytest.raises(ks.InvalidInput, match=told):
        filled(hub).export(out / name)
    assert there(out) == {}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_folder_that_is_missing_is_not_made(hub: ks.Hub, out: Path, suffix: str) -> None:
    with pytest.raises(ks.Unavailable, match="nowhere"):
        filled(hub).export(out / "nowhere" / f"x{suffix}")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_something_of_another_kind_is_never_replaced(hub: ks.Hub, out: Path, suffix: str) -> None:
    space, target = filled(hub), out / f"x{suffix}"
    if suffix == ".zarr":
        target.write_bytes(b"a letter")
    else:
        target.mkdir()
        (target / "letter").write_bytes(b"dear")
    before = there(out)
    with pytest.raises(ks.InvalidInput, match="not replaced"):
        space.export(target, overwrite=True)
    assert there(out) == before


def test_a_link_is_replaced_and_what_it_leads_to_is_not(hub: ks.Hub, out: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.parquet"
    mine.write_bytes(b"mine")
    (out / "x.parquet").symlink_to(mine)
    space = filled(hub)
    with pytest.raises(ks.InvalidInput, match="there already"):
        space.export(out / "x.parquet")
    space.export(out / "x.parquet", overwrite=True)
    assert mine.read_bytes() == b"mine"
    assert pl.read_parquet(out / "x.parquet").height == len(space)
