"""Some rows' terms as numbers: how often each row holds a term is counted for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .analysis import GAP

K1, B = 1.2, 0.75  # tantivy's own
_BASE = 0x9E3779B97F4A7C15  # odd, so that its powers have inverses
_INVERSE = pow(_BASE, -1, 1 << 64)
_ALL = (1 << 64) - 1
_SLACK = 1 + 1e-9
_GAP, _SPACED = GAP.encode(), f" {GAP} ".encode()


class Counted:
    """Rows and their terms' hashes (Karp and Rabin 1987): what is counted may be too high, and never too low."""

    def __init__(self, rows: NDArray[np.int64], texts: Sequence[bytes], lengths: NDArray[np.uint32]) -> None:
        self.rows = rows
        self._lengths = lengths.astype(np.float64)  # terms of each row
        gaps = [text.count(_GAP) + 1 for text in texts]  # one after each part: no phrase spans it
        self._row = np.repeat(np.arange(len(rows), dtype=np.int32), lengths + np.array(gaps, np.int64))
        self._hashes = _hashes(b"".join([text + _GAP for text in texts]).replace(_GAP, _SPACED))
        if len(self._row) != len(self._hashes):
            raise ValueError("rows and their terms don't belong together")

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


def _hashes(text: bytes) -> NDArray[np.uint64]:
    """The hash of each term; a space follows each, the last too."""
    codes = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(codes == ord(" "))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])[: len(ends)]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes * _powers(_BASE, len(codes)), dtype=np.uint64)])
    hashes: NDArray[np.uint64] = (sums[ends] - sums[starts]) * _powers(_INVERSE, len(codes))[starts]
    return hashes


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    """1, base, base^2…, modulo 2^64."""
    powers: NDArray[np.uint64] = np.full(count, base, np.uint64)
    powers[:1] = 1
    np.multiply.accumulate(powers, out=powers)
    return powers
