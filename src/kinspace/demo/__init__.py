"""Real texts for the demo, without a network: every docstring of the running Python's standard library."""

from __future__ import annotations

import sys
from importlib.machinery import BuiltinImporter, ExtensionFileLoader, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from .extensions import NOT_QUIET, walk_extension
from .row import Docstring
from .sources import PROGRAMS, walk_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

__all__ = ["Docstring", "docstrings", "walk"]


def walk() -> Iterator[Docstring]:
    """Yield the public docstrings of the standard library, module by module; a name met twice keeps its first.

    Modules written in Python are parsed, never imported; those written in C are imported, but for the few that do
    more than load. Private names, tests and programs (IDLE, 2to3, …) are left out.

    Examples
    --------
    >>> found = {docstring.key: docstring for docstring in walk()}
    >>> found["textwrap.dedent"].summary
    'Remove any common leading whitespace from every line in `text`.'
    >>> found["bisect"].kind, found["fractions.Fraction"].kind, found["random.shuffle"].kind, found["math.sqrt"].kind
    ('module', 'class', 'function', 'function')
    """
    met: set[str] = set()
    for name in sorted(sys.stdlib_module_names, key=lambda name: (name.startswith("_"), name)):
        if name in PROGRAMS or name in NOT_QUIET:
            continue
        for docstring in _walk_module(name):
            if docstring.key not in met:
                met.add(docstring.key)
                yield docstring


def docstrings() -> pl.DataFrame:
    """Return every docstring as a row: the fields of `Docstring`, and the `text` to embed.

    Examples
    --------
    >>> docstrings().columns
    ['key', 'module', 'kind', 'name', 'signature', 'summary', 'doc', 'length', 'text']
    """
    import polars as pl

    found = list(walk())
    columns = {field: [getattr(docstring, field) for docstring in found] for field in (*Docstring._fields, "text")}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String) | {"length": pl.Int64})


def _walk_module(name: str) -> Iterator[Docstring]:
    spec = PathFinder.find_spec(name) or BuiltinImporter.find_spec(name)
    if spec is None:  # another platform's
        return
    if spec.origin and spec.origin.endswith(".py"):
        if not name.startswith("_"):
            yield from walk_source(name, Path(spec.origin))
    elif isinstance(spec.loader, ExtensionFileLoader) or spec.origin == "built-in":
        yield from walk_extension(name)
