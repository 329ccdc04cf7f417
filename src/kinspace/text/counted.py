"""Some rows' terms as numbers: how often each row holds a term is counted for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .analysis import GAP

K1, B = 1.2, 0.75  # tantivy's own
_BASE = 0x9E3779B97F4A7C15  # of the hashes
_ALL = (1 << 64) - 1
_SLACK = 1 + 1e-9
_CHUNK = 1 << 16  # bytes whose terms are hashed together, about: what is made meanwhile is many times as large
_GAP, _SPACED = GAP.encode(), f" {GAP} ".encode()


class Counted:
    """Rows and their terms' hashes (Karp and Rabin 1987): what is counted may be too high, and never too low."""

    def __init__(self, rows: NDArray[np.int64], texts: Sequence[bytes], lengths: NDArray[np.uint32]) -> None:
        self.rows = rows
        self._lengths = lengths.astype(np.float64)  # terms of each row
        gaps = [text.count(_GAP) + 1 for text in texts]  # one after each part: no phrase spans it
        self._row = np.repeat(np.arange(len(rows), dtype=np.int32), lengths + np.array(gaps, np.int64))
        self._hashes = np.concatenate([np.empty(0, np.uint64), *map(_hashes, _chunks(texts))])
        if len(self._row) != len(self._hashes):
            raise ValueError("rows and their terms don't belong together")

    @property
    def terms(self) -> int:
        """How many there are, about."""
        return len(self._hashes)

    def bounds(self, asked: Sequence[tuple[tuple[bytes, ...], float]], average: float) -> NDArray[np.float64]:
        """What the rows' BM25 is not above, for terms and phrases and what each is worth."""
        norms = K1 * (1 - B + B * self._lengths / average)
        scores = np.zeros(len(self.rows))
        for terms, weight in asked:
            last = len(self._hashes) - len(terms) + 1
            held = np.ones(max(last, 0), np.bool_)
            for place, term in enumerate(terms):
                held &= self._hashes[place : place + max(last, 0)] == hash_of(term)
            times = np.bincount(self._row[np.flatnonzero(held)], minlength=len(self.rows))
            there = np.flatnonzero(times)
            scores[there] += weight * (K1 + 1) / (1 + norms[there] / times[there])
        return scores * _SLACK


def hash_of(term: bytes) -> np.uint64:
    """The hash of a term, as those of the rows' terms."""
    found = 0
    for byte in reversed(term):
        found = (found * _BASE + byte) & _ALL
    return np.uint64(found)


def _chunks(texts: Sequence[bytes]) -> Iterator[bytes]:
    """The texts one after the other, a gap after each, some at a time."""
    some: list[bytes] = []
    size = 0
    for text in texts:
        some += [text, _GAP]
        size += len(text)
        if size >= _CHUNK:
            yield b"".join(some).replace(_GAP, _SPACED)
            some, size = [], 0
    if some:
        yield b"".join(some).replace(_GAP, _SPACED)


def _hashes(text: bytes) -> NDArray[np.uint64]:
    """The hash of each term; a space follows each, the last too."""
    codes = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(codes == ord(" "))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    lengths = ends - starts
    place = np.arange(len(codes)) - np.repeat(starts, lengths + 1)  # in its term
    powers = np.full(int(lengths.max()) + 1, _BASE, np.uint64)
    powers[0] = 1
    np.multiply.accumulate(powers, out=powers)  # modulo 2^64
    values = codes * powers[place]
    values[ends] = 0
    hashes: NDArray[np.uint64] = np.add.reduceat(values, starts)
    return hashes
