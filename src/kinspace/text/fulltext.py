"""Full text of consecutive rows as tantivy indexes it: which hold a term, a phrase or a prefix, and the likeliest."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .analysis import GAP, terms_of_parts
from .counted import K1, B, Counted
from .question import Clause

_TEXT, _ROW = "text", "row"
_HEAP = 64 << 20  # bytes of a writer's thread
_SMALL_HEAP = 15 << 20  # the least it takes
_SMALL = 4_096  # rows for which that is enough
_LENGTHS, _ENDS, _TERMS = "lengths.npy", "ends.npy", "terms.utf8"
_SPACE, _GAP = b" ", GAP.encode()
_REMOVALS = 20
_LOCKS = (".tantivy-writer.lock", ".tantivy-meta.lock")


class Sizes(NamedTuple):
    """How many rows have a term, and how many terms these have."""

    filled: int
    total: int


class TextIndex:
    """Rows from `first` on, as many as there are lengths: those that have a term are documents of a tantivy index.

    Their terms are kept end to end as well, since tantivy does not say how often a row holds one.
    """

    def __init__(
        self,
        index: Any,
        first: int,
        lengths: NDArray[np.uint32],
        ends: NDArray[np.uint64],
        terms: NDArray[np.uint8],
    ) -> None:
        whole = len(lengths) == len(ends) and bool((ends[1:] >= ends[:-1]).all())
        if not whole or (int(ends[-1]) if len(ends) else 0) != len(terms):
            raise ValueError("rows, their ends and their terms don't belong together")
        self.first = first
        self.lengths = lengths  # terms of each row
        self._ends = ends  # in `terms`, of each row
        self._terms = terms  # UTF-8: a space between two of a part, a gap between parts
        self.rows = len(lengths)
        self.sizes = self.sizes_of(None)
        self._index = index  # it has what the searcher looks at
        self._searcher = index.searcher()
        if self._searcher.num_docs != self.sizes.filled:
            raise ValueError(f"{self._searcher.num_docs} rows are indexed where {self.sizes.filled} were")

    def sizes_of(self, live: NDArray[np.bool_] | None) -> Sizes:
        """Of those rows, or of all."""
        lengths = self.lengths if live is None else self.lengths[live]
        return Sizes(int(np.count_nonzero(lengths)), int(lengths.sum(dtype=np.int64)))

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.first + self.rows

    @property
    def average(self) -> float:
        """The mean number of terms of the rows that have any."""
        return self.sizes.total / self.sizes.filled if self.sizes.filled else 1.0

    def holding(self, term: str) -> int:
        """How many rows hold a term."""
        return int(self._searcher.doc_freq(_TEXT, term))

    def dead(self, live: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The rows that have a term and are not live."""
        return np.flatnonzero(~live & (self.lengths > 0))

    def holding_of(self, term: str, live: NDArray[np.bool_], dead: NDArray[np.int64]) -> int:
        """How many of the live rows do; `dead` is what dead(live) gave."""
        from tantivy import Occur, Query

        holding = self.holding(term)
        if holding == 0:
            return 0
        if len(dead) > holding:
            return int(live[self.rows_of(_held((term,)))].sum())
        among = [(Occur.Must, _held((term,))), (Occur.Must, Query.term_set_query(_schema(), _ROW, dead.tolist()))]
        return holding - int(self._searcher.search(Query.boolean_query(among), 1).count)

    def started(self, prefix: str, most: int) -> list[str]:
        """The terms that begin so, and that most rows hold."""
        return [term for term, _ in self._searcher.terms_with_prefix(_TEXT, prefix, limit=most)]

    def best(self, query: Any, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows, at most so many, counting from 0, that answer a query best, and tantivy's scores, descending."""
        limit = min(limit, self.sizes.filled)
        if limit == 0:
            return np.empty(0, np.int64), np.empty(0)
        hits = self._searcher.search(query, limit, count=False).hits
        rows = self._searcher.fast_field_values(_ROW, [address for _, address in hits])
        return np.array(rows, np.int64), np.array([score for score, _ in hits], np.float64)

    def rows_of(self, query: Any) -> NDArray[np.int64]:
        """All rows that answer a query, counting from 0, in no order."""
        return self.best(query, self.sizes.filled)[0]

    def scores(
        self,
        rows: NDArray[np.int64],
        asked: Sequence[tuple[tuple[bytes, ...], float]],
        rest: Sequence[tuple[bytes, float]],
        average: float,
    ) -> list[float]:
        """BM25 of those rows, counting from 0, for terms and phrases and what each is worth.

        And `rest`: prefixes, and what it is worth to hold a term that begins so, however often.
        """
        found = []
        for text in self._texts(rows):
            parts = [part.split(_SPACE) for part in text.split(_GAP)] if text else []
            score = bm25(parts, asked, average)
            for prefix, worth in rest:
                score += worth if any(term.startswith(prefix) for part in parts for term in part) else 0.0
            found.append(score)
        return found

    def counted(self, rows: NDArray[np.int64]) -> Counted:
        """Those of the rows, counting from 0, that have terms, to count these in all of them at once."""
        rows = rows[self.lengths[rows] > 0]
        return Counted(rows, self._texts(rows), self.lengths[rows])

    def _texts(self, rows: NDArray[np.int64]) -> list[bytes]:
        """Their terms, as they are kept."""
        begins = np.where(rows > 0, self._ends[rows - 1], 0).tolist()
        return [self._terms[begin:end].tobytes() for begin, end in zip(begins, self._ends[rows].tolist(), strict=True)]

    def matches(self, clause: Clause) -> Any:
        """A query for the rows that a clause holds for; None if there are none."""
        from tantivy import Occur, Query

        if clause.prefix:
            found = [Query.regex_query(_schema(), _TEXT, f"{clause.terms[0]}.*")]
            if clause.stem:
                found.append(Query.term_query(_schema(), _TEXT, clause.stem))
            return Query.boolean_query([(Occur.Should, one) for one in found])
        if not all(map(self.holding, clause.terms)):
            return None
        return _held(clause.terms)

    def worth(self, terms: Sequence[str], weight: float) -> Any:
        """A query whose scores are BM25 of a term or phrase that is worth so much; None if no row holds it.

        Lengths of rows are rounded down in it, so that a score is never too low but for the average length.
        """
        from tantivy import Query

        holding = [self.holding(term) for term in terms]
        if not all(holding):
            return None
        here = sum(_idf32(self.sizes.filled, one) for one in holding)
        if here == 0:
            return Query.const_score_query(_held(terms), weight * (K1 + 1))
        return Query.boost_query(_held(terms), weight / here)

    def begins(self, clause: Clause, worth: float) -> Any:
        """A query for the rows that a prefix holds for, all of which it scores so."""
        from tantivy import Query

        return Query.const_score_query(self.matches(clause), worth)

    def all_of(self, scored: Iterable[Any], must: Iterable[Any], never: Iterable[Any]) -> Any:
        """A query for rows that one of `scored` finds, all of `must` and none of `never`."""
        from tantivy import Occur, Query

        some = Query.boolean_query([(Occur.Should, one) for one in scored])
        limits = [(Occur.Must, Query.const_score_query(one, 0.0)) for one in must]
        limits += [(Occur.MustNot, one) for one in never]
        return Query.boolean_query([(Occur.Must, some), *limits]) if limits else some


def make_index(
    batches: Iterable[Sequence[str]],
    language: str,
    rows: int,
    *,
    first: int = 0,
    folder: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> TextIndex:
    """Index so many rows' texts, which come some at a time; in an empty folder, or else in memory.

    `check` is called now and then; what it raises ends it.
    """
    from tantivy import Document, Index

    index = Index(_schema(), path=None if folder is None else str(folder))
    writer = index.writer(heap_size=_SMALL_HEAP if rows <= _SMALL else _HEAP, num_threads=1)
    lengths, ends, end = np.zeros(rows, np.uint32), np.zeros(rows, np.uint64), 0
    with io.BytesIO() if folder is None else (folder / _TERMS).open("wb") as kept:
        for row, text in enumerate(_one_by_one(batches, check)):
            parts = [part for part in terms_of_parts(text, language) if part] if text else []
            if parts:
                document = Document()
                values = list(map(" ".join, parts))
                for value in values:
                    document.add_text(_TEXT, value)
                document.add_unsigned(_ROW, row)
                writer.add_document(document)
                lengths[row] = sum(map(len, parts))
                end += kept.write(GAP.join(values).encode())
            ends[row] = end
        terms = np.frombuffer(kept.getvalue(), np.uint8) if isinstance(kept, io.BytesIO) else np.empty(0, np.uint8)
    check()
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    if folder is not None:
        for name in _LOCKS:
            (folder / name).unlink(missing_ok=True)
        np.save(folder / _LENGTHS, lengths, allow_pickle=False)
        np.save(folder / _ENDS, ends, allow_pickle=False)
        terms = _mapped(folder / _TERMS)
    return TextIndex(index, first, lengths, ends, terms)


def _mapped(path: Path) -> NDArray[np.uint8]:
    """A file's bytes; one that is empty can't be mapped."""
    return np.memmap(path, np.uint8, "r").view(np.ndarray) if path.stat().st_size else np.empty(0, np.uint8)


def _one_by_one(batches: Iterable[Sequence[str]], check: Callable[[], None]) -> Iterator[str]:
    for batch in batches:
        check()
        yield from batch


def open_index(folder: Path) -> TextIndex:
    """The index in a folder, whose files are as make_index left them; nothing is written there."""
    import shutil
    import tempfile

    from tantivy import Index

    place = Path(tempfile.mkdtemp(prefix="kinspace-"))  # tantivy makes locks beside what it opens
    try:
        for path in folder.iterdir():
            (place / path.name).symlink_to(path.resolve())
        lengths, ends = (np.load(folder / name, allow_pickle=False) for name in (_LENGTHS, _ENDS))
        return TextIndex(Index.open(str(place)), 0, lengths, ends, _mapped(folder / _TERMS))
    finally:
        for _ in range(_REMOVALS):  # a lock may come while it is removed
            shutil.rmtree(place, ignore_errors=True)
            if not place.exists():
                break


def idf(rows: int, holding: int) -> float:
    """What a term is worth that so many of all rows hold: Robertson and Spärck Jones', never below zero."""
    return math.log1p((rows - holding + 0.5) / (holding + 0.5))


def _idf32(rows: int, holding: int) -> float:
    """The same as tantivy has it, in single precision."""
    half, one = np.float32(0.5), np.float32(1)
    return float(np.log(one + (np.float32(rows - holding) + half) / (np.float32(holding) + half)))


def bm25(parts: Sequence[Sequence[bytes]], asked: Sequence[tuple[tuple[bytes, ...], float]], average: float) -> float:
    """The score of a row whose text has these terms, for terms and phrases and what each is worth.

    Robertson and Zaragoza 2009; a phrase counts as often as it occurs.
    """
    norm = K1 * (1 - B + B * sum(map(len, parts)) / average)
    score = 0.0
    for terms, weight in asked:
        times = 0
        for part in parts:
            here = part.count(terms[0])
            times += here if here == 0 or len(terms) == 1 else _times(part, terms)
        if times:
            score += weight * (K1 + 1) / (1 + norm / times)
    return score


def _times(part: Sequence[bytes], terms: tuple[bytes, ...]) -> int:
    return sum(tuple(part[at : at + len(terms)]) == terms for at in range(len(part) - len(terms) + 1))


def _held(terms: Sequence[str]) -> Any:
    from tantivy import Query

    if len(terms) == 1:
        return Query.term_query(_schema(), _TEXT, terms[0])
    return Query.phrase_query(_schema(), _TEXT, list(terms))


@cache
def _schema() -> Any:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field(_TEXT, stored=False, tokenizer_name="whitespace", index_option="position")
    builder.add_unsigned_field(_ROW, stored=False, indexed=True, fast=True)
    return builder.build()
