"""explain(): the answer as it is without, counts that can be worked out by hand, and stages for all that was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from indexed import clustered

N, DIMS, LOGGED = 3_000, 32, 40
X = clustered(N + LOGGED, DIMS)
YEARS = np.arange(N + LOGGED) % 100


@pytest.fixture(scope="module")
def space() -> Iterator[ks.Space]:
    """One segment with an index, and rows in the log; of both, some are dead."""
    with pytest.MonkeyPatch.context() as patch, ks.connect(":memory:") as hub:
        patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 100)
        space = hub.create_space("docs", dims=DIMS, key_type="int")
        space.load(keys=range(N), vectors=X[:N], columns=pl.DataFrame({"year": YEARS[:N]}))
        space.index()
        patch.setattr("kinspace.space.space.SEGMENT_ROWS", 100_000)
        space.multiset((N + i, X[N + i], {"year": int(YEARS[N + i])}) for i in range(LOGGED))
        space.multidelete([0, 1, 2, N])
        yield space


def stages(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every stage by name; those of parts too."""
    found = {}
    for stage in told.get("stages", []):
        found |= {stage["stage"]: stage} | stages(stage)
    return found


def same(one: Any, other: Any) -> None:
    if isinstance(one, list):
        assert len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            same(mine, its)
        return
    assert one.keys == other.keys
    np.testing.assert_array_equal(one.distances, other.distances)
    assert (one.exact, one.visited) == (other.exact, other.visited)


ARGUMENTS = st.fixed_dictionaries(
    {"k": st.integers(0, 30)},
    optional={
        "where": st.sampled_from(["year >= 0", "year < 50", "year = 7", "year > 1000", pl.col("year") == 3]),
        "exact": st.booleans(),
        "dims": st.sampled_from([4, 16, DIMS]),
        "expand": st.integers(1, 20),
        "threads": st.integers(1, 2),
        "diversity": st.sampled_from([0.0, 0.3]),
        "boost": st.just("year / 1000.0"),
    },
)
ASKED = st.one_of(
    st.builds(lambda i: {"key": i}, st.integers(10, N - 1)),
    st.builds(lambda i: {"vector": X[i] + 0.1}, st.integers(0, N)),
    st.builds(lambda i, m: {"vectors": X[i : i + m] + 0.1}, st.integers(0, N - 200), st.integers(0, 130)),
)


@given(ARGUMENTS, ASKED)
def test_the_answer_is_that_of_the_search(space: ks.Space, arguments: dict[str, Any], asked: dict[str, Any]) -> None:
    explanation = space.explain(**arguments, **asked)
    answer = explanation.answer
    same(answer, space.nearest_neighbors(**arguments, **asked))
    told = explanation.to_dict()
    assert told == json.loads(json.dumps(told))
    assert max(map(len, str(explanation).split("\n"))) <= 100
    assert told["visited"] == (sum(hits.visited for hits in answer) if isinstance(answer, list) else answer.visited)
    assert sum(stage["seconds"] for stage in told["stages"]) <= told["seconds"]


def test_an_exact_search_visits_every_live_row(space: ks.Space) -> None:
    explanation = space.explain(5, vector=X[9], exact=True)
    found = stages(explanation.to_dict())
    assert explanation.answer.visited == found["search"]["allowed"] == N + LOGGED - 4
    assert found["segment 1"]["by_codes"] + found["segment 1"]["as_floats"] == N - 3
    assert (found["segment 1"]["rows"], found["segment 1"]["dead"]) == (N, 3)
    assert (found["log"]["rows"], found["log"]["dead"], found["log"]["as_floats"]) == (LOGGED, 1, LOGGED - 1)


def test_a_filtered_search_visits_what_matches(space: ks.Space) -> None:
    explanation = space.explain(5, vector=X[9], where="year = 7")
    found = stages(explanation.to_dict())
    assert explanation.answer.visited == found["search"]["allowed"] == 31
    assert explanation.answer.exact
    assert (found["segment 1"]["allowed"], found["log"]["allowed"]) == (30, 1)
    assert found["filter"]["where"] == "year = 7"


def test_by_index_few_rows_are_visited(space: ks.Space) -> None:
    explanation = space.explain(5, vector=X[9], ef_search=10)
    segment = stages(explanation.to_dict())["segment 1"]
    assert segment["way"] == "graph"
    assert 5 <= segment["hops"] < segment["distances"] < N / 2
    assert explanation.answer.visited == segment["distances"] + LOGGED - 1
    assert segment["estimated_seconds"].keys() == {"graph", "scan", "two hops"}


def test_a_key_does_not_visit_itself(space: ks.Space) -> None:
    assert space.nearest_neighbors(3, key=77, exact=True).visited == N + LOGGED - 5


def test_each_query_of_a_batch_has_its_own_count(space: ks.Space) -> None:
    answers = space.nearest_neighbors(5, vectors=X[:20], ef_search=10)
    assert [hits.visited for hits in answers] == [
        space.nearest_neighbors(5, vector=x, ef_search=10).visited for x in X[:20]
    ]
    assert {hits.visited for hits in space.nearest_neighbors(5, vectors=X[:20], exact=True)} == {N + LOGGED - 4}


def test_a_filter_that_was_asked_before_is_not_evaluated_again(space: ks.Space) -> None:
    where = "year <> 31"
    first, again = (stages(space.explain(1, vector=X[0], where=where).to_dict())["filter"] for _ in range(2))
    assert (first["parts_evaluated"], first.get("parts_cached")) == (2, None)
    assert (again.get("parts_evaluated"), again["parts_cached"]) == (None, 2)


def test_a_rerank_is_a_stage_of_its_own(space: ks.Space) -> None:
    found = stages(space.explain(5, vector=X[9], dims=8, expand=7).to_dict())
    assert found["search"]["dims"] == 8
    assert (found["rerank"]["candidates"], found["rerank"]["dims"]) == (35, DIMS)


def test_the_view_says_what_is_new(tmp_path: Any) -> None:
    with ks.connect(tmp_path) as hub:
        space = hub.create_space("docs", dims=2)
        space.multiset({"a": [1, 0], "b": [0, 1]})
        view = stages(space.explain(1, vector=[1, 0]).to_dict())["view"]
        assert (view["rows"], view["segments"], view["new_segments"], view["log_rows"]) == (2, 0, 0, 2)
        space.flush()
        view = stages(space.explain(1, vector=[1, 0]).to_dict())["view"]
        assert (view["rows"], view["segments"], view["log_rows"]) == (2, 1, 0)


def test_nothing_to_find_is_explained_too(tmp_path: Any) -> None:
    with ks.connect(tmp_path) as hub:
        space = hub.create_space("docs", dims=2)
        explanation = space.explain(3, vector=[1, 0])
        assert explanation.to_dict()["visited"] == 0
        space.set("a", [1, 0], n=1)
        assert "nothing allowed" in str(space.explain(3, vector=[1, 0], where="n > 1"))


def test_wrong_arguments_are_what_they_are_to_a_search(space: ks.Space) -> None:
    with pytest.raises(ks.errors.InvalidInput, match="exactly one of"):
        space.explain(3)
    with pytest.raises(ks.errors.KeyNotFound, match="no row of space"):
        space.explain(3, key=0)
    with pytest.raises(ks.errors.InvalidInput, match="takes no nothing=.*nearest_neighbors"):
        space.explain(3, vector=X[0], nothing=True)


def test_snapshots_and_published_spaces_explain_themselves(space: ks.Space, tmp_path: Any) -> None:
    space.snapshot("then")
    space.publish(f"file://{tmp_path}/there")
    with ks.connect(f"file://{tmp_path}/there", cache=tmp_path / "cache") as remote:
        for other in (space.at("then"), remote.get_space("docs")):
            explanation = other.explain(4, vector=X[50], where="year < 10", exact=True)
            same(explanation.answer, other.nearest_neighbors(4, vector=X[50], where="year < 10", exact=True))
            assert explanation.answer.visited == int((YEARS[3 : N + LOGGED] < 10).sum()) - 1
    space.drop_snapshot("then")


def test_a_space_of_bits_counts_them(tmp_path: Any) -> None:
    with ks.connect(tmp_path) as hub:
        space = hub.create_space("docs", dims=16, dtype="bit", key_type="int")
        space.multiset({i: np.random.default_rng(i).integers(0, 2, 16) for i in range(50)})
        explanation = space.explain(2, vector=np.ones(16))
        assert stages(explanation.to_dict())["log"]["bit_counts"] == explanation.answer.visited == 50


def test_a_select_explains_itself(space: ks.Space) -> None:
    query = space.select("key", "year", d="_dist").where("year = 7").nearest(X[9]).take(4)
    explanation = query.explain()
    assert explanation.answer.equals(query.collect())
    told = explanation.to_dict()
    assert (told["stage"], told["k"], told["exact"], told["visited"]) == ("select", 4, True, 31)
    assert [stage["stage"] for stage in told["stages"]] == ["view", "filter", "prepare", "search", "fetch"]


def test_examples_and_boosts_are_a_ranking(space: ks.Space) -> None:
    explanation = space.explain(3, positive=[10, 11], negative=[500], boost="year / 1000.0")
    same(explanation.answer, space.nearest_neighbors(3, positive=[10, 11], negative=[500], boost="year / 1000.0"))
    ranking = stages(explanation.to_dict())["ranking"]
    assert "search" in stages(ranking)
    assert explanation.answer.visited >= stages(ranking)["search"]["visited"] > 0


def test_counts_and_facets_of_a_select_are_logged_as_it_is(space: ks.Space, caplog: pytest.LogCaptureFixture) -> None:
    space._store.slow_query_seconds = 0.0
    try:
        assert space.select().where("year = 7").count() == 31
        space.select().where("year = 7").facets("year")
        space.select().sort("year").page(2)
    finally:
        space._store.slow_query_seconds = None
    assert [record.query["query"] for record in caplog.records] == ["select"] * 3
    assert [record.query["where"] is None for record in caplog.records] == [False, False, True]


def test_a_select_without_nearest_says_what_matched(space: ks.Space) -> None:
    explanation = space.select("key").where("year = 7").sort("key").take(3).explain()
    assert explanation.answer["key"].to_list() == [7, 107, 207]
    assert stages(explanation.to_dict())["filter"]["allowed"] == 31


def test_a_select_on_a_frame_explains_itself() -> None:
    frame = pl.DataFrame({"n": range(50), "emb": X[:50].tolist()})
    query = ks.select(frame, "n").where("n < 20").nearest("emb", X[3]).take(2)
    explanation = query.explain()
    assert explanation.answer.equals(query.collect())
    found = stages(explanation.to_dict())
    assert (found["filter"]["allowed"], found["search"]["rows"], found["fetch"]["rows"]) == (20, 50, 2)
