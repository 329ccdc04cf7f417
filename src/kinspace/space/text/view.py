"""Full text of a view: every part's indexes, what they say together of each word, and the best rows of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...explain import UNTRACED, Trace
from ...storage.reader import SegmentReader
from ...text.counted import Counted
from ...text.fulltext import Sizes, TextIndex, idf
from ...text.question import Clause, Question, Role
from ..columns.masks import keep
from ..parts.bits import Words, unpack
from ..parts.part import Part
from .columns import TextColumns, text_columns
from .index import segment_text
from .streams import Place, Ranked, Stream
from .tail import tail_indexes

if TYPE_CHECKING:
    from ..state.store import Store
    from ..state.view import View

_MARGIN = 8  # candidates more than rows wanted: lengths are rounded in the index, and the average may be another
_MORE = 3  # times as many candidates when those are not enough
_FEW = 128  # rows allowed that are scored one by one, without asking the index
_SHARE = 0.05  # of rows at most whose terms are counted: the fewer are allowed, the more the index is asked for
_COUNTED, _IN_ALL = 200_000, 1_000_000  # terms of a part, and of a view, at most
_AT_ONCE = (
    400  # terms times rows, for a row of the index: fewer are counted sooner than it is asked, more the next time
)
_KEPT, _ONCE = 8, 64  # filters whose rows' terms are at hand, and that were met once
_EXPANDED = 128  # terms of a prefix that are scored: those most rows hold
_REST = 1e-6  # what a row scores for holding any, where a prefix has more: it is found, after others
_COUNTS = 65_536  # that are kept, of a part and of a view
_DEAD = ("dead",)  # no term's name
_SLACK = 1 + 1e-5  # scores in the index are float32


class Asked(NamedTuple):
    """What a question asks of a view: terms and phrases and their worth, and prefixes of more terms than these."""

    scored: list[tuple[tuple[str, ...], float]]
    begun: list[Clause]


class Found(NamedTuple):
    """Rows by text: positions, scores, and how many rows were scored to find them."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float64]
    scored: int


class ViewText:
    """What can be asked of a view's text. Scores are BM25 of the live rows alone, however they lie in segments."""

    def __init__(self, store: Store, view: View, columns: TextColumns) -> None:
        self.columns = columns
        self._view = view
        self._places: list[Place] = []
        for number, (part, start) in enumerate(zip(view.parts, view.starts, strict=False)):
            found: Sequence[TextIndex]
            if isinstance(part.source, SegmentReader):
                found = [segment_text(part.source, columns, keep=not store.readonly, durable=store.durable)]
            else:
                found = tail_indexes(view, part, columns)
            there = [Place(number, start, part, index, _live(part, index)) for index in found if index.sizes.filled]
            self._places += there
        sizes = [_sizes(place) for place in self._places]
        self.rows = sum(filled for filled, _ in sizes)  # live ones that have a term
        self.average = sum(total for _, total in sizes) / self.rows if self.rows else 1.0
        self._holding: dict[str, int] = {}
        self._counted: dict[tuple[int, ...], tuple[list[Words], dict[int, Counted]]] = {}  # by masks, then by index
        self._once: dict[tuple[int, ...], list[Words]] = {}  # masks are kept so that no others get their ids

    def search(self, question: Question, k: int, masks: list[Words] | None, trace: Trace = UNTRACED) -> Found:
        """The k best rows, ties by insertion order: proven to be the best."""
        with trace.stage("text", terms=len(question.clauses), parts=len(self._places)) as stage:
            found = self._search(question, k, masks)
            stage.note(scored=found.scored, found=len(found.positions))
        return found

    def _search(self, question: Question, k: int, masks: list[Words] | None) -> Found:
        positions, scores = np.empty(0, np.int64), np.empty(0)
        asked = self._asked(question) if k else Asked([], [])
        again = masks is not None and self._met(masks)
        places = self._places if asked.scored else []
        open_ = [one for place in places if (one := self._stream(place, question, asked, masks, again))]
        limit, least, scored = k + _MARGIN, -math.inf, 0
        while open_:
            fetched = [one.fetch(limit) for one in open_]
            fresh, bounds = (np.concatenate(each) for each in zip(*fetched, strict=True))
            fresh = fresh[(bounds >= least) & ~np.isin(fresh, positions)]
            exact = self._exact(asked, fresh)
            scored += len(fresh)
            positions = np.concatenate([positions, fresh[exact > 0]])
            scores = np.concatenate([scores, exact[exact > 0]])
            least = -math.inf if len(scores) < k else float(np.partition(scores, len(scores) - k)[len(scores) - k])
            open_ = [one for one in open_ if one.reach > -math.inf and one.reach >= least]
            limit *= _MORE
        order = np.lexsort((self._view.seqs(positions), -scores))[:k]
        return Found(positions[order], scores[order], scored)

    def scores(self, question: Question, positions: NDArray[np.int64], found: Found) -> NDArray[np.float64]:
        """The scores of those rows, some of which were found; 0 where nothing that is asked holds."""
        scores = np.zeros(len(positions))
        there = np.isin(positions, found.positions)
        order = np.argsort(found.positions)
        places = np.searchsorted(found.positions, positions[there], sorter=order)
        scores[there] = found.scores[order][places]
        scores[~there] = self._exact(self._asked(question), positions[~there])
        return scores

    def limited(self, question: Question, masks: list[Words] | None) -> list[Words] | None:
        """The masks, less the rows that lack what has to be there or hold what must not."""
        from ...filter import pack_bits

        limits = [clause for clause in question.clauses if clause.role != Role.ANY]
        if not limits:
            return masks
        bits = [
            np.ones(part.rows, np.bool_) if masks is None else unpack(masks[number], part.rows).copy()
            for number, part in enumerate(self._view.parts)
        ]
        held = {(number, clause): np.zeros(len(one), np.bool_) for number, one in enumerate(bits) for clause in limits}
        for place, clause in product(self._places, limits):
            query = place.words.matches(clause)
            rows = np.empty(0, np.int64) if query is None else place.words.rows_of(query) + place.words.first
            here = held[place.number, clause]
            here[rows[rows < len(here)]] = True
        for (number, clause), here in held.items():
            bits[number] &= here if clause.role == Role.MUST else ~here
        return [pack_bits(one) for one in bits]

    def _stream(
        self, place: Place, question: Question, asked: Asked, masks: list[Words] | None, again: bool
    ) -> Stream | Ranked | None:
        """The rows of an index that may be found; None if none can."""
        index = place.words
        allowed = place.live if masks is None else _allowed(place, masks[place.number])
        share = 1.0 if allowed is None else np.count_nonzero(allowed) / index.rows
        if share == 0:
            return None
        if allowed is not None and share * index.rows <= _FEW and not question.limits:
            return Stream(place, None, allowed, 1.0, share)
        if masks is not None and allowed is not None and share <= _SHARE and not (question.limits or asked.begun):
            counted = self._count(place, masks, np.flatnonzero(allowed), again)
            if counted is not None:
                return Ranked(place, counted, counted.bounds(_encoded(asked), self.average))
        scored = [one for terms, weight in asked.scored if (one := index.worth(terms, weight)) is not None]
        must = [index.matches(clause) for clause in question.clauses if clause.role == Role.MUST]
        never = [index.matches(clause) for clause in question.clauses if clause.role == Role.NEVER]
        rest = [index.begins(clause, _REST) for clause in asked.begun]
        if not (scored or rest) or None in must:
            return None
        query = index.all_of([*scored, *rest], must, [one for one in never if one is not None])
        return Stream(place, query, allowed, max(1.0, self.average / index.average) * _SLACK, share)

    def _met(self, masks: list[Words]) -> bool:
        """Whether a question was asked behind the same filter before."""
        name = tuple(map(id, masks))
        met = name in self._once
        if not met:
            keep(self._once, name, masks, _ONCE)
        return met

    def _count(self, place: Place, masks: list[Words], rows: NDArray[np.int64], again: bool) -> Counted | None:
        """The terms of the rows that a mask allows, kept for the next question; None if the index is quicker."""
        name, index = tuple(map(id, masks)), place.start + place.words.first
        kept = self._counted.get(name)
        if kept is not None and index in kept[1]:
            return kept[1][index]
        terms = int(place.words.lengths[rows].sum(dtype=np.int64))
        if terms > _COUNTED or (not again and terms * len(rows) > _AT_ONCE * place.words.rows):
            return None
        if kept is None:
            kept = masks, {}
            keep(self._counted, name, kept, _KEPT)
        if terms + sum(one.terms for one in list(kept[1].values())) > _IN_ALL:
            return None
        counted = kept[1][index] = place.words.counted(rows)
        return counted

    def _asked(self, question: Question) -> Asked:
        """What is scored, and what it is worth: a phrase as much as its words; of a prefix its terms, one by one."""
        scored: dict[tuple[str, ...], float] = {}
        begun = []
        for clause, count in zip(question.clauses, question.counts, strict=True):
            if clause.role == Role.NEVER:
                continue
            each = [clause.terms]
            if clause.prefix:
                terms = self._beginning(clause)
                each = [(term,) for term in terms[:_EXPANDED]]
                begun += [clause] if len(terms) > _EXPANDED else []
                each += [(clause.stem,)] if clause.stem and (clause.stem,) not in each else []
            for one in each:
                worth = sum(idf(self.rows, self._held(term)) for term in one)
                scored[one] = scored.get(one, 0.0) + count * worth
        return Asked(list(scored.items()), begun)

    def _beginning(self, clause: Clause) -> list[str]:
        """The terms that begin so, those that most rows hold first; if there are more than are scored, not all."""
        found = {term for place in self._places for term in place.words.started(clause.terms[0], _EXPANDED + 1)}
        return sorted(found, key=lambda term: (-self._held(term), term))

    def _held(self, term: str) -> int:
        """How many live rows hold a term."""
        if term not in self._holding:
            if len(self._holding) >= _COUNTS:
                self._holding.clear()
            self._holding[term] = sum(_holding(place, term) for place in self._places)
        return self._holding[term]

    def _exact(self, asked: Asked, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rows' scores; 0 where nothing that is asked holds."""
        scores = np.zeros(len(positions))
        terms = _encoded(asked)
        rest = [(clause.terms[0].encode(), _REST) for clause in asked.begun]
        for place in self._places:
            rows = positions - (place.start + place.words.first)
            here = np.flatnonzero((rows >= 0) & (rows < place.words.rows))
            if len(here):
                scores[here] = place.words.scores(rows[here], terms, rest, self.average)
        return scores


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


def _encoded(asked: Asked) -> list[tuple[tuple[bytes, ...], float]]:
    return [(tuple(map(str.encode, terms)), weight) for terms, weight in asked.scored]


def _live(part: Part, index: TextIndex) -> NDArray[np.bool_] | None:
    """Which of the index's rows are live; None if they all are."""
    if part.live is None and index.stop <= part.rows:
        return None
    return _reaching(np.ones(part.rows, np.bool_) if part.live is None else unpack(part.live, part.rows), index)


def _allowed(place: Place, mask: Words) -> NDArray[np.bool_]:
    """Which of the index's rows are live, and match."""
    bits = _reaching(unpack(mask, place.part.rows), place.words)
    return bits if place.live is None else bits & place.live


def _reaching(bits: NDArray[np.bool_], index: TextIndex) -> NDArray[np.bool_]:
    """Of a part's bits those of the index's rows; False for rows that the part has not."""
    bits = bits[index.first : index.stop]
    return np.concatenate([bits, np.zeros(index.rows - len(bits), np.bool_)])


def _sizes(place: Place) -> Sizes:
    """How many live rows of an index have a term, and how many terms these have."""
    if place.live is None:
        return place.words.sizes
    found: Sizes = _kept(place, (id(place.words), None), place.words.sizes_of)
    return found


def _holding(place: Place, term: str) -> int:
    """How many live rows of an index hold a term."""
    if place.live is None:
        return place.words.holding(term)
    dead = _kept(place, (id(place.words), _DEAD), place.words.dead)
    return int(_kept(place, (id(place.words), term), lambda live: place.words.holding_of(term, live, dead)))


def _kept(place: Place, name: object, count: Callable[[NDArray[np.bool_]], Any]) -> Any:
    """What was counted, for as long as the same rows are live; the index too, lest another get its id."""
    counts = place.part.counts
    if name not in counts:
        if len(counts) >= _COUNTS:
            counts.clear()
        assert place.live is not None
        counts[name] = place.words, count(place.live)
    return counts[name][1]
