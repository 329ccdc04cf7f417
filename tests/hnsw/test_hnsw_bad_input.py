"""Arguments that are wrong are typed errors that say what was expected; a freed index is closed."""

from __future__ import annotations

import numpy as np
import pytest

import kinspace as ks
from oracle import shown

ROWS = np.random.default_rng(51).normal(size=(40, 4)).astype(np.float32)
QUERY = ROWS[0]
NAN = np.array([1, np.nan, 1, 1], np.float32)
BIG = np.array([1e39, 0, 0, 0])
BAD = ROWS.copy()
BAD[17, 3] = np.inf


@pytest.fixture(scope="module")
def index() -> ks.Hnsw:
    return ks.Hnsw.build(ROWS, "l2")


PARAMETERS = {
    "M": (1, 0, -16, 513, 10**30, True, 16.0, "16", None),
    "ef_construction": (0, -1, 65_537, 10**30, True, 200.0, "200", None),
    "metric": ("cos", "L2", "dot", None, 1),
    "threads": (0, -1, True, 1.5, "2"),
    "progress": (1, "yes", True),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in PARAMETERS for value in PARAMETERS[name]], ids=shown
)
def test_a_parameter_out_of_range_is_an_error_that_names_it(name: str, value: object) -> None:
    with pytest.raises(ks.InvalidInput, match=f"{name} must be"):
        ks.Hnsw.build(ROWS, **{name: value})


COLUMNS = {
    "inf": (BAD, "row 17 of the column is not finite"),
    "inf in float64": (BAD.astype(np.float64), "row 17 of the column is not finite"),
    "inf in lists": (BAD.tolist(), "row 17 of the column is not finite"),
    "overflow": (np.full((3, 2), 1e39), "row 0 of the column is not finite"),
    "one vector": (QUERY, "2-d"),
    "3-d": (ROWS[None], "2-d"),
    "nothing": ([], "no rows to tell dims by"),
    "rows of nothing": (np.empty((3, 0)), "at least 1"),
    "no rows of nothing": (np.empty((0, 0)), "no rows to tell dims by"),
    "long": (np.zeros((1, 65_537)), "dims must be"),
    "ragged": ([[1, 2], [1]], "row 1"),
    "null": ([[1, 2], None], "row 1"),
    "text": ("rows", "the column"),
    "None": (None, "the column"),
    "complex": (ROWS.astype(complex), "real numbers"),
    "texts": (np.array([["1", "2"]]), "real numbers"),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_that_is_none_is_an_error_that_names_the_row(kind: str) -> None:
    column, words = COLUMNS[kind]
    with pytest.raises(ks.InvalidInput, match=words):
        ks.Hnsw.build(column)


@pytest.mark.parametrize("k", [-1, True, 1.0, "1", None, np.float64(2), [1], -(10**30)], ids=shown)
def test_a_k_that_is_no_count_is_an_error(index: ks.Hnsw, k: object) -> None:
    for query in (QUERY, ROWS, QUERY.tolist()):
        with pytest.raises(ks.InvalidInput, match="k must be"):
            index.search(query, k)
    with pytest.raises(ks.InvalidInput, match="k must be"):
        index.ann(QUERY, k)


@pytest.mark.parametrize("ef", [0, -1, 65_537, 10**30, True, 1.0, "10", np.float64(2)], ids=shown)
def test_an_ef_search_out_of_range_is_an_error(index: ks.Hnsw, ef: object) -> None:
    for query in (QUERY, ROWS):
        with pytest.raises(ks.InvalidInput, match="ef_search must be"):
            index.search(query, 5, ef)
    with pytest.raises(ks.InvalidInput, match="ef_search must be"):
        index.ann(QUERY, 5, ef)


@pytest.mark.parametrize("recall", [0, -0.5, 1.01, float("nan"), float("inf"), True, "0.9", [0.9], 10**400], ids=shown)
def test_a_recall_that_is_no_share_is_an_error(index: ks.Hnsw, recall: object) -> None:
    with pytest.raises(ks.InvalidInput, match="recall must be"):
        index.search(QUERY, 5, recall=recall)


def test_a_recall_and_an_ef_search_contradict_each_other(index: ks.Hnsw) -> None:
    with pytest.raises(ks.InvalidInput, match="not both"):
        index.search(QUERY, 5, 10, recall=0.9)


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2"], ids=shown)
def test_threads_below_one_or_no_count_are_an_error(index: ks.Hnsw, threads: object) -> None:
    with pytest.raises(ks.InvalidInput, match="threads must be"):
        index.search(ROWS, 5, threads=threads)


QUERIES = {
    "nan": (NAN, "component 1 of the query is nan"),
    "nan in float64": (NAN.astype(float), "component 1 of the query is nan"),
    "nan in a list": (NAN.tolist(), "component 1 of the query is nan"),
    "overflow": (BIG, "component 0 of the query"),
    "short": (QUERY[:3], "must have 4 dims; got 3"),
    "long": (np.ones(5, np.float32), "must have 4 dims; got 5"),
    "empty": ([], "must have 4 dims|empty"),
    "many short": (ROWS[:, :3], "must have 4 dims; got 3"),
    "inf among many": (BAD, "row 17 of the queries is not finite"),
    "3-d": (ROWS[None], "2-d"),
    "a number": (np.float32(1), "the query"),
    "0-d": (np.array(1, np.float32), "the query"),
    "text": ("query", "the query"),
    "None": (None, "the query"),
    "complex": (QUERY.astype(complex), "real numbers"),
    "bools": (QUERY > 0, "real numbers"),
}


@pytest.mark.parametrize("kind", QUERIES)
def test_a_query_that_is_no_finite_vector_of_that_length_is_an_error(index: ks.Hnsw, kind: str) -> None:
    query, words = QUERIES[kind]
    for where in (None, [1, 2]):
        for k in (0, 3):
            with pytest.raises(ks.InvalidInput, match=words):
                index.search(query, k, where=where)
    with pytest.raises(ks.InvalidInput):
        index.ann(query, 3)


FILTERS = {
    "short mask": (np.ones(39, bool), "mask of 39 bools for 40 rows"),
    "long mask": (np.ones(41, bool), "mask of 41 bools for 40 rows"),
    "id too large": ([40], "row id 40 in where is out of range"),
    "negative id": ([-1], "row id -1 in where is out of range"),
    "huge id": ([10**30], "out of range"),
    "huge unsigned id": (np.array([2**63], np.uint64), "out of range"),
    "floats": ([1.0], "where must be"),
    "array of floats": (np.array([0.5]), "where must be"),
    "mixed": ([True, 1], "where must be"),
    "predicate": ("id > 5", "where must be"),
    "a number": (5, "where must be"),
    "2-d": (np.ones((40, 1), bool), "1-d"),
    "dict": ({"a": 1}, "where must be"),
}


@pytest.mark.parametrize("kind", FILTERS)
def test_a_filter_that_is_none_is_an_error(index: ks.Hnsw, kind: str) -> None:
    where, words = FILTERS[kind]
    for query in (QUERY, ROWS):
        with pytest.raises(ks.InvalidInput, match=words):
            index.search(query, 3, where=where)
    with pytest.raises(ks.InvalidInput, match=words):
        index.ann(QUERY, 3, where=where)


ROW_IDS = {
    "too large": ([40], "row id 40 in row_ids is out of range"),
    "negative": ([-1, 3], "row id -1 in row_ids is out of range"),
    "one too large": (40, "row id 40 in row_ids"),
    "one negative": (-1, "row id -1 in row_ids"),
    "huge": (10**30, "out of range"),
    "floats": ([1.0], "row_ids must be"),
    "a float": (1.0, "row_ids must be"),
    "a bool": (True, "row_ids must be"),
    "text": ("1", "row_ids must be"),
    "None": (None, "row_ids is None"),
    "short mask": (np.ones(39, bool), "mask of 39 bools"),
    "nested": ([[1]], "row_ids must be"),
}


@pytest.mark.parametrize("kind", ROW_IDS)
def test_rows_that_cannot_be_removed_are_an_error_and_none_is(index: ks.Hnsw, kind: str) -> None:
    ids, words = ROW_IDS[kind]
    with pytest.raises(ks.InvalidInput, match=words):
        index.remove(ids)
    assert len(index) == 40


def test_an_id_that_is_out_of_range_when_rows_were_removed_says_that_those_count() -> None:
    index = ks.Hnsw.build(ROWS)
    index.remove(range(30))
    for where in ([40], np.ones(10, bool)):
        with pytest.raises(ks.InvalidInput, match="40 rows.*removed count too"):
            index.search(QUERY, 3, where=where)


@pytest.mark.parametrize("path", [None, 5, "", "a\0b", b"bytes", "http://host/index", "\udcff\ud800"], ids=shown)
def test_a_path_that_is_none_is_an_error(index: ks.Hnsw, path: object) -> None:
    with pytest.raises(ks.InvalidInput, match="path"):
        index.save(path)
    with pytest.raises(ks.InvalidInput, match="path"):
        ks.Hnsw.load(path)


USES = {
    "search": lambda index: index.search(QUERY, 1),
    "search a list": lambda index: index.search(QUERY.tolist(), 1),
    "search many": lambda index: index.search(ROWS, 1),
    "search with a filter": lambda index: index.search(QUERY, 1, where=[0]),
    "ann": lambda index: index.ann(QUERY, 1),
    "add": lambda index: index.add(ROWS),
    "remove": lambda index: index.remove([0]),
    "info": lambda index: index.info(),
    "len": len,
}


@pytest.mark.parametrize("use", USES)
def test_a_freed_index_is_closed_and_freeing_it_twice_is_fine(use: str) -> None:
    index = ks.Hnsw.build(ROWS)
    index.free()
    index.free()
    with pytest.raises(ks.Closed, match="freed"):
        USES[use](index)
    assert repr(index) == "Hnsw(freed)"


def test_a_freed_index_saves_nothing(tmp_path) -> None:
    index = ks.Hnsw.build(ROWS)
    index.free()
    with pytest.raises(ks.Closed):
        index.save(tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


def test_what_progress_raises_ends_the_build() -> None:
    def stop(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        ks.Hnsw.build(ROWS, progress=stop)
