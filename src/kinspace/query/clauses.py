"""One parsed SELECT, clause by clause. A node, or an argument of one, that nobody reads here is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from ..errors import InvalidInput
from .dialect import SPAN, Distance, Taxicab
from .nodes import counts_all, found, is_distance, measures, not_among, only, parameters, plain, terms
from .operand import Operand, Parameter, read_number, read_operand
from .placeholders import Placeholders
from .projection import DISTANCE
from .statement import COUNT_ALL, ELSEWHERE, EVERY, TAKES, Item, Part, Sorting, Statement, Within

_REFUSED = {  # arguments of a Select that mean something here, and what to do instead
    "with_": f"WITH is not among it; {ELSEWHERE}",
    "joins": f"joins are not among it; {ELSEWHERE}",
    "laterals": f"joins are not among it; {ELSEWHERE}",
    "having": f"HAVING is not among it: filter the frame that comes back, or let DuckDB do it. {ELSEWHERE}",
    "distinct": "DISTINCT is not among it; the values of a column: select section, count(*) from … group by section",
    "windows": f"windows are not among it; {ELSEWHERE}",
    "qualify": f"windows are not among it; {ELSEWHERE}",
    "locks": "FOR UPDATE is not among it: readers never wait for writers",
    "into": "INTO is not among it: what comes back is a frame",
}
_BOUNDS: dict[type[exp.Expr], tuple[bool, bool]] = {  # strictly? the distance on the right?
    exp.LT: (True, False),
    exp.LTE: (False, False),
    exp.GT: (True, True),
    exp.GTE: (False, True),
}


class Clauses:
    """Reads one parsed SELECT."""

    def __init__(self, text: str, select: exp.Select, placeholders: Placeholders, renamed: dict[str, str]) -> None:
        self._text = text
        self._select = select
        self._placeholders = placeholders
        self._renamed = renamed
        self._names: set[str] = set()
        self._vectors: set[str] = set()
        self._metrics: set[type[Distance]] = set()
        self._queries: dict[Operand, None] = {}
        self._within: Within | None = None

    def statement(self) -> Statement:
        """The whole."""
        known = ("expressions", "from_", "where", "group", "order", "limit", "offset")
        for name, value in self._select.args.items():
            if name not in known and value not in (None, [], False):
                raise InvalidInput(f"{TAKES}; {_REFUSED.get(name) or not_among(name)}")
        space, called = self._source()
        self._called = called
        items = self._items()
        conditions = self._conditions()
        group = self._group()
        by_distance, sorting = self._order(items)
        if len(self._metrics) > 1:
            raise InvalidInput(f"a statement has one distance; got {' and '.join(k.sign for k in self._metrics)}")
        metric = next(iter(self._metrics)).metric if self._metrics else None
        if metric is None and (self._within is not None or by_distance):
            raise InvalidInput(
                f"{DISTANCE} is the distance from a query, and none is given: order by vector <=> :query"
            )
        limit, offset = self._amount("limit", exp.Limit), self._amount("offset", exp.Offset)
        return Statement(
            space, items, conditions, self._within, metric, frozenset(self._vectors), tuple(self._queries),
            by_distance, sorting, group, limit, offset, frozenset(self._names), self._placeholders,
        )  # fmt: skip

    def _source(self) -> tuple[str, str]:
        """The space's name, and what it is called in the statement."""
        if self._select.args.get("from_") is None:
            raise InvalidInput(f"{TAKES}; there is no FROM")
        (table,) = only(self._select.args["from_"], "this")
        if type(table) is not exp.Table:
            raise InvalidInput(f"{TAKES}; FROM takes a space's name. {ELSEWHERE}")
        name, alias = only(table, "this", "alias")
        if type(name) is not exp.Identifier:
            raise InvalidInput(f"{TAKES}; FROM takes a space's name, no function. {ELSEWHERE}")
        called = name if alias is None else only(alias, "this")[0]
        return name.name, called.name

    def _items(self) -> tuple[Item, ...]:
        nodes = self._select.expressions
        if not nodes:
            raise InvalidInput(f"{TAKES}; SELECT names no columns")
        return tuple(self._item(node) for node in nodes)

    def _item(self, node: Any) -> Item:
        name = None
        if type(node) is exp.Alias:
            node, alias = only(node, "this", "alias")
            name = alias.name
        if type(node) is exp.Star and name is None:
            only(node)
            return EVERY
        if type(node) is exp.Column and type(node.this) is exp.Star and name is None:
            if [one.name for one in node.parts[:-1]] != [self._called]:
                raise InvalidInput(f"{self._slice(node):.60} is of no table; this one is called {self._called!r}")
            return EVERY
        if counts_all(node):
            return Item(name or "count", COUNT_ALL)
        if found(node, exp.AggFunc) or found(node, exp.Window):
            raise InvalidInput(f"of many rows hub.sql tells count(*) alone; got {self._slice(node):.60}. {ELSEWHERE}")
        inner = plain(node)
        if isinstance(inner, Distance):
            self._distance(inner)
            return Item(name or DISTANCE, DISTANCE, DISTANCE)
        if type(inner) is exp.Column and not isinstance(inner.this, exp.Star):
            path = self._path(inner)
            if len(path) == 1:
                self._names.add(path[0])
                return Item(name or path[0], path[0], self._renamed.get(path[0], path[0]))
            name = name or path[-1]
        if name is None:
            raise InvalidInput(f"{self._slice(node):.60} needs a name: {self._slice(node):.60} as name")
        return Item(name, self._value(node), None, parameters(node))

    def _value(self, node: Any) -> str:
        """The text of an expression, its distances written as the column of them."""
        edits = []
        for one in found(node, Distance):
            self._distance(one)
            edits.append((*self._span(one), DISTANCE))
        inside = [edit[:2] for edit in edits]
        edits += [edit for edit in self._edits(node) if not any(a <= edit[0] < b for a, b in inside)]
        return self._slice(node, edits)

    def _conditions(self) -> tuple[Part, ...]:
        where = self._select.args.get("where")
        if where is None:
            return ()
        (whole,) = only(where, "this")
        if not measures(whole):
            return (Part(self._slice(whole, self._edits(whole)), parameters(whole)),)
        parts = []
        for one in terms(whole):
            if measures(one):
                self._bound(one)
            else:
                parts.append(Part(self._slice(one, self._edits(one)), parameters(one)))
        return tuple(parts)

    def _bound(self, node: Any) -> None:
        """Take in a condition that is a bound of the distance."""
        node = plain(node)
        shape = _BOUNDS.get(type(node))
        if shape is not None:
            sides = [plain(one) for one in only(node, "this", "expression")]
            strictly, flipped = shape
            measure, limit = reversed(sides) if flipped else sides
            number = read_number(limit)
            if is_distance(measure) and number is not None and not measures(limit):
                if self._within is not None:
                    raise InvalidInput("two bounds of the distance are given in WHERE; give the smaller one")
                if isinstance(measure, Distance):
                    self._distance(measure)
                self._within = Within(number, strictly)
                return
        raise InvalidInput(
            "a distance in WHERE has one bound, a number, and is joined to the rest by AND: "
            f"where vector <=> :query < 0.3 and …; got {self._slice(node):.80}"
        )

    def _group(self) -> str | None:
        group = self._select.args.get("group")
        if group is None:
            return None
        (nodes,) = only(group, "expressions")
        column = plain(nodes[0]) if nodes and len(nodes) == 1 else None
        if type(column) is not exp.Column:
            raise InvalidInput(f"GROUP BY takes one column: select section, count(*) … group by section. {ELSEWHERE}")
        return self._column(column, "GROUP BY")

    def _order(self, items: tuple[Item, ...]) -> tuple[bool, tuple[Sorting, ...]]:
        order = self._select.args.get("order")
        if order is None:
            return False, ()
        (nodes,) = only(order, "expressions")
        made: list[Sorting] = []
        by_distance = False
        for node in nodes or ():
            of, descending, nulls_first, _ = only(node, "this", "desc", "nulls_first", "with_fill")
            of = plain(of)
            named = next((i for i in items if type(of) is exp.Column and [i.name] == self._path(of)), None)
            if isinstance(of, Distance):
                self._distance(of)
            if isinstance(of, Distance) or is_distance(of) or (named is not None and named.column == DISTANCE):
                if descending or len(nodes) > 1:
                    raise InvalidInput("rows are ordered by distance nearest first, and then by nothing else")
                by_distance = True
                continue
            if nulls_first:
                raise InvalidInput("nulls come last, whichever way; leave NULLS FIRST out")
            if counts_all(of) or (named is not None and named.text == COUNT_ALL):
                column = COUNT_ALL
            elif named is not None and named.column is not None:
                column = named.column
            elif type(of) is exp.Column:
                column = self._column(of, "ORDER BY")
            else:
                raise InvalidInput(f"ORDER BY takes a distance, or columns by their names; got {self._slice(of):.60}")
            made.append(Sorting(column, bool(descending)))
        return by_distance, tuple(made)

    def _amount(self, name: str, kind: type[exp.Expr]) -> int | Parameter | None:
        node = self._select.args.get(name)
        if node is None:
            return None
        if type(node) is not kind:
            raise InvalidInput("write LIMIT and OFFSET, as in: limit 10 offset 20")
        _, value = only(node, "this", "expression")
        if type(value) is exp.Null or (type(value) is exp.Var and value.name.upper() == "ALL"):
            return None
        if type(value) is exp.Placeholder:
            return Parameter(value.name)
        if type(value) is exp.Literal and not value.is_string and value.name.isdecimal():
            return int(value.name)
        raise InvalidInput(f"{name.upper()} takes a whole number of at least 0, or a parameter")

    def _distance(self, node: Distance) -> None:
        """Take in a distance."""
        if type(node) is Taxicab:
            raise InvalidInput(f"no space is measured by {Taxicab.metric}, {Taxicab.sign}")
        sides = [plain(one) for one in only(node, "this", "expression")]
        column, query = sides if type(sides[0]) is exp.Column else reversed(sides)
        if type(column) is not exp.Column or type(query) is exp.Column or found(query, Distance):
            raise InvalidInput(
                f"{node.sign} stands between vector and a query, with brackets around what is computed; got "
                f"{self._slice(node):.80}"
            )
        path = self._path(column)
        self._vectors.add(".".join(path))
        self._metrics.add(type(node))
        self._queries[read_operand(query, self._slice(node))] = None

    def _column(self, node: exp.Column, clause: str) -> str:
        path = self._path(node)
        if len(path) > 1:
            raise InvalidInput(f"{clause} takes columns, no fields of them; got {'.'.join(path):.60}")
        self._names.add(path[0])
        return self._renamed.get(path[0], path[0])

    def _path(self, node: exp.Column) -> list[str]:
        """The column's name, and those of fields after it, without the table's before it."""
        path = [one.name for one in node.parts]
        return path[1:] if len(path) > 1 and path[0] == self._called else path

    def _edits(self, node: Any) -> Iterator[tuple[int, int, str]]:
        """What has to change in its text: the table's name before columns, and columns that mean others."""
        for one in found(node, exp.Column):
            path = self._path(one)
            first = one.parts[0]
            if len(path) < len(one.parts):
                yield first.meta["start"], one.parts[1].meta["start"], ""
                first = one.parts[1]
            if len(path) == 1:
                self._names.add(path[0])
                if path[0] in self._renamed:
                    yield first.meta["start"], first.meta["end"] + 1, self._renamed[path[0]]

    def _span(self, node: Any) -> tuple[int, int]:
        if SPAN not in node.meta:
            raise InvalidInput(f"put brackets around what {type(node).__name__} is made of")
        start, end = node.meta[SPAN]
        return start, end

    def _slice(self, node: Any, edits: Any = ()) -> str:
        start, end = self._span(node)
        pieces = []
        for first, last, new in sorted(edits):
            pieces += [self._text[start:first], new]
            start = last
        return "".join([*pieces, self._text[start:end]])
