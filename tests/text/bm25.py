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

    def worth(terms: tuple[str, ...], prefix: bool, stem: str) -> float:
        holding = sum(times(parts, terms, prefix, stem) > 0 for parts in filled.values())
        return math.log1p((len(filled) - holding + 0.5) / (holding + 0.5))

    weights = [
        count
        * (worth(terms, prefix, stem) if prefix or len(terms) == 1 else sum(worth((one,), False, "") for one in terms))
        for (_, terms, prefix, stem), count in zip(*question, strict=True)
    ]
    found: list[tuple[int, int, str]] = []
    for place, (key, parts) in enumerate(filled.items()):
        norm = 1.2 * 0.25 + 1.2 * 0.75 / average * sum(map(len, parts))
        score, scored, possible = 0, False, True
        for (role, terms, prefix, stem), weight in zip(question.clauses, weights, strict=True):
            tf = times(parts, terms, prefix, stem)
            if (role == Role.MUST and tf == 0) or (role == Role.NEVER and tf > 0):
                possible = False
            if role == Role.NEVER or tf == 0:
                continue
            scored = True
            score += math.floor(weight * 2.2 / (1 + norm / tf) * 2.0**32 + 0.5)
        if scored and possible and (allowed is None or key in allowed):
            found.append((-score, place, key))
    return [(key, -score / 2.0**32) for score, _, key in sorted(found)]
