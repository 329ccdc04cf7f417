"""hub.sql: a statement, told to the select builder on one state of one space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from ...errors import InvalidInput, SpaceNotFound
from ...explain import UNTRACED, Trace
from ...filter import Expression
from ...filter.params import parse_params
from ...filter.sql import read_sql
from ...filter.tree import Column, IsNull
from ...query.dialect import OPERATORS
from ...query.operand import Operand, Parameter, RowOf, parse_vector
from ...query.placeholders import same_values
from ...query.select import Select
from ...query.statement import COUNT_ALL, EVERY, Item, Part, Statement
from ...query.statement_text import read_statement
from ...types import parse_distance
from .source import SpaceSource

if TYPE_CHECKING:
    from ...query.nearest import Nearest
    from ...query.source import Rows, Source
    from ..hub import Hub
    from ..space import Space

COUNTED = "_count"  # what facets calls it
_MEANT = {"id": "key", "emb": "vector", "embedding": "vector"}  # what tables of pgvector have, unless the space has it
_ALL = 2**62  # rows: more than there are


def run(hub: Hub, text: Any, params: Any, effort: Mapping[str, Any]) -> pl.DataFrame:
    """The answer of a statement."""
    if not isinstance(text, str):
        raise InvalidInput(f"hub.sql takes a SQL statement (str); got {type(text).__name__}")
    statement = read_statement(text)
    given = statement.placeholders.bind(params)
    space = _space(hub, statement.space)
    of = SpaceSource(space._store, space.embedder)
    with of.open() as rows:
        return _answer(text, statement, given, space, _OneState(of, rows), effort)


def _answer(
    text: str, statement: Statement, given: dict[str, Any], space: Space, source: _OneState, effort: Mapping[str, Any]
) -> pl.DataFrame:
    meant = tuple((name, _MEANT[name]) for name in sorted(statement.names & _MEANT.keys()) if name not in source.fixed)
    if meant:
        statement = read_statement(text, meant)
    return _Answer(statement, given, space, source, effort).frame()


def _space(hub: Hub, name: str) -> Space:
    """The space of that name, or for ``name@snapshot`` its state then."""
    try:
        return hub.get_space(name)
    except SpaceNotFound:
        of, at, snapshot = name.rpartition("@")
        if not at or not of or of not in hub:
            raise
    return hub.get_space(of).at(snapshot)


class _OneState:
    """A source with rows that are open, so that whatever is asked of it is asked of one state."""

    def __init__(self, source: Source, rows: Rows) -> None:
        self._source = source
        self._rows = rows

    @cached_property
    def fixed(self) -> pl.Schema:
        return self._rows.schema

    def checked(self, asked: Nearest) -> Nearest:
        return self._source.checked(asked)

    @property
    def columns(self) -> Sequence[str]:
        return self._rows.columns

    @contextmanager
    def open(self, trace: Trace = UNTRACED) -> Iterator[Rows]:
        yield self._rows


class _Answer:
    """One statement, its parameters given."""

    def __init__(
        self, statement: Statement, given: dict[str, Any], space: Space, source: _OneState, effort: Mapping[str, Any]
    ) -> None:
        self._statement = statement
        self._given = given
        self._space = space
        self._source = source
        self._effort = effort
        self._limit = self._amount(statement.limit)
        self._offset = self._amount(statement.offset) or 0

    def frame(self) -> pl.DataFrame:
        statement = self._statement
        if statement.group is not None:
            return self._grouped(statement.group)
        if any(item.text == COUNT_ALL for item in statement.items):
            return self._counted()
        select = self._asked(Select(self._source, (), self._columns()), rows=True)
        if statement.sorting:
            by = statement.sorting
            if statement.metric is not None:
                raise InvalidInput("rows with a distance are ordered by it alone; sort the frame that comes back")
            select = select.sort(*(one.column for one in by), descending=[one.descending for one in by])
        if self._offset:
            select = select.offset(self._offset)
        if self._limit is not None:
            select = select.take(self._limit)
        return select.collect()

    def _columns(self) -> dict[str, Any]:
        """What select returns of each row, by name."""
        made: dict[str, Any] = {}
        for item in self._statement.items:
            some = {name: name for name in self._source.columns} if item is EVERY else {item.name: item.column}
            for name, column in some.items():
                if name in made:
                    raise InvalidInput(f"two columns of the answer would be called {name!r}; rename one: … as name")
                made[name] = _value(item, self._of(item.parameters)) if column is None else column
        return made

    def _asked(self, select: Select, *, rows: bool) -> Select:
        """The select with the statement's conditions and its distance; of rows those that are wanted."""
        for part in self._statement.conditions:
            select = _where(select, part, self._of(part.parameters))
        if self._statement.metric is None:
            return select
        effort = dict(self._effort)
        within = self._statement.within
        if rows and within is None and self._limit is None:  # as SQL has it: every row
            self._limit = _ALL
            effort["exact"] = True
        select = select.nearest(self._query(self._statement.metric), **effort)
        if within is not None:
            bound = self._given[within.distance.name] if isinstance(within.distance, Parameter) else within.distance
            distance = parse_distance(bound, "a distance's bound")
            select = select.within(math.nextafter(distance, -math.inf) if within.strictly else distance)
        return select

    def _query(self, metric: str) -> Any:
        """The vector that distances are from; InvalidInput unless the statement means this space's distance."""
        for name in self._statement.vectors:
            if name != "vector" and (name in self._source.fixed or _MEANT.get(name) != "vector"):
                raise InvalidInput(f"a space's column of vectors is called 'vector'; got {name!r} beside an operator")
        if metric != self._space.metric:
            raise InvalidInput(
                f"space {self._space.name!r} is measured by {self._space.metric}, whose operator is "
                f"{OPERATORS[self._space.metric]}; got {OPERATORS[metric]}, which is {metric}"
            )
        first, *others = (self._vector(one) for one in self._statement.queries)
        if not all(same_values(first, other) for other in others):
            raise InvalidInput("a statement has one distance, from one query; got different ones")
        return first

    def _vector(self, operand: Operand) -> Any:
        if isinstance(operand, tuple):
            return list(operand)
        if isinstance(operand, RowOf):
            own = operand.column in self._source.fixed or _MEANT.get(operand.column) != "key"
            if operand.space != self._statement.space or (operand.column != "key" and own):
                raise InvalidInput(
                    "the one SELECT that may stand inside another reads a row's vector of the same space by its key: "
                    "(select vector from docs where key = 'a')"
                )
            return self._space.get(self._given[operand.key.name] if isinstance(operand.key, Parameter) else operand.key)
        value = self._given[operand.name]
        if value is None:
            raise InvalidInput(f"parameter {operand.name[1:]!r} is None where a vector is expected")
        return parse_vector(value) if isinstance(value, str) else value

    def _counted(self) -> pl.DataFrame:
        statement = self._statement
        if any(item.text != COUNT_ALL for item in statement.items):
            raise InvalidInput("beside count(*) stands nothing else, unless by GROUP BY: select section, count(*) …")
        if statement.sorting or statement.by_distance:
            raise InvalidInput("count(*) is one row; leave ORDER BY out")
        rows = self._asked(Select(self._source), rows=False).count()
        return self._renamed(pl.DataFrame({COUNTED: [rows]}, schema={COUNTED: pl.Int64}))

    def _grouped(self, column: str) -> pl.DataFrame:
        statement = self._statement
        if any(item.text != COUNT_ALL and item.column != column for item in statement.items):
            raise InvalidInput(f"with GROUP BY, SELECT takes the column and count(*): select {column}, count(*) …")
        if statement.by_distance or any(one.column not in (COUNT_ALL, column) for one in statement.sorting):
            raise InvalidInput(f"groups are ordered by count(*) or by {column!r}")
        if column in self._source.fixed and self._source.fixed[column].is_nested():
            raise InvalidInput(f"cannot group by {column!r}: it holds {self._source.fixed[column]}")
        select = self._asked(Select(self._source), rows=False)
        frame = select.facets(column)
        nulls = select.where(Expression(IsNull(Column((column,))))).count()
        if nulls:
            none = pl.DataFrame({column: [None], COUNTED: [nulls]}, schema=frame.schema)
            frame = pl.concat([frame, none]).sort(COUNTED, descending=True, maintain_order=True)
        if statement.sorting:
            by = [COUNTED if one.column == COUNT_ALL else one.column for one in statement.sorting]
            descending = [one.descending for one in statement.sorting]
            frame = frame.sort(by, descending=descending, nulls_last=True, maintain_order=True)
        return self._renamed(frame)

    def _renamed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows wanted of it, its columns as SELECT names them."""
        items = self._statement.items
        if len({item.name for item in items}) < len(items):
            raise InvalidInput("two columns of the answer would have one name; rename one: … as name")
        wanted = [pl.col(COUNTED if item.text == COUNT_ALL else str(item.column)).alias(item.name) for item in items]
        return frame.select(wanted).slice(self._offset, self._limit)

    def _amount(self, amount: int | Parameter | None) -> int | None:
        if not isinstance(amount, Parameter):
            return amount
        value = self._given[amount.name]
        if value is None:
            return None
        if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 0:
            raise InvalidInput(f"LIMIT and OFFSET take whole numbers of at least 0; got {value!r:.40}")
        return int(value.__index__())

    def _of(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: self._given[name] for name in names}


def _where(select: Select, part: Part, params: dict[str, Any]) -> Select:
    return select.where(part.text, params=params or None)


def _value(item: Item, params: dict[str, Any]) -> Expression:
    """What an item is, in the language of filters."""
    made = None if params else _kept.get(item.text)
    if made is None:
        tree, lasting = read_sql(item.text, parse_params(params))
        made = Expression(tree)
        if lasting and not params:
            if len(_kept) >= _KEPT:
                _kept.clear()
            _kept[item.text] = made
    return made


_KEPT = 256
_kept: dict[str, Expression] = {}  # values without parameters: reading one takes longer than many a search
