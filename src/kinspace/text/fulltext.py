"""Full text of rows as the core searches it: pieces of bounded size, each an index of consecutive rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .analysis import terms_of, texts_as_bytes
from .question import Clause

PIECE_ROWS = 1 << 18
PIECE_BYTES = 128 << 20  # of text; its index takes up to three times as much while it is made
UNIT = 2.0**32  # scores are whole numbers of this

Bitmap = NDArray[np.uint64]


class Piece(NamedTuple):
    """The index of rows first…first + rows, and what it takes to know how long they are."""

    first: int
    words: _core.TextIndex
    arrays: dict[str, NDArray[Any]]
    filled: int  # rows that have a term
    total: int  # terms of all rows

    @classmethod
    def of(cls, first: int, arrays: dict[str, NDArray[Any]]) -> Piece:
        """The piece that these arrays are; ValueError or TypeError if they are none."""
        index = _core.TextIndex(arrays)
        lengths = arrays["lengths"]
        return cls(first, index, arrays, int(np.count_nonzero(lengths)), int(lengths.sum(dtype=np.uint64)))

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.first + self.words.rows

    def sizes(self, live: NDArray[np.bool_] | None) -> tuple[int, int]:
        """How many live rows have a term, and how many terms these have; one bool for each row."""
        if live is None:
            return self.filled, self.total
        lengths = self.arrays["lengths"][live]
        return int(np.count_nonzero(lengths)), int(lengths.sum(dtype=np.uint64))

    def held(self, clause: Clause) -> _core.TextList | None:
        """The rows that a clause holds for; None if there are none."""
        if clause.prefix:
            low, high = self.words.range(clause.terms[0])
            terms = list(range(low, high))
            also = self.words.find(clause.stem) if clause.stem else -1
            terms += [also] if also >= 0 else []
            return self.words.any_of(terms) if terms else None
        numbers = [self.words.find(term) for term in clause.terms]
        if min(numbers) < 0:
            return None
        return self.words.any_of(numbers) if len(numbers) == 1 else self.words.phrase(numbers)


def make_pieces(
    batches: Iterable[Sequence[str]], language: str, check: Callable[[], None] = lambda: None, first: int = 0
) -> Iterator[Piece]:
    """Index texts, which come some rows at a time. `check` is called now and then; what it raises ends it."""
    builder, size = _core.TextBuilder(), 0
    for batch in batches:
        check()
        texts = texts_as_bytes(batch)
        builder.add(texts)
        size += len(texts)
        if builder.rows >= PIECE_ROWS or size >= PIECE_BYTES:
            yield _finished(builder, language, first)
            first += builder.rows
            builder, size = _core.TextBuilder(), 0
    if builder.rows:
        yield _finished(builder, language, first)


def _finished(builder: _core.TextBuilder, language: str, first: int) -> Piece:
    of_words = [term.encode() for term in terms_of(builder.words(), language)]
    terms = sorted(set(of_words))
    number = {term: place for place, term in enumerate(terms)}
    term_of = np.fromiter((number[term] for term in of_words), np.uint32, len(of_words))
    arrays = builder.finish(term_of, len(terms))
    arrays["text"] = np.frombuffer(b"".join(terms), np.uint8)
    arrays["offsets"] = np.concatenate(([0], np.cumsum([len(term) for term in terms]))).astype(np.uint64)
    return Piece.of(first, arrays)


def stored(pieces: Sequence[Piece]) -> dict[str, NDArray[Any]]:
    """All arrays of some pieces, under names of their own."""
    return {f"{name}_{number}": array for number, piece in enumerate(pieces) for name, array in piece.arrays.items()}


def restored(arrays: Mapping[str, NDArray[Any]]) -> list[Piece]:
    """The pieces that stored() took apart; ValueError, TypeError or KeyError if they are none."""
    pieces: list[Piece] = []
    apart: dict[int, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        kind, _, number = name.rpartition("_")
        apart.setdefault(int(number), {})[kind] = array
    for place in range(len(apart)):
        pieces.append(Piece.of(pieces[-1].stop if pieces else 0, apart[place]))
    return pieces


def idf(rows: int, holding: int) -> float:
    """What a term is worth that so many of all rows hold: Robertson and Spärck Jones', never below zero."""
    return math.log1p((rows - holding + 0.5) / (holding + 0.5))
