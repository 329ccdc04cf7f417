"""Real texts for the demo, without a network: every docstring of the running Python's standard library."""

from __future__ import annotations

import sys
from importlib.machinery import BuiltinImporter, ExtensionFileLoader, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .extensions import NOT_QUIET, walk_extension
from .row import Docstring
from .sources import PROGRAMS, walk_source

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Docstring", "docstrings", "walk"]

COLUMNS = ("module", "kind", "name", "signature", "summary", "length")


def walk() -> Iterator[Docstring]:
    """Yield the public docstrings of the standard library, module by module; a name met twice keeps its first.

    Modules written in Python are parsed, not imported; those written in C are imported, but for the few that do
    more than load. Private names, tests and programs (IDLE, 2to3, …) are left out.
    """
    met: set[str] = set()
    for name in sorted(sys.stdlib_module_names, key=lambda name: (name.startswith("_"), name)):
        if name in PROGRAMS or name in NOT_QUIET:
            continue
        for docstring in _walk_module(name):
            if docstring.key not in met:
                met.add(docstring.key)
                yield docstring


def docstrings() -> tuple[list[str], list[str], dict[str, Any]]:
    """Return what `Space.add_texts` takes: keys, texts, and columns as {name: values}."""
    found = list(walk())
    columns = {name: [getattr(docstring, name) for docstring in found] for name in COLUMNS}
    return [docstring.key for docstring in found], [docstring.text for docstring in found], columns


def _walk_module(name: str) -> Iterator[Docstring]:
    spec = PathFinder.find_spec(name) or BuiltinImporter.find_spec(name)
    if spec is None:  # another platform's
        return
    if spec.origin and spec.origin.endswith(".py"):
        if not name.startswith("_"):
            yield from walk_source(name, Path(spec.origin))
    elif isinstance(spec.loader, ExtensionFileLoader) or spec.origin == "built-in":
        yield from walk_extension(name)
