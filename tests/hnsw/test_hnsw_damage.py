"""A saved index damaged in any byte, cut short or incomplete is Corrupt, which names the file; never a crash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
import xxhash

import kinspace as ks
from kinspace import _core
from kinspace.storage.sealed import Vectors, read_sealed, write_sealed
from sets import clustered
from thorough import rounds


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "index"
    index = ks.Hnsw.build(clustered(300, 5, 71), M=4, ef_construction=20)
    index.remove(range(0, 300, 7))
    index.add(clustered(20, 5, 72))
    index.save(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "index")
    return tmp_path / "index"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def refused(folder: Path) -> str:
    with pytest.raises(ks.Corrupt) as caught:
        ks.Hnsw.load(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_any_changed_byte_is_corrupt_and_the_file_is_named(copy: Path) -> None:
    random = Random(71)
    for path in files(copy):
        body = path.read_bytes()
        at = {0, len(body) // 2, len(body) - 5, len(body) - 1, *(random.randrange(len(body)) for _ in range(6))}
        for place in sorted(place for place in at if 0 <= place < len(body)):
            flip = random.choice([1 << random.randrange(8), 0x20, 0xFF])
            path.write_bytes(body[:place] + bytes([body[place] ^ flip]) + body[place + 1 :])
            assert str(path) in refused(copy), (path, place, flip)
        path.write_bytes(body)
    ks.Hnsw.load(copy)


def test_every_byte_of_the_attributes_counts(copy: Path) -> None:
    path = copy / "zarr.json"
    body = path.read_bytes()
    for place in range(0, len(body), 3):
        path.write_bytes(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        refused(copy)


def test_a_file_cut_short_or_too_long_is_corrupt_and_named(copy: Path) -> None:
    for path in files(copy):
        body = path.read_bytes()
        for damaged in (b"", body[:1], body[: len(body) // 2], body[:-1], body + b"\0", body + body):
            path.write_bytes(damaged)
            assert str(path) in refused(copy)
        path.write_bytes(body)


def test_a_missing_file_or_folder_is_corrupt_and_named(copy: Path, tmp_path: Path) -> None:
    for path in sorted(copy.rglob("*")):
        path.rename(tmp_path / "aside")
        assert str(path) in refused(copy)
        (tmp_path / "aside").rename(path)
    ks.Hnsw.load(copy)


def test_a_file_of_another_save_is_not_taken_for_its_own(copy: Path, tmp_path: Path) -> None:
    other = ks.Hnsw.build(clustered(300, 5, 73), M=4, ef_construction=20)
    other.remove(range(0, 300, 7))
    other.add(clustered(20, 5, 74))
    other.save(tmp_path / "other")
    for path in files(copy):
        theirs = (tmp_path / "other" / path.relative_to(copy)).read_bytes()
        mine = path.read_bytes()
        if mine != theirs:
            path.write_bytes(theirs)
            refused(copy)
            path.write_bytes(mine)


def test_a_folder_that_is_no_index_is_corrupt(tmp_path: Path) -> None:
    refused(tmp_path)
    attributes = ("5", "{}", '{"checksum": 5}', '{"checksum": "0"}')
    groups = [f'{{"attributes": {{"kinspace": {one}}}}}' for one in attributes]
    for text in ("", "[]", "null", "{}", "[" * 100_000, *groups):
        (tmp_path / "zarr.json").write_text(text)
        refused(tmp_path)


def sealed(folder: Path, change: Callable[[dict], object]) -> None:
    """Change the attributes, and give them the checksum that then is right."""
    body = json.loads((folder / "zarr.json").read_bytes())
    change(body["attributes"]["kinspace"])
    body["attributes"]["kinspace"]["checksum"] = "0" * 16
    text = json.dumps(body, indent=2)
    checksum = xxhash.xxh3_64_hexdigest(text.encode())
    (folder / "zarr.json").write_text(text.replace('"checksum": "' + "0" * 16, f'"checksum": "{checksum}'))


WRITTEN = {"format", "kind", "files", "checksum"}  # by write_sealed


CHANGES: dict[str, Callable[[dict], object]] = {
    "another format": lambda told: told.update(format=2),
    "another kind": lambda told: told.update(kind="ivf"),
    "no metric": lambda told: told.pop("metric"),
    "a metric there isn't": lambda told: told.update(metric="dot"),
    "another M": lambda told: told.update(M=513),
    "an M that is none": lambda told: told.update(M="4"),
    "no M": lambda told: told.update(M=None),
    "another ef": lambda told: told.update(ef_construction=-1),
    "other dims": lambda told: told.update(dims=6),
    "dims that are none": lambda told: told.update(dims=[5]),
    "fewer rows": lambda told: told.update(rows=3),
    "vectors of another shape": lambda told: told.update(vectors=[300, 6]),
    "more vectors": lambda told: told.update(vectors=[10**15, 5]),
    "a negative shape": lambda told: told.update(vectors=[-300, 5]),
    "vectors that are none": lambda told: told.update(vectors="all"),
    "ids that are out of range": lambda told: told.update(next_id=310),
    "a next id that is none": lambda told: told.update(next_id=1e9),
    "no files": lambda told: told.update(files={}),
    "files that are none": lambda told: told.update(files=[1, 2]),
    "a file of no size": lambda told: told["files"].update({"row_id/c/0": 5}),
    "a checksum that is none": lambda told: told["files"]["row_id/c/0"].__setitem__(1, "xyz"),
    "a file elsewhere": lambda told: told["files"].update({"../../secret": [4, "0"]}),
    "a file elsewhere below": lambda told: told["files"].update({"a/../../secret": [4, "0"]}),
    "an absolute file": lambda told: told["files"].update({"/etc/passwd": [4, "0"]}),
    "an array too many": lambda told: told["files"].update({"other/zarr.json": [4, "0"]}),
    "an array too few": lambda told: [told["files"].pop(name) for name in [*told["files"]] if "row_id" in name],
}


@pytest.mark.parametrize("change", CHANGES)
def test_attributes_that_make_no_sense_are_corrupt_even_with_a_right_checksum(copy: Path, change: str) -> None:
    sealed(copy, lambda told: None)
    ks.Hnsw.load(copy)
    sealed(copy, CHANGES[change])
    refused(copy)


def spoilt(arrays: dict[str, np.ndarray], rng: np.random.Generator, turn: int) -> dict[str, np.ndarray]:
    """Copies, one of them with some bytes changed, or cut in half, or of another type."""
    out = {name: array.copy() for name, array in arrays.items()}
    name = str(rng.choice(sorted(out)))
    how = turn % 8
    if how < 6 and out[name].size:
        flat = out[name].reshape(-1).view(np.uint8)
        for place in rng.integers(0, len(flat), 1 if how < 3 else 30):
            flat[place] = rng.integers(0, 256)
    elif how == 6:
        out[name] = out[name][: len(out[name]) // 2]
    else:
        out[name] = out[name].astype(np.float64)
    return out


def test_a_graph_of_garbage_is_refused_or_answers(saved: Path) -> None:
    """The core checks all that it is given: no answer has to be right, and nothing may crash or hang."""
    stored = read_sealed(saved, "hnsw")
    vectors = np.concatenate([chunk.body for chunk in stored.vectors])
    arrays = {name: array for name, array in stored.arrays.items() if name != "row_id"}
    rng = np.random.default_rng(76)
    more = np.concatenate([vectors, vectors[:50]])
    refusals = 0
    for turn in range(600):
        try:
            graph = _core.Graph.restore(_core.Rows([vectors]), spoilt(arrays, rng, turn))
        except (TypeError, ValueError):
            refusals += 1
            continue
        ids, _ = graph.search(vectors[:5], 30)
        assert ids.shape == (5, 30)
        graph.search(vectors[0], 10, mask=np.array([14] * -(-len(vectors) // 64), np.uint64))
        graph.search(vectors[0], len(vectors))
        graph.insert(_core.Rows([more]), np.arange(len(vectors), len(more)))
        graph.remove(np.arange(len(vectors) + 5, len(more)))
        graph.search(vectors[:5], 10)
    assert 0 < refusals < 600


def test_garbage_with_right_checksums_is_corrupt_or_an_index_that_answers(saved: Path, tmp_path: Path) -> None:
    stored = read_sealed(saved, "hnsw")
    told = {name: stored.attributes[name] for name in stored.attributes if name not in WRITTEN}
    rows, dims = told.pop("vectors")
    vectors = np.concatenate([chunk.body for chunk in stored.vectors])
    rng = np.random.default_rng(75)
    for turn in range(rounds(8, 24)):
        (tmp_path / f"{turn}").mkdir()
        arrays = spoilt(stored.arrays, rng, turn)
        write_sealed(
            tmp_path / f"{turn}", "hnsw", arrays, told, Vectors(rows, dims, lambda start, stop: vectors[start:stop])
        )
        try:
            index = ks.Hnsw.load(tmp_path / f"{turn}")
        except ks.Corrupt:
            continue
        assert index.search(vectors[:20], 30)[0].shape == (20, 30)
        index.search(vectors[0], 10, where=[1, 2, 3])
        index.remove(range(100))
        index.add(vectors[:50])
        index.search(vectors[:20], len(index))
