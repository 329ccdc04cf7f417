"""Full text of a view: every part's pieces, what they say together of each word, and the best rows of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Corrupt, InvalidInput
from ..storage.reader import SegmentReader
from ..text.fulltext import Piece, idf
from ..text.question import Clause, Question, Role
from .bits import Words, all_set, unpack
from .part import Part
from .tail_text import tail_pieces
from .text_columns import TextColumns, text_columns
from .text_index import segment_text

if TYPE_CHECKING:
    from .. import _core
    from .store import Store
    from .view import View

_KEPT = 65_536  # counts that are kept of a part
Asked = list[tuple["_core.TextList", float, int]]


class Place(NamedTuple):
    """A piece, where it lies in the view, and which of its part's rows are live (None: all)."""

    number: int  # of the part
    start: int  # position of the part's first row
    part: Part
    piece: Piece
    live: Words | None


class ViewText:
    """What can be asked of a view's text. Scores are BM25 of the live rows alone, however they lie in segments."""

    def __init__(self, store: Store, view: View, columns: TextColumns) -> None:
        self.columns = columns
        self._view = view
        self._places: list[Place] = []
        for number, (part, start) in enumerate(zip(view.parts, view.starts, strict=False)):
            pieces: Sequence[Piece]
            if isinstance(part.source, SegmentReader):
                pieces = segment_text(part.source, columns, keep=not store.readonly, durable=store.durable)
            else:
                pieces = tail_pieces(view, part, columns)
            self._places += [Place(number, start, part, piece, _live(part, piece)) for piece in pieces]
        sizes = [_sizes(place) for place in self._places]
        self.rows = sum(filled for filled, _ in sizes)  # live ones that have a term
        self.average = sum(total for _, total in sizes) / self.rows if self.rows else 1.0

    def search(
        self, question: Question, k: int, masks: list[Words] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions and scores of the k best rows, ties by insertion order; scores in units of 2**-32."""
        positions, scores, need = np.empty(0, np.int64), np.empty(0, np.int64), 0
        with _believed():
            asked = self._asked(question) if k else []
            largest_first = sorted(zip(self._places, asked, strict=False), key=lambda one: -one[0].piece.words.rows)
            for place, clauses in largest_first:
                if clauses is None:
                    continue
                piece, mask = place.piece, None if masks is None else _reaching(masks[place.number], place.piece)
                rows, found = piece.words.search(
                    clauses, k, self.average, need=need, first=piece.first, live=place.live, mask=mask
                )
                positions = np.concatenate([positions, rows + (place.start + piece.first)])
                scores = np.concatenate([scores, found])
                if len(scores) >= k:  # what is less can't be among them any more
                    need = int(np.partition(scores, len(scores) - k)[len(scores) - k])
        order = np.argsort(-scores, kind="stable")
        if bool((scores[order][1:] == scores[order][:-1]).any()):
            order = np.lexsort((self._view.seqs(positions), -scores))
        order = order[:k]
        return positions[order], scores[order]

    def scores(self, question: Question, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The scores of those rows; 0 where nothing that is asked holds."""
        out = np.zeros(len(positions), np.int64)
        with _believed():
            for place, clauses in zip(self._places, self._asked(question), strict=True):
                first = place.start + place.piece.first
                here = np.flatnonzero((positions >= first) & (positions < first + place.piece.words.rows))
                if clauses is None or len(here) == 0:
                    continue
                here = here[np.argsort(positions[here], kind="stable")]
                out[here] = place.piece.words.scores_of(clauses, self.average, positions[here] - first)
        return out

    def limited(self, question: Question, masks: list[Words] | None) -> list[Words] | None:
        """The masks, less the rows that lack what has to be there or hold what must not."""
        from ..filter import pack_bits

        limits = [clause for clause in question.clauses if clause.role != Role.ANY]
        if not limits:
            return masks
        bits = [
            np.ones(part.rows, np.bool_) if masks is None else unpack(masks[number], part.rows).copy()
            for number, part in enumerate(self._view.parts)
        ]
        with _believed():
            for place, clause in product(self._places, limits):
                held = np.zeros(place.piece.words.rows, np.bool_)
                found = place.piece.held(clause)
                if found is not None:
                    held[found.rows()] = True
                span = bits[place.number][place.piece.first : place.piece.stop]
                span &= (held if clause.role == Role.MUST else ~held)[: len(span)]
        return [pack_bits(one) for one in bits]

    def _asked(self, question: Question) -> list[Asked | None]:
        """For each piece what is asked of it; None where nothing can be found."""
        held = [self._held(clause) for clause in question.clauses]
        weights = [
            count * self._weight(clause, lists)
            for clause, count, lists in zip(question.clauses, question.counts, held, strict=True)
        ]
        asked: list[Asked | None] = []
        for lists in zip(*held, strict=True) if held else ((),) * len(self._places):
            there = zip(question.clauses, weights, lists, strict=True)
            clauses = [(found, weight, int(clause.role)) for clause, weight, found in there if found is not None]
            lacking = any(
                found is None and clause.role == Role.MUST
                for clause, found in zip(question.clauses, lists, strict=True)
            )
            some = any(role != Role.NEVER for *_, role in clauses)
            asked.append(clauses if some and not lacking else None)
        return asked

    def _held(self, clause: Clause) -> list[_core.TextList | None]:
        """For each piece the rows that a clause holds for."""
        return [place.piece.held(clause) for place in self._places]

    def _weight(self, clause: Clause, lists: Sequence[_core.TextList | None]) -> float:
        """What a clause is worth: a phrase as much as its words."""
        if clause.role == Role.NEVER:
            return 0.0
        if clause.prefix or len(clause.terms) == 1:
            return idf(self.rows, self._holding(clause, lists))
        words = [Clause(Role.ANY, (term,)) for term in clause.terms]
        return sum(idf(self.rows, self._holding(word, self._held(word))) for word in words)

    def _holding(self, clause: Clause, lists: Sequence[_core.TextList | None]) -> int:
        """How many live rows hold it."""
        return sum(
            found.count() if place.live is None else _live_count(place, clause._replace(role=Role.ANY), found)
            for place, found in zip(self._places, lists, strict=True)
            if found is not None
        )


def view_text(store: Store, view: View) -> ViewText:
    """The view's text; InvalidInput if the space has none."""
    columns = text_columns(view)
    if columns is None:
        raise InvalidInput(
            f"space {store.name!r} has no full text; space.index_text('column') chooses what is searched"
        )
    if view.text is None:
        view.text = ViewText(store, view, columns)
    found: ViewText = view.text
    return found


def _live(part: Part, piece: Piece) -> Words | None:
    """The part's live rows as far as the piece reaches; None if they are all of its rows."""
    if part.live is None and piece.stop <= part.rows:
        return None
    live = all_set(part.rows) if part.live is None else part.live
    live = live[: -(-part.rows // 64)].copy()
    if part.rows % 64:
        live[-1] &= np.uint64((1 << part.rows % 64) - 1)
    return _reaching(live, piece)


def _reaching(words: Words, piece: Piece) -> Words:
    """The bitmap with a bit for each of the piece's rows; those past its end are not set."""
    lacking = -(-piece.stop // 64) - len(words)
    return words if lacking <= 0 else np.concatenate([words, np.zeros(lacking, np.uint64)])


def _sizes(place: Place) -> tuple[int, int]:
    """How many live rows of a piece have a term, and how many terms these have."""
    piece = place.piece
    if place.live is None:
        return piece.sizes(None)
    name = (id(piece), "sizes")
    if name not in place.part.counts:
        sizes = piece.sizes(unpack(place.live, piece.stop)[piece.first :])
        _keep(place.part, name, piece, sizes)
    found: tuple[int, int] = place.part.counts[name][1]
    return found


def _live_count(place: Place, clause: Clause, held: _core.TextList) -> int:
    name = (id(place.piece), clause)
    if name not in place.part.counts:
        _keep(place.part, name, place.piece, held.count(place.live, place.piece.first))
    return int(place.part.counts[name][1])


def _keep(part: Part, name: object, piece: Piece, counted: object) -> None:
    """For as long as the same rows are live; the piece too, lest another get its id."""
    if len(part.counts) >= _KEPT:
        part.counts.clear()
    part.counts[name] = piece, counted


@contextmanager
def _believed() -> Iterator[None]:
    """What the core can't believe is Corrupt."""
    try:
        yield
    except ValueError as error:
        raise Corrupt(f"the text of a part of the space can't be searched: {error}; index() makes it anew") from error
