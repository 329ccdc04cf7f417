"""npy, HDF5, vecs and Parquet files that lie, lead elsewhere or are damaged are refused, by name."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import kinspace as ks
from exchanged import filled

VECTORS = np.arange(1, 41, dtype=np.float32).reshape(10, 4)


def refuse(hub: ks.Hub, path: Path, told: str = "", kind: Any = (ks.InvalidInput, ks.Corrupt)) -> None:
    with pytest.raises(kind, match=told or None) as caught:
        hub.import_space("foreign", path)
    assert path.name in str(caught.value)
    assert "foreign" not in hub


# npy


def header(told: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = told.ljust(117).encode() + b"\n"
    width = 2 if version == b"\x01\x00" else 4
    return b"\x93NUMPY" + version + len(text).to_bytes(width, "little") + text + body


@pytest.mark.parametrize(
    "told",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (11, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-10, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10, -4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -40), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 100000), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**40}, 4), }}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (40,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (10, 4), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (10, 4), }",
        "{'descr': '<U1', 'fortran_order': False, 'shape': (10, 4), }",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (5, 4), }",
        "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (5, 4), }",
        "{'descr': '<f4', 'fortran_order': False}",
        "__import__('os').getcwd()",
        "(" * 100,
    ],
)
def test_a_npy_header_that_lies_is_refused(hub: ks.Hub, tmp_path: Path, told: str) -> None:
    (tmp_path / "x.npy").write_bytes(header(told, VECTORS.tobytes()))
    refuse(hub, tmp_path / "x.npy")


def test_a_npy_header_of_a_gigabyte_is_refused(hub: ks.Hub, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\x00" + (1 << 30).to_bytes(4, "little") + b" " * 100)
    refuse(hub, tmp_path / "x.npy")


def test_what_only_calls_itself_npy_is_refused(hub: ks.Hub, tmp_path: Path) -> None:
    objects, archive = io.BytesIO(), io.BytesIO()
    np.save(objects, np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(archive, VECTORS)
    for body in (objects.getvalue(), archive.getvalue(), pickle.dumps(VECTORS), b"", b"\x93NUMPY", b"text\n"):
        (tmp_path / "x.npy").write_bytes(body)
        refuse(hub, tmp_path / "x.npy", "npy", ks.InvalidInput)


def test_any_change_to_an_exported_npy_file_is_damage(hub: ks.Hub, tmp_path: Path) -> None:
    filled(hub).export(tmp_path / "x.npy")
    body = (tmp_path / "x.npy").read_bytes()
    for at in range(0, len(body), 37):
        (tmp_path / "x.npy").write_bytes(body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :])
        refuse(hub, tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(body[:-1])
    refuse(hub, tmp_path / "x.npy")


# vecs


def record(dims: int, values: list[float]) -> bytes:
    return dims.to_bytes(4, "little", signed=True) + np.array(values, "<f4").tobytes()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "at least one"),
        (b"\x02\x00", "at least one"),
        (record(0, []), "0 dims"),
        (record(-1, [1.0]), "-1 dims"),
        (record(2**31 - 1, [1.0]), "dims"),
        (record(65_536, [1.0]), "cut short"),
        (record(2, [1.0, 2.0]) + record(2, [1.0]), "cut short"),
        (record(2, [1.0, 2.0]) + record(1, [1.0]), "cut short"),
        (record(2, [1.0, 2.0]) + record(3, [1.0, 2.0]), "row 1"),
        (record(2, [1.0, 2.0]) + record(-2, [1.0, 2.0]), "row 1"),
        (record(2, [1.0, 2.0]) * 20 + record(1, [1.0, 2.0]), "row 20"),
    ],
)
def test_vecs_of_uneven_or_impossible_records_are_refused(hub: ks.Hub, tmp_path: Path, body: bytes, told: str) -> None:
    (tmp_path / "x.fvecs").write_bytes(body)
    refuse(hub, tmp_path / "x.fvecs", told)


# HDF5


def outside(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["train"] = VECTORS
    return path


def external_link(file: h5py.File, folder: Path) -> None:
    file["train"] = h5py.ExternalLink(str(outside(folder / "other.h5")), "/train")


def external_storage(file: h5py.File, folder: Path) -> None:
    (folder / "raw").write_bytes(VECTORS.tobytes())
    file.create_dataset("train", (10, 4), "f4", external=[(str(folder / "raw"), 0, 160)])


def virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout((10, 4), "f4")
    layout[:] = h5py.VirtualSource(str(outside(folder / "other.h5")), "train", (10, 4))
    file.create_virtual_dataset("train", layout)


def soft_link(file: h5py.File, folder: Path) -> None:
    file["train"] = h5py.SoftLink("/elsewhere")


def linked_group(file: h5py.File, folder: Path) -> None:
    file.create_group("train")


def structured(file: h5py.File, folder: Path) -> None:
    file["train"] = np.zeros((10, 4), [("a", "f4")])


def texts(file: h5py.File, folder: Path) -> None:
    file.create_dataset("train", data=[["a", "b"]], dtype=h5py.string_dtype())


def references(file: h5py.File, folder: Path) -> None:
    file.create_dataset("train", (2, 2), h5py.ref_dtype)


def ragged(file: h5py.File, folder: Path) -> None:
    file.create_dataset("train", (2, 2), h5py.vlen_dtype(np.float32))


def unwritten(file: h5py.File, folder: Path) -> None:
    file.create_dataset("train", (10**12, 4), "f4", chunks=(100, 4))


def compressed_claim(file: h5py.File, folder: Path) -> None:
    made = file.create_dataset("train", (10**12, 4), "f4", chunks=(100, 4), compression="gzip")
    made[:10] = VECTORS


def huge_chunks(file: h5py.File, folder: Path) -> None:
    made = file.create_dataset("train", (10, 4), "f4", chunks=(2**26, 4), maxshape=(None, 4), compression="gzip")
    assert made.shape == (10, 4)


def one_vector(file: h5py.File, folder: Path) -> None:
    file["train"] = VECTORS[0]


def scalar(file: h5py.File, folder: Path) -> None:
    file["train"] = 5.0


def empty(file: h5py.File, folder: Path) -> None:
    file["train"] = h5py.Empty("f4")


def wide(file: h5py.File, folder: Path) -> None:
    file["train"] = np.ones((1, 65_537), np.float32)


def narrow(file: h5py.File, folder: Path) -> None:
    file["train"] = np.ones((5, 0), np.float32)


def nothing(file: h5py.File, folder: Path) -> None:
    file["test"] = VECTORS


@pytest.mark.parametrize(
    "make",
    [
        external_link, external_storage, virtual, soft_link, linked_group, structured, texts, references, ragged,
        unwritten, compressed_claim, huge_chunks, one_vector, scalar, empty, wide, narrow, nothing,
    ],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_a_train_set_that_is_elsewhere_or_no_vectors_is_refused(
    hub: ks.Hub, tmp_path: Path, make: Callable[[h5py.File, Path], None]
) -> None:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        make(file, tmp_path)
    refuse(hub, tmp_path / "x.hdf5", kind=ks.InvalidInput)


def test_a_damaged_chunk_of_hdf5_is_corrupt(hub: ks.Hub, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        made = file.create_dataset("train", data=VECTORS, chunks=(10, 4), compression="gzip", fletcher32=True)
        at = made.id.get_chunk_info(0).byte_offset + 8
    body = bytearray((tmp_path / "x.hdf5").read_bytes())
    body[at] ^= 255
    (tmp_path / "x.hdf5").write_bytes(body)
    refuse(hub, tmp_path / "x.hdf5", "train", ks.Corrupt)


def test_what_only_calls_itself_hdf5_is_refused(hub: ks.Hub, tmp_path: Path) -> None:
    body = outside(tmp_path / "good.h5").read_bytes()
    for text in (b"", b"text", body[:8], body[: len(body) // 2], body[:600]):
        (tmp_path / "x.hdf5").write_bytes(text)
        refuse(hub, tmp_path / "x.hdf5")


# Parquet


def test_a_parquet_file_cut_short_is_refused(hub: ks.Hub, tmp_path: Path) -> None:
    filled(hub).export(tmp_path / "x.parquet")
    body = (tmp_path / "x.parquet").read_bytes()
    for length in (0, 4, len(body) // 2, len(body) - 1):
        (tmp_path / "x.parquet").write_bytes(body[:length])
        refuse(hub, tmp_path / "x.parquet", kind=ks.InvalidInput)


def test_pages_of_parquet_that_do_not_decode_are_damage(hub: ks.Hub, tmp_path: Path) -> None:
    filled(hub).export(tmp_path / "x.parquet")
    body = (tmp_path / "x.parquet").read_bytes()
    footer = int.from_bytes(body[-8:-4], "little") + 8
    (tmp_path / "x.parquet").write_bytes(body[:4] + b"\xff" * (len(body) - footer - 4) + body[-footer:])
    refuse(hub, tmp_path / "x.parquet", "damaged", ks.Corrupt)
