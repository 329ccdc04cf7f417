"""What is asked of full text: words, phrases, prefixes, and what has to be there or must not."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from ..errors import InvalidInput
from .analysis import terms_of
from .words import is_lone, words_of

MOST_CLAUSES = 256  # different ones that are looked for; what follows is passed over
MOST_CHARACTERS = 100_000
MOST_TERMS = 256  # of a phrase, likewise
MOST_TIMES = 100  # that one clause counts
_QUOTES = str.maketrans("“”„«»", '"""""')
_TOKEN = re.compile(r'(?P<sign>[+-]?)(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')


class Role(IntEnum):
    """Whether a row may hold it, has to, or must not."""

    ANY = 0
    MUST = 1
    NEVER = 2


class Clause(NamedTuple):
    """One term, several as a phrase, or with `prefix` all terms that begin so."""

    role: Role
    terms: tuple[str, ...]
    prefix: bool = False
    stem: str = ""  # of a prefix that is a word itself


class Question(NamedTuple):
    """Clauses, each once, and how often each was asked for."""

    clauses: tuple[Clause, ...]
    counts: tuple[int, ...]

    @property
    def limits(self) -> bool:
        """Whether something has to be there or must not."""
        return any(clause.role != Role.ANY for clause in self.clauses)


def parse_question(text: object, language: str) -> Question:
    """Read what somebody typed. Whatever is no operator is words, so that any text can be asked.

    ``words`` any of which may be there, ``"a phrase"``, ``pre*``, ``+must`` and ``-never``. Signs count where a word
    begins, and have several parts (``+e-mail``) stand together as in a phrase.

    Raises
    ------
    InvalidInput
        If it is not a str, or has more than 100,000 characters.

    Examples
    --------
    >>> [clause.terms for clause in parse_question('+fast "image viewer" -gnome pyth*', "english").clauses]
    [('fast',), ('imag', 'viewer'), ('gnome',), ('pyth',)]
    >>> parse_question('" - + *', "english").clauses
    ()
    """
    if not isinstance(text, str):
        raise InvalidInput(f"a question is words as a str; got {type(text).__name__}")
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(f"a question has at most {MOST_CHARACTERS:,} characters; got {len(text):,}")
    text = text.encode("utf-8", "replace").decode().translate(_QUOTES)
    if text.count('"') % 2:
        last = text.rindex('"')
        text = f"{text[:last]} {text[last + 1 :]}"
    counts: dict[Clause, int] = {}
    for token in _TOKEN.finditer(text):
        for clause in _clauses(token, language):
            if clause in counts or len(counts) < MOST_CLAUSES:
                counts[clause] = min(MOST_TIMES, counts.get(clause, 0) + 1)
    return Question(tuple(counts), tuple(counts.values()))


def _clauses(token: re.Match[str], language: str) -> list[Clause]:
    role = {"+": Role.MUST, "-": Role.NEVER}.get(token["sign"], Role.ANY)
    if token["phrase"] is not None:
        terms = tuple(terms_of(words_of(token["phrase"])[:MOST_TERMS], language))
        return [Clause(role, terms)] if terms else []
    words = words_of(token["word"])[:MOST_TERMS]
    if not words:
        return []
    if token["word"].endswith("*"):
        plain, stem = terms_of(words[-1:], "simple")[0], terms_of(words[-1:], language)[0]
        started = Clause(role, (plain,), prefix=True, stem="" if stem.startswith(plain) else stem)
        return [*(Clause(role, (term,)) for term in terms_of(words[:-1], language)), started]
    terms = tuple(terms_of(words, language))
    if len(words) == 1 and is_lone(words[0]):
        return [Clause(role, terms, prefix=True)]
    return [Clause(role, terms)] if role != Role.ANY else [Clause(role, (term,)) for term in terms]
