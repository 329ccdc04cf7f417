"""Snippets show where what was asked stands, and nothing in a text becomes markup."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from kinspace.text.question import parse_question
from kinspace.text.snippets import snippet


def cut(text: str, asked: str, length: int = 60, **marks: object) -> str:
    options = {"before": "<b>", "after": "</b>", "escape": True} | marks
    return snippet(text, parse_question(asked, "english"), "english", length=length, **options)  # type: ignore[arg-type]


def test_words_are_marked_in_whatever_form_they_stand() -> None:
    assert cut("It compresses Files.", "compressing file") == "It <b>compresses</b> <b>Files</b>."
    assert cut("A café", "cafe") == "A <b>café</b>"
    assert cut("pythonic", "pyth*") == "<b>pythonic</b>"
    assert cut("これは日本語です", "日本語") == "これは<b>日本語</b>です"
    assert cut("a phrase, a word", '"a phrase" -word') == "<b>a</b> <b>phrase</b>, <b>a</b> word"


def test_the_part_that_holds_most_of_it_is_shown() -> None:
    text = "first alpha. " + "nothing here. " * 40 + "then alpha beside beta " + "and nothing more. " * 40
    shown = cut(text, "alpha beta")
    assert "<b>alpha</b> beside <b>beta</b>" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_a_text_that_holds_none_of_it_is_shown_from_its_beginning() -> None:
    assert cut("one two three four five", "six", length=10) == "one two…"


def test_markup_in_a_text_is_text(space: ks.Space) -> None:
    (shown,) = space.search('everybody "image viewer"').snippets("body")
    assert "&lt;b&gt;<b>everybody</b>&lt;/b&gt; &amp; more" in shown
    (plain,) = space.search("everybody").snippets("body", before="[", after="]", escape=False)
    assert "<b>[everybody]</b> & more" in plain


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.sampled_from("ab <>&\"'é日 \n"), max_size=80),
    st.text(st.sampled_from('ab é日*"-'), max_size=12),
    st.integers(1, 40),
)
def test_a_snippet_is_a_stretch_of_the_text_no_longer_than_asked(text: str, asked: str, length: int) -> None:
    shown = cut(text, asked, length)
    bare = html.unescape(re.sub("</?b>", "", shown))
    assert "<" not in re.sub("</?b>", "", shown)
    assert shown.count("<b>") == shown.count("</b>")
    core = bare.removeprefix("…").removesuffix("…")
    assert core in text
    assert len(core) <= length


def test_snippets_are_in_hit_order_and_of_the_columns_asked(space: ks.Space) -> None:
    hits = space.search("files")
    assert hits.keys == ["gzip", "tar"]
    assert hits.snippets("title") == ["Compressing <b>files</b>", "Archives"]
    assert hits.snippets()[0].startswith("Compressing <b>files</b> A fast")
    for bad in ({"column": "place"}, {"length": 0}):
        with pytest.raises(ks.errors.InvalidInput):
            hits.snippets(**bad)
