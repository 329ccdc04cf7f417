"""Row bitmaps as 64-bit words: bit i of word i // 64 stands for row i."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def all_set(rows: int) -> Words:
    """Every row live; the bits past the last row are set too and mean nothing."""
    return np.full(-(-rows // 64), np.uint64(2**64 - 1))


def cleared(words: Words, rows: NDArray[np.int64]) -> Words:
    """A copy with those rows' bits cleared."""
    out = words.copy()
    at = rows.astype(np.uint64)
    np.bitwise_and.at(out, rows >> 6, ~(np.uint64(1) << (at & np.uint64(63))))
    return out


def also_set(words: Words, rows: NDArray[np.int64]) -> Words:
    """A copy with those rows' bits set."""
    out = words.copy()
    np.bitwise_or.at(out, rows >> 6, np.uint64(1) << (rows.astype(np.uint64) & np.uint64(63)))
    return out


def is_set(words: Words, row: int) -> bool:
    """Whether that row's bit is set."""
    return bool((int(words[row >> 6]) >> (row & 63)) & 1)


def are_set(words: Words, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of those rows' bits are set."""
    shifts = (rows & 63).astype(np.uint64)
    found: NDArray[np.bool_] = ((words[rows >> 6] >> shifts) & np.uint64(1)).astype(np.bool_)
    return found


def unpack(words: Words, rows: int) -> NDArray[np.bool_]:
    """One bool a row."""
    return np.unpackbits(words.view(np.uint8), count=rows, bitorder="little").view(np.bool_)
