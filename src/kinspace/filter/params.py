"""What the names in a SQL predicate stand for: values, or lists of values."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .build import MAX_OPTIONS
from .scalars import parse_scalar
from .tree import Scalar

_SMALL = 256  # values in lists that a key may hold itself
Params = Mapping[str, Scalar | tuple[Scalar, ...]]


def parse_params(params: Any) -> Params:
    """Return names and values as the tree has them; a list is a tuple.

    Raises
    ------
    InvalidInput
        If it is no mapping, a name is no str, or a value is neither a scalar nor a list of them.
    """
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        raise InvalidInput(f"params maps names to values: {{'year': 2020}} for :year; got {type(params).__name__}")
    found: dict[str, Scalar | tuple[Scalar, ...]] = {}
    for name, value in params.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InvalidInput(f"a parameter's name is a word, without its colon; got {name!r:.60}")
        if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
            if len(value) > MAX_OPTIONS:
                raise InvalidInput(f"parameter {name!r} has {len(value):,} values; a list has at most {MAX_OPTIONS:,}")
            found[name] = tuple(parse_scalar(one, f"a value of parameter {name!r}") for one in value)
        else:
            found[name] = parse_scalar(value, f"parameter {name!r}")
    return found


def typed(params: Params) -> Hashable:
    """Something small, equal only for equal names and values of the same type: 1, 1.0 and True are three."""
    if sum(len(value) for value in params.values() if isinstance(value, tuple)) > _SMALL:
        return blake2b(repr(list(params.items())).encode(), digest_size=32).digest()
    return tuple(
        (name, value, tuple(map(type, value)) if isinstance(value, tuple) else type(value))
        for name, value in params.items()
    )


def params_key(params: Any) -> Hashable:
    """The same of params as a caller gave them, checked."""
    return typed(parse_params(params))
