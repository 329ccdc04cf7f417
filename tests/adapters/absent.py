"""Fields that no row has: null in every row, as document stores without a schema have it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

from kinspace.filter.tree import Column, Constant


def null_if_absent(node: Any, columns: Collection[str]) -> Any:
    """The tree with NULL for each column that isn't there."""
    if isinstance(node, Column):
        return node if node.path[0] in columns else Constant(None)
    if isinstance(node, tuple):
        return tuple(null_if_absent(one, columns) for one in node)
    if not hasattr(node, "__dataclass_fields__") or isinstance(node, Constant):
        return node
    return replace(node, **{one.name: null_if_absent(getattr(node, one.name), columns) for one in fields(node)})
