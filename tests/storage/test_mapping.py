"""Files mapped by the core: no descriptor stays open, and only mapped pages are ever given back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kinspace import _core


def test_a_mapped_file_keeps_no_descriptor_and_outlives_its_name(tmp_path: Path) -> None:
    body = np.arange(1 << 16, dtype=np.uint8)
    (tmp_path / "file").write_bytes(body.tobytes())
    descriptors = Path("/proc/self/fd")
    before = list(descriptors.iterdir()) if descriptors.exists() else []
    mapped = [_core.map_file(os.fsencode(tmp_path / "file")) for _ in range(50)]
    after = list(descriptors.iterdir()) if before else []
    (tmp_path / "file").unlink()
    assert len(after) <= len(before)
    assert all(np.array_equal(one, body) for one in mapped)
    assert not mapped[0].flags.writeable


def test_a_missing_file_is_an_oserror_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        _core.map_file(os.fsencode(tmp_path / "nowhere"))


def test_an_empty_file_is_an_empty_array(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert _core.map_file(os.fsencode(tmp_path / "empty")).shape == (0,)


def test_letting_go_loses_nothing_of_a_file_nor_of_other_memory(tmp_path: Path) -> None:
    body = np.arange(1 << 18, dtype=np.uint64).view(np.uint8)
    (tmp_path / "file").write_bytes(body.tobytes())
    mapped = _core.map_file(os.fsencode(tmp_path / "file"))
    copy = mapped.copy()
    for memory in (mapped, mapped[5_000:-5_000], copy, copy[8_192:], mapped[:0]):
        _core.let_go(memory)
    assert np.array_equal(mapped, body)
    assert np.array_equal(copy, body)
