"""docs/sql.md answers what it says it does."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not among what is tested")
def test_the_examples_of_the_page_run() -> None:
    pytest.importorskip("duckdb")
    text = PAGE.read_text(encoding="utf-8").replace("```", "")
    failed, tried = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
        doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    )
    assert (failed, tried > 10) == (0, True)
