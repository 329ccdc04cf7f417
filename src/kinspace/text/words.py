"""A text's words, in any script."""

from __future__ import annotations

import re
import unicodedata

# Thai and Lao, Burmese, Khmer, kana, Han: written without spaces, so every two neighbouring letters are a word
_UNSPACED = "\u0e01-\u0ecd\u1000-\u109f\u1780-\u17d3\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
# signs inside words that Python's \w leaves out: accents that don't compose, vowel points, the Indic scripts' vowels
_SIGNS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u0dff\u0f71-\u0f84"
)

_ASCII = {code: " " for code in range(128) if not chr(code).isalnum()}  # what stands between words
_WORD = re.compile(rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_SIGNS}])+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")


def is_lone(word: str) -> bool:
    """Whether it is one letter of a script that is written without spaces, of which texts have pairs."""
    return len(word) == 1 and _IS_UNSPACED.match(word) is not None


def words_of(text: str) -> list[str]:
    """Return the words of a text, in order: runs of letters and digits, normalised (NFKC) and in lower case.

    >>> words_of("Don't split_me: №5 naïve Größe"), words_of("हिन्दी भाषा"), words_of("Python言語だ")
    (['don', 't', 'split', 'me', 'no5', 'naïve', 'größe'], ['हिन्दी', 'भाषा'], ['python', '言語', '語だ'])
    """
    if text.isascii():
        return text.lower().translate(_ASCII).split()
    words: list[str] = []
    for piece in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if len(piece) > 2 and _IS_UNSPACED.match(piece):
            words += [piece[i : i + 2] for i in range(len(piece) - 1)]
        else:
            words.append(piece)
    return words
