"""where= on a space: min(k, matching rows) always, null is not true, and a wrong filter is named, never guessed at."""

from __future__ import annotations

import datetime as dt
import sys
import threading
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances
from indexed import until
from kinspace.space.columns import masks

RNG = np.random.default_rng(23)
N = 120
VECTORS = RNG.standard_normal((N, 3)).astype(np.float32)
NUMBERS = [None if i % 7 == 0 else i for i in range(N)]
SECTIONS = [None if i % 5 == 0 else ("games", "science", "it's")[i % 3] for i in range(N)]


@pytest.fixture(params=["log", "segments", "both"])
def kept(space: ks.Space, request: pytest.FixtureRequest) -> ks.Space:
    rows = [(f"k{i}", VECTORS[i], {"n": NUMBERS[i], "section": SECTIONS[i]}) for i in range(N)]
    for start in range(0, N, 30):
        space.multiset(rows[start : start + 30])
        if request.param == "segments" or (request.param == "both" and start < 60):
            space.flush()
    for i in range(0, N, 11):
        space.delete(f"k{i}")
    return space


def truth(i: int, what: str) -> bool:
    n, section = NUMBERS[i], SECTIONS[i]
    return {
        "n < 20": n is not None and n < 20,
        "n >= 90 AND section = 'games'": n is not None and n >= 90 and section == "games",
        "section = 'it''s' OR n = 3": section == "it's" or n == 3,
        "n IS NULL": n is None,
        "NOT (n > 10)": n is not None and n <= 10,
        "section != 'games'": section is not None and section != "games",
        "section IN ('games', 'nothing')": section == "games",
        "key = 'k42'": i == 42,
        "key LIKE 'k1_'": 10 <= i < 20,
        "n > 1000": False,
        "TRUE": True,
    }[what]


WHERE = [
    "n < 20",
    "n >= 90 AND section = 'games'",
    "section = 'it''s' OR n = 3",
    "n IS NULL",
    "NOT (n > 10)",
    "section != 'games'",
    "section IN ('games', 'nothing')",
    "key = 'k42'",
    "key LIKE 'k1_'",
    "n > 1000",
]


def test_a_filtered_search_returns_the_nearest_of_the_matching_rows(kept: ks.Space) -> None:
    for where in WHERE:
        agrees_with_brute_force(kept, where)


def agrees_with_brute_force(kept: ks.Space, where: str) -> None:
    live = [i for i in range(N) if i % 11 and truth(i, where)]
    query = RNG.standard_normal(3).astype(np.float32)
    near = distances(VECTORS[live], query, "cosine") if live else np.empty(0)
    wanted = [f"k{live[i]}" for i in np.argsort(near, kind="stable")]
    for k in (1, 10, 1_000):
        hits = kept.nearest_neighbors(k, vector=query, where=where)
        assert hits.keys == wanted[:k]
        assert hits.rows["key"].to_list() == hits.keys
        assert [list(one) for one in kept.nearest_neighbors(k, vectors=[query, query], where=where)] == [list(hits)] * 2
    if live:
        key = f"k{live[0]}"
        assert sorted(kept.nearest_neighbors(1_000, key=key, where=where).keys) == sorted(set(wanted) - {key})


@pytest.mark.parametrize("where", ["n < 20", "n IS NULL", "section != 'games'", "n > 1000"])
def test_delete_where_removes_exactly_the_matching_rows_and_says_how_many(kept: ks.Space, where: str) -> None:
    live = [i for i in range(N) if i % 11]
    left = [f"k{i}" for i in live if not truth(i, where)]
    assert kept.delete_where(where) == len(live) - len(left)
    assert list(kept.keys()) == left
    assert kept.delete_where(where) == 0
    kept.compact()
    assert list(kept.keys()) == left


@pytest.mark.parametrize(
    ("where", "same"),
    [
        (pl.col("n") < 20, "n < 20"),
        (pl.col("n").is_null(), "n IS NULL"),
        (pl.col("section").is_in(["games"]), "section = 'games'"),
        (pl.col("key").str.starts_with("k1"), "key LIKE 'k1%'"),
        ((pl.col("n") < 20) | (pl.col("section") == "games"), "n < 20 OR section = 'games'"),
    ],
    ids=["lt", "null", "in", "starts", "or"],
)
def test_a_polars_expression_filters_as_sql_does(kept: ks.Space, where: pl.Expr, same: str) -> None:
    one = kept.nearest_neighbors(1_000, vector=[1, 2, 3], where=where)
    assert list(one) == list(kept.nearest_neighbors(1_000, vector=[1, 2, 3], where=same))
    assert len(one) > 0


def test_rows_of_before_a_column_came_are_null_in_it(space: ks.Space) -> None:
    space.set("early", [1, 2, 3])
    space.flush()
    space.set("late", [1, 2, 3], n=1)
    for _ in range(2):
        assert space.nearest_neighbors(5, vector=[1, 2, 3], where="n IS NULL").keys == ["early"]
        assert space.nearest_neighbors(5, vector=[1, 2, 3], where="n = 1").keys == ["late"]
        assert space.nearest_neighbors(5, vector=[1, 2, 3], where="n != 1").keys == []
        space.compact()


def test_a_filter_asked_again_sees_what_was_written_since(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1, 2, i], {"n": i}) for i in range(10)])
    space.flush()
    ask = lambda: sorted(space.nearest_neighbors(50, vector=[1, 2, 3], where="n > 5").keys)  # noqa: E731
    assert ask() == ["k6", "k7", "k8", "k9"]
    space.delete("k7")
    space.set("k8", [1, 2, 3], n=0)
    space.update("k1", n=100)
    assert ask() == ["k1", "k6", "k9"]
    space.set("w", [1, 2, 3], n=5.5)
    assert ask() == ["k1", "k6", "k9", "w"]
    space.compact()
    assert ask() == ["k1", "k6", "k9", "w"]
    space.delete_all()
    assert ask() == []


def test_a_deleted_row_can_t_make_a_filter_fail(space: ks.Space) -> None:
    space.multiset([("good", [1, 2, 3], {"t": "12"}), ("bad", [1, 2, 3], {"t": "twelve"})])
    where = "CAST(t AS INTEGER) > 5"
    for flushed in (False, True):
        if flushed:
            space.flush()
        with pytest.raises(ks.InvalidInput):
            space.nearest_neighbors(5, vector=[1, 2, 3], where=where)
    space.delete("bad")
    assert space.nearest_neighbors(5, vector=[1, 2, 3], where=where).keys == ["good"]


def test_filters_on_every_kind_of_column(space: ks.Space) -> None:
    space.multiset(
        [
            ("a", [1, 2, 3], {"d": dt.date(2020, 1, 1), "b": True, "items": ["x", "y"], "f": float("nan")}),
            ("b", [1, 2, 3], {"d": dt.date(2024, 1, 1), "b": False, "items": [], "f": 0.5}),
            ("c", [1, 2, 3]),
        ]
    )
    for _ in range(2):
        for where, keys in {
            "d > DATE '2022-01-01'": ["b"],
            "b": ["a"],
            "NOT b": ["b"],
            "f < 1": ["b"],
            "array_contains(items, 'x')": ["a"],
            "b IS NULL": ["c"],
        }.items():
            assert space.nearest_neighbors(5, vector=[1, 2, 3], where=where).keys == keys
        space.flush()


@pytest.mark.parametrize("name", ["x y", 'x"y', "select", "日本", "^n"])
def test_a_column_of_any_name_can_be_filtered(space: ks.Space, name: str) -> None:
    space.multiset([("a", [1, 2, 3], {name: 1, "n": 5}), ("b", [1, 2, 3], {name: 2, "n": 5})])
    quoted = '"' + name.replace('"', '""') + '"'
    assert space.nearest_neighbors(5, vector=[1, 2, 3], where=f"{quoted} = 2").keys == ["b"]


@pytest.mark.parametrize("clock", ["now()", "Current_Timestamp", "LOCALTIMESTAMP"])
def test_a_filter_that_names_the_clock_looks_at_it_each_time(space: ks.Space, clock: str) -> None:
    now = pl.select(pl.sql_expr(clock)).item()
    space.set("a", VECTORS[0], until=now + dt.timedelta(seconds=0.3))
    space.set("b", VECTORS[1], until=now + dt.timedelta(days=1))

    def alive() -> list[object]:
        return sorted(space.nearest_neighbors(2, vector=VECTORS[0], where=f"until > {clock}").keys)

    alive()
    until(lambda: alive() == ["b"], "for the end of a row")


def test_threads_may_ask_more_filters_than_are_kept(space: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    space.multiset([(f"k{i}", VECTORS[i], {"n": i}) for i in range(8)])
    view, failures = space._store.view(), []
    monkeypatch.setattr(masks, "predicate_of", lambda *_: SimpleNamespace(lasting=True))
    monkeypatch.setattr(masks, "masks_of", lambda *_: [])

    def ask(thread: int) -> None:
        try:
            for number in range(20_000):
                masks.masks_where(view, f"n = {thread}{number:06}")
        except BaseException as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
    assert len(view.masks) <= masks.KEPT + len(threads)
