"""What an answer is: exact distances, ties by row id, as many hits as there are, the same for any number of threads."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from sets import METRICS, check_answer, clustered

ROWS = clustered(1_500, 12, 11)
QUERIES = clustered(20, 12, 11)


@pytest.fixture(scope="module", params=METRICS)
def index(request: pytest.FixtureRequest) -> ks.Hnsw:
    return ks.Hnsw.build(ROWS, request.param)


def test_distances_are_those_of_a_double_precision_scan_to_the_last_bit(index: ks.Hnsw) -> None:
    metric = index.info()["metric"]
    for query in QUERIES:
        exact = ks.knn(ROWS, query, len(ROWS), metric)
        by_row = dict(zip(exact["_rowid"], exact["_dist"], strict=True))
        ids, found = index.search(query, 50)
        assert found.tolist() == [by_row[row] for row in ids.tolist()]


def test_one_query_and_the_same_in_a_batch_have_one_answer(index: ks.Hnsw) -> None:
    for threads in (None, 1, 2):
        ids, found = index.search(QUERIES, 10, threads=threads)
        for one, far, query in zip(ids, found, QUERIES, strict=True):
            alone = index.search(query, 10)
            assert (alone[0].tolist(), alone[1].tolist()) == (one.tolist(), far.tolist())


def test_the_first_k_of_a_larger_k_are_the_answer_for_k_at_equal_ef(index: ks.Hnsw) -> None:
    for query in QUERIES:
        whole = index.search(query, 100, 200)
        for k in (0, 1, 7, 50, 99):
            ids, found = index.search(query, k, 200)
            assert ids.tolist() == whole[0][:k].tolist()
            assert found.tolist() == whole[1][:k].tolist()


def test_k_zero_is_empty_and_k_of_at_least_n_is_every_row(index: ks.Hnsw) -> None:
    metric = index.info()["metric"]
    assert [part.shape for part in index.search(QUERIES[0], 0)] == [(0,), (0,)]
    assert [part.shape for part in index.search(QUERIES, 0)] == [(20, 0), (20, 0)]
    for k in (1_500, 1_501, 10**12, np.int64(5_000)):
        found = index.ann(QUERIES[0], k)
        assert found.equals(ks.knn(ROWS, QUERIES[0], k, metric))
    assert index.search(QUERIES[0], 10**12, 10)[0].shape == (1_500,)


def test_an_ef_search_below_k_still_gives_k(index: ks.Hnsw) -> None:
    ids, found = index.search(QUERIES[0], 40, 1)
    check_answer(ids, found, ROWS, QUERIES[0], index.info()["metric"], 40)


def test_a_batch_is_padded_with_minus_one_and_infinity() -> None:
    small = ks.Hnsw.build(ROWS[:3])
    ids, found = small.search(QUERIES, 5)
    assert ids.shape == found.shape == (20, 5)
    assert (ids[:, 3:] == -1).all()
    assert np.isposinf(found[:, 3:]).all()
    assert (np.sort(ids[:, :3]) == [0, 1, 2]).all()
    assert small.search(QUERIES[:0], 5)[0].shape == (0, 5)


def test_ann_is_a_frame_of_what_search_finds(index: ks.Hnsw) -> None:
    found = index.ann(QUERIES[1], 7, 100)
    assert found.schema == pl.Schema({"_rowid": pl.Int64, "_dist": pl.Float64})
    ids, distances = index.search(QUERIES[1], 7, 100)
    assert found["_rowid"].to_list() == ids.tolist()
    assert found["_dist"].to_list() == distances.tolist()
    assert index.ann(QUERIES[1], 0).schema == found.schema


def test_queries_come_as_anything_that_holds_a_vector(index: ks.Hnsw) -> None:
    expected = index.search(QUERIES[2], 5)[0].tolist()
    strided = np.repeat(QUERIES[2], 2)[::2]
    read_only = QUERIES[2].copy()
    read_only.flags.writeable = False
    query = QUERIES[2]
    for each in (query.tolist(), tuple(query), query.astype(float), strided, pl.Series(query), read_only):
        assert index.search(each, 5)[0].tolist() == expected
        assert index.ann(each, np.int16(5))["_rowid"].to_list() == expected
    many = index.search(QUERIES, 5)[0].tolist()
    fortran, turned = np.asfortranarray(QUERIES), QUERIES[::-1].copy()[::-1]
    for each in (QUERIES.tolist(), QUERIES.astype(float), fortran, pl.Series(QUERIES), turned):
        assert index.search(each, 5)[0].tolist() == many


@pytest.mark.parametrize("metric", METRICS)
def test_any_number_of_threads_builds_the_same_index(metric: str) -> None:
    one, *others = (ks.Hnsw.build(ROWS, metric, threads=threads) for threads in (1, 2, 3, None))
    expected = one.search(QUERIES, 20, 20)
    for other in others:
        found = other.search(QUERIES, 20, 20)
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])


@pytest.mark.parametrize("metric", METRICS)
def test_all_rows_equal_are_found_in_row_order(metric: str) -> None:
    index = ks.Hnsw.build(np.ones((500, 6)), metric)
    for k in (1, 10, 499, 500, 501):
        ids, found = index.search(np.ones(6), k, 600)
        assert ids.tolist() == list(range(min(k, 500)))
        assert len(set(found.tolist())) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_thousands_of_duplicates_neither_trap_a_search_nor_cost_recall(metric: str) -> None:
    copies = np.tile(ROWS[:1], (3_000, 1))
    rows = np.concatenate([copies, ROWS])
    index = ks.Hnsw.build(rows, metric)
    for query in QUERIES[:10]:
        ids, found = index.search(query, 20)
        check_answer(ids, found, rows, query, metric, 20)
        exact = ks.knn(rows, query, 20, metric)["_dist"].to_numpy()
        assert np.mean(found <= exact[-1]) >= 0.9
    ids, found = index.search(ROWS[0], 30)
    assert len(set(found[found <= found[0]].tolist())) == 1, "the copies are nearest to themselves"
    assert len(index.search(ROWS[0], 4_500)[0]) == 4_500


@pytest.mark.parametrize("metric", METRICS)
def test_zero_vectors_are_rows_and_queries_like_others(metric: str) -> None:
    rows = ROWS[:300].copy()
    rows[::7] = 0
    index = ks.Hnsw.build(rows, metric)
    ids, found = index.search(np.zeros(12), 300)
    check_answer(ids, found, rows, np.zeros(12), metric, 300)
    ids, found = index.search(QUERIES[0], 300)
    check_answer(ids, found, rows, QUERIES[0], metric, 300)
    zeros = ks.Hnsw.build(np.zeros((50, 3)), metric)
    assert zeros.search([1, 2, 3], 50)[0].tolist() == list(range(50))


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_of_one_row_or_none_answers(metric: str) -> None:
    one = ks.Hnsw.build([[1, 2]], metric)
    assert one.search([2, 1], 3)[0].tolist() == [0]
    assert one.search([[2, 1]], 3)[0].tolist() == [[0, -1, -1]]
    none = ks.Hnsw.build(np.empty((0, 2)), metric)
    assert len(none) == 0
    assert none.search([2, 1], 3)[0].shape == (0,)
    assert none.search([[2, 1]], 2)[0].tolist() == [[-1, -1]]
    assert none.ann([2, 1], 3).height == 0
    assert none.search([2, 1], 3, where=[])[0].shape == (0,)
    assert none.info()["nrows"] == 0


def test_every_kind_of_column_makes_the_same_index(tmp_path) -> None:
    import zarr

    stored = zarr.create_array(tmp_path / "a.zarr", shape=ROWS.shape, chunks=(400, 12), dtype="float32")
    stored[:] = ROWS
    np.save(tmp_path / "a.npy", ROWS)
    series = pl.concat([pl.Series(ROWS[:99]), pl.Series(ROWS[99:])], rechunk=False)
    expected = ks.Hnsw.build(ROWS).search(QUERIES, 10)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    for column in (stored, mapped, series, ROWS.tolist(), ROWS.astype(">f8"), np.asfortranarray(ROWS)):
        found = ks.Hnsw.build(column).search(QUERIES, 10)
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])


def test_the_column_is_copied_and_not_changed() -> None:
    rows = ROWS[:200].copy()
    index = ks.Hnsw.build(rows)
    assert np.array_equal(rows, ROWS[:200])
    before = index.search(QUERIES, 5)
    rows[:] = 0
    assert np.array_equal(index.search(QUERIES, 5)[1], before[1])


def test_info_len_and_repr_say_what_it_is() -> None:
    index = ks.Hnsw.build(ROWS, "l2", 8, 50)
    info = index.info()
    assert [info[name] for name in ("nrows", "dim", "metric", "M", "efc", "next_id")] == [1_500, 12, "l2", 8, 50, 1_500]
    assert info["nlayers"] >= 1
    assert info["vector_bytes"] >= ROWS.nbytes
    assert len(index) == 1_500
    assert repr(index) == "Hnsw(1500 rows, 12 dims, l2, M=8)"


def test_progress_is_told_how_far_the_build_is() -> None:
    told: list[tuple[int, int]] = []
    ks.Hnsw.build(ROWS, progress=lambda done, total: told.append((done, total)))
    assert told
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(0 <= done <= total for done, total in told)
