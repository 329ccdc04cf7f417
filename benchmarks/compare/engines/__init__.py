"""Every engine by name, at the best settings its makers publish, imported only in the process that measures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .base import Engine


@dataclass(frozen=True)
class Choice:
    """Where an engine is and how it is made."""

    family: str  # whose settings these are; the plot shows the best of a family
    module: str  # here
    name: str
    imports: str  # the package it needs
    arguments: Mapping[str, Any] = field(default_factory=dict)
    filters: bool = False
    note: str = ""  # why it may not be installed


NO_GLASS = (
    "PyPI's `glass` is a library for cosmology and its `glassppy` is for Python 3.10: build pyglass 2.1 from source"
)

ENGINES: Mapping[str, Choice] = {
    "kinspace": Choice("Kinspace", "kinspace", "Kinspace", "kinspace", filters=True),
    "kinspace-m32": Choice("Kinspace, M 32", "kinspace", "Kinspace", "kinspace", {"m": 32}),
    "symphonyqg": Choice("SymphonyQG", "rabitq", "SymphonyQG", "rabitqlib"),
    "symphonyqg-8bit": Choice("SymphonyQG", "rabitq", "SymphonyQG", "rabitqlib", {"bits": 8}),
    "rabitq-hnsw": Choice("RaBitQ HNSW", "rabitq", "RabitqHnsw", "rabitqlib"),
    "rabitq-hnsw-9bit": Choice("RaBitQ HNSW", "rabitq", "RabitqHnsw", "rabitqlib", {"bits": 9}),
    "glass": Choice("Glass", "glass", "Glass", "glass", note=NO_GLASS),
    "glass-sq8u": Choice("Glass", "glass", "Glass", "glass", {"codes": "SQ8U"}, note=NO_GLASS),
    "hnswlib": Choice("hnswlib", "hnswlib", "Hnswlib", "hnswlib", filters=True),
    "faiss-hnsw": Choice("Faiss HNSW", "faiss", "Faiss", "faiss", {"factory": "HNSW32"}, filters=True),
    "faiss-hnsw-sq8": Choice("Faiss HNSW", "faiss", "Faiss", "faiss", {"factory": "HNSW32,SQ8"}),
    "faiss-hnsw-efc200": Choice("Faiss HNSW", "faiss", "Faiss", "faiss", {"factory": "HNSW32", "ef_construction": 200}),
    "faiss-flat": Choice("Faiss flat (exact)", "faiss", "Faiss", "faiss", {"factory": "Flat"}, filters=True),
    "usearch": Choice("USearch", "usearch", "Usearch", "usearch"),
    "usearch-i8": Choice("USearch", "usearch", "Usearch", "usearch", {"dtype": "i8"}),
    "scann": Choice("ScaNN", "scann", "Scann", "scann"),
    "lorann": Choice("LoRANN", "lorann", "Lorann", "lorann"),
    "lorann-192": Choice("LoRANN", "lorann", "Lorann", "lorann", {"clusters": 4, "reduced": 192}),
    "vsag": Choice("VSAG", "vsag", "Vsag", "pyvsag"),
    "vsag-r64": Choice("VSAG", "vsag", "Vsag", "pyvsag", {"degree": 64, "ef_construction": 400}),
    "svs": Choice("SVS", "svs", "Svs", "svs"),
    "svs-r64": Choice("SVS", "svs", "Svs", "svs", {"degree": 64}),
    "zvec": Choice("zvec", "zvec", "Zvec", "zvec"),
    "zvec-int8": Choice("zvec", "zvec", "Zvec", "zvec", {"codes": "int8"}),
    "zvec-rabitq": Choice("zvec", "zvec", "Zvec", "zvec", {"codes": "rabitq"}),
    "numpy": Choice("NumPy (exact)", "numpy", "Numpy", "numpy", filters=True),
    "kinspace-ids": Choice("Kinspace", "kinspace", "Kinspace", "kinspace", {"where": "ids"}, filters=True),
}


def absent(name: str) -> str | None:
    """Return why the engine cannot be had; None if its package is there. It is not imported."""
    choice = ENGINES[name]
    if find_spec(choice.imports) is not None:
        return None
    return choice.note or f"{choice.imports} is not installed"


def make(name: str) -> Engine:
    """Return the engine, not built yet."""
    choice = ENGINES[name]
    made: Engine = getattr(import_module(f".{choice.module}", __name__), choice.name)(**choice.arguments)
    return made
