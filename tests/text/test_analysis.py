"""Terms: forms of a word, case and accents do not count, in the language that was chosen."""

from __future__ import annotations

import pytest

import kinspace as ks
from kinspace.text.analysis import languages, parse_language, terms_of


@pytest.mark.parametrize(
    ("language", "stored", "asked"),
    [
        ("english", "compressed archives", "compressing ARCHIVE"),
        ("german", "die größten Häuser", "grösste haus"),
        ("simple", "Crème brûlée", "creme BRULEE"),
        ("simple", "日本語のテキスト", "日本語"),
        ("russian", "красивые книги", "книга"),
        ("simple", "ﬁne №5", "fine no5"),
    ],
)
def test_forms_of_a_word_are_one_term(language: str, stored: str, asked: str) -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1], text=stored)
        space.set("b", [1], text="nothing of it")
        space.index_text("text", language=language)
        assert space.search(asked).keys == ["a"]


def test_simple_stems_nothing() -> None:
    assert terms_of(["files", "filing"], "simple") == ["files", "filing"]


def test_every_language_has_terms() -> None:
    for language in languages():
        assert all(terms_of(["a", "words", "größe", "x" * 1_000], parse_language(language.upper())))


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ks.errors.InvalidInput, match=r"english.*klingon"):
        parse_language("klingon")
