"""The fuzz targets on a few inputs each, always the same ones. `make fuzz` goes on for as long as it is let."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import catalog
import kinspace as ks
import predicate
import segment
from driver import mutations


@pytest.mark.parametrize(
    ("target", "count"), [(predicate, 1_500), (segment, 100), (catalog, 50)], ids=["predicate", "segment", "catalog"]
)
def test_only_typed_errors_come_out(target: Any, count: int, tmp_path: Path) -> None:
    run, seeds = target.make(tmp_path)
    for data in mutations(seeds, count, seed=1):
        run(data)


LIES = {
    "a space's folder elsewhere": ("registry", "body", b'{"docs": "../../elsewhere"}'),
    "a list of spaces that is none": ("registry", "body", b"[1]"),
    "spaces nested without end": ("registry", "body", b"[" * 100_000),
    "another metric": ("meta", "body", b'{"dims": 3, "metric": "cosinne"}'),
    "tallies of no table": (
        "state",
        "body",
        b'{"version": 1, "next_seq": 9, "horizon": 0, "deleted": false, "frozen": false, "tallies": {}}',
    ),
    "a state that is none": ("state", "body", b"[1]"),
    "a version that is none": (
        "state",
        "body",
        b'{"version": "x", "next_seq": 9, "horizon": 0, "deleted": false, "frozen": false, "tallies": {}}',
    ),
    "a snapshot at no seq": ("snapshot", "body", b'{"seq": -1, "time": 1, "rows": 1}'),
    "a snapshot of other rows": ("snapshot", "body", b'{"seq": 3, "time": 1, "rows": 77}'),
    "a segment's folder elsewhere": ("segment", "id", b"../../../elsewhere"),
    "a segment without rows": ("segment", "body", b'{"rows": 0, "base": 0, "first": 0, "last": 0, "files": {}}'),
    "a segment without columns": (
        "segment",
        "body",
        b'{"rows": 1, "base": 0, "first": 0, "last": 0, "files": {"zarr.json": [1, "00"]}}',
    ),
    "a checksum that is none": (
        "segment",
        "body",
        b'{"rows": 1, "base": 0, "first": 0, "last": 0, "files": {"rows.arrow": [1, "x"]}}',
    ),
    "a seq beyond all": ("log", "first", b"9223372036854775807"),
    "keys that are none": ("log", "keys", b"[null]"),
    "more keys than rows": ("log", "keys", b'["a", "b"]'),
    "a vector that is not finite": ("log", "vectors", b"\xff" * 12),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_catalog_that_lies_is_corrupt(tmp_path: Path, lie: str) -> None:
    table, column, body = LIES[lie]
    hub = catalog.fill(tmp_path / "hub")
    kept = catalog.Kept(hub)
    kept.replace(table, column, body)
    with pytest.raises(ks.Corrupt), ks.connect(kept.copy) as opened:
        len(opened.get_space("docs"))
        len(opened.get_space("docs").at("kept"))
