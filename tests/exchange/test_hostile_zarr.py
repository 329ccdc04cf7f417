"""Zarr groups that lie, lead elsewhere or grow beyond reason are refused, by name, in little memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import kinspace as ks
from exchanged import filled, same, there
from kinspace.storage.interchange.zarr_guard import zstd_size


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group of 49 rows, 4 dims, as exported."""
    path = tmp_path_factory.mktemp("exported") / "x.zarr"
    with ks.connect(":memory:") as hub:
        filled(hub).export(path)
    return path


@pytest.fixture
def group(exported: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(exported, tmp_path / "x.zarr"))


def refuse(hub: ks.Hub, path: Path, told: str, kind: type[ks.KinspaceError] = ks.InvalidInput) -> None:
    with pytest.raises(kind, match=told or None) as caught:
        hub.import_space("foreign", path)
    assert path.name in str(caught.value)
    assert "foreign" not in hub


def edit(path: Path, change: Callable[[Any], object]) -> None:
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))


def chunks(body: Any) -> Any:
    return body["chunk_grid"]["configuration"]


LIES: dict[str, tuple[Callable[[Any], object], str]] = {
    "more rows than bytes": (lambda body: body.update(shape=[10**15, 4]), "bytes"),
    "more rows than a number holds": (lambda body: body.update(shape=[2**80, 4]), ""),
    "more dims than there can be": (lambda body: body.update(shape=[1, 10**6]), ""),
    "rows below zero": (lambda body: body.update(shape=[-49, 4]), ""),
    "no dims": (lambda body: body.update(shape=[49, 0]), "dims"),
    "one axis": (lambda body: body.update(shape=[49]), ""),
    "three axes": (lambda body: body.update(shape=[49, 2, 2], dimension_names=None), ""),
    "a shape in words": (lambda body: body.update(shape="all"), ""),
    "huge chunks": (lambda body: chunks(body).update(chunk_shape=[10**12, 4]), "chunks"),
    "empty chunks": (lambda body: chunks(body).update(chunk_shape=[0, 4]), ""),
    "chunks below zero": (lambda body: chunks(body).update(chunk_shape=[-1, 4]), ""),
    "complex numbers": (lambda body: body.update(data_type="complex64"), ""),
    "objects": (lambda body: body.update(data_type="object"), ""),
    "structures": (
        lambda body: body.update(data_type={"name": "struct", "configuration": {"fields": [["a", "float32"]]}}),
        "",
    ),
    "no codecs": (lambda body: body.update(codecs=[]), ""),
    "gzip": (lambda body: body["codecs"].append({"name": "gzip", "configuration": {"level": 1}}), "GzipCodec"),
    "pickle": (lambda body: body["codecs"].append({"name": "pickle"}), ""),
    "another format": (lambda body: body.update(zarr_format=9), ""),
    "nothing": (lambda body: body.clear(), ""),
    "a group": (lambda body: body.update(node_type="group"), ""),
    "a megabyte of attributes": (lambda body: body.update(attributes={"x": "y" * 2**20}), "metadata"),
}


@pytest.mark.parametrize("lie", LIES)
def test_metadata_that_lie_about_vectors_are_refused(hub: ks.Hub, group: Path, lie: str) -> None:
    change, told = LIES[lie]
    edit(group / "vectors" / "zarr.json", change)
    refuse(hub, group, told)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a":' * 5000, "\xff"], ids=["empty", "torn", "list", "null", "deep", "latin"]
)
@pytest.mark.parametrize("name", ["zarr.json", "vectors/zarr.json", "keys/zarr.json"])
def test_metadata_that_are_no_json_are_refused(hub: ks.Hub, group: Path, name: str, text: str) -> None:
    (group / name).write_bytes(text.encode("latin-1"))
    refuse(hub, group, "")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(shape=[48]),
        lambda body: body.update(shape=[10**12]),
        lambda body: body.update(data_type="float32", fill_value=0),
        lambda body: chunks(body).update(chunk_shape=[10**12]),
    ],
    ids=["fewer", "more", "real", "huge chunks"],
)
def test_keys_that_do_not_fit_the_vectors_are_refused(
    hub: ks.Hub, group: Path, change: Callable[[Any], object]
) -> None:
    edit(group / "keys" / "zarr.json", change)
    refuse(hub, group, "keys")


def test_an_array_in_shards_is_refused_with_what_to_do(hub: ks.Hub, tmp_path: Path) -> None:
    made = zarr.create_group(tmp_path / "s.zarr")
    made.create_array("vectors", data=np.ones((8, 2), np.float32), chunks=(2, 2), shards=(4, 2))
    refuse(hub, tmp_path / "s.zarr", r"ShardingCodec.*load\(keys=")


def test_a_group_without_vectors_or_metadata_is_refused(hub: ks.Hub, tmp_path: Path) -> None:
    (tmp_path / "e.zarr").mkdir()
    refuse(hub, tmp_path / "e.zarr", r"no zarr\.json")
    zarr.create_group(tmp_path / "g.zarr")
    refuse(hub, tmp_path / "g.zarr", "no array vectors")
    zarr.create_group(tmp_path / "two.zarr", zarr_format=2)
    refuse(hub, tmp_path / "two.zarr", r"no zarr\.json")


@pytest.mark.parametrize("name", ["vectors/c/0/0", "keys/c/0", "rows.parquet"])
def test_a_file_that_is_missing_is_damage(hub: ks.Hub, group: Path, name: str) -> None:
    (group / name).unlink()
    with pytest.raises((ks.Corrupt, ks.InvalidInput), match=r"x\.zarr"):
        hub.import_space("foreign", group)
    assert "foreign" not in hub


@pytest.mark.parametrize("name", ["vectors/c/0/0", "keys/c/0", "rows.parquet"])
def test_a_flipped_bit_or_a_lost_end_is_damage(hub: ks.Hub, group: Path, name: str) -> None:
    body = (group / name).read_bytes()
    for at in range(0, len(body), max(1, len(body) // 6)):
        (group / name).write_bytes(body[:at] + bytes([body[at] ^ 16]) + body[at + 1 :])
        refuse(hub, group, "", ks.Corrupt)
    (group / name).write_bytes(body + b"\0")
    refuse(hub, group, "", ks.Corrupt)
    for length in (0, 1, len(body) // 2, len(body) - 1):
        (group / name).write_bytes(body[:length])
        with pytest.raises((ks.Corrupt, ks.InvalidInput), match=r"x\.zarr"):
            hub.import_space("foreign", group)


def test_keys_of_another_export_are_damage(hub: ks.Hub, group: Path, tmp_path: Path) -> None:
    space = filled(hub)
    space.delete("k9")
    space.set("other", np.ones(4))
    space.export(tmp_path / "y.zarr")
    os.replace(tmp_path / "y.zarr" / "keys" / "c" / "0", group / "keys" / "c" / "0")  # noqa: PTH105
    refuse(hub, group, "differ", ks.Corrupt)


@pytest.mark.parametrize("what", ["rows.parquet", "vectors/c/0/0", "vectors", "keys/c", "zarr.json"])
def test_a_link_that_leads_out_is_not_followed(hub: ks.Hub, group: Path, tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    (group / what).rename(outside)
    (group / what).symlink_to(outside)
    refuse(hub, group, "link")


def test_a_link_that_stays_inside_is_followed_and_one_that_dangles_is_not(hub: ks.Hub, group: Path) -> None:
    (group / "rows.parquet").rename(group / "real.parquet")
    (group / "rows.parquet").symlink_to("real.parquet")
    assert same(filled(hub), hub.import_space("linked", group))
    (group / "more").symlink_to("nowhere")
    refuse(hub, group, "link")


def test_a_pipe_in_a_group_is_refused(hub: ks.Hub, group: Path) -> None:
    (group / "rows.parquet").unlink()
    os.mkfifo(group / "rows.parquet")
    refuse(hub, group, "no file")


# zips


@pytest.fixture
def members(exported: Path) -> dict[str, bytes]:
    """The files of a good zip."""
    return there(exported)


def pack(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name), body, compress_type=how)
    return path


def test_a_zip_that_another_program_deflated_is_read(hub: ks.Hub, tmp_path: Path, members: dict[str, bytes]) -> None:
    packed = pack(tmp_path / "x.zarr.zip", members, zipfile.ZIP_DEFLATED)
    assert same(filled(hub), hub.import_space("again", packed))


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "vectors/../../up", "a\\b", "C:/x", "a//b", "./a", "..", "a\nb", "/"],
    ids=repr,
)
def test_a_member_outside_of_the_zip_is_refused(
    hub: ks.Hub, tmp_path: Path, members: dict[str, bytes], name: str
) -> None:
    refuse(hub, pack(tmp_path / "x.zarr.zip", {**members, name: b"x"}), "no path inside")
    assert not (tmp_path / "up").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_member_that_is_a_link_or_special_is_refused(
    hub: ks.Hub, tmp_path: Path, members: dict[str, bytes], kind: int
) -> None:
    path = pack(tmp_path / "x.zarr.zip", members)
    told = zipfile.ZipInfo("link")
    told.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(told, "/etc/passwd")
    refuse(hub, path, "link or special")


def test_a_member_that_is_there_twice_is_refused(hub: ks.Hub, tmp_path: Path, members: dict[str, bytes]) -> None:
    path = pack(tmp_path / "x.zarr.zip", members)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("zarr.json", members["zarr.json"])
    refuse(hub, path, "twice")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(hub: ks.Hub, tmp_path: Path, members: dict[str, bytes]) -> None:
    for name in ("rows.parquet", "vectors/c/0/0"):
        path = pack(tmp_path / "x.zarr.zip", {**members, name: bytes(4 << 20)}, zipfile.ZIP_DEFLATED)
        refuse(hub, path, "ratio")


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_packed_in_other_ways_are_refused(
    hub: ks.Hub, tmp_path: Path, members: dict[str, bytes], how: int
) -> None:
    refuse(hub, pack(tmp_path / "x.zarr.zip", members, how), "packed")


def test_members_that_lie_upon_each_other_are_refused(hub: ks.Hub, tmp_path: Path, members: dict[str, bytes]) -> None:
    big = {f"n{i}": bytes(range(256)) * 64 for i in range(3)}
    path = pack(tmp_path / "x.zarr.zip", {**members, **big})
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
        first = archive.getinfo("n0").header_offset
        places = [archive.getinfo(f"n{i}").header_offset for i in (1, 2)]
    body = path.read_bytes()
    tail = body[directory:]
    for place in places:
        tail = tail.replace(place.to_bytes(4, "little"), first.to_bytes(4, "little"))
    cut = directory - first - len(big["n0"]) - 32
    at = tail.rindex(b"PK\x05\x06")
    tail = tail[: at + 16] + (directory - cut).to_bytes(4, "little") + tail[at + 20 :]
    path.write_bytes(body[: directory - cut] + tail)
    refuse(hub, path, "upon each other")


def test_a_damaged_zip_is_told_by_its_checksums(hub: ks.Hub, tmp_path: Path, members: dict[str, bytes]) -> None:
    path = pack(tmp_path / "x.zarr.zip", members)
    body = path.read_bytes()
    for name in ("rows.parquet", "vectors/c/0/0", "keys/c/0"):
        at = body.index(members[name]) + len(members[name]) // 2
        path.write_bytes(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
        refuse(hub, path, "damaged", ks.Corrupt)
    for length in (0, 10, len(body) // 2, len(body) - 1):
        path.write_bytes(body[:length])
        refuse(hub, path, "zip")


# chunks


def test_a_chunk_that_would_grow_beyond_its_shape_is_never_decompressed(hub: ks.Hub, tmp_path: Path) -> None:
    from numcodecs.zstd import Zstd

    made: Any = zarr.create_group(tmp_path / "b.zarr")
    made.create_array("vectors", data=np.ones((8, 2), np.float32), chunks=(8, 2))
    chunk = tmp_path / "b.zarr" / "vectors" / "c" / "0" / "0"
    good = chunk.read_bytes()
    chunk.write_bytes(Zstd().encode(bytes(64 << 20)))
    refuse(hub, tmp_path / "b.zarr", re.escape(f"{64 << 20:,} bytes"), ks.Corrupt)
    chunk.write_bytes(good + Zstd().encode(bytes(64 << 20)))
    refuse(hub, tmp_path / "b.zarr", "one zstd frame", ks.Corrupt)
    chunk.write_bytes(good)
    assert len(hub.import_space("good", tmp_path / "b.zarr")) == 8


def test_the_size_of_a_zstd_frame_is_what_it_decodes_to() -> None:
    from numcodecs.zstd import Zstd

    rng = np.random.default_rng(0)
    for size in (0, 1, 255, 256, 300, 65_791, 65_792, 300_000):
        for body in (bytes(size), rng.bytes(size), b"ab" * (size // 2) + b"c" * (size % 2)):
            for checksum in (False, True):
                frame = bytes(Zstd(level=3, checksum=checksum).encode(body))
                assert zstd_size(frame) == size
                assert zstd_size(frame + b"\0") is None
                assert zstd_size(frame[:-1]) is None
    assert zstd_size(b"") is None


def test_keys_that_claim_more_rows_than_their_chunk_are_damage(hub: ks.Hub, tmp_path: Path) -> None:
    made: Any = zarr.create_group(tmp_path / "k.zarr")
    made.create_array("vectors", data=np.ones((3, 2), np.float32))
    names = np.array(["a", "b", "c"], np.dtypes.StringDType())
    made.create_array("keys", data=names, compressors=None)
    chunk = tmp_path / "k.zarr" / "keys" / "c" / "0"
    chunk.write_bytes((2**32 - 1).to_bytes(4, "little") + chunk.read_bytes()[4:])
    refuse(hub, tmp_path / "k.zarr", "more than 3 rows", ks.Corrupt)
