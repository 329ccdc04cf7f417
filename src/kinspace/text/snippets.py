"""Extracts of texts that show where what was asked stands."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from typing import NamedTuple

from .analysis import terms_of
from .question import Question, Role
from .words import words_of

_RUN = re.compile(r"\w+")
_UNSPACED = 2  # characters that a word of a script without spaces has


class _Match(NamedTuple):
    start: int
    stop: int
    term: str


def snippet(text: str, question: Question, language: str, *, length: int, before: str, after: str, escape: bool) -> str:
    """The `length` characters or so of a text that hold most of what was asked, marked; its beginning if none does.

    Examples
    --------
    >>> from kinspace.text.question import parse_question
    >>> text = "A viewer for pictures. It is fast, and shows <b>big</b> images of any kind at once."
    >>> asked = parse_question("big image", "english")
    >>> snippet(text, asked, "english", length=40, before="<b>", after="</b>", escape=True)
    '…shows &lt;b&gt;<b>big</b>&lt;/b&gt; <b>images</b> of any kind at…'
    """
    matches = _matches(text, question, language)
    start, stop = _best(text, matches, length)
    pieces, at = [], start

    def plain(piece: str) -> str:
        return html.escape(piece) if escape else piece

    for match in matches:
        if match.start < at or match.stop > stop:
            continue
        pieces += [plain(text[at : match.start]), before, plain(text[match.start : match.stop]), after]
        at = match.stop
    pieces.append(plain(text[at:stop]))
    return ("…" if start > 0 else "") + "".join(pieces) + ("…" if stop < len(text) else "")


def _matches(text: str, question: Question, language: str) -> list[_Match]:
    """Where something that was asked stands, in order; what overlaps is one."""
    asked = [clause for clause in question.clauses if clause.role != Role.NEVER]
    exact = {term for clause in asked if not clause.prefix for term in clause.terms}
    exact |= {clause.stem for clause in asked if clause.stem}
    started = tuple(clause.terms[0] for clause in asked if clause.prefix)
    runs = [(run.start(), words_of(run.group()), run.group()) for run in _RUN.finditer(text)]
    terms = iter(terms_of([word for _, words, _ in runs for word in words], language))
    matches: list[_Match] = []
    for at, words, run in runs:
        spans = _spans(at, words, run)
        for (start, stop), term in zip(spans, [next(terms) for _ in words], strict=True):
            if term not in exact and not (started and term.startswith(started)):
                continue
            if matches and start < matches[-1].stop:
                matches[-1] = matches[-1]._replace(stop=max(stop, matches[-1].stop))
            else:
                matches.append(_Match(start, stop, term))
    return matches


def _spans(at: int, words: list[str], run: str) -> list[tuple[int, int]]:
    """Where in the text each word of a run stands: all of the run, unless it is of a script without spaces."""
    if len(words) == len(run) - 1 and all(len(word) == _UNSPACED for word in words):
        return [(at + i, at + i + _UNSPACED) for i in range(len(words))]
    return [(at, at + len(run))] * len(words)


def _best(text: str, matches: list[_Match], length: int) -> tuple[int, int]:
    """The stretch that holds most different terms, then most of them; it begins and ends between words."""
    if len(text) <= length:
        return 0, len(text)
    found = (0, 0, 0)
    first = 0
    for last, match in enumerate(matches):
        while match.stop - matches[first].start > length and first < last:
            first += 1
        within = matches[first : last + 1]
        held = len({one.term for one in within}), len(within), -first
        found = max(found, held)
    if found[0] == 0:
        start = 0
    else:
        begin = matches[-found[2]].start
        end = matches[-found[2] + found[1] - 1].stop
        start = max(0, min(begin - (length - (end - begin)) // 2, len(text) - length))
        gaps = [gap.end() for gap in re.finditer(r"\s+", text[: begin + 1]) if gap.end() <= begin]
        start = 0 if start == 0 else gaps[min(bisect_right(gaps, start), len(gaps) - 1)] if gaps else start
    stop = min(len(text), start + length)
    if stop < len(text):
        cut = text.rfind(" ", start, stop + 1)
        ends = max((one.stop for one in matches if start <= one.start and one.stop <= stop), default=start)
        stop = cut if cut > start and cut >= ends else stop
    return start, stop
