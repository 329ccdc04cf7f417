"""A SELECT statement taken to pieces, for each of which the builder has a method."""

from __future__ import annotations

from dataclasses import dataclass

from .operand import Operand, Parameter
from .placeholders import Placeholders

TAKES = "hub.sql takes one SELECT from one space: select … from … where … group by … order by … limit … offset …"
ELSEWHERE = (
    "DuckDB does that, and reads spaces as tables: docs = hub.get_space('docs'); duckdb.sql('select … from docs')"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One column of the answer: its name, and what it is in the language of filters; a plain column's name alone."""

    name: str
    text: str
    column: str | None = None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, in the language of filters."""

    text: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """How far a row may be."""

    distance: float | Parameter
    strictly: bool  # nearer than that


@dataclass(frozen=True, slots=True)
class Sorting:
    """What the rows are ordered by: a column, or COUNT_ALL of a group."""

    column: str
    descending: bool


EVERY = Item("*", "*")
COUNT_ALL = "count(*)"


@dataclass(frozen=True, slots=True)
class Statement:
    """What was asked, piece by piece.

    Attributes
    ----------
    space : str
        As it stands after FROM.
    items : tuple of Item
        EVERY stands for all columns; text COUNT_ALL for how many.
    queries : tuple of Operand
        What distances are from: one, or several that have to turn out to be equal.
    by_distance : bool
        Nearest first, as ORDER BY says.
    names : frozenset of str
        Every name that stands for a column.
    """

    space: str
    items: tuple[Item, ...]
    conditions: tuple[Part, ...]
    within: Within | None
    metric: str | None
    vectors: frozenset[str]
    queries: tuple[Operand, ...]
    by_distance: bool
    sorting: tuple[Sorting, ...]
    group: str | None
    limit: int | Parameter | None
    offset: int | Parameter | None
    names: frozenset[str]
    placeholders: Placeholders
