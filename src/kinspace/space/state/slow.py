"""The log of slow queries: a line of JSON for each that takes as long as the hub was told to look out for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput
from ...explain import UNTRACED, Trace

if TYPE_CHECKING:
    from .store import Store

_log = logging.getLogger("kinspace.slow")
_MOST_TEXT = 200  # characters of a filter


def parse_slow(seconds: object) -> float | None:
    """How long a slow query takes at least; None if there are none. InvalidInput unless it is a number from 0 on."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise InvalidInput(f"slow_query_seconds must be a number of seconds from 0 on, or None; got {seconds!r}")
    return float(seconds)


@contextmanager
def watched(store: Store, doing: str, trace: Trace = UNTRACED) -> Iterator[Trace]:
    """A query of a space to be timed: told to `trace`, and logged if it ends well and was slow."""
    slow = store.slow_query_seconds
    if slow is not None and not trace.wanted:
        trace = Trace(doing, space=store.name)
    with trace:
        yield trace
    if slow is not None and trace.seconds >= slow:
        told = in_short(trace.told())
        _log.warning("%s", json.dumps(told), extra={"query": told})


def in_short(trace: Trace) -> dict[str, Any]:
    """What the log has of a query: no vectors, and nothing that is long."""
    stages = list(trace.every())
    parts = [stage for stage in stages if "way" in stage.facts]
    wheres = [stage.facts["where"] for stage in stages if "where" in stage.facts]
    seconds: dict[str, float] = {}
    for stage in trace.stages:
        seconds[stage.name] = round(seconds.get(stage.name, 0.0) + stage.seconds, 6)
    return {
        "query": trace.name,
        "seconds": round(trace.seconds, 6),
        **{name: fact for name, fact in trace.facts.items() if isinstance(fact, (str, int, float, bool))},
        "where": wheres[0] if wheres else None,
        "allowed": next((stage.facts["allowed"] for stage in stages if "allowed" in stage.facts), None),
        "ways": sorted({part.facts["way"] for part in parts}),
        "stages": seconds,
    }


def filter_text(where: Any) -> str:
    """A filter as text of bounded length on one line; one that may compare vectors is left out."""
    text = "".join(one if one.isprintable() else " " for one in " ".join(str(where).split()))
    if "vector" in text:
        return "(a filter of vectors)"
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
