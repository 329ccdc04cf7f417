"""Hubs written by earlier versions: this one, and every later one, reads them."""

from __future__ import annotations

import datetime as dt
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks

FORMATS = sorted(Path(__file__).parent.glob("format-*.tar.xz"))


@pytest.fixture(params=FORMATS, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ks.Hub]:
    with tarfile.open(request.param) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later warn without
        archive.extractall(tmp_path)
    with ks.connect(tmp_path / "hub") as hub:
        yield hub


def vector(number: int) -> list[float]:
    return [number, number / 8, -number, 1]


def test_every_byte_of_an_old_hub_checks(old: ks.Hub) -> None:
    assert {"docs", "names are data: ../x"} <= set(old.list_spaces())
    for name in old:
        assert old.get_space(name).check().ok


def test_an_old_space_has_its_rows(old: ks.Hub) -> None:
    docs = old.get_space("docs")
    expected = [f"k{number}" for number in range(5_000) if number not in (7, 8)] + ["k8", "in the log"]
    assert list(docs.keys()) == expected
    assert "k7" not in docs
    assert docs.get("k4999").tolist() == vector(4_999)
    assert docs.get("k8").tolist() == vector(80)
    assert docs.row("k5") == {"n": 5.0, "title": "éé", "day": None, "tags": None, "place": None}
    row = docs.row("k8")
    assert row == {"n": 2.5, "title": None, "day": dt.date(2026, 11, 20), "tags": ["a", None], "place": {"x": 1}}
    assert docs.row("in the log")["title"] == "log"


def test_an_old_space_answers(old: ks.Hub) -> None:
    docs = old.get_space("docs")
    hits = docs.nearest_neighbors(3, vector=vector(7))
    assert hits.keys == ["k6", "k5", "k9"]
    np.testing.assert_array_equal(hits.distances, [np.sqrt(d * d * (2 + 1 / 64)) for d in (1.0, 2.0, 2.0)])
    assert docs.nearest_neighbors(2, vector=vector(0), where="n > 4000").keys == ["k4001", "k4002"]
    numbers = old.get_space("names are data: ../x")
    assert list(numbers.keys()) == [-(2**63), 2**63 - 1]


def test_an_old_space_can_be_written_and_compacted(old: ks.Hub) -> None:
    docs = old.get_space("docs")
    docs.set("new", vector(3), title="new")
    docs.compact()
    assert len(docs) == 5_001
    assert docs.nearest_neighbors(2, vector=vector(3)).keys == ["k3", "new"]


def test_an_old_space_written_by_one_is_read_by_another(old: ks.Hub) -> None:
    docs = old.get_space("docs")
    with ks.connect(old.path) as other:
        there = other.get_space("docs")
        for writer, reader in ((docs, there), (there, docs), (docs, there)):
            rows = len(reader)
            writer.set(f"new {rows}", vector(3))
            assert len(reader) == rows + 1
            assert reader.get(f"new {rows}").tolist() == vector(3)


def test_a_space_of_the_first_format_knows_no_state_but_the_last(tmp_path: Path) -> None:
    with tarfile.open(FORMATS[0]) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    with ks.connect(tmp_path / "hub") as hub:
        docs = hub.get_space("docs")
        before = list(docs)
        for _ in range(2):
            assert list(docs.at(docs.seq)) == before
            with pytest.raises(ks.SnapshotNotFound):
                docs.at(docs.seq - 1)
            docs.freeze()  # the first write, which changes no row


def test_a_hub_with_dtypes_has_its_rows_and_answers(tmp_path: Path) -> None:
    with tarfile.open(FORMATS[2]) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    with ks.connect(tmp_path / "hub") as hub:
        for dtype in ("float16", "bfloat16", "int8", "bit"):
            space = hub.get_space(dtype)
            assert (space.stats()["dtype"], space.metric) == (dtype, "hamming" if dtype == "bit" else "cosine")
            for number in (0, 3, 99):
                scale = 1 if dtype == "int8" else 0.125
                expected = [(number * place % 128 - 64) * scale for place in range(11)]
                expected = [number >> place & 1 for place in range(11)] if dtype == "bit" else expected
                assert space.get(f"k{number}").tolist() == expected
            assert space.nearest_neighbors(2, vector=space.get("k3"), exact=True).keys == ["k3", "in the log"]
            assert "k7" not in space
            space.compact()
            assert len(space) == 100
            assert space.check().ok


def test_a_space_of_the_second_format_has_its_states(tmp_path: Path) -> None:
    with tarfile.open(FORMATS[1]) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    with ks.connect(tmp_path / "hub") as hub:
        states = hub.get_space("states")
        assert list(states) == ["k1", "k2", "k3"]
        assert states.row("k2") == {"n": 2}
        assert [(one.name, one.rows) for one in states.snapshots()] == [("monday", 4), ("tuesday", 3)]
        assert list(states.at("monday")) == ["k1", "k2", "k3", "k4"]
        assert states.at("tuesday").row("k2") == {"n": 0.5}
        assert states.at("tuesday").get("k2").tolist() == vector(20)
        assert list(hub.get_space("a fork")) == ["k1", "k2", "k3", "k9"]
        with pytest.raises(ks.Frozen):
            states.delete("k1")
        assert hub.merge("a fork", into=states.fork("again")).added == 1


def test_a_hub_with_words_has_its_embedder_its_words_and_its_columns(tmp_path: Path) -> None:
    with tarfile.open(FORMATS[3]) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    with ks.connect(tmp_path / "hub") as hub:
        words = hub.get_space("words")
        assert (words.column_indexes, words.text_columns) == (["section", "tags"], ("text", "tags"))
        assert words.embedder.embed(["pictures"]).shape == (1, 4)
        assert words.search("+1234", mode="text").keys == [1234]
        assert words.search("log", mode="text").keys == [9_000]
        assert words.select().where("section = 's3'").count() == len(range(3, 1_500, 7))
        assert words.select().where("'a' = ANY(tags)").count() == 749, "key 5 is gone"
        assert 5 not in words
        words.compact()
        assert words.search("music", k=3, mode="hybrid", where={"section": "s0"}).keys
        assert words.check().ok
