"""What full-text search takes words for: terms, of which a word's forms share one."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from functools import cache

from ..errors import InvalidInput
from .words import words_of

VERSION = 1  # of the rules below: an index made by others is made anew
SIMPLE = "simple"
ROW_END, GAP = "\0", "\1"  # as the core has them: after a row's text, and between parts of it that no phrase spans
_LONGEST = 64  # characters of a word that count
_ACCENTED = re.compile("([A-Za-z])[\u0300-\u036f]+")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "\u0131": "i", "ð": "d", "þ": "th"}
)
_OLD = {"porter", "dutch_porter"}  # what came before english and dutch
_stemming = threading.Lock()  # a stemmer is for one thread at a time
_stemmers: dict[str, object] = {}


@cache
def languages() -> tuple[str, ...]:
    """The languages whose words are stemmed, and "simple", which stems none."""
    import Stemmer

    return (SIMPLE, *sorted(set(Stemmer.algorithms()) - _OLD))


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


def rules(language: str) -> str:
    """All that decides which terms a text has, as one string: what an index says it was made by."""
    if language == SIMPLE:
        return f"{VERSION}/{SIMPLE}"
    import Stemmer

    return f"{VERSION}/{language}/{Stemmer.version()}"


def terms_of(words: Sequence[str], language: str) -> list[str]:
    """The term of each word, the words being such as words_of gives.

    Examples
    --------
    >>> terms_of(["compressing", "compressed", "cafés"], "english"), terms_of(["größe"], "simple")
    (['compress', 'compress', 'cafe'], ['grosse'])
    """
    cut = [word[:_LONGEST] for word in words]
    if language != SIMPLE:
        import Stemmer

        with _stemming:
            if language not in _stemmers:
                _stemmers[language] = Stemmer.Stemmer(language)
            cut = _stemmers[language].stemWords(cut)  # type: ignore[attr-defined]
    return [term if term.isascii() else _folded(term) for term in cut]


def texts_as_bytes(texts: Sequence[str]) -> bytes:
    """Rows' texts as the core's TextBuilder takes them: where they are not ASCII, the words that they have."""
    joined = ROW_END.join(texts) + ROW_END if texts else ""
    if joined.count(ROW_END) != len(texts):
        texts = [text.replace(ROW_END, " ") for text in texts]
        joined = ROW_END.join(texts) + ROW_END
    if not joined.isascii():
        joined = ROW_END.join(text if text.isascii() else _in_words(text) for text in texts) + ROW_END
    return joined.encode()


def _in_words(text: str) -> str:
    return GAP.join(" ".join(words_of(part)) for part in text.split(GAP))


def _folded(term: str) -> str:
    """The term without accents on Latin letters; others change the letter."""
    plain = _ACCENTED.sub(r"\1", unicodedata.normalize("NFD", term))
    return unicodedata.normalize("NFC", plain).translate(_LETTERS) or term
