"""kinspace query --like, --unlike, --diversity and --boost."""

from __future__ import annotations

from typing import Any

import pytest

import kinspace as ks
from shell import Shell


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (("--like", "doc-03"), {"positive": ["doc-03"]}),
        (("--like", "doc-03", "--like", "doc-04"), {"positive": ["doc-03", "doc-04"]}),
        (
            ("--like", "doc-03", "--unlike", "doc-09", "--unlike", "doc-10"),
            {"positive": ["doc-03"], "negative": ["doc-09", "doc-10"]},
        ),
        (("--key", "doc-03", "--unlike", "doc-09"), {"positive": ["doc-03"], "negative": ["doc-09"]}),
        (
            ("--vector", "[1, 2, 3, 4, 5, 6]", "--unlike", "doc-09"),
            {"positive": [[1, 2, 3, 4, 5, 6]], "negative": ["doc-09"]},
        ),
        (("--unlike", "doc-09"), {"negative": ["doc-09"]}),
        (("--key", "doc-03", "--diversity", "0.5"), {"key": "doc-03", "diversity": 0.5}),
        (
            ("--like", "doc-03", "--boost", "0.1 * score", "--exact"),
            {"key": "doc-03", "boost": "0.1 * score", "exact": True},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_answer_is_that_of_nearest_neighbors(
    loaded: Shell, options: tuple[str, ...], asked: dict[str, Any]
) -> None:
    told = loaded.json("query", "docs", *options, "-k", 4)
    with ks.connect(loaded.hub) as hub:
        hits = hub.get_space("docs").nearest_neighbors(4, **asked)
    assert [(hit["key"], hit["distance"]) for hit in told["hits"]] == list(hits)
    assert told["exact"] == hits.exact


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "give exactly one of words, key, vector, vector-file, like; got none"),
        (("--like", "doc-03", "--key", "doc-04"), "got key and like"),
        (("--like", "doc-03", "--diversity", "2"), "diversity must be a number in 0…1"),
        (("--like", "doc-03", "--boost", "title"), "boost must be a number"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_said_in_one_line(loaded: Shell, options: tuple[str, ...], told: str) -> None:
    loaded.fails("query", "docs", *options, kind="invalid-input", told=told)


def test_a_key_that_is_not_there_is_named(loaded: Shell) -> None:
    loaded.fails("query", "docs", "--unlike", "gone", kind="key-not-found", told="'gone'")
