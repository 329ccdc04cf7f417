"""What the core tells of a search, as stages: one for each part of the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..explain import Trace
from ..storage.reader import SegmentReader
from .part import Part

if TYPE_CHECKING:
    from .store import Store
    from .view import View

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
        known = {part.source.entry.id for part in before.every if isinstance(part.source, SegmentReader)}
        there = [part.source.entry.id for part in view.every if isinstance(part.source, SegmentReader)]
        stage.note(
            version=view.state.version,
            rows=len(view),
            segments=len(there),
            new_segments=sum(id not in known for id in there),
            log_rows=view.tail.rows,
        )
    return view


def tell_parts(stage: Trace, parts: tuple[Part, ...], told: list[dict[str, Any]], ranking: float) -> None:
    """Add a stage for each part that has rows, and one for the ranking of what scans found."""
    for number, (part, done) in enumerate(zip(parts, told, strict=True), 1):
        if part.rows == 0:
            continue
        segment = isinstance(part.source, SegmentReader)
        inner = stage.stage(f"segment {number}" if segment else "log")
        if isinstance(part.source, SegmentReader):
            inner.note(id=part.source.entry.id)
        inner.note(rows=part.rows, dead=part.dead, allowed=done["allowed"], way=way_of(done))
        if done["hops"]:
            inner.note(ef=done["ef"])
        inner.note(**{fact: done[name] for name, fact in _FACTS.items()})
        if done["ranking"]:
            inner.note(ranking_seconds=done["ranking"])
        if "costs" in done:
            inner.note(estimated_seconds=done["costs"])
        inner.seconds = done["seconds"]
    if ranking:
        stage.stage("rank").seconds = ranking


def way_of(done: Mapping[str, Any]) -> str:
    """How a part was searched."""
    if done["way"] == "none":
        return "nothing allowed"
    scans = [way for name, way in _WAYS.items() if done[name]] or (["in double"] if done["exact"] else [])
    graph = [done["way"]] if done["hops"] else []
    return " + ".join(graph + scans) or "not searched"
