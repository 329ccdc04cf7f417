"""What full-text search takes words for: terms, of which a word's forms share one."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from ..errors import InvalidInput
from .words import words_of

VERSION = 3  # of the rules below: an index made by others is made anew
SIMPLE = "simple"
GAP = "\1"  # between parts of a row's text that no phrase spans
_STEMMED = (
    "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian", "italian", "norwegian",
    "portuguese", "romanian", "russian", "spanish", "swedish", "tamil", "turkish",
)  # fmt: skip
_LONGEST = 64  # characters of a word that count
_KNOWN = 1 << 19  # words of a language whose terms are remembered
_ACCENTED = re.compile("([A-Za-z])[\u0300-\u036f]+")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "\u0131": "i", "ð": "d", "þ": "th"}
)
_learning = threading.Lock()  # an analyzer is for one thread at a time
_known: dict[str, dict[str, str]] = {}  # by language: words and their terms


def languages() -> tuple[str, ...]:
    """The languages whose words are stemmed, and "simple", which stems none."""
    return (SIMPLE, *_STEMMED)


def parse_language(language: object) -> str:
    """Return the language, or raise InvalidInput listing those there are.

    Examples
    --------
    >>> parse_language("German")
    'german'
    """
    name = language.lower() if isinstance(language, str) else language
    if name not in (known := languages()):
        raise InvalidInput(f"language must be one of {', '.join(known)}; got {language!r}")
    return str(name)


@cache
def rules(language: str) -> str:
    """All that decides which terms a text has and how they are stored, as one string: what an index was made by."""
    return f"{VERSION}/{language}/{version('tantivy')}"


def terms_of(words: Sequence[str], language: str) -> list[str]:
    """The term of each word, the words being such as words_of gives.

    Examples
    --------
    >>> terms_of(["compressing", "compressed", "cafés"], "english"), terms_of(["größe"], "simple")
    (['compress', 'compress', 'cafe'], ['grosse'])
    """
    known = _known.get(language, {})
    try:
        return list(map(known.__getitem__, words))
    except KeyError:
        return list(map(_learned(words, language).__getitem__, words))


def terms_of_parts(text: str, language: str) -> list[list[str]]:
    r"""The terms of a row's text, part by part.

    Examples
    --------
    >>> terms_of_parts("Compressing files.\1Fast!", "english")
    [['compress', 'file'], ['fast']]
    """
    return [terms_of(words_of(part), language) for part in text.split(GAP)]


def _learned(words: Iterable[str], language: str) -> dict[str, str]:
    """All words' terms that are known, these among them."""
    with _learning:
        known = _known.get(language, {})
        lacking = sorted({word for word in words if word not in known})
        if len(known) + len(lacking) > _KNOWN:
            known, lacking = {}, sorted(set(words))  # others may be reading the old one
        cut = [word[:_LONGEST] for word in lacking]
        if language != SIMPLE and cut:
            cut = _stemmer(language).analyze(" ".join(cut))
        known.update(zip(lacking, (term if term.isascii() else _folded(term) for term in cut), strict=True))
        _known[language] = known
        return known


@cache
def _stemmer(language: str) -> Any:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.stemmer(language)).build()


def _folded(term: str) -> str:
    """The term without accents on Latin letters; others change the letter."""
    plain = _ACCENTED.sub(r"\1", unicodedata.normalize("NFD", term))
    return unicodedata.normalize("NFC", plain).translate(_LETTERS) or term
