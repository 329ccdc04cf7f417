"""A wrong filter is refused, saying what there is, and changes nothing."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import kinspace as ks
from oracle import shown, unchanged


@pytest.fixture
def few(space: ks.Space) -> ks.Space:
    space.multiset([("k1", [1, 0, 0], {"n": 1, "section": "games"}), ("k2", [0, 1, 0])])
    space.flush()
    space.set("k3", [0, 0, 1], n=3, section="science")
    return space


@pytest.mark.parametrize("where", ["absent = 1", "n = 1 AND Section = 'games'", pl.col("absent") == 1])
def test_an_unknown_column_is_refused_listing_those_there_are(hub: ks.Hub, few: ks.Space, where: Any) -> None:
    with unchanged(hub):
        for call in (
            lambda: few.nearest_neighbors(3, vector=[1, 2, 3], where=where),
            lambda: few.delete_where(where),
        ):
            with pytest.raises(ks.InvalidInput, match=r"'key'.*'n'.*'section'"):
                call()


NO_FILTERS: list[Any] = [
    "",
    "   ",
    7,
    1.5,
    True,
    b"n = 1",
    ["k1"],
    {},
    {"n": "three"},
    {"absent": 1},
    {"n": {"$near": 1}},
    ks.col("n"),
    ks.col("n") > "three",
    ks.col("section").any() == "games",
    lambda row: True,
    "n",
    "n + 1",
    "n =",
    "= 1",
    "n = 'three'",
    "section > 5",
    "section = 5",
    "n LIKE 'a%'",
    "SELECT 1",
    "n = (SELECT 1)",
    "n = 1; DROP TABLE x",
    "n = 1 -- comment",
    "count(n) > 1",
    "n = max(n)",
    "'unfinished",
    "n = 1 AND",
    "((((n = 1)",
    "\ud800 = 1",
    "n = 1 \0",
    "x" * 100_000,
    pl.col("n"),
    pl.col("n").sum() > 3,
    pl.lit(3),
    pl.col("section") > 5,
]


def test_a_filter_that_is_none_is_refused_and_changes_nothing(hub: ks.Hub, few: ks.Space) -> None:
    with unchanged(hub):
        for where in NO_FILTERS:
            for call in (
                lambda where=where: few.nearest_neighbors(3, vector=[1, 2, 3], where=where),
                lambda where=where: few.nearest_neighbors(3, key="k1", where=where),
                lambda where=where: few.delete_where(where),
            ):
                try:
                    found = call()
                except ks.InvalidInput:
                    continue
                pytest.fail(f"{shown(where)} was taken for a filter: {found!r}")


@pytest.mark.parametrize("where", [None, "", " \n"])
def test_delete_where_of_nothing_is_refused(hub: ks.Hub, few: ks.Space, where: Any) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        few.delete_where(where)
