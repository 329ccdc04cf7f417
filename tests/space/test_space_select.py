"""space.select(…).where(…).nearest(…).take(…).collect(): rows of a space as a Polars frame."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from oracle import unchanged

V = [1.0, 2.0, 3.0]


@pytest.fixture(params=["log", "segment", "both"])
def kept(space: ks.Space, request: pytest.FixtureRequest) -> ks.Space:
    rows = [(f"k{i}", [float(i), 1, 1], {"n": i if i % 3 else None, "title": f"t{i % 4}"}) for i in range(20)]
    space.multiset(rows[:10])
    if request.param != "log":
        space.flush()
    space.multiset(rows[10:])
    if request.param == "segment":
        space.flush()
    space.delete("k5")
    space.set("k2", [2.0, 1, 1], title="again")
    return space


@pytest.fixture
def few(space: ks.Space) -> ks.Space:
    space.multiset([("a", V, {"n": 1, "title": "x"}), ("b", V)])
    return space


def test_the_default_projection_is_the_key_and_the_columns_exactly(kept: ks.Space) -> None:
    frame = kept.select().collect()
    assert frame.schema == {"key": pl.String, "n": pl.Int64, "title": pl.String}
    assert frame["key"].to_list() == list(kept.keys())
    assert kept.select().nearest(V).collect().schema == frame.schema


def test_nearest_without_take_is_ten(kept: ks.Space) -> None:
    assert kept.select().nearest(V).collect().height == 10


@pytest.mark.parametrize("where", [None, "n > 8", "title = 'again'"])
def test_nearest_gives_what_nearest_neighbors_gives(kept: ks.Space, where: str | None) -> None:
    hits = kept.nearest_neighbors(6, vector=V, where=where)
    query = kept.select("key", "title", d="_dist").nearest(V).take(6)
    frame = (query if where is None else query.where(where)).collect()
    assert frame["key"].to_list() == hits.keys
    assert frame["d"].to_list() == list(hits.distances)
    assert frame.columns == ["key", "title", "d"]
    assert frame.schema["d"] == pl.Float64


def test_dist_comes_only_when_it_is_named(kept: ks.Space) -> None:
    assert "_dist" not in kept.select().nearest(V).collect().columns
    assert kept.select("_dist").nearest(V).collect().columns == ["_dist"]
    with pytest.raises(ks.InvalidInput):
        kept.select("_dist").collect()


def test_the_vector_comes_when_it_is_named(kept: ks.Space) -> None:
    frame = kept.select("vector", "key").where("key = 'k7'").collect()
    assert frame.schema["vector"] == pl.Array(pl.Float32, 3)
    assert frame["vector"].to_list() == [[7, 1, 1]]


@pytest.mark.parametrize(
    "build", [lambda s: s.select(), lambda s: s.select("title", "vector", d="_dist").nearest(V)], ids=["all", "some"]
)
def test_nothing_matches_is_no_rows_and_the_full_schema(kept: ks.Space, build: Any) -> None:
    empty = build(kept).where("n > 1000").collect()
    assert empty.height == 0
    assert empty.schema == build(kept).collect().schema


def test_sort_and_group(kept: ks.Space) -> None:
    frame = kept.select("key", "n").sort("n", descending=True).take(3).collect()
    assert frame["n"].to_list() == [19, 17, 16]
    frame = kept.select("key", "title").group("title").collect()
    assert frame["title"].to_list() == ["t0", "t1", "t3", "t2", "again"]
    assert kept.select("title").group("title", per=2).collect().height == 9


def test_nearest_with_sort_is_an_error(hub: ks.Hub, kept: ks.Space) -> None:
    with unchanged(hub):
        for build in (
            lambda: kept.select().nearest(V).sort("n").collect(),
            lambda: kept.select().sort("n").nearest(V).collect(),
        ):
            with pytest.raises(ks.InvalidInput, match="nearest"):
                build()


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s.select("absent"),
        lambda s: s.select(d="absent"),
        lambda s: s.select().sort("absent"),
        lambda s: s.select().group("absent"),
        lambda s: s.select().where("absent = 1"),
        lambda s: s.select().where("absent = 1").nearest(V),
    ],
    ids=count(),
)
def test_an_unknown_column_is_refused_listing_those_there_are(hub: ks.Hub, few: ks.Space, build: Any) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="'key'.*'n'.*'title'"):
        build(few).collect()


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s.select(7),
        lambda s: s.select().where(7),
        lambda s: s.select().where("n"),
        lambda s: s.select().where("n > 'x'"),
        lambda s: s.select().take(-1),
        lambda s: s.select().take(True),
        lambda s: s.select().take(1.5),
        lambda s: s.select().nearest([1.0, 2.0]),
        lambda s: s.select().nearest([1.0, float("nan"), 2.0]),
        lambda s: s.select().nearest("vector"),
        lambda s: s.select().nearest("title", V),
        lambda s: s.select().nearest(V, metric="l2"),
        lambda s: s.select().nearest(np.ones((2, 3))),
        lambda s: s.select().nearest(None),
    ],
    ids=count(),
)
def test_a_bad_select_is_refused(hub: ks.Hub, few: ks.Space, build: Any) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput):
        build(few).collect()


def test_where_may_look_at_the_vector_as_at_any_column(kept: ks.Space) -> None:
    frame = kept.select("key").where(pl.col("vector").arr.get(0) > 17).collect()
    assert frame["key"].to_list() == ["k18", "k19"]


def test_an_expression_over_the_columns(kept: ks.Space) -> None:
    frame = kept.select("key", double=pl.col("n") * 2).where("key = 'k7'").collect()
    assert frame.rows() == [("k7", 14)]


def test_a_select_sees_the_newest_rows_each_time_it_is_collected(kept: ks.Space) -> None:
    query = kept.select("key").where("n = 77")
    assert query.collect().height == 0
    kept.set("new", V, n=77)
    assert query.collect()["key"].to_list() == ["new"]
    kept.delete("new")
    assert query.collect().height == 0


def test_take_0_and_more_than_there_are(kept: ks.Space) -> None:
    assert kept.select().take(0).collect().height == 0
    assert kept.select().nearest(V).take(0).collect().height == 0
    assert kept.select().nearest(V).take(1_000).collect().height == len(kept)


def test_an_empty_space_has_an_empty_select(space: ks.Space) -> None:
    assert space.select().collect().schema == {"key": pl.String}
    assert space.select("key", d="_dist").nearest(V).collect().height == 0
