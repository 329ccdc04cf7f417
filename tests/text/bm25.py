"""BM25 in plain Python over rows' texts, row by row: what full text has to answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

from kinspace.text.analysis import terms_of
from kinspace.text.question import Role, parse_question
from kinspace.text.words import words_of

Parts = Sequence[str]  # a row's text: of several columns


@cache
def _terms(text: str, language: str) -> list[str]:
    return terms_of(words_of(text), language)


def ranking(
    rows: Mapping[str, Parts], text: str, language: str = "english", allowed: set[str] | None = None
) -> list[tuple[str, float]]:
    """The rows that hold what is asked, in insertion order where scores are equal, and their scores."""
    held = {key: [_terms(part, language) for part in parts] for key, parts in rows.items()}
    filled = {key: parts for key, parts in held.items() if any(parts)}
    average = sum(len(part) for parts in filled.values() for part in parts) / max(1, len(filled))
    question = parse_question(text, language)

    def times(parts: list[list[str]], terms: tuple[str, ...], prefix: bool, stem: str) -> int:
        if prefix:
            return sum(term.startswith(terms[0]) or term == stem for part in parts for term in part)
        n = len(terms)
        return sum(tuple(part[i : i + n]) == terms for part in parts for i in range(len(part)))

    def idf(term: str) -> float:
        holding = sum(times(parts, (term,), False, "") > 0 for parts in filled.values())
        return math.log1p((len(filled) - holding + 0.5) / (holding + 0.5))

    vocabulary = {term for parts in filled.values() for part in parts for term in part}
    asked: list[tuple[tuple[str, ...], float]] = []
    for (role, terms, prefix, stem), count in zip(*question, strict=True):
        each = [terms]
        if prefix:  # its terms, one by one
            each = [(term,) for term in sorted(vocabulary) if term.startswith(terms[0]) or term == stem]
        if role != Role.NEVER:
            asked += [(one, count * sum(map(idf, one))) for one in each]

    found: list[tuple[float, int, str]] = []
    for place, (key, parts) in enumerate(filled.items()):
        held_here = [times(parts, terms, prefix, stem) > 0 for _, terms, prefix, stem in question.clauses]
        roles = [clause.role for clause in question.clauses]
        possible = all(here == (role == Role.MUST) for here, role in zip(held_here, roles) if role != Role.ANY)
        scores = [
            _score(times(parts, terms, False, ""), worth, sum(map(len, parts)) / average) for terms, worth in asked
        ]
        if any(scores) and possible and (allowed is None or key in allowed):
            found.append((-sum(scores), place, key))
    found.sort(key=lambda one: (round(one[0], 9), one[1]))
    return [(key, -score) for score, _, key in found]


def _score(times: int, worth: float, length: float) -> float:
    return worth * 2.2 * times / (times + 1.2 * (0.25 + 0.75 * length))
