"""These run where the frameworks are installed: `make adapters`."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("haystack") and find_spec("langchain_tests") else ["*.py"]
