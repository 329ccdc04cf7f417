"""knn is brute force: the nearest rows, whatever the metric, the filter, the ties and the number of threads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st

from brute import nearest
from kinspace import InvalidInput, knn

RNG = np.random.default_rng(2)
ROWS = RNG.normal(size=(500, 12)).astype(np.float32)
QUERY = RNG.normal(size=12).astype(np.float32)
METRICS = ["cosine", "l2", "ip"]
as_float64 = {"in place": lambda rows: rows, "streamed": lambda rows: rows.astype(np.float64)}


@given(
    rows=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), max_size=30),
    query=st.lists(st.integers(-2, 2), min_size=3, max_size=3),
    k=st.integers(0, 40),
    metric=st.sampled_from(METRICS),
    data=st.data(),
)
def test_the_answer_is_that_of_a_brute_force_ties_by_row(rows, query, k, metric, data) -> None:
    # Few values, so that many distances are equal; multiples of powers of two would not do for the cosine's
    # square roots, so what brute force takes for a tie by rounding is compared by distance.
    column = np.array(rows, np.float32).reshape(-1, 3)
    mask = data.draw(st.none() | st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    ids, distances = nearest(column, query, k, metric, None if mask is None else np.array(mask, bool))
    everything = knn(column, query, 100, metric)
    exact = dict(zip(everything["_rowid"], everything["_dist"], strict=True))
    for kind in as_float64.values():
        found = knn(kind(column), query, k, metric, None if mask is None else np.array(mask, bool))
        assert found.height == len(ids)
        assert np.allclose(found["_dist"], distances, rtol=1e-12, atol=1e-12)
        pairs = list(zip(found["_dist"], found["_rowid"], strict=True))
        assert pairs == sorted(pairs)
        allowed = range(len(rows)) if mask is None else np.flatnonzero(mask)
        assert pairs == sorted((exact[row], row) for row in allowed)[:k]


@pytest.mark.parametrize("metric", METRICS)
def test_the_first_k_of_a_larger_k_are_the_answer_for_k(metric: str) -> None:
    rows = np.round(ROWS)  # ties
    whole = knn(rows, np.round(QUERY), 500, metric)
    for k in (0, 1, 7, 100, 499):
        assert knn(rows, np.round(QUERY), k, metric).equals(whole[:k])


@pytest.mark.parametrize("kind", as_float64)
def test_ties_are_in_row_order(kind: str) -> None:
    rows = as_float64[kind](np.tile(np.eye(3, dtype=np.float32), (50, 1)))
    assert knn(rows, [0, 1, 0], 4)["_rowid"].to_list() == [1, 4, 7, 10]
    assert knn(rows, [0, 1, 0], 53)["_rowid"].to_list()[50:] == [0, 2, 3]
    assert knn(rows, [0, 0, 0], 5)["_rowid"].to_list() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", as_float64)
def test_the_number_of_threads_changes_nothing(kind: str) -> None:
    rows = np.tile(as_float64[kind](ROWS), (40, 1))
    expected = knn(rows, QUERY, 100, threads=1)
    for threads in (2, 3, 8, None, np.int64(2)):
        assert knn(rows, QUERY, 100, threads=threads).equals(expected)


def test_the_result_is_a_frame_of_row_ids_and_distances() -> None:
    for column in (ROWS, ROWS.astype(np.float64), np.empty((0, 12))):
        assert knn(column, QUERY, 3).schema == pl.Schema({"_rowid": pl.Int64, "_dist": pl.Float64})


def test_k_zero_is_an_empty_result_and_k_above_n_everything() -> None:
    assert knn(ROWS, QUERY, 0).height == 0
    assert knn(ROWS, QUERY, 10**12).height == 500
    assert knn(ROWS, QUERY, np.int32(3)).height == 3


@pytest.mark.parametrize("k", [-1, True, 1.0, "1", None, np.float64(2), [1]])
def test_a_k_that_is_no_count_is_an_error(k: object) -> None:
    with pytest.raises(InvalidInput, match="k must be"):
        knn(ROWS, QUERY, k)


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2"])
def test_threads_below_one_or_no_count_are_an_error(threads: object) -> None:
    with pytest.raises(InvalidInput, match="threads must be"):
        knn(ROWS, QUERY, 1, threads=threads)


@pytest.mark.parametrize("metric", ["cos", "L2", "dot", None, 1])
def test_an_unknown_metric_is_an_error_naming_those_there_are(metric: object) -> None:
    with pytest.raises(InvalidInput, match="'cosine', 'l2', 'ip'"):
        knn(ROWS, QUERY, 1, metric)


@pytest.mark.parametrize("query", [QUERY[:5], "query", None, [], QUERY.astype(complex)])
def test_a_query_that_is_no_vector_of_that_length_is_an_error(query: object) -> None:
    with pytest.raises(InvalidInput, match="the query"):
        knn(ROWS, query, 1)


def test_the_query_is_checked_even_if_no_row_is() -> None:
    for column in (np.empty((0, 12)), ROWS):
        with pytest.raises(InvalidInput):
            knn(column, [np.nan] * 12, 0)


@pytest.mark.parametrize("kind", as_float64)
def test_a_mask_row_ids_and_their_order_and_repetition_are_one_filter(kind: str) -> None:
    rows = as_float64[kind](ROWS)
    ids = np.array([499, 0, 77, 3, 77, 3])
    mask = np.zeros(500, bool)
    mask[ids] = True
    expected = knn(rows, QUERY, 10, where=mask)
    assert expected["_rowid"].sort().to_list() == [0, 3, 77, 499]
    for where in (
        ids,
        ids.tolist(),
        set(ids.tolist()),
        mask.tolist(),
        pl.Series(ids),
        pl.Series(mask),
        ids.astype("u8"),
    ):
        assert knn(rows, QUERY, 10, where=where).equals(expected)


@pytest.mark.parametrize("share", [0.0, 0.002, 0.1, 0.5, 1.0])
def test_a_filtered_search_returns_min_of_k_and_the_matching_rows(share: float) -> None:
    mask = np.arange(500) < 500 * share
    for rows in (
        ROWS,
        ROWS.astype(np.float64),
        pl.Series(ROWS),
        pl.concat([pl.Series(ROWS[:9]), pl.Series(ROWS[9:])], rechunk=False),
    ):
        ids, distances = nearest(ROWS, QUERY, 20, "cosine", mask)
        found = knn(rows, QUERY, 20, where=mask)
        assert found["_rowid"].to_list() == ids.tolist()
        assert np.allclose(found["_dist"], distances)


def test_a_null_in_a_mask_is_not_true() -> None:
    mask = pl.Series([None] * 499 + [True])
    assert knn(ROWS, QUERY, 9, where=mask)["_rowid"].to_list() == [499]


def test_no_row_ids_allow_no_row() -> None:
    for where in ([], np.array([]), np.array([], int), pl.Series([], dtype=pl.Int64), set(), range(0)):
        assert knn(ROWS, QUERY, 9, where=where).height == 0


def test_a_row_outside_the_filter_may_hold_anything() -> None:
    spoilt = ROWS.copy()
    spoilt[10] = np.nan
    mask = np.arange(500) != 10
    for column in (spoilt, spoilt.astype(np.float64)):
        assert knn(column, QUERY, 5, where=mask).equals(knn(ROWS, QUERY, 5, where=mask))
        with pytest.raises(InvalidInput, match="row 10 is not finite"):
            knn(column, QUERY, 5, where=~mask)


@pytest.mark.parametrize("where", [[500], [-1], [0, 10**30], np.array([2**63], "u8"), pl.Series([7, 600]), range(501)])
def test_a_row_id_out_of_range_is_an_error(where: object) -> None:
    with pytest.raises(InvalidInput, match="out of range"):
        knn(ROWS, QUERY, 1, where=where)


@pytest.mark.parametrize("n", [0, 1, 499, 501])
def test_a_mask_of_the_wrong_length_is_an_error(n: int) -> None:
    with pytest.raises(InvalidInput, match=f"a mask of {n} bools for 500 rows"):
        knn(ROWS, QUERY, 1, where=np.ones(n, bool))


WRONG = {
    "floats": np.array([0.0, 1.0]),
    "list of floats": [0.0, 1.0],
    "mixed": [True, 1],
    "strings": ["a"],
    "a predicate": "a > 1",
    "an expression": pl.col("a") > 1,
    "one number": 5,
    "one bool": True,
    "2-d": np.ones((500, 1), bool),
    "null ids": pl.Series([1, None]),
    "polars floats": pl.Series([1.0]),
    "a frame": pl.DataFrame({"a": [True]}),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_filter_that_is_neither_mask_nor_row_ids_is_an_error(kind: str) -> None:
    with pytest.raises(InvalidInput, match="where"):
        knn(ROWS, QUERY, 1, where=WRONG[kind])


def test_the_functions_are_functions_whatever_was_imported_before_them() -> None:
    code = """
import kinspace as ks, kinspace.knn, kinspace.resize, kinspace.query.select, kinspace.distance
assert not any(type(getattr(ks, name)).__name__ == "module" for name in ("knn", "resize", "select", "norm"))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_memory_of_a_result_is_its_own() -> None:
    found = knn(ROWS, QUERY, 3)
    before = found.clone()
    knn(ROWS, -QUERY, 500)
    assert found.equals(before)
