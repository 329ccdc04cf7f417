"""Docstrings of modules written in C: imported, which does nothing beyond loading them."""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import PathFinder
from inspect import cleandoc
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .row import Docstring, rows
from .sources import words

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_QUIET = {"nis", "ossaudiodev", "readline", "spwd", "_crypt", "_tkinter"}  # importing these warns, or does more


def walk_extension(name: str) -> Iterator[Docstring]:
    """Yield what a C module documents, under the public name: that of _struct is struct, and of posix is os."""
    public = "os" if name in ("posix", "nt") else name.removeprefix("_")
    if public not in sys.stdlib_module_names or public.startswith("_"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated ones say so
        try:
            module = importlib.import_module(name)
        except Exception:  # its library is not on this machine
            return
    offered = None
    spec = PathFinder.find_spec(public)
    if public == name:
        yield from rows(public, "module", name, "", module.__doc__)
    elif spec is not None and spec.origin and spec.origin.endswith(".py"):
        offered = words(Path(spec.origin))
    for inner, thing in sorted(vars(module).items()):
        if inner.startswith("_") or not (isinstance(thing, type) or _is_routine(thing)):
            continue
        if offered is not None and inner not in offered and f"from {name} import *" not in offered:
            continue
        kind = "class" if isinstance(thing, type) else "function"
        yield from _object_doc(public, kind, inner, thing)
        if isinstance(thing, type):
            for method, value in sorted(vars(thing).items()):
                if not method.startswith("_") and _is_routine(value):
                    yield from _object_doc(public, "method", f"{inner}.{method}", value)


def _is_routine(thing: object) -> bool:
    return callable(thing) and not isinstance(thing, (type, ModuleType)) and hasattr(thing, "__name__")


def _object_doc(module: str, kind: str, name: str, thing: Any) -> Iterator[Docstring]:
    doc = thing.__doc__
    if not isinstance(doc, str):
        return
    doc = cleandoc(doc)
    signature = getattr(thing, "__text_signature__", None) or ""
    head, _, rest = doc.partition("\n")
    short = name.rpartition(".")[2]
    if head.startswith(f"{short}(") and rest.strip():  # C code often puts the signature first
        signature = signature or head.removeprefix(short)
        doc = rest.strip()
    yield from rows(module, kind, name, signature, doc)
