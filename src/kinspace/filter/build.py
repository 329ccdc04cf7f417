"""How the front ends make nodes: one form for what can be written in several ways, and no tree too large."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from ..errors import InvalidInput
from .tree import (
    And,
    Arithmetic,
    Call,
    Column,
    Compare,
    Constant,
    Elements,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Operation,
    Or,
    Scalar,
    Value,
)

MAX_DEPTH = 64  # nodes from the root to a leaf: whoever walks a tree may do so by recursion
MAX_NODES = 4_096  # the values of an IN list, which are none, are counted by
MAX_OPTIONS = 1_000_000


def all_of(terms: Iterable[Node]) -> Node:
    """All of these; what is an AND itself gives its terms, and one alone is itself."""
    flat = [each for term in terms for each in (term.terms if isinstance(term, And) else (term,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(terms: Iterable[Node]) -> Node:
    """Any of these; what is an OR itself gives its terms, and one alone is itself."""
    flat = [each for term in terms for each in (term.terms if isinstance(term, Or) else (term,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def between(value: Value, low: Value, high: Value) -> Node:
    """Whether a value is neither smaller than the one nor larger than the other."""
    return And((Compare(">=", value, low), Compare("<=", value, high)))


def is_true(node: Value) -> Node:
    """Whether it is true, neither false nor null."""
    return Call("coalesce", (node, Constant(False)))


def is_false(node: Value) -> Node:
    """Whether it is false, neither true nor null."""
    return Not(Call("coalesce", (node, Constant(True))))


def not_distinct(left: Value, right: Value) -> Node:
    """Whether two values are equal, or both null; never null itself."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Constant):
            return IsNull(other) if one.value is None else is_true(Compare("=", other, one))
    return Or((is_true(Compare("=", left, right)), And((IsNull(left), IsNull(right)))))


def one_of(value: Value, options: Sequence[Scalar]) -> Node:
    """Whether it is among these."""
    if len(options) > MAX_OPTIONS:
        raise InvalidInput(f"a list of a filter has {len(options):,} values; it has at most {MAX_OPTIONS:,}")
    return In(value, tuple(options))


def arithmetic(operation: Operation, left: Value, right: Value) -> Value:
    """Two values made one: of dates and intervals that are known a date, of others a node."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        a, b = left.value, right.value
        if isinstance(b, timedelta) and isinstance(a, (date, timedelta)) and operation in ("+", "-"):
            moved = datetime(a.year, a.month, a.day) if type(a) is date and b % timedelta(days=1) else a
            try:
                return Constant(moved + b if operation == "+" else moved - b)
            except OverflowError:
                raise InvalidInput(f"{a} {operation} {b} is no date in the years 1…9999") from None
    return Arithmetic(operation, left, right)


def negative(value: Value) -> Value:
    """A number with its sign turned."""
    if isinstance(value, Constant) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return Constant(-value.value)
    return Arithmetic("-", Constant(0), value)


def below(node: Value) -> tuple[Value, ...]:
    """The nodes right below one."""
    match node:
        case Column() | Constant():
            return ()
        case And() | Or():
            return node.terms
        case Not():
            return (node.term,)
        case Arithmetic() | Compare():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case In() | IsNull() | Like() | Elements():
            return (node.value,)


def check_size(tree: Value) -> None:
    """Raise InvalidInput if a tree is too deep or has too many nodes; looks at no more of it than that takes."""
    level: tuple[Value, ...] = (tree,)
    nodes = 0
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            break
        level = tuple(each for node in level for each in below(node))
        if not level:
            return
    raise too_large()


def too_large() -> InvalidInput:
    """The error for it."""
    return InvalidInput(
        f"the filter is nested deeper than {MAX_DEPTH} or has more than {MAX_NODES:,} terms; "
        "use IN (…), is_in([…]) or $in for a list of values"
    )
