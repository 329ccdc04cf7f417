"""What a select was asked for, part by part: nothing of how it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..filter import Predicate, compile_predicate, conjunction
from ..filter.params import Params
from .nearest import Nearest
from .source import Rows

NEAREST_ROWS = 10  # of a nearest with neither take nor within


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One where: as the caller gave it, and compiled if the columns were known by then."""

    given: Any
    params: Params | None
    predicate: Predicate | None


@dataclass(frozen=True, slots=True)
class Sort:
    """By these columns, the first one foremost."""

    columns: tuple[str, ...]
    descending: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The first `per` rows of each value of a column."""

    column: str
    per: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The parts, which apply in this order; None for those that were not given."""

    where: tuple[Condition, ...] = ()
    nearest: Nearest | None = None
    within: float | None = None
    sort: Sort | None = None
    group: Group | None = None
    offset: int | None = None
    take: int | None = None

    @property
    def limit(self) -> int | None:
        """How many rows are returned at most."""
        if self.take is None and self.nearest is not None and self.within is None:
            return NEAREST_ROWS
        return self.take

    def check(self) -> None:
        """InvalidInput if a part is missing that another needs."""
        if self.within is not None and self.nearest is None:
            raise InvalidInput("within is a distance from what nearest was given, and this select has no nearest")

    def predicate(self, rows: Rows) -> Predicate | None:
        """All conditions as one, checked against the columns there are."""
        if not self.where:
            return None
        schema = rows.schema
        each = [one.predicate or compile_predicate(one.given, schema, one.params) for one in self.where]
        return conjunction(each, schema)
