"""where: min(k, rows allowed) hits, always, however few they are and wherever they lie; all of them allowed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances
from sets import METRICS, check_answer, clustered, recall

N = 6_000
ROWS = clustered(N, 16, 21)
QUERIES = clustered(40, 16, 21)
SHARES = [0.0001, 0.001, 0.01, 0.1, 0.5, 0.9]


@pytest.fixture(scope="module", params=METRICS)
def index(request: pytest.FixtureRequest) -> ks.Hnsw:
    return ks.Hnsw.build(ROWS, request.param)


def allowed(kind: str, share: float, query: np.ndarray, metric: str) -> np.ndarray:
    """A mask of about that share: at random, or of the rows nearest to the query, or of those farthest from it."""
    count = max(1, round(N * share))
    mask = np.zeros(N, bool)
    if kind == "random":
        mask[np.random.default_rng(3).choice(N, count, replace=False)] = True
    else:
        order = np.argsort(distances(ROWS, query, metric))
        mask[order[:count] if kind == "correlated" else order[-count:]] = True
    return mask


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", ["random", "correlated", "anti-correlated"])
def test_a_filtered_search_returns_min_of_k_and_the_rows_allowed(index: ks.Hnsw, kind: str, share: float) -> None:
    metric = index.info()["metric"]
    shares = []
    for query in QUERIES:
        mask = allowed(kind, share, query, metric)
        for k in (10, 100):
            count = min(k, int(mask.sum()))
            ids, found = index.search(query, k, where=mask)
            check_answer(ids, found, ROWS, query, metric, count)
            assert mask[ids].all()
            shares.append(recall(found[None], ROWS, query[None], metric, mask))
    assert np.mean(shares) >= 0.94  # .95 as sampled


def test_a_filter_holds_at_the_smallest_ef(index: ks.Hnsw) -> None:
    metric = index.info()["metric"]
    for kind in ("random", "anti-correlated"):
        mask = allowed(kind, 0.02, QUERIES[0], metric)
        ids, _ = index.search(QUERIES[0], 50, 1, mask)
        assert len(ids) == 50
        assert mask[ids].all()


def test_a_mask_and_row_ids_in_any_form_are_one_filter(index: ks.Hnsw) -> None:
    ids = np.array([5_999, 0, 77, 3, 77, 3])
    mask = np.zeros(N, bool)
    mask[ids] = True
    expected = index.search(QUERIES[0], 10, where=mask)
    assert np.sort(expected[0]).tolist() == [0, 3, 77, 5_999]
    lists = ids.tolist(), set(ids.tolist()), mask.tolist()
    for where in (ids, *lists, pl.Series(ids), pl.Series(mask), ids.astype("u8")):
        found = index.search(QUERIES[0], 10, where=where)
        assert found[0].tolist() == expected[0].tolist()
        assert found[1].tolist() == expected[1].tolist()
        assert index.ann(QUERIES[0], 10, where=where)["_rowid"].to_list() == expected[0].tolist()


def test_every_row_allowed_is_no_filter_and_none_allowed_is_nothing(index: ks.Hnsw) -> None:
    assert index.search(QUERIES[0], N, where=np.ones(N, bool))[0].tolist() == index.search(QUERIES[0], N)[0].tolist()
    for nothing in ([], np.zeros(N, bool), range(0)):
        assert index.search(QUERIES[0], 10, where=nothing)[0].shape == (0,)
        assert (index.search(QUERIES, 3, where=nothing)[0] == -1).all()


def test_a_batch_is_filtered_by_one_mask(index: ks.Hnsw) -> None:
    mask = np.arange(N) % 1_000 == 1
    ids, found = index.search(QUERIES, 10, where=mask)
    assert (np.sort(ids)[:, :4] == -1).all()
    for one, far, query in zip(ids, found, QUERIES, strict=True):
        alone = index.search(query, 10, where=mask)
        assert (one[:6].tolist(), far[:6].tolist()) == (alone[0].tolist(), alone[1].tolist())


def test_the_first_k_of_a_larger_k_are_the_answer_for_k_at_equal_ef(index: ks.Hnsw) -> None:
    for share in (0.001, 0.1, 0.9):
        mask = allowed("random", share, QUERIES[0], "l2")
        whole = index.search(QUERIES[0], 60, 100, mask)[0].tolist()
        for k in (1, 10, 59):
            assert index.search(QUERIES[0], k, 100, mask)[0].tolist() == whole[:k]


def test_removed_rows_match_no_filter_and_new_ones_do() -> None:
    index = ks.Hnsw.build(ROWS[:500], "l2")
    index.remove(range(100))
    assert (
        index.search(QUERIES[0], 500, where=range(150))[0].tolist()
        == index.search(QUERIES[0], 500, where=np.arange(100, 150))[0].tolist()
    )
    added = index.add(ROWS[:80])  # takes slots of those removed
    mask = np.zeros(580, bool)
    mask[added[:3]] = mask[[0, 499]] = True
    found = np.sort(index.search(QUERIES[0], 10, where=mask)[0])
    assert found.tolist() == [499, *added[:3].tolist()]
    assert np.sort(index.search(QUERIES[0], 10, where=added)[0]).tolist() == sorted(
        index.search(QUERIES[0], 600, where=added)[0][:10].tolist()
    )
