"""knn of many queries, at once and streamed: each gets what it gets alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import zarr

from brute import nearest
from kinspace import InvalidInput, knn, knn_batches

RNG = np.random.default_rng(31)
ROWS = np.round(RNG.normal(size=(400, 6)), 1).astype(np.float32)  # with ties
QUERIES = np.round(RNG.normal(size=(23, 6)), 1).astype(np.float32)
METRICS = ["cosine", "l2", "ip"]
SCHEMA = pl.Schema({"_query": pl.Int64, "_rowid": pl.Int64, "_dist": pl.Float64})


def in_zarr(rows: np.ndarray) -> zarr.Array:
    array = zarr.create_array({}, shape=rows.shape, chunks=(64, rows.shape[1]), dtype=rows.dtype)
    array[:] = rows
    return array


KINDS = {"in place": lambda rows: rows, "converted": lambda rows: rows.astype(np.float64), "zarr": in_zarr}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_query_has_the_answer_it_has_alone_in_query_order(kind: str, metric: str) -> None:
    column = KINDS[kind](ROWS)
    found = knn(column, QUERIES, 9, metric)
    assert found.schema == SCHEMA
    assert found["_query"].to_list() == np.repeat(np.arange(23), 9).tolist()
    for number, query in enumerate(QUERIES):
        mine = found.filter(pl.col("_query") == number).drop("_query")
        assert mine.equals(knn(column, query, 9, metric))
        np.testing.assert_allclose(mine["_dist"], nearest(ROWS, query, 9, metric)[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_holds_for_every_query_and_each_has_min_of_k_and_the_rows_allowed(kind: str) -> None:
    where = np.arange(400) % 57 == 3
    found = knn(KINDS[kind](ROWS), QUERIES, 50, where=where)
    assert found["_query"].to_list() == np.repeat(np.arange(23), where.sum()).tolist()
    assert set(found["_rowid"]) == set(np.flatnonzero(where).tolist())
    assert knn(KINDS[kind](ROWS), QUERIES, 50, where=[]).equals(pl.DataFrame(schema=SCHEMA))


def test_one_query_in_two_dimensions_is_many_and_k_is_cut_to_the_rows() -> None:
    found = knn(ROWS, QUERIES[:1], 10**12)
    assert found.columns == SCHEMA.names()
    assert found.height == 400
    assert knn(ROWS, QUERIES.tolist(), 3).equals(knn(ROWS, pl.Series(QUERIES), 3))


@pytest.mark.parametrize("batch_size", [None, 1, 5, 23, 1_000])
@pytest.mark.parametrize("kind", KINDS)
def test_streamed_in_batches_of_any_size_it_is_the_same(kind: str, batch_size: int | None) -> None:
    where = np.arange(400) % 2 == 0
    frames = list(knn_batches(KINDS[kind](ROWS), KINDS[kind](QUERIES), 7, "l2", where, batch_size=batch_size))
    assert pl.concat(frames).equals(knn(ROWS, QUERIES, 7, "l2", where))
    assert all(frame["_query"].n_unique() <= (batch_size or 1_024) for frame in frames)


def test_a_large_k_makes_small_batches_unless_asked_for_large_ones() -> None:
    rows = np.zeros((5_000, 1), np.float32)
    queries = np.zeros((250, 1), np.float32)
    sizes = [frame["_query"].n_unique() for frame in knn_batches(rows, queries, 5_000, "l2")]
    assert sum(sizes) == 250
    assert max(sizes) * 5_000 <= 1 << 20


def test_no_query_no_row_or_no_k_is_a_frame_without_rows() -> None:
    for column, queries, k in ((ROWS, QUERIES[:0], 3), (ROWS[:0], QUERIES, 3), (ROWS, QUERIES, 0)):
        assert knn(column, queries, k).equals(pl.DataFrame(schema=SCHEMA))
        assert [frame.equals(pl.DataFrame(schema=SCHEMA)) for frame in knn_batches(column, queries, k)] == [True]


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (QUERIES[:, :5], "a query has 5 dims and the column has 6"),
        (QUERIES[None], "the queries must be 2-d"),
        (QUERIES.astype(complex), "the queries must hold real numbers"),
        ([[1, 2, 3, 4, 5, 6], [1, 2]], "row 1 of the queries must have 6 dims"),
    ],
)
def test_queries_that_are_no_vectors_of_that_length_are_an_error_at_once(queries: object, message: str) -> None:
    for ask in (knn, knn_batches):
        with pytest.raises(InvalidInput, match=message):
            ask(ROWS, queries, 1)


def test_a_query_that_is_not_finite_is_named_and_so_is_a_row() -> None:
    spoilt = QUERIES.copy()
    spoilt[17, 2] = np.nan
    with pytest.raises(InvalidInput, match="row 17 of the queries is not finite"):
        knn(ROWS, spoilt, 1)
    batches = knn_batches(ROWS, spoilt, 1, batch_size=10)
    assert next(batches).height == 10
    with pytest.raises(InvalidInput, match="row 17 of the queries is not finite"):
        next(batches)
    rows = ROWS.copy()
    rows[3] = np.inf
    for kind in KINDS.values():
        with pytest.raises(InvalidInput, match="row 3 is not finite"):
            knn(kind(rows), QUERIES, 1)


@pytest.mark.parametrize("batch_size", [0, -1, True, 1.5])
def test_a_batch_size_that_is_no_count_is_an_error_at_once(batch_size: object) -> None:
    with pytest.raises(InvalidInput):
        knn_batches(ROWS, QUERIES, 1, batch_size=batch_size)


def test_the_callers_arrays_are_not_written_to() -> None:
    rows, queries = ROWS.copy(), QUERIES.copy()
    rows.flags.writeable = queries.flags.writeable = False
    assert knn(rows, queries, 2).equals(knn(ROWS, QUERIES, 2))
