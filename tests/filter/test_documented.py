"""docs/filters.md says what is: its table's spellings are one filter, its functions are those there are."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from kinspace import col
from kinspace.filter import compile_predicate
from kinspace.filter.functions import FUNCTIONS

PAGE = Path(__file__).parents[2] / "docs" / "filters.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not beside the tests")
SCHEMA = {
    "year": pl.Int64(),
    "kib": pl.Int64(),
    "title": pl.String(),
    "free": pl.Boolean(),
    "day": pl.Date(),
    "at": pl.Datetime("us"),
    "tags": pl.List(pl.String()),
    "sizes": pl.List(pl.Float64()),
    "made": pl.Struct({"by": pl.String()}),
}


def test_the_spellings_of_a_row_are_one_filter() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 25
    names = {"col": col, "date": date, "datetime": datetime}
    for line in rows:
        text, *others = [cell.strip().strip("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        one = compile_predicate(text, SCHEMA)
        for other in filter(None, others):
            assert compile_predicate(eval(other, names), SCHEMA).key == one.key, line  # noqa: S307  # our own page


def test_every_function_is_named() -> None:
    functions = re.search(r"these functions: (.*?), year\. Names", PAGE.read_text())
    assert functions is not None
    listed = {word.split()[0] for word in functions[1].split(", ")} | {"year"}
    assert listed == set(FUNCTIONS) - {"case"}
