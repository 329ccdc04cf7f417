"""A query that was run, its answer, and how it came to be: as a tree to read, and as a dict."""

from __future__ import annotations

from typing import Any, NamedTuple

from .trace import Trace
from .tree import tree


class Explanation(NamedTuple):
    """How a query was answered.

    Attributes
    ----------
    answer : Hits, list of Hits, or polars.DataFrame
        What the query returns, the same as without an explanation.
    trace : Trace
        The query as a stage: ``name``, ``seconds``, ``facts`` (a dict) and ``stages``, each of them likewise.

    Printed, it is a tree of at most 100 columns.
    """

    answer: Any
    trace: Trace

    @property
    def seconds(self) -> float:
        """How long the query took, all stages and what lies between them; seconds."""
        return self.trace.seconds

    def to_dict(self) -> dict[str, Any]:
        """What the tree shows, and all it leaves out, of plain types that JSON has.

        Returns
        -------
        dict
            "stage" (its name), "seconds", the facts by name, and "stages", a list of such dicts, if there are any.
        """
        return as_dict(self.trace)

    def __str__(self) -> str:
        return tree(self.trace)

    def __repr__(self) -> str:
        return tree(self.trace)


def as_dict(trace: Trace) -> dict[str, Any]:
    """A stage as plain types."""
    told: dict[str, Any] = {"stage": trace.name, "seconds": trace.seconds, **trace.facts}
    if trace.stages:
        told["stages"] = [as_dict(stage) for stage in trace.stages]
    return told
