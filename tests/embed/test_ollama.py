"""Embedding by Ollama's API, at a server in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.embed import Ollama
from server import DIMS, Server, vector_of


def embedder(server: Server, **options: Any) -> Ollama:
    return Ollama("toy", **({"base_url": server.url, "sleep": lambda _: None} | options))


def test_texts_are_embedded(server: Server) -> None:
    vectors = embedder(server, batch_size=2).embed(["abc", "abba", "zz"])
    expected = [vector_of(text) / np.linalg.norm(vector_of(text)) for text in ("abc", "abba", "zz")]
    assert np.allclose(vectors, expected, atol=1e-6)
    assert [one["input"] for one in server.asked if one["path"] == "/api/embed"][-2:] == [["abc", "abba"], ["zz"]]
    assert server.asked[0]["model"] == "toy:latest"


def test_the_model_s_digest_is_its_revision_and_another_is_refused(server: Server, hub: ks.Hub) -> None:
    space = hub.create_space("docs", embedder=embedder(server))
    space.add_texts(["a", "b"], ["abc", "zz"])
    assert hub.get_space("docs", embedder=embedder(server)).search("abc", 1).keys == ["a"]
    server.digest = "sha256:two"
    with pytest.raises(ks.InvalidInput, match=r"differ in revision \('sha256:one', not 'sha256:two'\)"):
        hub.get_space("docs", embedder=embedder(server))
    with pytest.raises(ks.InvalidInput, match="sha256:one; Ollama has sha256:two"):
        embedder(server, revision="sha256:one").identity  # noqa: B018


def test_a_model_that_was_not_pulled_is_named(server: Server) -> None:
    with pytest.raises(ks.InvalidInput, match="no model 'other:7b'.*ollama pull.*'toy:latest'"):
        Ollama("other:7b", base_url=server.url).identity  # noqa: B018


@pytest.mark.parametrize("answer", [[], {}, {"models": 7}, {"models": [{}]}], ids=repr)
def test_a_list_of_models_that_can_not_be_read_is_an_error(server: Server, answer: object) -> None:
    server.change = lambda _: answer
    with pytest.raises(ks.Unavailable, match="list of models"):
        embedder(server, dims=DIMS).identity  # noqa: B018


@pytest.mark.parametrize("answer", [[], {}, {"embeddings": 7}, {"embeddings": [[1.0]]}], ids=repr)
def test_an_answer_that_can_not_be_is_an_error(server: Server, answer: object) -> None:
    asks = embedder(server)
    assert asks.dims == DIMS
    server.change = lambda _: answer
    with pytest.raises(ks.Unavailable):
        asks.embed(["one", "two"])


def test_a_failure_is_tried_again(server: Server) -> None:
    server.replies = [(500, {}, {"error": "loading the model"})]
    assert embedder(server).embed(["abc"]).shape == (1, DIMS)
