"""Whatever somebody types is searched, or refused with InvalidInput; nothing else happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import kinspace as ks
from kinspace.text.question import MOST_CHARACTERS, MOST_CLAUSES, Role, parse_question

GARBAGE = st.text(st.sampled_from('ab*"+- \0\1😀\ud800é日:()~^\\/%_\n“'), max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.one_of(GARBAGE, st.text(max_size=60)))
def test_any_text_can_be_asked(text: str) -> None:
    question = parse_question(text, "english")
    assert all(clause.terms and all(clause.terms) for clause in question.clauses)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=GARBAGE)
def test_any_text_is_answered(space: ks.Space, text: str) -> None:
    hits = space.search(text)
    assert len(hits.snippets()) == len(hits) <= 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", [(Role.ANY, ("plain",)), (Role.ANY, ("word",))]),
        ('"a phrase"', [(Role.ANY, ("a", "phrase"))]),
        ("“a phrase”", [(Role.ANY, ("a", "phrase"))]),
        ("+must -never", [(Role.MUST, ("must",)), (Role.NEVER, ("never",))]),
        ('-"two words"', [(Role.NEVER, ("two", "word"))]),
        ("+e-mail", [(Role.MUST, ("e", "mail"))]),
        ("e-mail", [(Role.ANY, ("e",)), (Role.ANY, ("mail",))]),
        ('un"balanced', [(Role.ANY, ("un",)), (Role.ANY, ("balanc",))]),
        ("C++ - + * \" '", [(Role.ANY, ("c",))]),
    ],
    ids=str,
)
def test_operators_are_read(text: str, expected: list[object]) -> None:
    assert [(clause.role, clause.terms) for clause in parse_question(text, "english").clauses] == expected


def test_a_prefix_is_not_stemmed_and_its_stem_is_found_too(space: ks.Space) -> None:
    assert space.search("compressing*").keys == ["gzip"]
    assert space.search("compr*").keys == ["gzip"]
    assert space.search("archiv*").keys == ["tar"]


def test_words_asked_twice_count_twice(space: ks.Space) -> None:
    once, twice = space.search("chess"), space.search("chess chess")
    assert twice.scores[0] == pytest.approx(2 * once.scores[0])


def test_a_question_of_many_words_is_cut_and_a_huge_one_refused(space: ks.Space) -> None:
    many = parse_question(" ".join(f"w{number}" for number in range(10_000)), "simple")
    assert len(many.clauses) == MOST_CLAUSES
    with pytest.raises(ks.errors.InvalidInput, match="at most 100,000"):
        space.search("a" * (MOST_CHARACTERS + 1))


@pytest.mark.parametrize("text", ["files " * 16_000, '"' + "files " * 16_000 + '"', "a-" * 40_000, '" ' * 50_000])
def test_a_long_question_is_answered(space: ks.Space, text: str) -> None:
    assert len(space.search(text)) <= 2


@pytest.mark.parametrize("text", [None, 5, b"words", ["words"]])
def test_what_is_no_text_is_refused(space: ks.Space, text: object) -> None:
    with pytest.raises(ks.errors.InvalidInput, match="str"):
        space.search(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "   ", "-", "…", "-chess", "-chess -files", "nowhere", '"files single"'])
def test_what_holds_nowhere_finds_nothing(space: ks.Space, text: str) -> None:
    assert space.search(text).keys == []


def test_signs_limit_and_words_rank(space: ks.Space) -> None:
    assert space.search("+files archive").keys == ["tar", "gzip"]
    assert space.search("files -archive").keys == ["gzip"]
    assert space.search("+files +nowhere").keys == []
    assert space.search('"files and folders"').keys == ["tar"]


def test_a_phrase_does_not_span_columns_or_items_of_a_list() -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        space.set("a", [1], title="red", tags=["green apple", "tree"])
        space.index_text("title", "tags")
        assert space.search('"green apple"').keys == ["a"]
        assert space.search('"red green"').keys == space.search('"apple tree"').keys == []
        assert space.search("+red +tree").keys == ["a"]
