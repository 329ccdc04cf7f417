"""Stages as a tree of text: a line for each, with its time at the right, and under it what it tells of itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from .trace import Trace

WIDTH = 100
_TIME = 9  # columns of the times
_JOINED = "\u00a0"  # where a line is not to be broken
_SETTINGS = frozenset(("k", "ef", "dims", "threads", "version", "metric", "recall", "expand", "where", "column", "by"))
_ALWAYS = frozenset(("rows", "allowed", "hits", "visited"))  # however few
_HIDDEN = frozenset(("id",))
_SPOKEN = {("exact", True): "exact", ("exact", False): "approximate"}


def tree(trace: Trace) -> str:
    """The stage and those it is made of, each line at most 100 columns.

    Examples
    --------
    >>> query = Trace("query", k=10)
    >>> query.seconds = 0.002
    >>> query.stage("filter", rows=1234).seconds = 0.0005
    >>> print(tree(query))
    query, k 10                        2.00 ms
    ├─ filter: 1,234 rows               500 µs
    └─ (between the stages)            1.50 ms
    """
    lines = list(_lines(trace, "", ""))
    width = min(WIDTH - _TIME, max(len(text) for text, _ in lines) + 2)
    return "\n".join(f"{text:<{width}}{time:>{_TIME}}".rstrip() for text, time in lines)


def _lines(trace: Trace, first: str, rest: str) -> Iterator[tuple[str, str]]:
    """Its lines, the first of which begins with `first` and the others with `rest`, and their times."""
    facts = ", ".join(_unbroken(fact) for fact in _facts(trace.facts))
    joint = ", " if not first else ": "
    inner = [*trace.stages, *_between(trace)]
    bar = "│  " if inner else "   "
    text = f"{trace.name}{joint}{facts}" if facts else trace.name
    room = WIDTH - _TIME - len(rest) - len(bar) - 2
    pieces = textwrap.wrap(text, room, break_on_hyphens=False) or [trace.name]
    pieces = [piece.replace(_JOINED, " ") for piece in pieces]
    yield first + pieces[0], duration(trace.seconds)
    for piece in pieces[1:]:
        yield rest + bar + piece, ""
    for stage in inner:
        last = stage is inner[-1]
        yield from _lines(stage, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _unbroken(fact: str) -> str:
    """A short fact stays on one line."""
    return fact.replace(" ", _JOINED) if len(fact) <= 40 else fact


def _between(trace: Trace) -> list[Trace]:
    """What none of its stages took, if they are timed one after another and it is a tenth or more."""
    left = trace.seconds - sum(stage.seconds for stage in trace.stages)
    if not trace.stages or left < trace.seconds / 10:
        return []
    between = Trace("(between the stages)")
    between.seconds = left
    return [between]


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, fact in facts.items():
        told = None if name in _HIDDEN else _told(name, fact)
        if told:
            yield told


def _told(name: str, fact: Any) -> str | None:
    """A fact in words; None if there is nothing in it."""
    spoken = name.removesuffix("_seconds").replace("_", " ")
    if isinstance(fact, bool):
        return _SPOKEN.get((name, fact), spoken if fact else None)
    if isinstance(fact, Mapping):
        told = (_told(inner + ("_seconds" if name.endswith("_seconds") else ""), one) for inner, one in fact.items())
        return f"{spoken}: " + ", ".join(one.replace(" ", _JOINED) for one in told if one) if fact else None
    if name.endswith("_seconds"):
        return f"{spoken} {duration(fact)}"
    if isinstance(fact, int) and name not in _SETTINGS:
        if fact == 0 and name not in _ALWAYS:
            return None
        return f"{fact:,} {_singular(spoken) if fact == 1 else spoken}"
    if name == "way":
        return str(fact)
    return None if fact is None else f"{spoken} {fact:,}" if isinstance(fact, int) else f"{spoken} {fact}"


def _singular(plural: str) -> str:
    """Of rows a row, of "log rows" a "log row", of "parts cached" a "part cached"; what is no plural stays."""
    words = plural.split(" ")
    if words[0] in ("as", "by", "in"):
        return plural
    at = -1 if words[-1].endswith("s") else 0
    words[at] = words[at].removesuffix("s")
    return " ".join(words)


def duration(seconds: float) -> str:
    """A time with three digits.

    Examples
    --------
    >>> duration(3.2e-6), duration(0.01234), duration(75.0)
    ('3.20 µs', '12.3 ms', '75.0 s')
    """
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return _digits(seconds / size, unit)
    return _digits(seconds, "s")


def _digits(number: float, unit: str) -> str:
    return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f} {unit}"
