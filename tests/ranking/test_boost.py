"""boost=: rows ranked by distance − a number of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from oracle import unchanged
from ranks import METRICS, components, distance, filled, in_order, relevant_and_far, stored


@given(stored, components, st.sampled_from(METRICS), st.integers(0, 16), st.sampled_from([0.0, 0.1, 1.0, -0.5, 3.0]))
def test_with_exact_it_is_the_order_of_distance_less_boost_over_all_rows(
    rows: list[Any], query: list[int], metric: str, k: int, weight: float
) -> None:
    with ks.connect(":memory:") as hub:
        space, live = filled(hub, metric, rows)
        far = {key: distance(metric)(vector, np.float32(query)) for key, (vector, _) in live.items()}
        value = {key: far[key] - weight * (n or 0) for key, (_, n) in live.items()}
        if not live:
            return
        for where in (None, "n > 0"):
            allowed = {key: row for key, row in live.items() if where is None or (row[1] or 0) > 0}
            order = in_order(allowed, value.__getitem__)
            hits = space.nearest_neighbors(k, vector=query, boost=f"{weight} * n", exact=True, where=where)
            assert list(hits) == [(key, far[key]) for key in order[:k]]
            assert hits.exact
            both = space.nearest_neighbors(
                k, vector=query, boost=weight * pl.col("n"), exact=True, where=where, diversity=0.5, candidates=5
            )
            assert both.keys == relevant_and_far(live, order[: max(k, 5)], value, k, 0.5, metric)


@pytest.fixture(scope="module")
def popular() -> Any:
    """5,000 rows in two segments with an index, and the log; some dead. A few are very popular."""
    rng = np.random.default_rng(9)
    vectors = rng.normal(size=(5_000, 6)).astype(np.float32)
    clicks = rng.integers(0, 1_000, size=5_000).tolist()
    for i in range(0, 5_000, 7):
        clicks[i] = None
    clicks[4_321] = 10**9
    with ks.connect(":memory:") as hub:
        space = hub.create_space("popular", dims=6)
        for start, stop in ((0, 4_200), (4_200, 4_800), (4_800, 5_000)):
            keys = [f"k{i}" for i in range(start, stop)]
            space.load(keys=keys, vectors=vectors[start:stop], columns={"clicks": clicks[start:stop]})
            if stop < 5_000:
                space.flush()
        space.index()
        live = {f"k{i}": (vectors[i], clicks[i]) for i in range(5_000)}
        for i in range(0, 5_000, 50):
            space.delete(f"k{i}")
            del live[f"k{i}"]
        yield space, live


@pytest.mark.parametrize("weight", [1e-12, 0.001, 0.05, 1.0])
@pytest.mark.parametrize("how", [{}, {"dims": 3}, {"where": "clicks < 900"}, {"key": "k13"}], ids=repr)
def test_exact_is_over_all_rows_however_far_the_popular_ones_are(
    popular: Any, weight: float, how: dict[str, Any]
) -> None:
    space, live = popular
    query = live["k13"][0]
    asked = how if "key" in how else {"vector": query, **how}
    allowed = {
        key: row
        for key, row in live.items()
        if not (key == how.get("key") or ("where" in how and (row[1] is None or row[1] >= 900)))
    }
    far = dict(zip(allowed, ks.cos_dist(np.stack([row[0] for row in allowed.values()]), query).tolist()))
    value = {key: far[key] - weight * np.log1p(row[1] or 0) for key, row in allowed.items()}
    for k in (1, 10, 300):
        hits = space.nearest_neighbors(k, boost=f"{weight} * log1p(clicks)", exact=True, **asked)
        assert list(hits) == [(key, far[key]) for key in in_order(allowed, value.__getitem__)[:k]]
        assert hits.exact


def test_without_exact_it_orders_the_candidates(popular: Any) -> None:
    space, live = popular
    query = live["k13"][0]
    hits = space.nearest_neighbors(5, vector=query, boost="clicks", candidates=40, ef_search=5_000)
    near = list(space.nearest_neighbors(40, vector=query, ef_search=5_000))
    assert list(hits) == sorted(near, key=lambda hit: hit.distance - (live[hit.key][1] or 0))[:5]
    assert not hits.exact
    assert space.nearest_neighbors(5, vector=query, boost="clicks", candidates=5_000).keys[0] == "k4321"
    hits = space.nearest_neighbors(5, vector=query, boost="clicks", candidates=5_000, where="clicks > 990")
    assert hits.exact  # every row that matches was a candidate


def test_an_answer_that_is_called_exact_is(popular: Any) -> None:
    space, live = popular
    query = live["k13"][0]
    for how in ({}, {"where": "clicks > 980"}, {"candidates": 4_900}, {"dims": 3}, {"dims": 3, "rerank": False}):
        hits = space.nearest_neighbors(9, vector=query, boost="0.01 * clicks", **how)
        proven = space.nearest_neighbors(9, vector=query, boost="0.01 * clicks", exact=True, **how)
        assert proven.exact
        assert not hits.exact or list(hits) == list(proven)


def test_each_of_many_vectors_is_answered_as_alone(popular: Any) -> None:
    space, live = popular
    vectors = np.stack([live[f"k{i}"][0] for i in (1, 2, 3)])
    for exact in (True, False):
        many = space.nearest_neighbors(4, vectors=vectors, boost="0.001 * clicks", exact=exact)
        alone = [space.nearest_neighbors(4, vector=one, boost="0.001 * clicks", exact=exact) for one in vectors]
        if exact:
            assert [list(hits) for hits in many] == [list(hits) for hits in alone]
        assert [len(hits) for hits in many] == [4, 4, 4]


def test_no_boost_at_all_and_one_that_is_the_same_for_all_change_nothing(popular: Any) -> None:
    space, live = popular
    plain = list(space.nearest_neighbors(7, vector=live["k13"][0], exact=True))
    for boost in ("0", "NULL", "0.5", "clicks - clicks", pl.lit(-1), "CASE WHEN clicks < 0 THEN 1 END"):
        for exact in (True, False):
            hits = space.nearest_neighbors(7, vector=live["k13"][0], boost=boost, exact=exact, ef_search=5_000)
            assert list(hits) == plain


def test_the_key_and_a_clock_may_be_looked_at(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "bbb": [0, 1, 0], "cc": [0, 0, 1]})
    assert space.nearest_neighbors(3, vector=[1, 1, 1], boost=pl.col("key").str.len_chars()).keys == ["bbb", "cc", "a"]


def test_sql_ks_col_and_polars_mean_the_same(popular: Any) -> None:
    space, live = popular
    answers = [
        list(space.nearest_neighbors(7, vector=live["k13"][0], boost=boost, exact=True))
        for boost in ("clicks / 500 - 1", ks.col("clicks") / 500 - 1, pl.col("clicks") / 500 - 1)
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_boost_that_names_the_clock_is_read_each_time(space: ks.Space) -> None:
    space.multiset([("old", [1, 0, 0], {"year": 1990}), ("new", [1, 1, 0], {"year": 2020})])
    for _ in range(2):
        hits = space.nearest_neighbors(2, vector=[1, 0, 0], boost="0.1 * (year - year(now()))", exact=True)
        assert hits.keys == ["new", "old"]


def test_a_space_without_rows_answers_with_none(space: ks.Space) -> None:
    for exact in (True, False):
        assert list(space.nearest_neighbors(3, vector=[1, 0, 0], boost="1", exact=exact)) == []


@pytest.mark.parametrize(
    ("boost", "reason"),
    [
        ("gone", "no column 'gone'.*'key', 'n', 'n2'"),
        ("title", "number"),
        ("n > 1", "number"),
        ("flag", "number"),
        ("vector", "no column 'vector'"),
        ("ln(n - 1)", "-inf where n is 1"),
        ("sqrt(-n)", "where n is"),
        ("sum(n)", "row"),
        ("n; drop table x", "."),
        ("(select 1)", "."),
        ("n as m, n", "."),
        ("", "."),
        ("n +", "."),
        (pl.col("n").sum(), "row"),
        (pl.col("n").sort(), "row"),
        (pl.col("n", "n2"), "."),
        (pl.lit(pl.Series([1, 2])), "."),
        (1.5, "SQL expression"),
        (["n"], "SQL expression"),
        (True, "SQL expression"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_number_of_each_row_is_refused(hub: ks.Hub, space: ks.Space, boost: Any, reason: str) -> None:
    rows = {"n": 1, "n2": 2.0, "title": "one", "flag": True}, {"n": 3, "n2": 2.0, "title": "two", "flag": False}
    space.multiset([("a", [1, 0, 0], rows[0]), ("b", [0, 1, 0], rows[1])])
    with unchanged(hub):
        for exact in (True, False):
            with pytest.raises(ks.InvalidInput, match=reason):
                space.nearest_neighbors(1, vector=[1, 0, 0], boost=boost, exact=exact)


def test_rows_that_are_deleted_or_filtered_out_may_have_no_boost(hub: ks.Hub, space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1, i, 0], {"n": i}) for i in range(4)])
    space.flush()
    with pytest.raises(ks.InvalidInput, match="-inf where n is 0"):
        space.nearest_neighbors(4, vector=[1, 0, 0], boost="ln(n)", exact=True)
    for exact in (True, False):
        hits = space.nearest_neighbors(4, vector=[1, 0, 0], boost="ln(n)", where="n > 0", exact=exact)
        assert len(hits) == 3
    space.delete("k0")
    for exact in (True, False):
        assert len(space.nearest_neighbors(4, vector=[1, 0, 0], boost="ln(n)", exact=exact)) == 3
