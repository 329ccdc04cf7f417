"""Counting agrees with counting row by row: live rows alone, in segments and in the log, with and without a filter."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from kinspace.space.columns.counting import count, facet_counts
from kinspace.space.columns.masks import predicate_of

N = 150
RNG = np.random.default_rng(71)
ROWS: list[dict[str, Any]] = [
    {
        "n": None if i % 7 == 0 else i % 13,
        "section": None if i % 5 == 0 else ("games", "science", "it's")[i * i % 3],
        "x": [0.0, -0.0, float("nan"), 1.5][i % 4],
        "tags": None if i % 9 == 0 else ["a", "b", "a", None, "c"][: i % 6],
    }
    for i in range(N)
]


@pytest.fixture(params=["log", "segments", "both"])
def kept(space: ks.Space, request: pytest.FixtureRequest) -> ks.Space:
    for start in range(0, N, 50):
        space.multiset([(f"k{i}", RNG.standard_normal(3), ROWS[i]) for i in range(start, start + 50)])
        if request.param == "segments" or (request.param == "both" and start < 100):
            space.flush()
    space.multidelete([f"k{i}" for i in range(0, N, 11)])
    return space


def truth(column: str, where: str | None) -> Counter[str]:
    found: Counter[str] = Counter()
    for i in range(N):
        n = ROWS[i]["n"]
        if i % 11 and (where is None or (n is not None and n < 5)):
            value = ROWS[i][column]
            values = value or [] if column == "tags" else [value]
            found.update({repr(abs(one)) if column == "x" else repr(one) for one in values if one is not None})
    return found


@pytest.mark.parametrize("where", [None, "n < 5"])
@pytest.mark.parametrize("column", ["n", "section", "x", "tags"])
def test_facets_count_the_live_rows_that_match(kept: ks.Space, column: str, where: str | None) -> None:
    view = kept._store.view()
    predicate = None if where is None else predicate_of(view, where)
    values, counts = facet_counts(view, column, predicate, None)
    told = {repr(value): int(rows) for value, rows in zip(values.to_list(), counts, strict=True)}
    assert told == truth(column, where)
    pairs = list(zip((-counts).tolist(), values.to_list(), strict=True))
    if column != "x":  # NaN is not ordered in Python
        assert pairs == sorted(pairs)
    few, fewer = facet_counts(view, column, predicate, 2)
    assert few.to_list()[:1] == values.to_list()[:1]
    assert fewer.tolist() == counts[:2].tolist()


def test_a_count_is_of_live_rows_that_match(kept: ks.Space) -> None:
    view = kept._store.view()
    live = [i for i in range(N) if i % 11]
    assert count(view, None) == len(live)
    assert count(view, predicate_of(view, "n < 5")) == sum(
        (ROWS[i]["n"] or (9 if ROWS[i]["n"] is None else 0)) < 5 for i in live
    )


def test_only_columns_of_values_can_be_counted(space: ks.Space) -> None:
    space.set("a", [1, 0, 0], shape={"width": 1})
    view = space._store.view()
    for column, told in (("shape", "nested"), ("nothing", "'shape'")):
        with pytest.raises(ks.InvalidInput, match=told):
            facet_counts(view, column, None, None)


def test_no_rows_have_no_values(space: ks.Space) -> None:
    space.set("a", [1, 0, 0], section="games")
    space.delete("a")
    values, counts = facet_counts(space._store.view(), "section", None, None)
    assert values.dtype == pl.String
    assert values.to_list() == counts.tolist() == []
