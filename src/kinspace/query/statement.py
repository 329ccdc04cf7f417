"""A SELECT statement taken to pieces, each of which the builder has a method for; what it hasn't is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import InvalidInput
from .dialect import SPAN, Distance, Pgvector, Taxicab, parse
from .operand import Operand, Parameter, read_number, read_operand
from .placeholders import Placeholders, find_placeholders

MAX_BYTES = 65_536  # of UTF-8
MAX_TOKENS = 10_000
MAX_NESTING = 32  # brackets, one in the other: the parser recurses more than a dozen calls for each
DISTANCE = "_dist"

_TAKES = "hub.sql takes one SELECT from one space: select … from … where … group by … order by … limit … offset …"
_ELSEWHERE = (
    "DuckDB does that, and reads spaces as tables: docs = hub.get_space('docs'); duckdb.sql('select … from docs')"
)
_REFUSED = {  # arguments of a Select that mean something here, and what to do instead
    "with_": f"WITH is not among it; {_ELSEWHERE}",
    "joins": f"joins are not among it; {_ELSEWHERE}",
    "laterals": f"joins are not among it; {_ELSEWHERE}",
    "having": f"HAVING is not among it: filter the frame that comes back, or let DuckDB do it. {_ELSEWHERE}",
    "distinct": "DISTINCT is not among it; the values of a column: select section, count(*) from … group by section",
    "windows": f"windows are not among it; {_ELSEWHERE}",
    "qualify": f"windows are not among it; {_ELSEWHERE}",
    "locks": "FOR UPDATE is not among it: readers never wait for writers",
    "into": "INTO is not among it: what comes back is a frame",
}


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


@lru_cache(256)
def read_statement(text: str, renamed: tuple[tuple[str, str], ...] = ()) -> Statement:
    """Return the statement that a text is; ``renamed`` are columns that mean others.

    Raises
    ------
    InvalidInput
        If it is no SELECT, or asks for what the builder does not do. The names of columns are looked at later.
    """
    _check_size(text)
    try:
        tokens = Pgvector().tokenize(text)
        _check_tokens(tokens)
        whole, placeholders = find_placeholders(text, tokens)
        trees = [one for one in parse(whole) if one is not None]
    except SqlglotError as error:
        raise InvalidInput(f"not a SQL statement: {_reason(error)}; {_TAKES}") from None
    except RecursionError:
        raise InvalidInput("the statement is nested too deeply for the calls that are open already") from None
    if len(trees) != 1 or type(trees[0]) is not exp.Select:
        raise InvalidInput(f"{_TAKES}; got {' and '.join(type(one).__name__.upper() for one in trees)}. {_ELSEWHERE}")
    return _Reader(whole, trees[0], placeholders, dict(renamed)).statement()


def _check_size(text: str) -> None:
    try:
        size = len(text) if len(text) > MAX_BYTES else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the statement is not Unicode text: {error}") from None
    if size > MAX_BYTES:
        raise InvalidInput(f"the statement is longer than {MAX_BYTES:,} bytes; give lists as parameters: x in :values")


def _check_tokens(tokens: list[Token]) -> None:
    if not tokens or tokens[0].token_type != TokenType.SELECT:
        raise InvalidInput(f"{_TAKES}; got {repr(tokens[0].text) if tokens else 'nothing':.40}. {_ELSEWHERE}")
    if len(tokens) > MAX_TOKENS:
        raise InvalidInput(f"the statement has more than {MAX_TOKENS:,} words; give lists as parameters: x in :values")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens[:-1]):
        raise InvalidInput(f"{_TAKES}; got several statements")
    depth = 0
    for token in tokens:
        depth += token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET)
        depth -= token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET)
        if depth > MAX_NESTING:
            raise InvalidInput(f"the statement is nested too deeply: more than {MAX_NESTING} brackets one in the other")


def _reason(error: SqlglotError) -> str:
    first = (getattr(error, "errors", None) or [{}])[0]
    near = str(first.get("highlight") or "")[:40]
    return f"{first.get('description') or error!s:.120}" + (f" at {near!r}" if near else "")


class _Reader:
    """Reads one parsed SELECT. A node, or an argument of one, that it doesn't know is refused."""

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
                raise InvalidInput(f"{_TAKES}; {_REFUSED.get(name) or _not_among(name)}")
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
            raise InvalidInput(f"{_TAKES}; there is no FROM")
        (table,) = _only(self._select.args["from_"], "this")
        if type(table) is not exp.Table:
            raise InvalidInput(f"{_TAKES}; FROM takes a space's name. {_ELSEWHERE}")
        name, alias = _only(table, "this", "alias")
        if type(name) is not exp.Identifier:
            raise InvalidInput(f"{_TAKES}; FROM takes a space's name, no function. {_ELSEWHERE}")
        called = name if alias is None else _only(alias, "this")[0]
        return name.name, called.name

    def _items(self) -> tuple[Item, ...]:
        nodes = self._select.expressions
        if not nodes:
            raise InvalidInput(f"{_TAKES}; SELECT names no columns")
        return tuple(self._item(node) for node in nodes)

    def _item(self, node: Any) -> Item:
        name = None
        if type(node) is exp.Alias:
            node, alias = _only(node, "this", "alias")
            name = alias.name
        if type(node) is exp.Star and name is None:
            _only(node)
            return EVERY
        if type(node) is exp.Column and type(node.this) is exp.Star and name is None:
            if [one.name for one in node.parts[:-1]] != [self._called]:
                raise InvalidInput(f"{self._slice(node):.60} is of no table; this one is called {self._called!r}")
            return EVERY
        if _counts_all(node):
            return Item(name or "count", COUNT_ALL)
        if _found(node, exp.AggFunc) or _found(node, exp.Window):
            raise InvalidInput(f"of many rows hub.sql tells count(*) alone; got {self._slice(node):.60}. {_ELSEWHERE}")
        plain = _plain(node)
        if isinstance(plain, Distance):
            self._distance(plain)
            return Item(name or DISTANCE, DISTANCE, DISTANCE)
        if type(plain) is exp.Column and not isinstance(plain.this, exp.Star):
            path = self._path(plain)
            if len(path) == 1:
                self._names.add(path[0])
                return Item(name or path[0], path[0], self._renamed.get(path[0], path[0]))
            name = name or path[-1]
        if name is None:
            raise InvalidInput(f"{self._slice(node):.60} needs a name: {self._slice(node):.60} as name")
        return Item(name, self._value(node), None, _parameters(node))

    def _value(self, node: Any) -> str:
        """The text of an expression, its distances written as the column of them."""
        edits = []
        for one in _found(node, Distance):
            self._distance(one)
            edits.append((*self._span(one), DISTANCE))
        inside = [edit[:2] for edit in edits]
        edits += [edit for edit in self._edits(node) if not any(a <= edit[0] < b for a, b in inside)]
        return self._slice(node, edits)

    def _conditions(self) -> tuple[Part, ...]:
        where = self._select.args.get("where")
        if where is None:
            return ()
        (whole,) = _only(where, "this")
        if not _measures(whole):
            return (Part(self._slice(whole, self._edits(whole)), _parameters(whole)),)
        parts = []
        for one in _terms(whole):
            if _measures(one):
                self._bound(one)
            else:
                parts.append(Part(self._slice(one, self._edits(one)), _parameters(one)))
        return tuple(parts)

    def _bound(self, node: Any) -> None:
        """Take in a condition that is a bound of the distance."""
        node = _plain(node)
        shape = _BOUNDS.get(type(node))
        if shape is not None:
            sides = [_plain(one) for one in _only(node, "this", "expression")]
            strictly, flipped = shape
            measure, limit = reversed(sides) if flipped else sides
            number = read_number(limit)
            if _is_distance(measure) and number is not None and not _measures(limit):
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
        (nodes,) = _only(group, "expressions")
        column = _plain(nodes[0]) if nodes and len(nodes) == 1 else None
        if type(column) is not exp.Column:
            raise InvalidInput(f"GROUP BY takes one column: select section, count(*) … group by section. {_ELSEWHERE}")
        return self._column(column, "GROUP BY")

    def _order(self, items: tuple[Item, ...]) -> tuple[bool, tuple[Sorting, ...]]:
        order = self._select.args.get("order")
        if order is None:
            return False, ()
        (nodes,) = _only(order, "expressions")
        made: list[Sorting] = []
        by_distance = False
        for node in nodes or ():
            of, descending, nulls_first, _ = _only(node, "this", "desc", "nulls_first", "with_fill")
            of = _plain(of)
            named = next((i for i in items if type(of) is exp.Column and [i.name] == self._path(of)), None)
            if isinstance(of, Distance):
                self._distance(of)
            if isinstance(of, Distance) or _is_distance(of) or (named is not None and named.column == DISTANCE):
                if descending or len(nodes) > 1:
                    raise InvalidInput("rows are ordered by distance nearest first, and then by nothing else")
                by_distance = True
                continue
            if nulls_first:
                raise InvalidInput("nulls come last, whichever way; leave NULLS FIRST out")
            if _counts_all(of) or (named is not None and named.text == COUNT_ALL):
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
        _, value = _only(node, "this", "expression")
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
        sides = [_plain(one) for one in _only(node, "this", "expression")]
        column, query = sides if type(sides[0]) is exp.Column else reversed(sides)
        if type(column) is not exp.Column or type(query) is exp.Column or _found(query, Distance):
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
        for one in _found(node, exp.Column):
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


_BOUNDS: dict[type[exp.Expr], tuple[bool, bool]] = {  # strictly? the distance on the right?
    exp.LT: (True, False),
    exp.LTE: (False, False),
    exp.GT: (True, True),
    exp.GTE: (False, True),
}


def _only(node: Any, *names: str) -> list[Any]:
    """These arguments of a node; InvalidInput if it has any other."""
    for name, value in node.args.items():
        if name not in names and value not in (None, [], False):
            raise InvalidInput(f"{_TAKES}; {_not_among(name)}")
    return [node.args.get(name) for name in names]


def _not_among(name: str) -> str:
    called = {"db": "a schema", "catalog": "a database"}.get(name) or name.strip("_").replace("_", " ").upper()
    return f"{called} is not among it"


def _plain(node: Any) -> Any:
    while type(node) is exp.Paren:
        node = node.this
    return node


def _found(node: Any, kind: type[Any]) -> list[Any]:
    return [one for one in node.walk() if isinstance(one, kind)]


def _terms(node: Any) -> Iterator[Any]:
    """What is joined by AND, brackets aside."""
    todo = [node]
    while todo:
        one = todo.pop()
        plain = _plain(one)
        if type(plain) is exp.And:
            todo += [plain.expression, plain.this]
        else:
            yield one


def _is_distance(node: Any) -> bool:
    return isinstance(node, Distance) or (type(node) is exp.Column and len(node.parts) == 1 and node.name == DISTANCE)


def _measures(node: Any) -> bool:
    """Whether a distance is in it."""
    return any(_is_distance(one) for one in node.walk())


def _counts_all(node: Any) -> bool:
    return type(node) is exp.Count and type(node.this) is exp.Star and not node.expressions


def _parameters(node: Any) -> tuple[str, ...]:
    """The parameters in it, but for those of distances."""
    inside = node.walk(prune=lambda one: isinstance(one, Distance))
    return tuple(dict.fromkeys(one.name for one in inside if type(one) is exp.Placeholder))
