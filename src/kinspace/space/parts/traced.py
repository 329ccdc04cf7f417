"""What the core tells of a search, as stages: one for each part of the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...explain import Trace
from ...storage.reader import SegmentReader
from .part import Part

if TYPE_CHECKING:
    from ..state.store import Store
    from ..state.view import View

_FACTS = {  # what the core counts, and what it is called
    "sampled": "sampled",
    "coded": "by_codes",
    "looked": "in_8_bits",
    "compared": "as_floats",
    "tiled": "in_tiles",
    "counted": "bit_counts",
    "hops": "hops",
    "scored": "distances",
    "candidates": "candidates",
    "exact": "in_double",
}
_WAYS = {"coded": "plane", "compared": "rows", "tiled": "tiles", "counted": "bits"}


def view_of(store: Store, trace: Trace) -> View:
    """The newest view, and what is new in it for this process."""
    if not trace.wanted:
        return store.view()
    with trace.stage("view") as stage:
        before = store.last_view()
        view = store.view()
    stage.later(lambda one: _tell_view(one, view, before))
    return view


def _tell_view(stage: Trace, view: View, before: View) -> None:
    known = {part.source.entry.id for part in before.every if isinstance(part.source, SegmentReader)}
    there = [part.source.entry.id for part in view.every if isinstance(part.source, SegmentReader)]
    stage.note(
        version=view.state.version,
        rows=len(view),
        segments=len(there),
        new_segments=sum(id not in known for id in there),
        log_rows=view.tail.rows,
    )


def tell_search(stage: Trace, parts: tuple[Part, ...], told: dict[str, Any], visited: Any) -> None:
    """Tell of a search, of each part that has rows, and of the ranking of what scans found."""
    done = told["parts"]
    threads = told["threads"]
    stage.note(allowed=sum(one["allowed"] for one in done), visited=int(np.sum(visited)))
    if threads > 1:
        stage.note(threads=threads)
    for number, (part, one) in enumerate(zip(parts, done, strict=True), 1):
        if part.rows == 0:
            continue
        if isinstance(part.source, SegmentReader):
            _tell_part(stage.stage(f"segment {number}", id=part.source.entry.id), part, one)
        else:
            _tell_part(stage.stage("log"), part, one)
    if told["ranking"]:
        stage.stage("rank").seconds = told["ranking"]


def _tell_part(stage: Trace, part: Part, done: Mapping[str, Any]) -> None:
    stage.seconds = done["seconds"]
    stage.note(rows=part.rows, dead=part.dead, allowed=done["allowed"], way=way_of(done))
    if done["hops"]:
        stage.note(ef=done["ef"], gave_up=done["gave_up"])
    stage.note(**{fact: done[name] for name, fact in _FACTS.items()})
    if done["hops"]:
        stage.note(ranking_seconds=done["ranking"])
    if "costs" in done:
        stage.note(estimated_seconds=done["costs"])


def way_of(done: Mapping[str, Any]) -> str:
    """How a part was searched."""
    if done["way"] == "none":
        return "nothing allowed"
    ways = [done["way"]] if done["hops"] else []
    ways += [way for name, way in _WAYS.items() if done[name]]
    if not ways:  # of few rows all are in the answer
        return "every row in double" if done["exact"] else "not searched"
    return " + ".join(ways)
