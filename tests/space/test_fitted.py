"""What an embedder was fitted to goes where its space goes, and damage to it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.embed import Lsa
from oracle import state, unchanged

TEXTS = [
    f"{subject} {other} {number % 5} times"
    for number in range(40)
    for subject, other in (("cats", "purr"), ("ships", "sail"))
]


@pytest.fixture(scope="module")
def lsa() -> Lsa:
    return Lsa.fit(TEXTS, dims=6)


@pytest.fixture
def docs(hub: ks.Hub, lsa: Lsa) -> ks.Space:
    space = hub.create_space("docs", embedder=lsa)
    space.add_texts([f"k{number}" for number in range(len(TEXTS))], TEXTS)
    return space


def asked(space: ks.Space) -> list[tuple[object, float]]:
    return [(hit.key, hit.distance) for hit in space.search("ships that sail", 5)]


def kept(hub: ks.Hub) -> Path:
    (path,) = Path(hub.path).glob("spaces/*/embedder.fitted")
    return path


def test_another_process_asks_without_fitting_and_without_scikit_learn(hub: ks.Hub, docs: ks.Space) -> None:
    code = f"""
import sys
sys.modules["sklearn"] = None
import kinspace as ks
with ks.connect({str(hub.path)!r}) as hub:
    docs = hub.get_space("docs")
    print([(hit.key, hit.distance) for hit in docs.search("ships that sail", 5)])
    docs.add_texts(["later"], ["ships"])
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    docs.delete("later")
    assert told.strip() == repr(asked(docs))


def test_its_lengths_are_those_of_the_space(docs: ks.Space, lsa: Lsa) -> None:
    assert docs.stats()["matryoshka"] == [1, 3, 6]
    assert docs.nearest_neighbors(3, vector=lsa.embed(["ships"])[0], dims=3).keys


def test_it_goes_with_forks_downloads_and_states(hub: ks.Hub, docs: ks.Space, tmp_path: Path) -> None:
    docs.snapshot("monday")
    copies = [docs.fork("fork"), docs.write_to_space("copy"), docs.at("monday"), docs.download_snapshot()]
    copies.append(docs.download_snapshot(tmp_path / "elsewhere"))
    hub.delete_space("docs")
    for copy in copies[:2] + copies[3:]:
        assert asked(copy) == asked(copies[0])
        assert copy.check().ok
    with ks.connect(tmp_path / "elsewhere") as there:
        assert asked(there.get_space("docs")) == asked(copies[0])


def test_it_goes_with_what_is_published_and_pulled(hub: ks.Hub, docs: ks.Space, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    first, second = docs.publish(url), docs.publish(url)
    assert first.uploaded > docs.embedder.identity["bytes"]
    assert second.uploaded == 0
    remote = ks.connect(url, cache=tmp_path / "cache").get_space("docs")
    assert asked(remote) == asked(docs)
    assert asked(remote.download_snapshot()) == asked(docs)
    pulled = hub.pull(url, as_name="pulled")
    assert asked(pulled) == asked(docs)
    assert pulled.check().ok
    (there,) = Path(tmp_path, "there", "embedders").iterdir()
    there.write_bytes(b"damage")
    with ks.connect(tmp_path / "other") as other:
        with pytest.raises(ks.Corrupt):
            other.pull(url)
        assert other.list_spaces() == []


def test_another_fit_is_refused(hub: ks.Hub, docs: ks.Space) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="differ in fitted"):
        hub.get_space("docs", embedder=Lsa.fit(TEXTS[:-8], dims=6))


@pytest.mark.parametrize("damage", ["flip", "cut", "missing"])
def test_damage_is_told_and_costs_no_row(hub: ks.Hub, docs: ks.Space, damage: str) -> None:
    before, path = state(docs), kept(hub)
    raw = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw if damage == "flip" else raw[:-9])
    again = ks.connect(hub.path).get_space("docs")
    assert state(again) == before
    (problem,) = again.check().problems
    assert problem.file == path
    assert not again.repair().ok
    fresh = f"""
import kinspace as ks
try:
    ks.connect({str(hub.path)!r}).get_space("docs").search("ships")
except ks.Corrupt as error:
    print("embedder.fitted" in str(error))
"""
    told = subprocess.run([sys.executable, "-c", fresh], capture_output=True, check=True, text=True).stdout
    assert told == "True\n"


def test_an_embedder_that_lies_about_what_it_was_fitted_to_makes_no_space(hub: ks.Hub) -> None:
    class Liar:
        dims = 2
        fitted = b"something"

        def __init__(self, digest: object) -> None:
            self.identity = {"name": "liar", "fitted": digest}

        def embed(self, texts: object) -> np.ndarray:
            return np.ones((1, 2), np.float32)

    for digest, error in (("0" * 64, ks.Corrupt), ("../../x", ks.InvalidInput), (7, ks.InvalidInput)):
        with pytest.raises(error):
            hub.create_space("liar", embedder=Liar(digest))
    assert hub.list_spaces() == []
    assert not list(Path(hub.path, "spaces").iterdir())
