"""What every embedder around a model does with texts and vectors, whoever runs the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from kinspace.embed.model import Model
from kinspace.embed.presets import preset


class Toy(Model):
    """Twelve numbers that the text decides; it remembers what it was given."""

    name = "toy"

    def __init__(self, model: str = "toy", **options: Any) -> None:
        options = {"dims": None, "prompts": None, "layer_norm": None, "normalise": True, "batch_size": 4} | options
        super().__init__(model, **options)
        self.seen: list[list[str]] = []

    def _version(self) -> dict[str, object]:
        return {"revision": "1"}

    def _vectors(self, texts: list[str], prefix: str) -> Any:
        self.seen.append([prefix + text for text in texts])
        return np.stack([own(prefix + text) for text in texts])


def own(text: str) -> np.ndarray:
    return np.random.default_rng(list(text.encode("utf-8", "surrogatepass"))).normal(1, 1, 12)


def test_documents_and_queries_get_their_prefixes() -> None:
    toy = Toy(prompts={"document": "d: ", "query": "q: "})
    expected = own("d: cats") / np.linalg.norm(own("d: cats"))
    assert np.allclose(toy.embed(["cats"])[0], expected, atol=1e-6)
    asked = own("q: cats") / np.linalg.norm(own("q: cats"))
    assert np.allclose(toy.embed_query("cats"), asked, atol=1e-6)
    assert np.array_equal(ks.embed.query_vector(toy, "cats"), toy.embed_query("cats"))


def test_vectors_are_cut_as_resize_cuts_them() -> None:
    toy, plain = Toy(dims=5, layer_norm=True), Toy(normalise=False)
    texts = ["one", "two", "three"]
    raw = plain.embed(texts)
    assert np.allclose(raw, np.stack([own(text) for text in texts]), atol=1e-6)
    assert np.array_equal(toy.embed(texts), ks.resize(raw, 5, layer_norm=True))
    assert np.array_equal(Toy(dims=5).embed(texts), ks.resize(raw, 5))
    assert np.array_equal(Toy(dims=5, normalise=False).embed(texts), raw[:, :5])


@given(st.lists(st.text(max_size=20), max_size=20), st.integers(1, 7), st.integers(1, 60))
def test_a_batch_has_at_most_so_many_texts_and_bytes_or_is_one_text(texts: list[str], count: int, size: int) -> None:
    toy = Toy(batch_size=count, batch_bytes=size, dims=12, prompts={"document": "d"})
    vectors = toy.embed(texts)
    assert [text for batch in toy.seen for text in batch] == ["d" + text for text in texts]
    for batch in toy.seen:
        weight = sum(len(text.encode("utf-8", "surrogatepass")) for text in batch)
        assert len(batch) == 1 or (len(batch) <= count and weight <= size)
    for text, vector in zip(texts, vectors, strict=True):
        expected = own("d" + text) / np.linalg.norm(own("d" + text))
        assert np.allclose(vector, expected, atol=1e-6)


def test_batches_of_several_workers_keep_their_order() -> None:
    texts = [f"text {number}" for number in range(50)]
    assert np.array_equal(Toy(workers=4).embed(texts), Toy().embed(texts))


def test_no_texts_give_no_rows() -> None:
    assert Toy(dims=12).embed([]).shape == (0, 12)


def test_dims_that_were_not_given_are_found_out_once() -> None:
    toy = Toy()
    assert (toy.dims, toy.dims, toy.native_dims) == (12, 12, 12)
    assert len(toy.seen) == 1


@pytest.mark.parametrize(
    "made",
    [
        np.ones((1, 12)),
        np.ones((3, 12)),
        np.ones((2, 11)),
        np.full((2, 12), np.nan),
        np.full((2, 12), 1e39),
        None,
        [[1.0] * 12, [1.0] * 11],
        [["a"] * 12] * 2,
        np.ones(12),
        np.ones((2, 0)),
        {},
    ],
    ids=repr,
)
def test_what_a_model_may_not_answer_is_an_error(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy()
    assert toy.dims == 12
    monkeypatch.setattr(toy, "_vectors", lambda texts, prefix: made)
    with pytest.raises(ks.Unavailable, match="Toy") as caught:
        toy.embed(["one", "two"])
    assert caught.value.texts == range(2)  # type: ignore[attr-defined]


def test_more_dims_than_the_model_has_are_refused() -> None:
    with pytest.raises(ks.InvalidInput, match=r"dims is 13.*12"):
        Toy(dims=13).embed(["one"])


@pytest.mark.parametrize(
    "options",
    [
        {"model": ""},
        {"model": None},
        {"dims": 0},
        {"dims": True},
        {"batch_size": 0},
        {"batch_bytes": 0},
        {"workers": 0},
        {"normalise": 1},
        {"layer_norm": "yes"},
        {"layer_norm": True, "normalise": False},
        {"prompts": "query: "},
        {"prompts": {"question": "q"}},
        {"prompts": {"query": 7}},
    ],
    ids=repr,
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ks.InvalidInput):
        Toy(**options)


@pytest.mark.parametrize("texts", ["one text", b"bytes", ["a", None], [1], 7, None], ids=repr)
def test_what_is_no_text_is_refused(texts: Any) -> None:
    toy = Toy()
    with pytest.raises(ks.InvalidInput, match="text"):
        toy.embed(texts)
    assert not toy.seen


@pytest.mark.parametrize(
    ("model", "document", "query", "layer_norm"),
    [
        ("nomic-embed-text:latest", "search_document: ", "search_query: ", True),
        ("nomic-ai/nomic-embed-text-v1.5", "search_document: ", "search_query: ", True),
        ("nomic-ai/nomic-embed-text-v1", "search_document: ", "search_query: ", False),
        ("intfloat/e5-base-v2", "passage: ", "query: ", False),
        ("BAAI/bge-small-en-v1.5", "", "Represent this sentence for searching relevant passages: ", False),
        ("BAAI/bge-m3", "", "", False),
        ("snowflake-arctic-embed2", "", "query: ", False),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "", "query: ", False),
        ("snowflake-arctic-embed:22m", "", "Represent this sentence for searching relevant passages: ", False),
        ("sentence-transformers/all-MiniLM-L6-v2", "", "", False),
    ],
)
def test_known_models_get_what_they_were_trained_with(model: str, document: str, query: str, layer_norm: bool) -> None:
    known = preset(model)
    assert (known.document, known.query, known.layer_norm) == (document, query, layer_norm)
    toy = Toy(model, dims=4)
    assert (toy.document, toy.query, toy.layer_norm) == (document, query, layer_norm)
    plain = Toy(model, dims=4, prompts={}, layer_norm=False)
    assert (plain.document, plain.query, plain.layer_norm) == ("", "", False)


def test_a_space_takes_over_what_is_known_of_the_model_and_refuses_another(hub: ks.Hub) -> None:
    toy = Toy("nomic-embed-text", dims=8)
    toy._known = (2, 4, 8, 12)
    space = hub.create_space("docs", embedder=toy)
    assert space.stats()["matryoshka"] == [2, 4, 8]
    space.add_texts(["a", "b"], ["one", "two"])
    assert (
        space.search("one", 2, mode="vector").distances.tolist()
        == space.nearest_neighbors(2, vector=toy.embed_query("one")).distances.tolist()
    )
    for options, field in (
        ({"dims": 9}, "dims"),
        ({"prompts": {"query": "x"}}, "prompts"),
        ({"layer_norm": False}, "layer_norm"),
        ({"normalise": False}, "normalised"),
    ):
        with pytest.raises(ks.InvalidInput, match=f"differ in .*{field}"):
            hub.get_space("docs", embedder=Toy("nomic-embed-text", **({"dims": 8} | options)))
    with pytest.raises(ks.InvalidInput, match="nomic-embed-text"):
        hub.get_space("docs").search("one", mode="vector")
