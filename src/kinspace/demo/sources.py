"""Docstrings of modules written in Python: parsed, never imported."""

from __future__ import annotations

import ast
import os
import re
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .row import Docstring, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = {"__main__", "antigravity", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "this", "turtledemo"}


def walk_source(name: str, path: Path) -> Iterator[Docstring]:
    """Yield what a module's file documents, then, for a package, what its modules do."""
    public = _public_name(name)
    if public is not None:
        source = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in old modules
            try:
                tree = ast.parse(source)
            except (SyntaxError, ValueError):  # a deliberately broken file
                return
        yield from _module_docs(public, tree, _offered(name, path, tree) if public == name.rpartition(".")[0] else None)
    if path.name == "__init__.py":
        for inner in sorted(path.parent.iterdir()):
            if inner.stem in PROGRAMS or inner.stem == "__init__":
                continue
            if inner.suffix == ".py":
                yield from walk_source(f"{name}.{inner.stem}", inner)
            elif (inner / "__init__.py").is_file():
                yield from walk_source(f"{name}.{inner.name}", inner / "__init__.py")


def _offered(name: str, path: Path, tree: ast.Module) -> frozenset[str]:
    """Return the names that a package may offer from its private module, to go by the package's own source."""
    last = name.rpartition(".")[2]
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    told = words(folder / "__init__.py")
    if {f"from {name} import *", f"from .{last} import *"} & told:
        return frozenset(node.name for node in _definitions(tree.body))
    return told


def _module_docs(module: str, tree: ast.Module, offered: frozenset[str] | None) -> Iterator[Docstring]:
    """Yield what one file documents; `offered` are the names a package takes from a private module, None for all."""
    if offered is None:
        yield from rows(module, "module", module.rpartition(".")[2], "", ast.get_docstring(tree))
    aliases = _aliases(tree)
    for node in _definitions(tree.body):
        if offered is not None and node.name not in offered:
            continue
        if isinstance(node, ast.ClassDef):
            yield from rows(module, "class", node.name, _bases(node), ast.get_docstring(node))
            for method in _definitions(node.body):
                name, kind = f"{node.name}.{method.name}", "method"
                if name in aliases:  # random.shuffle is a method of a hidden Random
                    name, kind = aliases[name], "function"
                elif isinstance(method, ast.ClassDef):
                    kind = "class"
                yield from rows(module, kind, name, _signature(method), ast.get_docstring(method))
        else:
            yield from rows(module, "function", node.name, _signature(node), ast.get_docstring(node))


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Yield the public definitions of a block, those under if and try included, in order."""
    for node in body:
        if isinstance(node, Definition):
            if not node.name.startswith("_"):
                yield node
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _definitions([*node.body, *node.orelse])


def _aliases(tree: ast.Module) -> dict[str, str]:
    """Return {"Random.shuffle": "shuffle"} for `_inst = Random()` and `shuffle = _inst.shuffle`."""
    instances: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Call(func=ast.Name(cls), args=[])):
                instances[name] = cls
            case ast.Assign(targets=[ast.Name(name)], value=ast.Attribute(ast.Name(inst), method)) if inst in instances:
                aliases[f"{instances[inst]}.{method}"] = name
    return aliases


def _bases(node: ast.ClassDef) -> str:
    return f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""


def _signature(node: Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return _bases(node)
    return f"({ast.unparse(node.args)})"


def _public_name(module: str) -> str | None:
    """Return the name a module's contents are imported by, or None if nobody should."""
    if module in ("posixpath", "ntpath", "genericpath"):
        return "os.path" if module == os.path.__name__ else None
    package, _, last = module.rpartition(".")
    if last.startswith("_"):
        return package or None  # concurrent.futures._base documents concurrent.futures
    return module


@cache
def words(path: Path) -> frozenset[str]:
    """Return the words of a source file, and each of its "from x import *" whole: what it may offer."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return frozenset(re.findall(r"\w+", text)) | frozenset(re.findall(r"from [\w.]+ import \*", text))
