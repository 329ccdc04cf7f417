"""The package as installed: light to import, complete, and what it says it is."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import subprocess
import sys

import pytest

import kinspace

LATER = {"polars", "zarr", "xxhash", "sqlite3", "typer", "rich", "google_crc32c", "obstore"}  # loaded when first needed


def test_import_loads_numpy_and_the_core_alone() -> None:
    program = "import sys, kinspace; print(*(name for name in sys.modules if '.' not in name))"
    loaded = set(subprocess.check_output([sys.executable, "-c", program], text=True).split())
    assert "numpy" in loaded
    assert not loaded & LATER


def test_import_starts_no_thread() -> None:
    program = "import threading, kinspace; print(threading.active_count())"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).split() == ["1"]


def test_all_is_sorted_and_there() -> None:
    assert list(kinspace.__all__) == sorted(kinspace.__all__)
    for name in kinspace.__all__:
        assert getattr(kinspace, name) is not None
        assert name in dir(kinspace)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        kinspace.nonsense  # noqa: B018  # the look itself is what is tested


def test_version_is_the_distribution_s() -> None:
    assert kinspace.__version__ == importlib.metadata.version("kinspace")


def test_types_are_shipped() -> None:
    package = importlib.resources.files("kinspace")
    assert (package / "py.typed").is_file()
    assert (package / "_core.pyi").is_file()
