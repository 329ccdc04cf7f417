"""What the nodes of a parsed statement are, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from ..errors import InvalidInput
from .dialect import Distance
from .projection import DISTANCE
from .statement import TAKES


def only(node: Any, *names: str) -> list[Any]:
    """These arguments of a node; InvalidInput if it has any other."""
    for name, value in node.args.items():
        if name not in names and value not in (None, [], False):
            raise InvalidInput(f"{TAKES}; {not_among(name)}")
    return [node.args.get(name) for name in names]


def not_among(name: str) -> str:
    """What an error says of an argument that nobody reads."""
    called = {"db": "a schema", "catalog": "a database"}.get(name) or name.strip("_").replace("_", " ").upper()
    return f"{called} is not among it"


def plain(node: Any) -> Any:
    """The node without the brackets around it."""
    while type(node) is exp.Paren:
        node = node.this
    return node


def found(node: Any, kind: type[Any]) -> list[Any]:
    """Every node of a kind in it, itself too."""
    return [one for one in node.walk() if isinstance(one, kind)]


def terms(node: Any) -> Iterator[Any]:
    """What is joined by AND, brackets aside."""
    todo = [node]
    while todo:
        one = todo.pop()
        inner = plain(one)
        if type(inner) is exp.And:
            todo += [inner.expression, inner.this]
        else:
            yield one


def is_distance(node: Any) -> bool:
    """Whether it is a distance, written out or by the name that the builder has for it."""
    return isinstance(node, Distance) or (type(node) is exp.Column and len(node.parts) == 1 and node.name == DISTANCE)


def measures(node: Any) -> bool:
    """Whether a distance is in it."""
    return any(is_distance(one) for one in node.walk())


def counts_all(node: Any) -> bool:
    """Whether it is count(*)."""
    return type(node) is exp.Count and type(node.this) is exp.Star and not node.expressions


def parameters(node: Any) -> tuple[str, ...]:
    """The parameters in it, but for those of distances."""
    inside = node.walk(prune=lambda one: isinstance(one, Distance))
    return tuple(dict.fromkeys(one.name for one in inside if type(one) is exp.Placeholder))
