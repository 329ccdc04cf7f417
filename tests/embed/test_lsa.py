"""Latent semantic analysis: what is fitted is what scikit-learn fits, and it is kept to the byte."""

from __future__ import annotations

import base64
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

import kinspace as ks
from kinspace.embed import Embedder, Lsa, from_identity
from kinspace.text.words import words_of

COMMON = ["the", "a", "of", "and", "very", "often"]
SUBJECTS = {
    "cats": ["cat", "kitten", "purr", "whisker", "paw", "feline"],
    "ships": ["ship", "sail", "harbour", "anchor", "captain", "vessel"],
    "music": ["violin", "concert", "melody", "orchestra", "tune", "song"],
}


def texts(rows: int = 300) -> list[str]:
    """Texts about one subject each, of six of its words with some that are common to all."""
    rng = np.random.default_rng(5)
    return [
        " ".join([*rng.choice(list(SUBJECTS.values())[row % 3], 3, replace=False), *rng.choice(COMMON, 4)])
        for row in range(rows)
    ]


@pytest.fixture(scope="module")
def fitted() -> Lsa:
    return Lsa.fit(texts(), dims=8)


def test_vectors_are_those_of_scikit_learn_but_for_float16(fitted: Lsa) -> None:
    vectorizer = TfidfVectorizer(analyzer=words_of, sublinear_tf=True, min_df=2)
    weights = vectorizer.fit_transform(texts())
    expected = TruncatedSVD(8, n_iter=5, random_state=0).fit(weights).transform(weights)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert fitted.terms == vectorizer.get_feature_names_out().tolist()
    found = fitted.embed(texts())
    assert (found.dtype, found.shape) == (np.float32, (300, 8))
    assert np.allclose(found, expected, atol=3e-3)


def test_words_that_keep_the_same_company_are_near_though_they_share_no_letter() -> None:
    kitten, whisker, anchor = Lsa.fit(texts(), dims=3).embed(["kitten", "whisker", "anchor"])
    assert kitten @ whisker > 0.8
    assert kitten @ anchor < 0.3


def test_first_components_tell_most(fitted: Lsa) -> None:
    vectorizer = TfidfVectorizer(analyzer=words_of, sublinear_tf=True, min_df=2)
    weights = vectorizer.fit_transform(texts()).toarray() / vectorizer.idf_
    energy = np.linalg.norm(weights @ fitted._known().vectors, axis=0)
    assert np.all(np.diff(energy) < 1e-2)
    assert fitted.matryoshka == (1, 2, 4, 8)


def test_a_text_embeds_alike_alone_and_among_others(fitted: Lsa) -> None:
    together = fitted.embed(texts(1_100))
    for row in (0, 511, 512, 1_099):
        assert np.array_equal(together[row], fitted.embed([texts(1_100)[row]])[0])


@pytest.mark.parametrize("text", ["", "…", "unheard words only"])
def test_a_text_without_a_known_word_is_the_zero_vector(fitted: Lsa, text: str) -> None:
    assert not fitted.embed([text]).any()
    assert fitted.embed([]).shape == (0, 8)


def test_fitting_again_gives_the_same(fitted: Lsa) -> None:
    again = Lsa.fit((text for text in texts()), dims=8)
    assert again.identity == fitted.identity
    assert Lsa.fit(texts(299), dims=8).identity != fitted.identity
    assert isinstance(again, Embedder)


def test_what_is_saved_is_loaded_and_embeds_to_the_bit_as_before(fitted: Lsa, tmp_path: Path) -> None:
    fitted.save(tmp_path / "fitted")
    loaded = Lsa.load(tmp_path / "fitted")
    assert loaded.identity == fitted.identity
    assert loaded.embed(texts()).tobytes() == fitted.embed(texts()).tobytes()
    frame = pl.read_ipc(tmp_path / "fitted")
    assert frame.columns == ["term", "vector"]
    assert frame.height == len(fitted.terms)


def test_max_terms_keeps_those_in_most_texts() -> None:
    assert set(Lsa.fit(texts(), dims=2, max_terms=4).terms) <= set(COMMON)


@pytest.mark.parametrize(
    ("given", "options", "told"),
    [
        (["one text"], {"dims": 2}, "1 texts"),
        ([], {"dims": 1}, "0 texts"),
        (["", "…"], {"dims": 1}, "2 texts"),
        (["a b", "c d"], {"dims": 1, "min_texts": 5}, "2 texts"),
        (["a b c", "a b d"], {"dims": 4, "min_texts": 1}, "dims is 4, and there are 2 texts"),
        ("one str", {}, "one str"),
        (["a", None], {}, r"texts\[1\]"),
        (["a b", "b c"], {"dims": 0}, "dims"),
        (["a b", "b c"], {"max_terms": 0}, "max_terms"),
        (["a b", "b c"], {"min_texts": 0}, "min_texts"),
    ],
    ids=repr,
)
def test_what_can_not_be_fitted_to_is_refused(given: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ks.InvalidInput, match=told):
        Lsa.fit(given, **options)


def test_a_file_that_is_another_is_refused(tmp_path: Path, fitted: Lsa) -> None:
    with pytest.raises(ks.Unavailable):
        Lsa.load(tmp_path / "missing")
    path = tmp_path / "file"
    fitted.save(path)
    good = path.read_bytes()
    frames = [pl.DataFrame({"term": ["a"]}), pl.DataFrame({"term": ["a"], "vector": [1.0]})]
    frames += [pl.DataFrame({"term": [7], "vector": pl.Series([[1.0]], dtype=pl.Array(pl.Float16, 1))})]
    frames += [pl.DataFrame({"term": ["a"], "vector": pl.Series([[float("nan")]], dtype=pl.Array(pl.Float16, 1))})]
    for bad in (b"", b"no arrow", good[:-30], good[:100], *frames):
        if isinstance(bad, bytes):
            path.write_bytes(bad)
        else:
            bad.write_ipc(path)
        with pytest.raises(ks.Corrupt):
            Lsa.load(path)


def test_an_identity_that_is_another_version_s_or_no_such_is_refused(fitted: Lsa) -> None:
    good = fitted.identity
    assert from_identity(good, lambda: fitted.fitted).embed(["cat"]).tobytes() == fitted.embed(["cat"]).tobytes()
    bad: list[dict[str, object]] = [{**good, "version": 2}, {**good, "fitted": "../x"}, {**good, "more": 1}]
    bad += [{**good, "dims": 0}, {**good, "bytes": "many"}, {**good, "fitted": None}]
    for identity in bad:
        with pytest.raises(ks.InvalidInput):
            from_identity(identity, lambda: b"")
    with pytest.raises(ks.InvalidInput, match="where its space is"):
        from_identity(good)
    other = from_identity({**good, "fitted": "0" * 64}, lambda: fitted.fitted)
    with pytest.raises(ks.Corrupt, match="checksum"):
        other.embed(["cat"])


GOLDEN = (  # what the first version wrote, compressed
    "c-qxdJxjzu5Pi9e-l5@$(c%gV!N$VIMxt1Fzd*UhIvl|ZdKz-k+QQQRpymAnKe~h9|F96Tuuu!JP~w}-o+N>QtrKQu-@KXG>`v0@"
    "c6avH029D_nx+eowLv?BSu|-)d@^n^(&Qs-jkb@h=7QWV{g&bZ!-lFBZbYt4Z%?>7lt^6oAod4>KZt9JnP#3z3!M7B_&5Sy$gL7D"
    "QKgsBmVOSiY|N>yma6<xJx#T5>_-D=VK{x(?<2j&I-Z@g&gyy9&mwvv-_ZOybw%d^E$(eH$5s&oMVUgigxa5#;#GJt7nAF1l=8~B"
    "Rl-u!^WsAOew17%m%hGX;2?-&|0v_-Uc!?on&b-}dck47-_Z9^;QK*Xb>91p<o0Ua7~QzbccO2uvnl%MIxhYoGB4!jwN3B-&P%54"
    "a0(_TZ>c#v=(<<!$EAM%^4tC9qN9GyA2oP|bp"
)


def test_what_the_first_version_wrote_is_read_and_embeds_as_it_did(tmp_path: Path) -> None:
    (tmp_path / "fitted").write_bytes(zlib.decompress(base64.b85decode("".join(GOLDEN))))
    old = Lsa.load(tmp_path / "fitted")
    assert old.identity == {
        "name": "lsa",
        "version": 1,
        "dims": 2,
        "normalised": True,
        "fitted": "99b2e13049b399a2c26eb627ec4b54af07037bc404fd94e38471a151df6e5e39",
        "bytes": 927,
    }
    expected = [[0.771251, -0.636531], [0.696098, 0.717946], [0.880412, -0.47421]]
    assert np.allclose(old.embed(["cat", "a ship at sea", "größe größe kitten"]), expected, atol=1e-5)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(ks.Unavailable, match=r"kinspace\[lsa\]"):
        Lsa.fit(texts(), dims=2)
