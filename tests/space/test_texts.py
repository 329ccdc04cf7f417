"""A space with an embedder: texts in, words to search; its identity is stored and another one is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import kinspace as ks
from kinspace.embed import Hashing
from oracle import unchanged

TEXTS = {"cats": "cats and kittens purr", "dogs": "dogs and puppies bark", "ships": "ships sail the seven seas"}


class Own:
    """An embedder of the user's: the length of a text and how many words it has."""

    dims = 2

    def __init__(self, version: int = 1) -> None:
        self.identity = {"name": "own", "version": version}

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        return np.array([[len(text), len(text.split())] for text in texts], np.float32).reshape(-1, 2)


@pytest.fixture
def kept(hub: ks.Hub) -> ks.Space:
    space = hub.create_space("docs", embedder=Hashing(64))
    space.add_texts(list(TEXTS), list(TEXTS.values()), n=[1, 2, 3])
    return space


def test_texts_are_embedded_stored_and_found(kept: ks.Space) -> None:
    assert kept.dims == 64
    assert kept.row("cats") == {"text": TEXTS["cats"], "n": 1}
    assert kept.get("cats").tobytes() == Hashing(64).embed_one(TEXTS["cats"]).tobytes()
    assert kept.search("puppies and dogs", 1).keys == ["dogs"]
    assert kept.search("puppies and dogs", 3, where="n != 2").keys[0] in ("cats", "ships")
    assert len(kept.search("anything")) == 3
    assert kept.search("anything", 0).keys == []


def test_the_embedder_comes_back_with_the_space(hub: ks.Hub, kept: ks.Space) -> None:
    with ks.connect(hub.path) as again:
        assert again.get_space("docs").search("kittens", 1).keys == ["cats"]
        assert again.get_space("docs", embedder=Hashing(64)).search("kittens", 1).keys == ["cats"]


def test_another_embedder_is_refused(hub: ks.Hub, kept: ks.Space) -> None:
    with unchanged(hub):
        for other in (Hashing(32), Own()):
            with pytest.raises(ks.InvalidInput, match="embedder"):
                hub.get_space("docs", embedder=other)
            with pytest.raises((ks.InvalidInput, ks.SpaceExists)):
                hub.create_space("docs", embedder=other, exist_ok=True)
    plain = hub.create_space("plain", dims=64)
    with pytest.raises(ks.InvalidInput):
        hub.get_space("plain", embedder=Hashing(64))
    assert plain.embedder is None


def test_an_embedder_of_one_s_own_is_asked_for_again(hub: ks.Hub) -> None:
    space = hub.create_space("own", embedder=Own())
    space.add_texts(["a", "b"], ["one two", "three"])
    with ks.connect(hub.path) as again:
        bare = again.get_space("own")
        assert bare.get("a").tolist() == [7, 2]
        assert bare.search("one").keys == ["a"], "by its text"
        with pytest.raises(ks.InvalidInput, match="embedder"):
            bare.search("one", mode="vector")
        assert again.get_space("own", embedder=Own()).search("one two", 1).keys == ["a"]
        with pytest.raises(ks.InvalidInput):
            again.get_space("own", embedder=Own(version=2))


def test_a_space_without_an_embedder_says_so(space: ks.Space, hub: ks.Hub) -> None:
    with unchanged(hub):
        with pytest.raises(ks.InvalidInput, match="embedder"):
            space.add_texts(["a"], ["text"])
        with pytest.raises(ks.InvalidInput, match="embedder"):
            space.search("text")


@pytest.mark.parametrize(
    ("keys", "texts", "columns"),
    [
        (["a", "b"], ["one"], {}),
        (["a"], ["one", "two"], {}),
        (["a"], "one", {}),
        ("a", ["one"], {}),
        (["a", "b"], ["one", None], {}),
        (["a", "b"], ["one", 2], {}),
        (["a", "b"], ["one", b"two"], {}),
        (["a", 7], ["one", "two"], {}),
        (["a", "b"], ["one", "two"], {"n": [1]}),
        (["a", "b"], ["one", "two"], {"text": ["x", "y"]}),
        (["a", "b"], ["one", "two"], {"vector": [1, 2]}),
        (["a", "b"], ["one", "two"], {"n": ["x", "y"]}),
        (["a", "b"], ["one", "two"], {"n": 7}),
        (None, ["one"], {}),
        (["a"], None, {}),
    ],
    ids=str,
)
def test_texts_that_do_not_fit_are_refused_and_store_nothing(
    hub: ks.Hub, kept: ks.Space, keys: Any, texts: Any, columns: dict[str, Any]
) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        kept.add_texts(keys, texts, **columns)


def test_a_stream_of_texts_says_how_many_were_stored(kept: ks.Space) -> None:
    def texts() -> Iterator[Any]:
        yield "fine"
        yield "also fine"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke") as caught:
        kept.add_texts((f"k{i}" for i in range(5)), texts())
    assert caught.value.stored == 0  # type: ignore[attr-defined]
    assert len(kept) == 3


def test_texts_may_be_left_out_or_kept_elsewhere(kept: ks.Space) -> None:
    kept.add_texts(["a"], ["secret"], store_as=None)
    kept.add_texts(["b"], ["open"], store_as="body")
    assert kept.row("a") == {"text": None, "n": None, "body": None}
    assert kept.row("b")["body"] == "open"
    kept.add_texts(["c"], pl.Series(["from a series"]), n=pl.Series([9]))
    assert kept.row("c") == {"text": "from a series", "n": 9, "body": None}


@pytest.mark.parametrize("words", [7, None, b"cats", ["cats"], 1.5], ids=repr)
def test_what_is_no_words_is_refused(kept: ks.Space, words: Any) -> None:
    with pytest.raises(ks.InvalidInput):
        kept.search(words)


@pytest.mark.parametrize(
    "made", [np.ones((1, 3)), np.full((1, 2), np.nan), np.ones((2, 2)), np.ones(2), None, "text"], ids=count()
)
def test_an_embedder_that_makes_bad_vectors_is_caught(hub: ks.Hub, made: Any) -> None:
    embedder = Own()
    space = hub.create_space("docs", embedder=embedder)
    embedder.embed = lambda texts: made  # type: ignore[method-assign]
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        space.add_texts(["a"], ["one"])
