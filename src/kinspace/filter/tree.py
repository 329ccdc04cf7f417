"""The tree that a filter is, whichever front end it was written in: what it may contain, and nothing of how it is run.

Every node is immutable and hashable, and equal nodes mean the same. A predicate is true, false or null for a row, by
SQL's three-valued logic; a row is kept where it is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

Scalar = None | bool | int | float | str | bytes | Decimal | date | datetime | time | timedelta
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]
Operation = Literal["+", "-", "*", "/", "%"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's value, or of a struct the field that the rest of the path leads to."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is the same for every row."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers made one; null if either is."""

    operation: Operation
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Call:
    """One of the functions there are (functions.py), by its name in lower case.

    ``cast`` has the type's name as its second argument; ``case`` has conditions and values in turn, and last the value
    when no condition is true.
    """

    function: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """How two values of one kind stand to each other; null if either is."""

    comparison: Comparison
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class In:
    """Whether a value equals one of these; null if it is null, or if it equals none and null is among them.

    Of no options it is false, and null for null.
    """

    value: Value
    options: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a value is null; never null itself."""

    value: Value


@dataclass(frozen=True, slots=True)
class Like:
    r"""Whether a string matches a pattern whole: % is any run of characters, _ any one, \ takes the next as it is."""

    value: Value
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Elements:
    """Whether any, or all, of a list's elements compare so with a value.

    Null if the list is; and if only elements that are null keep it from being true, or from being false.
    """

    quantifier: Literal["any", "all"]
    value: Value
    comparison: Comparison
    operand: Scalar


@dataclass(frozen=True, slots=True)
class And:
    """All of these."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; null stays null."""

    term: Node


Node = Compare | In | IsNull | Like | Elements | And | Or | Not | Column | Constant | Call
Value = Arithmetic | Node  # a predicate is a value too, true, false or null
