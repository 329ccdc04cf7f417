"""Values are given apart from the text, in each of the ways that drivers of PostgreSQL have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace import Hub

Q = [1.0, 2.0, 0.0, 1.0]
WAYS: list[tuple[str, Any]] = [
    ("select id from docs where year > :y order by emb <=> :q limit :k", {"y": 2010, "q": Q, "k": 4}),
    ("select id from docs where year > $y order by emb <=> $q limit $k", {"y": 2010, "q": Q, "k": 4}),
    ("select id from docs where year > %(y)s order by emb <=> %(q)s limit %(k)s", {"y": 2010, "q": Q, "k": 4}),
    ("select id from docs where year > $2 order by emb <=> $1 limit $3", [Q, 2010, 4]),
    ("select id from docs where year > ? order by emb <=> ?::vector limit ?", (2010, Q, 4)),
    ("select id from docs where year > %s order by emb <=> %s limit %s", (2010, Q, 4)),
    ("select id, emb <=> %s as d from docs where year > %s order by emb <=> %s limit %s", (Q, 2010, np.array(Q), 4)),
]


@pytest.mark.parametrize(("text", "params"), WAYS)
def test_each_way_of_writing_parameters_means_the_same(hub: Hub, text: str, params: Any) -> None:
    truth = hub.sql("select id from docs where year > 2010 order by emb <=> '[1,2,0,1]' limit 4", exact=True)
    assert hub.sql(text, params, exact=True)["id"].to_list() == truth["id"].to_list()


@pytest.mark.parametrize("query", [Q, tuple(Q), np.array(Q), "[1,2,0,1]", " [1, 2.0, 0, 1e0] "])
def test_a_query_comes_as_an_array_a_list_or_text(hub: Hub, query: Any) -> None:
    truth = hub.sql("select id, _dist from docs order by emb <=> '[1,2,0,1]' limit 4", exact=True)
    assert hub.sql("select id, _dist from docs order by emb <=> :q limit 4", {"q": query}, exact=True).equals(truth)


@pytest.mark.parametrize("name", ["values", "limit", "select", "order", "q1", "größe", "_x", "p1"])
def test_a_parameter_may_have_any_word_as_its_name(hub: Hub, name: str) -> None:
    found = hub.sql(f"select id from docs where year in :{name} limit 50", {name: [2001, 2002]})
    assert found.equals(hub.sql("select id from docs where year in (2001, 2002)"))


def test_a_value_stays_a_value_whatever_is_in_it(hub: Hub) -> None:
    for text in (
        "' or 1 = 1 --",
        "games' or section = 'web",
        "x; drop table docs",
        ":q",
        "$1",
        "(select 1)",
        '"',
        "\\",
    ):
        assert hub.sql("select id from docs where section = :s", {"s": text}).height == 0
        assert hub.sql("select :s as s from docs limit 1", {"s": text}).item() == text


def test_a_percent_sign_between_numbers_divides(hub: Hub) -> None:
    rows = hub.sql("select year, year % 7 as r, year %s as t from docs".replace("%s", "% year"))
    assert rows["r"].to_list() == [year % 7 for year in rows["year"]]
    assert set(rows["t"]) == {0}


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("select id from docs where year > :y", None, "no value is given for parameter y"),
        ("select id from docs where year > :y", {"y": 1, "z": 2}, "parameter z is given and not used"),
        ("select id from docs where year > :y", [1], "a mapping"),
        ("select id from docs where year > $1", {"y": 1}, "a list"),
        ("select id from docs where year > $1", [1, 2], "parameter 2 is given and not used"),
        ("select id from docs where year > $2", [1, 2], "parameter 1 is given and not used"),
        ("select id from docs where year > $1 and year > ?", [1, 2], "one way"),
        ("select id from docs where year > :y and year > ?", [1, 2], "one way"),
        ("select id from docs where year > 3", {"y": 1}, "parameter y is given and not used"),
        ("select id from docs where year > 3", "abc", "a mapping"),
        ("select id from docs where year > 3", {3: 1}, "not used"),
        ("select id from docs where year > :y", {"y": [1]}, "list"),
        ("select id from docs where year > :y", {"y": object()}, "object"),
        ("select id from docs order by emb <=> :q", {"q": None}, "None where a vector"),
        ("select id from docs order by emb <=> :q", {"q": "[1,2"}, "vector's text"),
        ("select id from docs order by emb <=> :q", {"q": "[1,2,3]"}, "4 dims"),
        ("select id from docs order by emb <=> :q", {"q": "[1,2,3,null]"}, "vector's text"),
        ("select id from docs order by emb <=> '[1,2,3,1e999]'", None, "finite|infinity|component"),
        ("select id from docs order by emb <=> '[1,2,3,NaN]'", None, "finite|NaN|component"),
        ("select id from docs order by emb <=> $1, emb <=> $2", [Q, Q], "nearest first"),
        ("select emb <=> $1 as a from docs order by emb <=> $2", [Q, Q[::-1]], "different ones"),
        ("select id from docs limit :n", {"n": -1}, "at least 0"),
        ("select id from docs limit :n", {"n": True}, "at least 0"),
        ("select id from docs limit :n", {"n": "3"}, "at least 0"),
        ("select id from docs where emb <=> '[1,2,3,4]' < :d", {"d": "far"}, "bound"),
        ("select id from docs where emb <=> '[1,2,3,4]' < :d", {"d": float("nan")}, "bound"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(hub: Hub, text: str, params: Any, message: str) -> None:
    with pytest.raises(ks.InvalidInput, match=message):
        hub.sql(text, params)
