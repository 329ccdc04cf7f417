"""An embedder that needs nothing: words and their parts, hashed into a fixed number of signed dimensions."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from xxhash import xxh3_64_intdigest

from ..errors import InvalidInput
from ..text.words import words_of
from ..types import parse_dims
from .rarity import FULL, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

VERSION = 1  # of everything below that changes a vector: raise it when any of it changes

_SHORTEST, _LONGEST = 2, 5  # characters in a part of a word
_WORD_UNIT = 64  # the weight of a rare word's own feature; of all its parts together, in norm, twice that
_LONGEST_WORD = 64  # characters that are looked at; whatever is longer is no word
_TOP_BIT = np.uint64(1 << 63)  # of a hash: its sign
_OCCURRENCE_UNIT = 64
_LEAD = 16  # words after which position begins to tell
_BLOCK_TEXTS, _BLOCK_CHARACTERS = 512, 131_072  # embedded at once, which bounds memory


@dataclass(frozen=True)
class Hashing:
    """Embeds text by the signed hashing trick: no model, no training, no network, the same vectors everywhere.

    Texts that share words, or words that share parts, get near vectors; meaning beyond spelling is not seen
    ("car" and "automobile" are strangers). Use it for tests, demos, keyword-like search, or beside a real model.

    Parameters
    ----------
    dims : int
        Length of the vectors, 1…65,536. Fewer dimensions mean more collisions: 256 is usable, 512 good, above
        2,048 little changes.

    Notes
    -----
    A text is normalised (NFKC, lower case) and cut into words, or pairs of letters in scripts without spaces. Each
    word is hashed (xxh3) to one dimension and one sign, and so are its parts of 2 to 5 characters, its ends marked:
    Weinberger et al. 2009 (arXiv:0902.2206), with the parts of Bojanowski et al. 2016 (arXiv:1607.04606). Common
    English words count less, by a fixed table, so a vector depends on its own text alone. A word met c times, first
    as number p, counts sqrt(c · 16 / (16 + p)): repetition adds ever less, and what a text says first counts most.
    Every sum is one of whole numbers, so vectors agree to the bit on every machine; letters newer than a Python's
    Unicode tables are the one exception.

    Examples
    --------
    >>> embedder = Hashing(512)
    >>> vectors = embedder.embed(["Shuffle a list in place.", "Median of a list of numbers."])
    >>> vectors.shape, vectors.dtype
    ((2, 512), dtype('float32'))
    >>> near, far = vectors @ embedder.embed_one("how to shuffle lists")
    >>> bool(near > 2 * far)
    True
    """

    dims: int = 512

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", parse_dims(self.dims))

    @property
    def identity(self) -> dict[str, object]:
        """All that decides a vector: two embedders with the same identity embed alike."""
        return {"name": "hashing", "version": VERSION, "dims": self.dims}

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return one vector for each text.

        Parameters
        ----------
        texts : iterable of str
            Any length, any script. A text without a letter or digit gives a zero vector.

        Returns
        -------
        float32, shape (n, dims)
            Of length 1, or zero.

        Raises
        ------
        InvalidInput
            If `texts` is one string, or holds something that is not a string.

        Examples
        --------
        >>> Hashing(4).embed(["", "…"])
        array([[0., 0., 0., 0.],
               [0., 0., 0., 0.]], dtype=float32)
        """
        blocks = [self._embed_block(block) for block in _blocks(texts)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.dims), np.float32)

    def embed_one(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one text: float32, shape (dims,).

        Examples
        --------
        >>> bool((Hashing(64).embed_one("Ünïcode") == Hashing(64).embed(["ÜNÏCODE"])[0]).all())
        True
        """
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector

    def _embed_block(self, texts: list[list[str]]) -> NDArray[np.float32]:
        """Sum the features of each text's words, then divide by the norms."""
        dims, n = self.dims, len(texts)
        numbers: dict[str, int] = {}
        flat = [numbers.setdefault(word, len(numbers)) for words in texts for word in words]
        if not flat:
            return np.zeros((n, dims), np.float32)
        text, word, occurrence = _occurrences(texts, np.array(flat, np.int64), len(numbers))
        dimension, weight, starts = self._features(numbers)

        # one entry for each feature of each word of each text
        counts = np.diff(starts)[word]
        ends = np.cumsum(counts)
        entry = np.arange(ends[-1]) + np.repeat(starts[word] - (ends - counts), counts)
        cell = np.repeat(text * dims, counts) + dimension[entry]
        sums = np.bincount(cell, np.repeat(occurrence, counts) * weight[entry], n * dims).reshape(n, dims)
        # cumsum adds in index order; sum() would pair by the width of the machine's vectors
        norms = np.sqrt(np.cumsum(sums * sums, axis=1)[:, -1:])
        np.divide(sums, norms, out=sums, where=norms > 0)
        return sums.astype(np.float32)

    def _features(self, words: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """Return the features' dimensions and signed weights, and where each word's begin (and the last one's end)."""
        packed = [_hashes(word[:_LONGEST_WORD]) for word in words]
        hashes = np.frombuffer(b"".join(packed), np.uint64)
        starts = np.concatenate(([0], np.cumsum([len(piece) // 8 for piece in packed])))
        counts = np.diff(starts)
        rarity = np.array([WEIGHTS.get(word, FULL) for word in words])
        weights = np.repeat(np.rint(2 * _WORD_UNIT * rarity / np.sqrt(np.maximum(counts - 1, 1))), counts)
        weights[starts[:-1]] = _WORD_UNIT * rarity
        weights[hashes < _TOP_BIT] *= -1
        return (hashes % np.uint64(self.dims)).astype(np.int64), weights, starts


def _blocks(texts: Iterable[str]) -> Iterator[list[list[str]]]:
    """Yield the words of the texts, a bounded number of texts and characters at a time."""
    if isinstance(texts, (str, bytes)):
        raise InvalidInput(f"texts must be a list or other iterable of str; got one {type(texts).__name__}")
    block: list[list[str]] = []
    characters = 0
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInput(f"texts[{number}] must be a str; got {text!r:.80} ({type(text).__name__})")
        characters += len(text)
        block.append(words_of(text))
        if len(block) == _BLOCK_TEXTS or characters >= _BLOCK_CHARACTERS:
            yield block
            block, characters = [], 0
    if block:
        yield block


def _occurrences(
    texts: list[list[str]], flat: NDArray[np.int64], vocabulary: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return, for each text and each different word in it, both their numbers and what the word counts there."""
    lengths = np.array([len(words) for words in texts])
    begin = np.cumsum(lengths) - lengths
    pair = np.repeat(np.arange(len(texts)) * vocabulary, lengths) + flat
    pair, first, count = np.unique(pair, return_index=True, return_counts=True)
    text, word = np.divmod(pair, vocabulary)
    counts = np.rint(_OCCURRENCE_UNIT * np.sqrt(count * _LEAD / (_LEAD + first - begin[text])))
    return text, word, np.maximum(counts, 1.0)


@lru_cache(maxsize=32_768)
def _hashes(word: str) -> bytes:
    """Return the hashes of the word, with seed 1, and of its parts, as uint64 in a row."""
    parts = [xxh3_64_intdigest(part) for part in _parts(word)]
    return array("Q", [xxh3_64_intdigest(word.encode("utf-8", "surrogatepass"), 1), *parts]).tobytes()


def _parts(word: str) -> list[bytes]:
    """Return every run of 2 to 5 characters of "<word>", but for the whole.

    >>> _parts("on")
    [b'<o', b'on', b'n>', b'<on', b'on>']
    """
    marked = f"<{word}>"
    lengths = range(_SHORTEST, min(_LONGEST, len(marked) - 1) + 1)
    if marked.isascii():
        raw = marked.encode()
        return [raw[i : i + n] for n in lengths for i in range(len(raw) - n + 1)]
    return [marked[i : i + n].encode("utf-8", "surrogatepass") for n in lengths for i in range(len(marked) - n + 1)]
