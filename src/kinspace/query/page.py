"""A select read in pages, each of which continues after the last row of the one before, whatever was written since."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import polars as pl

from .cursor import Cursor, read_token
from .order import ordered
from .plan import Plan
from .projection import Projection
from .source import Rows, Search

_QUESTION_BYTES = 8


@dataclass(frozen=True, eq=False)
class Page:
    """Some consecutive rows of a select.

    Attributes
    ----------
    frame : polars.DataFrame
        The rows, as ``collect`` has them.
    next : str or None
        The token that the next page begins after, of letters, digits, ``-`` and ``_``; None if no row comes after.
    """

    frame: pl.DataFrame
    next: str | None

    def rows(self, *, named: bool = True) -> list[Any]:
        """The rows as dicts, or as tuples with ``named=False``."""
        return self.frame.rows(named=named)  # type: ignore[call-overload,no-any-return]  # of a bool


def page(rows: Rows, plan: Plan, projection: Projection, search: Search | None, size: int, after: str | None) -> Page:
    """At most `size` rows after a token, and the token for those after them."""
    question = _question(plan, search)
    by_columns = None if search is not None else len(plan.sort.columns) if plan.sort is not None else 0
    cursor = None if after is None else read_token(after, question, by_columns)
    given = 0 if cursor is None else cursor.given
    size = size if plan.take is None else min(size, max(0, plan.take - given))
    skipped = (plan.offset or 0) if cursor is None else 0
    handles, distances = ordered(rows, plan, search, skipped + size + 1, cursor, paged=True)
    more = len(handles) > skipped + size and (plan.take is None or given + size < plan.take)
    handles = handles[skipped : skipped + size]
    distances = None if distances is None else distances[skipped : skipped + size]
    frame = projection.apply(handles, distances)
    if not more or not len(handles):
        return Page(frame, None)
    last = handles[-1:]
    end = Cursor.at(
        given + len(handles),
        int(rows.seqs(last)[0]),
        None if distances is None else float(distances[-1]),
        None if plan.sort is None else rows.take(last, plan.sort.columns),
    )
    return Page(frame, end.token(question))


def _question(plan: Plan, search: Search | None) -> bytes:
    """What decides which rows there are and their order, in a few bytes that are the same in every process."""
    asked: list[Any] = [[[str(one.given), str(one.params)] for one in plan.where], plan.within]
    asked.append(None if plan.sort is None else [plan.sort.columns, plan.sort.descending])
    asked.append(None if plan.group is None else [plan.group.column, plan.group.per])
    digest = blake2b(digest_size=_QUESTION_BYTES, person=b"ks question")
    if search is not None and plan.nearest is not None:
        one = plan.nearest
        asked.append([one.column, one.metric, one.dims, None if one.key is None else str(one.key)])
        digest.update(search.query.tobytes())
    digest.update(json.dumps(asked).encode())
    return digest.digest()
