"""add and remove: ids that are never given twice, answers that follow at once, recall and memory that last."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from sets import METRICS, check_answer, clustered, recall
from thorough import rounds


def test_new_rows_have_the_next_ids_and_are_found_at_once() -> None:
    rows = clustered(300, 8, 31)
    index = ks.Hnsw.build(rows[:100], "l2")
    assert index.add(rows[100:299]).tolist() == list(range(100, 299))
    assert index.add(rows[299]).tolist() == [299], "one vector"
    assert len(index) == 300
    for row in range(0, 300, 13):
        ids, found = index.search(rows[row], 1)
        assert (ids.tolist(), found.tolist()) == ([row], [0.0])


def test_an_index_that_began_empty_grows() -> None:
    rows, queries = clustered(2_000, 10, 32), clustered(50, 10, 32)
    index = ks.Hnsw.build(np.empty((0, 10)))
    for start in range(0, 1_000, 100):
        index.add(rows[start : start + 100])
    index.add(pl.Series(rows[1_000:]))
    assert recall(index.search(queries, 10)[1], rows, queries, "cosine") >= 0.95


def test_removed_rows_are_gone_at_once() -> None:
    rows = clustered(400, 8, 33)
    index = ks.Hnsw.build(rows)
    assert index.remove(np.arange(0, 400, 2)) == 200
    assert len(index) == 200
    assert set(index.search(rows[0], 400)[0].tolist()) == set(range(1, 400, 2))
    assert index.remove([0, 2, 1, 1]) == 1, "those already gone and repeated don't count"
    assert index.remove(3) == 1
    assert index.remove([]) == 0
    assert index.remove(np.arange(400) >= 300) == 50, "a mask"
    assert 1 not in index.search(rows[1], 400)[0]


def test_ids_are_never_given_twice_and_memory_is_used_again() -> None:
    rows = clustered(1_000, 8, 34)
    index = ks.Hnsw.build(rows, M=8, ef_construction=40)
    before = index.info()
    given = 1_000
    for start in range(0, 10_000, 500):
        assert index.remove(range(start, start + 500)) == 500
        added = index.add(rows[:500])
        assert added.tolist() == list(range(given, given + 500))
        given += 500
    after = index.info()
    assert (after["nrows"], after["next_id"]) == (1_000, 11_000)
    assert after["vector_bytes"] <= before["vector_bytes"] + 9 * 4_096
    assert after["graph_bytes"] <= before["graph_bytes"] * 1.3
    assert set(index.search(rows[0], 1_000)[0].tolist()) == set(range(10_000, 11_000))


@pytest.mark.parametrize("metric", METRICS[:2])
def test_after_much_turnover_recall_is_that_of_a_fresh_build(metric: str) -> None:
    n, step, turns = 1_500, 150, rounds(3, 10)
    every = clustered(n * (turns + 1), 16, 35, spread=0.8)
    queries = clustered(1_000, 16, 35, spread=0.8)
    rng = np.random.default_rng(35)
    index = ks.Hnsw.build(every[:n], metric)
    live = np.arange(n)
    for start in range(n, n * (turns + 1), step):
        gone = rng.choice(live, step, replace=False)
        assert index.remove(gone) == step
        live = np.union1d(np.setdiff1d(live, gone), index.add(every[start : start + step]))
    rows = every[live]
    fresh = ks.Hnsw.build(rows, metric)
    assert len(index) == len(fresh) == n
    old, new = (recall(each.search(queries, 10, 30)[1], rows, queries, metric) for each in (index, fresh))
    assert old >= new - 0.005
    assert recall(index.search(queries, 10)[1], rows, queries, metric) >= 0.945


def test_distances_and_ties_by_id_hold_when_slots_were_used_again() -> None:
    rows = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)  # 0–3, 4–7, 8–11 alike
    index = ks.Hnsw.build(rows, "l2")
    index.remove([0, 1])
    index.add(rows[[0, 4]])  # ids 12 and 13 in the slots of 0 and 1
    ids, found = index.search([1, 0, 0], 12, 100)
    assert ids.tolist() == [2, 3, 12, 4, 5, 6, 7, 8, 9, 10, 11, 13]
    check_answer(ids, found, {**dict(enumerate(rows)), 12: rows[0], 13: rows[4]}, np.array([1, 0, 0]), "l2", 12)


def test_all_rows_may_be_removed_and_others_added() -> None:
    rows = clustered(50, 4, 36)
    index = ks.Hnsw.build(rows)
    for turn in range(1, 4):
        assert index.remove(np.arange(50 * turn)) == 50
        assert len(index) == 0
        assert index.search(rows[0], 3)[0].shape == (0,)
        assert index.add(rows).tolist() == list(range(50 * turn, 50 * turn + 50))
        assert len(index.search(rows[0], 60)[0]) == 50


def test_rows_that_are_refused_leave_the_index_as_it_was() -> None:
    rows = clustered(200, 6, 37)
    index = ks.Hnsw.build(rows)
    index.remove([5])
    before = index.search(rows, 199), index.info()
    bad = clustered(9_000, 6, 38)
    bad[8_999, 2] = np.nan
    for wrong, words in (
        (bad, "row 8999 of the vectors is not finite"),
        (bad.tolist(), "row 8999 of the vectors is not finite"),
        (bad[-1], "component 2 of the vector"),
        (rows[:, :5], "must have 6 dims"),
        (rows[0, :5], "must have 6 dims"),
        ([[1, 2, 3, 4, 5, 6], [1, 2]], "row 1 of the vectors"),
        ("rows", "the vector"),
        (None, "the vector"),
        (7, "the vector"),
        (np.full((2, 6), "a"), "real numbers"),
        (np.full((1, 6), 1e39), "not finite"),
    ):
        with pytest.raises(ks.InvalidInput, match=words):
            index.add(wrong)
    after = index.search(rows, 199), index.info()
    assert all(np.array_equal(old, new) for old, new in zip(before[0], after[0], strict=True))
    assert (after[1]["nrows"], after[1]["next_id"]) == (199, 200)
    assert index.add(rows[:2]).tolist() == [200, 201]


def test_adding_nothing_changes_nothing() -> None:
    index = ks.Hnsw.build(np.eye(3))
    for nothing in ([], np.empty((0, 3)), pl.Series([], dtype=pl.Array(pl.Float32, 3))):
        assert index.add(nothing).tolist() == []
    assert index.info()["next_id"] == 3


def test_what_is_added_is_copied() -> None:
    rows = clustered(20, 4, 39)
    index = ks.Hnsw.build(np.empty((0, 4)), "l2")
    mine = rows.copy()
    index.add(mine)
    mine[:] = 0
    assert index.search(rows[7], 1)[1].tolist() == [0.0]


def test_a_zarr_column_is_added_block_by_block(tmp_path) -> None:
    import zarr

    rows = clustered(5_000, 7, 40)
    stored = zarr.create_array(tmp_path / "a.zarr", shape=rows.shape, chunks=(512, 7), dtype="float64")
    stored[:] = rows
    index = ks.Hnsw.build(rows[:10], M=4, ef_construction=20)
    index.remove(range(5))
    assert index.add(stored).tolist() == list(range(10, 5_010))
    assert index.search(rows[4_321], 1, 50)[0].tolist() == [4_331]
