"""docs/ranking.md is as it is printed there."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "ranking.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the docs are not part of the package")
def test_the_examples_of_the_page_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert failed == 0
    assert tried > 10
