"""kinspace reembed: the same texts by another embedder."""

from __future__ import annotations

from pathlib import Path

import pytest

import kinspace as ks
from shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    with ks.connect(shell.hub) as hub:
        docs = hub.create_space("docs", embedder=ks.embed.Hashing(16))
        docs.add_texts([f"k{n}" for n in range(30)], [f"text {n % 5} of group {n % 3}" for n in range(30)])
    return shell


def test_reembed_by_hashing_and_by_lsa(shell: Shell) -> None:
    told = shell.json("reembed", "docs", "wide", "--embedder", "hashing:64")
    assert (told["rows"], told["embedded"], told["dims"]) == (30, 30, 64)
    shown = shell.run("reembed", "docs", "fitted", "-e", "lsa:4")
    assert "lsa" in shown
    assert "30 rows embedded" in shown
    assert "overlap@10" in shown
    with ks.connect(shell.hub) as hub:
        assert hub.get_space("fitted").search("text 3", 1).rows["text"][0].startswith("text 3")


def test_reembed_goes_on_with_what_lsa_was_fitted_to_when_it_was_begun(shell: Shell) -> None:
    def stop(done: int, _: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with ks.connect(shell.hub) as hub:
        docs = hub.get_space("docs")
        lsa = ks.embed.Lsa.fit(docs.select("text").collect()["text"], dims=4)
        with pytest.raises(KeyboardInterrupt):
            docs.reembed(lsa, into="fitted", batch_size=10, progress=stop)
        docs.add_texts(["more"], ["a text that changes every fit to the texts"])
    assert shell.json("reembed", "docs", "fitted", "-e", "lsa:4")["embedded"] == 21


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--embedder", "minilm"), "--embedder is hashing:DIMS"),
        (("--embedder", "hashing:"), "--embedder is"),
        (("--embedder", "hashing:many"), "DIMS"),
        (("--embedder", "hashing:8", "--base-url", "http://x"), "--base-url is for"),
        (("--embedder", "lsa:4", "--text", "body"), "no column 'body'"),
        (("--embedder", "hashing:8", "--text", "body"), "no column 'body'"),
    ],
)
def test_reembed_says_what_is_wrong(shell: Shell, words: tuple[str, ...], told: str) -> None:
    shell.fails("reembed", "docs", "new", *words, kind="invalid-input", told=told)
