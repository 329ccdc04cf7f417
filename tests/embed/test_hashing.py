from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from kinspace.embed import Embedder, Hashing, from_identity

GOLDEN = [
    "random.shuffle: Shuffle list x in place, and return None.",
    "Größenänderung naïve ﬁle №5",
    "ベクトル検索 近似最近傍",
    "the of and",
    "word " * 1_000 + "x" * 1_000,
    "",
    "\ud800 lone",
]


def test_vectors_are_the_same_on_every_machine_and_in_every_version() -> None:
    raw = b"".join(np.ascontiguousarray(Hashing(dims).embed(GOLDEN), "<f4").tobytes() for dims in (1, 100, 512))
    assert hashlib.sha256(raw).hexdigest() == "89a7590e062376f5a507388dce10f53433c2fa1a91179a44cae75fe7c20a93d2"


def test_vectors_do_not_depend_on_the_process_hash_seed() -> None:
    code = "from kinspace.embed import Hashing; print(Hashing(64).embed(['one two three']).tobytes().hex())"
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {Hashing(64).embed(["one two three"]).tobytes().hex().encode() + b"\n"}


@given(st.lists(st.text(max_size=60), max_size=12), st.integers(1, 70))
def test_every_vector_is_finite_and_of_length_one_or_zero(texts: list[str], dims: int) -> None:
    vectors = Hashing(dims).embed(texts)
    assert vectors.shape == (len(texts), dims)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-6) | (lengths == 0))


@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
def test_a_text_embeds_alike_alone_and_among_others(texts: list[str]) -> None:
    embedder = Hashing(48)
    together = embedder.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        assert embedder.embed_one(text).tobytes() == vector.tobytes()


def test_a_text_embeds_alike_in_a_large_stream_and_alone() -> None:
    embedder = Hashing(32)
    texts = [f"row {i} of {i % 7} kinds" for i in range(3_000)]
    vectors = embedder.embed(text for text in texts)
    for i in (0, 511, 512, 2_999):
        assert np.array_equal(vectors[i], embedder.embed_one(texts[i]))


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "… — !?", "_", "\x00"])
def test_a_text_without_words_is_the_zero_vector(text: str) -> None:
    assert not Hashing(16).embed_one(text).any()


def test_no_texts_give_no_rows() -> None:
    assert Hashing(16).embed([]).shape == (0, 16)


def test_case_and_unicode_form_make_no_difference() -> None:
    embedder = Hashing(256)
    composed, decomposed = "Ärger im Büro ﬁle", "A\u0308RGER IM BU\u0308RO FILE"
    assert np.array_equal(embedder.embed_one(composed), embedder.embed_one(decomposed))


def test_a_very_long_text_and_a_very_long_word_are_embedded() -> None:
    embedder = Hashing(64)
    assert np.linalg.norm(embedder.embed_one("lorem ipsum dolor " * 100_000)) == pytest.approx(1)
    assert np.linalg.norm(embedder.embed_one("x" * 1_000_000)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("question", "answer", "stranger"),
    [
        ("shuffling lists", "Shuffle list x in place, and return None.", "Return the median of numeric values."),
        ("compress bytes", "Compression of a bytes object.", "Send a mail message."),
        ("find the median", "Return the median of the values.", "Find the file in the directory."),
        ("vektorsuche", "eine Suche nach Vektoren", "ein Haus am See"),
        ("हिन्दी शब्द", "हिन्दी के शब्द", "अच्छा दिन"),
        ("近似検索", "ベクトルの近似検索をする", "今日は天気がいい"),
    ],
)
def test_shared_words_and_parts_of_words_make_texts_near(question: str, answer: str, stranger: str) -> None:
    embedder = Hashing(512)
    near, far = embedder.embed([answer, stranger]) @ embedder.embed_one(question)
    assert near > far + 0.1


def test_common_words_tell_less_than_rare_ones() -> None:
    embedder = Hashing(512)
    by_rare, by_common = embedder.embed(["zebra", "what is the"]) @ embedder.embed_one("what is the zebra")
    assert by_rare > 2 * by_common


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ("one text", "one str"),
        (b"bytes", "one bytes"),
        (["a", None], r"texts\[1\].*None"),
        ([1], r"texts\[0\].*int"),
        (["a", b"b"], "bytes"),
    ],
)
def test_what_is_not_text_is_refused_by_place_and_type(texts: object, told: str) -> None:
    with pytest.raises(ks.InvalidInput, match=told):
        Hashing(8).embed(texts)  # type: ignore[arg-type]


@pytest.mark.parametrize("dims", [0, -1, 65_537, 1.5, True, "512", None])
def test_dims_out_of_range_are_refused(dims: object) -> None:
    with pytest.raises(ks.InvalidInput, match="dims"):
        Hashing(dims)  # type: ignore[arg-type]


def test_an_identity_survives_json_and_finds_the_embedder_again() -> None:
    embedder = Hashing(np.int64(96))  # type: ignore[arg-type]
    again = from_identity(json.loads(json.dumps(embedder.identity)))
    assert again == embedder
    assert again.dims == 96
    assert isinstance(again, Embedder)


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ({}, "hashing"),
        ({"name": "minilm"}, "minilm"),
        ({"name": "hashing", "version": 2, "dims": 8}, "version 1, not 2"),
        ({"name": "hashing", "version": 1, "dims": 0}, "dims"),
        ({"name": "hashing", "version": 1}, "dims"),
        ({"name": "hashing", "version": 1, "dims": 8, "seed": 3}, "seed"),
        ("hashing", "hashing"),
    ],
)
def test_an_unknown_identity_is_refused(identity: object, told: str) -> None:
    with pytest.raises(ks.InvalidInput, match=told):
        from_identity(identity)  # type: ignore[arg-type]


def test_the_public_name_is_kinspace_embed() -> None:
    assert ks.embed.Hashing is Hashing
