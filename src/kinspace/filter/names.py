"""Which column a name means: itself, or the field of a struct that it leads to by dots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from ..errors import InvalidInput
from .tree import Column

Schema = Mapping[str, pl.DataType]


def check_column(name: object, columns: Iterable[str], what: str = "") -> str:
    """Return the name of a column; InvalidInput, listing those there are, unless it is one. `what` it was wanted for.

    Examples
    --------
    >>> check_column("year", ["month"], " to index")
    Traceback (most recent call last):
    ...
    kinspace.errors.InvalidInput: there is no column 'year' to index; the columns are: 'month'
    """
    if not isinstance(name, str) or name not in columns:
        there = ", ".join(map(repr, columns)) or "none"
        raise InvalidInput(f"there is no column {name!r}{what}; the columns are: {there}")
    return name


def find_column(path: Sequence[str], schema: Schema) -> tuple[Column, pl.DataType]:
    """Return the column and field that a path or a dotted name means, and its type.

    The longest beginning that is a column's name, dots and all, is the column; what is left are fields.

    Raises
    ------
    InvalidInput
        If there is no such column (the message lists those there are), or no such field.
    """
    if len(path) == 1 and path[0] in schema:
        return Column((path[0],)), schema[path[0]]
    parts = [part for piece in path for part in piece.split(".")]
    if path[0] in schema:  # what is right as it is may have dots in it
        parts, length = list(path), 1
    else:
        length = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in schema), 0)
    if not length:
        check_column(path[0] if len(path) == 1 else parts[0], schema)
    name, fields = ".".join(parts[:length]), parts[length:]
    return Column((name, *fields)), _field(name, fields, schema[name])


def _field(name: str, fields: Sequence[str], dtype: pl.DataType) -> pl.DataType:
    for field in fields:
        if not isinstance(dtype, pl.Struct):
            raise InvalidInput(f"column {name!r} is {dtype}, which has no field {field!r}")
        found = {one.name: one.dtype for one in dtype.fields}
        if field not in found:
            raise InvalidInput(f"column {name!r} has no field {field!r}; the fields are: {', '.join(map(repr, found))}")
        inner = found[field]
        dtype = inner() if isinstance(inner, type) else inner
        name = f"{name}.{field}"
    return dtype
