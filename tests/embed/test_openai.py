"""Embedding by OpenAI's API, at a server in this process: what is sent, what is tried again, what is an error."""

from __future__ import annotations

import email.utils
import sys
import time
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.embed import OpenAI
from server import DIMS, Server, vector_of


def embedder(server: Server, **options: Any) -> tuple[OpenAI, list[float]]:
    """One that doesn't wait, and how long it would have waited."""
    waited: list[float] = []
    options = {"api_key": "sk-secret", "base_url": f"{server.url}/v1", "workers": 1} | options
    return OpenAI("toy", sleep=waited.append, **options), waited


def unit(text: str, dims: int = DIMS) -> np.ndarray:
    return np.array(vector_of(text, dims)) / np.linalg.norm(vector_of(text, dims))


def test_texts_are_sent_in_batches_and_come_back_in_order(server: Server) -> None:
    asks, _ = embedder(server, batch_size=3, dims=DIMS)
    texts = [f"text {'a' * number}" for number in range(8)]
    assert np.allclose(asks.embed(texts), [unit(text) for text in texts], atol=1e-6)
    assert [one["input"] for one in server.asked] == [texts[:3], texts[3:6], texts[6:]]
    assert {one["path"] for one in server.asked} == {"/v1/embeddings"}
    assert server.headers[0]["authorization"] == "Bearer sk-secret"


def test_dimensions_are_asked_of_the_server(server: Server) -> None:
    asks, _ = embedder(server, dimensions=4)
    assert asks.dims == 4
    assert not server.asked
    assert np.allclose(asks.embed(["abc"])[0], unit("abc", 4), atol=1e-6)
    assert server.asked[0]["dimensions"] == 4
    server.change = lambda answer: {"data": [{"index": 0, "embedding": [1.0] * 5}]}
    with pytest.raises(ks.Unavailable, match="shape"):
        asks.embed(["abc"])


def test_key_and_url_come_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    OpenAI("toy", dims=DIMS).embed(["a"])
    assert server.headers[0]["authorization"] == "Bearer sk-of-the-environment"
    assert server.asked[0]["path"] == "/embeddings"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(server: Server, status: int) -> None:
    asks, waited = embedder(server, dims=DIMS)
    server.replies = [(status, {}, {"error": {"message": "not now"}})] * 3
    assert np.allclose(asks.embed(["abc"])[0], unit("abc"), atol=1e-6)
    assert len(server.asked) == 4
    for number, seconds in enumerate(waited):
        assert 0.25 * 2**number <= seconds <= 0.5 * 2**number


def test_a_lost_connection_is_tried_again(server: Server) -> None:
    asks, waited = embedder(server, dims=DIMS)
    server.replies = [None, None]
    assert np.allclose(asks.embed(["abc"])[0], unit("abc"), atol=1e-6)
    assert len(waited) == 2


def test_it_ends_after_so_many_tries_and_says_why(server: Server) -> None:
    asks, waited = embedder(server, retries=2, dims=DIMS)
    server.replies = [(503, {}, {"error": "overloaded"})] * 9
    with pytest.raises(ks.Unavailable, match="3 times.*503: overloaded"):
        asks.embed(["abc"])
    assert (len(server.asked), len(waited)) == (3, 2)
    server.close()


def test_no_server_is_an_error_that_says_so(server: Server) -> None:
    asks, waited = embedder(server, retries=1, base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ks.Unavailable, match="2 times.*ConnectError"):
        asks.embed(["abc"])
    assert len(waited) == 1


@pytest.mark.parametrize("dated", [False, True])
def test_retry_after_is_waited_for(server: Server, dated: bool) -> None:
    asks, waited = embedder(server, dims=DIMS)
    after = email.utils.formatdate(time.time() + 30, usegmt=True) if dated else "30"
    server.replies = [(429, {"Retry-After": after}, {})]
    asks.embed(["abc"])
    assert len(waited) == 1
    assert 27 < waited[0] <= 30


@pytest.mark.parametrize("after", ["soon", "", "nan", "-5"])
def test_a_retry_after_that_makes_no_sense_is_passed_over(server: Server, after: str) -> None:
    asks, waited = embedder(server, dims=DIMS)
    server.replies = [(429, {"Retry-After": after}, {})]
    asks.embed(["abc"])
    assert 0.25 <= waited[0] <= 0.5


def test_nobody_waits_for_an_hour(server: Server) -> None:
    asks, waited = embedder(server, dims=DIMS)
    server.replies = [(429, {"Retry-After": "3600"}, {})]
    with pytest.raises(ks.Unavailable, match="3600 s"):
        asks.embed(["abc"])
    assert not waited


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, {"error": {"message": "input is too long", "type": "invalid_request_error"}}, "input is too long"),
        (401, {"error": {"message": "wrong key sk-secret"}}, r"wrong key ….*check api_key"),
        (404, {"error": "no model 'toy'"}, "no model 'toy'.*check base_url and model"),
        (422, {"detail": "unprocessable"}, "unprocessable"),
        (429, {"error": {"message": "pay first", "code": "insufficient_quota"}}, "pay first"),
        (400, b"<html>what?</html>", "what?"),
        (301, {}, "301"),
    ],
)
def test_a_refusal_is_not_tried_again_and_says_what_the_server_said(
    server: Server, status: int, body: object, told: str
) -> None:
    asks, waited = embedder(server, dims=DIMS)
    server.replies = [(status, {}, body)]
    with pytest.raises(ks.InvalidInput, match=told) as caught:
        asks.embed(["abc"])
    assert "sk-secret" not in str(caught.value)
    assert not waited


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"data": None},
        {"data": []},
        {"data": [{"index": 0}, {"index": 1}]},
        {"data": [{"index": 0, "embedding": [1.0] * DIMS}]},
        {"data": [{"index": 0, "embedding": [1.0] * DIMS}] * 2},
        {"data": [{"index": number, "embedding": [1.0] * DIMS} for number in range(3)]},
        {"data": [{"index": number, "embedding": [1.0] * 3} for number in range(2)]},
        {"data": [{"index": number, "embedding": [float("nan")] * DIMS} for number in range(2)]},
        {"data": [{"index": number, "embedding": ["x"] * DIMS} for number in range(2)]},
    ],
    ids=repr,
)
def test_an_answer_that_can_not_be_is_an_error(server: Server, answer: object) -> None:
    asks, _ = embedder(server)
    assert asks.dims == DIMS
    server.change = lambda _: answer
    with pytest.raises(ks.Unavailable):
        asks.embed(["one", "two"])


def test_an_answer_that_is_no_json_is_an_error(server: Server) -> None:
    asks, _ = embedder(server, dims=DIMS)
    server.replies = [(200, {}, b"<html>")]
    with pytest.raises(ks.Unavailable, match="no JSON"):
        asks.embed(["abc"])


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "localhost:80"},
        {"base_url": "ftp://x"},
        {"base_url": "http://x:port"},
        {"base_url": 7},
        {"timeout": 0},
        {"timeout": "1"},
        {"retries": -1},
        {"dimensions": 0},
    ],
    ids=repr,
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ks.InvalidInput):
        OpenAI("toy", **options)


def test_the_key_is_in_no_repr_and_no_identity(server: Server) -> None:
    asks, _ = embedder(server, dims=DIMS)
    assert "sk-secret" not in repr(asks) + repr(asks.identity) + repr(asks._endpoint)


def test_a_space_is_as_it_was_after_a_failure_that_names_the_keys(server: Server, hub: ks.Hub) -> None:
    asks, _ = embedder(server, batch_size=2)
    space = hub.create_space("docs", embedder=asks)
    space.add_texts(["a"], ["first"])
    server.replies = [
        (200, {}, server._made("/v1/embeddings", {"input": ["x", "y"]})),
        (400, {}, {"error": "too long"}),
    ]
    with pytest.raises(ks.InvalidInput, match="2 texts of keys 'd' … 'e' failed: .*too long"):
        space.add_texts(["b", "c", "d", "e", "f"], ["2", "3", "4", "5", "6"])
    assert list(space.keys()) == ["a"]
    assert space.search("first", 1).keys == ["a"]


def test_a_stream_keeps_what_was_stored_before_a_failure(server: Server, hub: ks.Hub) -> None:
    asks, _ = embedder(server, batch_size=2_000, batch_bytes=1 << 20)
    space = hub.create_space("docs", embedder=asks)

    def texts() -> Any:
        for number in range(3_000):
            if number == 2_500:
                server.replies = [(400, {}, {"error": "enough"})]
            yield f"text {number}"

    with pytest.raises(ks.InvalidInput, match="keys 'k2000' … 'k2999'.*enough") as caught:
        space.add_texts((f"k{number}" for number in range(3_000)), texts())
    assert caught.value.stored == len(space) == 2_000  # type: ignore[attr-defined]


def test_without_the_library_the_error_says_what_to_install(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ks.Unavailable, match=r"kinspace\[http\]"):
        embedder(server, dims=DIMS)[0].embed(["abc"])
