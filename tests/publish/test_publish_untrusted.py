"""A manifest may be a stranger's: what can't be is Corrupt, and nothing is written where it should not be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
import xxhash

import kinspace as ks


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to which a space of one segment was published."""
    folder = tmp_path_factory.mktemp("published") / "there"
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=3)
        space.load(keys=["a", "b", "c"], vectors=np.eye(3), columns={"n": [1, 2, 3]})
        space.flush()
        space.publish(f"file://{folder}")
    return folder


@pytest.fixture
def place(published: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(published, tmp_path / "there")


def _forge(place: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest, and seal it as if it had always been so."""
    [path] = (place / "manifests").iterdir()
    fields = json.loads(path.read_bytes())
    change(fields)
    fields["checksum"] = "0" * 16
    text = json.dumps(fields, indent=1)
    sealed = xxhash.xxh3_64_hexdigest(text.encode())
    path.write_text(text.replace('"checksum": "' + "0" * 16, f'"checksum": "{sealed}'))


def _refused(place: Path, tmp_path: Path) -> None:
    """Both ways to use it say Corrupt, and leave nothing outside of where they may write."""
    url = f"file://{place}"
    with ks.connect(tmp_path / "mine", durability="off") as mine:
        before = sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts)
        with pytest.raises(ks.Corrupt, match=url), ks.connect(url, cache=tmp_path / "cache") as hub:
            space = hub.get_space(hub.list_spaces()[0])
            space.nearest_neighbors(3, vector=[1, 2, 3]).rows  # noqa: B018
            space.get("a")
        with pytest.raises(ks.Corrupt, match=url):
            mine.pull(url)
        assert sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts) == before


def _space(fields: dict[str, Any]) -> dict[str, Any]:
    docs: dict[str, Any] = fields["spaces"]["docs"]
    return docs


def _segment(fields: dict[str, Any]) -> dict[str, Any]:
    segment: dict[str, Any] = _space(fields)["segments"][0]
    return segment


def _rename(fields: dict[str, Any], old: str, new: str) -> None:
    files = _segment(fields)["files"]
    files[new] = files.pop(old)


def _add(fields: dict[str, Any], name: str) -> None:
    _segment(fields)["files"][name] = [8, "0123456789abcdef"]


def _resize(fields: dict[str, Any], name: str, size: Any) -> None:
    _segment(fields)["files"][name][0] = size


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "up": lambda m: _add(m, "../../../evil"),
    "inner up": lambda m: _add(m, "vectors/../../evil"),
    "absolute": lambda m: _add(m, "/tmp/evil"),
    "odd name": lambda m: _add(m, "vectors/c/0/0 "),
    "newline": lambda m: _add(m, "vectors/c/1/0\n"),
    "null": lambda m: _add(m, "zarr.json\0"),
    "index": lambda m: _add(m, "index/zarr.json"),
    "missing file": lambda m: _rename(m, "norms/c/0", "vectors/c/9/0"),
    "place up": lambda m: _segment(m).update(place="segments/../../evil"),
    "place absolute": lambda m: _segment(m).update(place="/etc"),
    "place newline": lambda m: _segment(m).update(place=_segment(m)["place"] + "\n"),
    "id": lambda m: _segment(m).update(id="../../../../evil"),
    "id of another type": lambda m: _segment(m).update(id=7),
    "huge rows": lambda m: (_segment(m).update(rows=2**40), _space(m).update(rows=2**40)),
    "no rows": lambda m: (_segment(m).update(rows=0), _space(m).update(rows=0)),
    "other rows": lambda m: (_segment(m).update(rows=2), _space(m).update(rows=2)),
    "rows that don't add up": lambda m: _space(m).update(rows=4),
    "true rows": lambda m: (_segment(m).update(rows=True), _space(m).update(rows=1)),
    "float rows": lambda m: (_segment(m).update(rows=3.0), _space(m).update(rows=3.0)),
    "huge file": lambda m: _resize(m, "vectors/c/0/0", 2**60),
    "large shard": lambda m: _resize(m, "vectors/c/0/0", 1 << 20),
    "large metadata": lambda m: _resize(m, "zarr.json", 1 << 30),
    "negative size": lambda m: _resize(m, "rows.arrow", -1),
    "empty file": lambda m: _resize(m, "rows.arrow", 0),
    "other size": lambda m: _resize(m, "rows.arrow", 77),
    "size as text": lambda m: _resize(m, "rows.arrow", "9"),
    "checksum": lambda m: _segment(m)["files"]["rows.arrow"].__setitem__(1, "../x"),
    "negative base": lambda m: _segment(m).update(base=-1),
    "seqs": lambda m: _segment(m).update(first=1, last=0),
    "seqs past the end": lambda m: _segment(m).update(last=2**62),
    "other seqs": lambda m: (_segment(m).update(first=1, last=3), _space(m).update(seq=9)),
    "twice": lambda m: (_space(m)["segments"].append(_segment(m)), _space(m).update(rows=6)),
    "dims": lambda m: _space(m)["meta"].update(dims=2),
    "huge dims": lambda m: _space(m)["meta"].update(dims=10**9),
    "metric": lambda m: _space(m)["meta"].update(metric="hamming"),
    "dtype": lambda m: _space(m)["meta"].update(dtype="object"),
    "key type": lambda m: _space(m)["meta"].update(key_type="int"),
    "embedder": lambda m: _space(m)["meta"].update(embedder="os.system"),
    "columns": lambda m: _space(m).update(columns="AAAA"),
    "columns that are no base64": lambda m: _space(m).update(columns="é"),
    "segments": lambda m: _space(m).update(segments={}),
    "space": lambda m: m["spaces"].update(docs=[]),
    "space's name": lambda m: m["spaces"].update({"a\nb": _space(m)}),
    "commit": lambda m: m.update(commit="x"),
    "number": lambda m: m.update(number=3),
    "format": lambda m: m.update(kinspace=2),
    "lacks": lambda m: m.pop("previous"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_manifest_is_corrupt(place: Path, tmp_path: Path, forgery: str) -> None:
    _forge(place, FORGERIES[forgery])
    _refused(place, tmp_path)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"kinspace": 1}', b"1" * 5_000])
def test_what_is_no_manifest_is_corrupt(place: Path, tmp_path: Path, text: bytes) -> None:
    [path] = (place / "manifests").iterdir()
    path.write_bytes(text)
    _refused(place, tmp_path)


def test_manifest_too_large_is_corrupt(place: Path, tmp_path: Path) -> None:
    [path] = (place / "manifests").iterdir()
    with path.open("r+b") as file:
        file.truncate((64 << 20) + 1)
    _refused(place, tmp_path)


def test_other_objects_among_the_manifests_are_passed_over(place: Path, tmp_path: Path) -> None:
    for name in ("latest.json", "99999999999999999999", "1.json", "000000000000000000099.json"):
        (place / "manifests" / name).write_text("{}")
    with ks.connect(f"file://{place}", cache=tmp_path / "cache") as hub:
        assert list(hub.get_space("docs").keys()) == ["a", "b", "c"]


def _array(place: Path, name: str, values: Any) -> None:
    """Put other values into an array of the segment, with the checksums they should have."""
    [folder] = (place / "segments").iterdir()
    body = np.asarray(values).tobytes()
    checksum = int(google_crc32c.value(body)).to_bytes(4, "little")
    (folder / name / "c" / "0").write_bytes(body + checksum)
    _forge(place, lambda m: _segment(m)["files"].update({f"{name}/c/0": [len(body) + 4, checksum.hex()]}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("key_row", np.array([0, 1, 9], np.uint32)),
        ("key_row", np.array([2**32 - 1] * 3, np.uint32)),
        ("key_offset", np.array([0, 2, 1, 3], np.uint64)),
        ("key_offset", np.array([1, 2, 3, 3], np.uint64)),
        ("key_offset", np.array([0, 1, 2, 2**60], np.uint64)),
        ("key_hash", np.array([9, 8, 7], np.uint64)),
        ("seq", np.array([0, 2, 2], np.uint64)),
        ("seq", np.array([5, 6, 7], np.uint64)),
    ],
)
def test_forged_array_is_corrupt(place: Path, tmp_path: Path, name: str, values: Any) -> None:
    _array(place, name, values)
    _refused(place, tmp_path)


@pytest.mark.parametrize("shape", [["9", 3], [0, 3], [-1, 3], [True, 3], [2**60, 3], 7, []])
@pytest.mark.parametrize("which", ["inner", "outer"])
def test_forged_shape_is_corrupt(place: Path, tmp_path: Path, shape: Any, which: str) -> None:
    [folder] = (place / "segments").iterdir()
    path = folder / "vectors" / "zarr.json"
    metadata = json.loads(path.read_bytes())
    if which == "inner":
        metadata["codecs"][0]["configuration"]["chunk_shape"] = shape
    else:
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = shape
    body = json.dumps(metadata).encode()
    path.write_bytes(body)
    named = [len(body), xxhash.xxh3_64_hexdigest(body)]
    _forge(place, lambda m: _segment(m)["files"].update({"vectors/zarr.json": named}))
    _refused(place, tmp_path)


def test_forged_columns_are_corrupt(place: Path, tmp_path: Path) -> None:
    import polars as pl

    [folder] = (place / "segments").iterdir()
    for frame in (pl.DataFrame({"key": ["a"]}), pl.DataFrame({"n": [1, 2, 3]}), pl.DataFrame({"key": [1, 2, 3]})):
        frame.write_ipc(folder / "rows.arrow")
        body = (folder / "rows.arrow").read_bytes()
        named = [len(body), xxhash.xxh3_64_hexdigest(body)]
        _forge(place, lambda m, named=named: _segment(m)["files"].update({"rows.arrow": named}))  # type: ignore[misc]
        _refused(place, tmp_path)


def test_link_in_the_cache_s_place_is_not_followed_out(place: Path, tmp_path: Path) -> None:
    """A published folder whose files are links is read as files; nothing is written through them."""
    [folder] = (place / "segments").iterdir()
    target = tmp_path / "elsewhere"
    (folder / "rows.arrow").rename(target)
    (folder / "rows.arrow").symlink_to(target)
    before = target.read_bytes()
    with ks.connect(tmp_path / "mine", durability="off") as mine:
        pulled = mine.pull(f"file://{place}")
        pulled.set("d", [1, 2, 3])
        assert not any(path.is_symlink() for path in (tmp_path / "mine").rglob("*"))
    assert target.read_bytes() == before
