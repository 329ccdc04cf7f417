"""kinspace query by words: its modes, scores and extracts."""

from __future__ import annotations

import pytest

import kinspace as ks
from shell import Shell


@pytest.fixture
def told(shell: Shell) -> Shell:
    with ks.connect(shell.hub) as hub:
        space = hub.create_space("docs", embedder=ks.embed.Hashing(64))
        space.add_texts(["a", "b"], ["How to <compress> files\x1b[31m.", "Playing chess by mail."])
        hub.create_space("bare", dims=2).set("a", [1, 0], text="chess")
    return shell


def test_words_are_searched_as_the_mode_says(told: Shell) -> None:
    for mode, keys in (("text", ["b"]), ("hybrid", ["b", "a"]), ("vector", ["b", "a"])):
        found = told.json("query", "docs", "chess", "--mode", mode)["hits"]
        assert [hit["key"] for hit in found] == keys
        assert ("_score" in found[0]) == (mode != "vector")
    both = told.json("query", "docs", "chess")["hits"]
    assert both == told.json("query", "docs", "chess", "--mode", "hybrid")["hits"]
    assert both[0]["distance"] == -both[0]["_score"]
    assert both[0]["snippet"] == "Playing <b>chess</b> by mail."
    assert told.json("query", "docs", "compressing -chess", "--mode", "text")["hits"][0]["key"] == "a"


def test_extracts_are_shown_without_control_characters(told: Shell) -> None:
    shown = told.run("query", "docs", "compressing", "--mode", "text")
    assert "a: How to <compress> files·[31m." in shown
    assert "a higher score is better" in shown


def test_a_mode_that_does_not_fit_is_refused(told: Shell) -> None:
    told.fails("query", "docs", "chess", "--mode", "both", kind="invalid-input", told="'hybrid', 'vector' or 'text'")
    told.fails("query", "bare", "chess", "--mode", "text", kind="invalid-input", told="index_text")
    told.fails("query", "docs", "--key", "a", "--mode", "text", kind="invalid-input", told="--mode is for words")
    told.fails("query", "docs", "chess", "--mode", "text", "--dims", "3", kind="invalid-input", told="--dims")
