"""Every dtype with every metric answers as float64 brute force over what is stored, whatever becomes of the space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stored import DTYPES, PAIRS, nearest, rows_for, widened

import kinspace as ks
from kinspace.storage.dtypes import row_bytes

N, DIMS = 220, 13


def exactly(space: ks.Space, keys: list[str], rows: np.ndarray, metric: str) -> None:
    """The rows are there to the bit, and every way to search finds what brute force finds."""
    assert list(space.keys()) == keys
    np.testing.assert_array_equal(np.stack(list(space.multiget(keys))).view(np.uint32), rows.view(np.uint32))
    assert all((space.get(keys[i]).view(np.uint32) == rows[i].view(np.uint32)).all() for i in (0, len(keys) - 1))
    queries = rows[[0, 5, 11, len(rows) - 1]]
    if metric not in ("hamming", "jaccard"):
        queries = np.concatenate([queries, queries[:2] * 1.5 + 0.25]).astype(np.float32)
    batch = space.nearest_neighbors(7, vectors=queries, exact=True)
    for query, hits in zip(queries, batch, strict=True):
        _, far = nearest(rows, query, len(keys), metric)
        every = space.nearest_neighbors(len(keys), vector=query, exact=True)
        np.testing.assert_allclose(every.distances, far, rtol=1e-12, atol=1e-12)
        place = {key: number for number, key in enumerate(keys)}
        order = [(distance, place[key]) for key, distance in every]
        assert order == sorted(order)  # ties by insertion
        for found in (
            hits,
            space.nearest_neighbors(7, vector=query),
            space.nearest_neighbors(7, vector=query.tolist()),
        ):
            assert found.exact
            assert list(found) == list(every)[:7]
    own = space.nearest_neighbors(3, key=keys[5])
    assert keys[5] not in own.keys


@pytest.mark.parametrize(("dtype", "metric"), PAIRS)
def test_a_space_answers_as_brute_force_through_all_that_happens_to_it(
    hub: ks.Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, metric: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    given = rows_for(dtype, N, DIMS)
    stored = widened(dtype, given)
    space = hub.create_space("docs", dims=DIMS, dtype=dtype, metric=metric)
    keys = [f"k{i}" for i in range(N)]
    space.multiset(dict(zip(keys[:100], given[:100], strict=True)))
    exactly(space, keys[:100], stored[:100], metric)  # in the log
    space.flush()
    exactly(space, keys[:100], stored[:100], metric)  # in a segment
    space.load(keys=keys[100:180], vectors=given[100:180])
    space.flush()
    space.load(pl.DataFrame({"key": keys[180:], "vector": given[180:].tolist()}))
    exactly(space, keys, stored, metric)  # in both
    assert space.check().ok
    with ks.connect(hub.path) as other:
        exactly(other.get_space("docs"), keys, stored, metric)
    monday = space.snapshot("monday")
    fork = space.fork("fork")
    exactly(fork, keys, stored, metric)
    space.multidelete(keys[50:60])
    kept, left = keys[:50] + keys[60:], np.delete(stored, np.s_[50:60], axis=0)
    exactly(space, kept, left, metric)
    space.compact()
    exactly(space, kept, left, metric)
    exactly(monday, keys, stored, metric)
    space.publish("memory://dtypes-" + dtype + metric)
    with ks.connect("memory://dtypes-" + dtype + metric) as remote:
        there = remote.get_space("docs")
        assert (there.stats()["dtype"], there.metric) == (dtype, metric)
        exactly(there, kept, left, metric)
        exactly(there.download_snapshot(), kept, left, metric)
    exactly(hub.pull("memory://dtypes-" + dtype + metric, as_name="pulled"), kept, left, metric)
    assert hub.get_space("pulled").stats()["dtype"] == dtype
    exactly(space.download_snapshot(), kept, left, metric)
    exactly(space.at("monday").write_to_space("back"), keys, stored, metric)
    assert hub.get_space("back").stats()["dtype"] == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_filter_and_a_select_find_what_brute_force_finds(hub: ks.Hub, dtype: str) -> None:
    rows = widened(dtype, rows_for(dtype, N, DIMS))
    space = hub.create_space("docs", dims=DIMS, dtype=dtype)
    space.load(keys=list(map(str, range(N))), vectors=rows, columns={"n": list(range(N))})
    space.flush()
    wanted = np.arange(0, N, 3)
    _, far = nearest(rows[wanted], rows[4], 9, space.metric)
    hits = space.nearest_neighbors(9, vector=rows[4], where="n % 3 = 0")
    np.testing.assert_allclose(hits.distances, far, rtol=1e-12, atol=1e-12)
    assert set(hits.rows["n"].to_list()) <= set(wanted.tolist())
    frame = space.select("n", "vector", d="_dist").where("n % 3 = 0").nearest(rows[4]).take(9).collect()
    assert frame["n"].to_list() == hits.rows["n"].to_list()
    np.testing.assert_array_equal(frame["vector"].to_numpy(), rows[frame["n"].to_numpy()])
    assert space.scan(50).__next__()["vector"].dtype == pl.Array(pl.Float32, DIMS)


@pytest.mark.parametrize(("dtype", "metric"), [("float16", "cosine"), ("bfloat16", "l2"), ("int8", "cosine")])
def test_an_index_over_a_dtype_finds_what_one_over_float32_finds(
    hub: ks.Hub, monkeypatch: pytest.MonkeyPatch, dtype: str, metric: str
) -> None:
    monkeypatch.setattr("kinspace.space.parts.index.INDEX_ROWS", 1_000)
    monkeypatch.setattr("kinspace.space.parts.plane.PLANE_ROWS", 10_000)  # or so few rows were compared by a plane
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((20, 16))
    rows = (centres[rng.integers(0, 20, 2_100)] + 0.4 * rng.standard_normal((2_100, 16))).astype(np.float32)
    rows = np.round(rows * 20).clip(-128, 127) if dtype == "int8" else widened(dtype, rows)
    answers = []
    for kind in (dtype, "float32"):
        space = hub.create_space(kind, dims=16, dtype=kind, metric=metric)
        space.load(keys=list(map(str, range(2_100))), vectors=rows)
        space.flush()
        space.index()
        assert space.stats()["indexed_segments"] == 1
        hits = space.nearest_neighbors(10, vectors=rows[:40], ef_search=40)
        assert not hits[0].exact
        answers.append([(one.keys, one.distances.tolist()) for one in hits])
        assert space.measure_recall(10, 50) > 0.9
        with ks.connect(hub.path) as other:  # the index is read again
            again = other.get_space(kind).nearest_neighbors(10, vectors=rows[:40], ef_search=40)
            assert [(one.keys, one.distances.tolist()) for one in again] == answers[-1]
    assert answers[0] == answers[1]
    space = hub.get_space(dtype)
    space.delete("3")
    space.set("new", rows[0])
    space.compact()
    space.index()
    assert space.check().ok
    assert space.nearest_neighbors(1, vector=rows[0], exact=True).keys in (["0"], ["new"])
    assert len(space.nearest_neighbors(10, vector=rows[3])) == 10


def test_bits_get_no_index(hub: ks.Hub) -> None:
    space = hub.create_space("bits", dims=16, dtype="bit")
    space.load(keys=list(map(str, range(5_000))), vectors=rows_for("bit", 5_000, 16))
    assert space.index() == 0
    stats = space.stats()
    assert (stats["segments"], stats["indexed_segments"], stats["dtype"], stats["metric"]) == (1, 0, "bit", "hamming")


@pytest.mark.parametrize("dtype", DTYPES)
def test_states_are_compared_and_merged_in_the_dtype(hub: ks.Hub, dtype: str) -> None:
    given = rows_for(dtype, 60, DIMS)
    stored = widened(dtype, given)
    space = hub.create_space("docs", dims=DIMS, dtype=dtype, metric="jaccard" if dtype == "bit" else "l2")
    space.multiset({f"k{i}": given[i] for i in range(20)})
    fork = space.fork("fork")
    fork.set("k3", given[30])
    fork.set("new", given[31])
    changed = space.diff(space, fork).changed
    _, far = nearest(stored[30:31], stored[3], 1, space.metric)
    np.testing.assert_allclose(changed["distance"].to_list(), far, rtol=1e-12)
    assert hub.merge("fork", into="docs").changed == 1
    np.testing.assert_array_equal(space.get("k3"), stored[30])
    other = hub.create_space("float32", dims=DIMS, metric="l2")
    with pytest.raises(ks.InvalidInput, match="dtype|metric"):
        hub.merge("float32", into="docs")
    other.set("k1", np.full(DIMS, 0.5))
    distances = other.diff(other, space).changed["distance"].to_list()
    assert distances == [None] if dtype == "bit" else distances[0] > 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_update_keeps_a_vector_to_the_bit(hub: ks.Hub, dtype: str) -> None:
    given = rows_for(dtype, 60, DIMS)
    space = hub.create_space("docs", dims=DIMS, dtype=dtype)
    space.set("a", given[3], n=1)
    before = space.get("a")
    for _ in range(2):
        space.flush()
        space.update("a", n=2)
        np.testing.assert_array_equal(space.get("a").view(np.uint32), before.view(np.uint32))
    assert space.diff(space, space).changed.height == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_planes_change_no_answer(hub: ks.Hub, dtype: str) -> None:
    rows = widened(dtype, rows_for(dtype, 3_000, 40))
    metric = "hamming" if dtype == "bit" else "cosine"
    space = hub.create_space("docs", dims=40, dtype=dtype, metric=metric)
    space.load(keys=list(map(str, range(1_500))), vectors=rows[:1_500])
    space.flush()
    space.index()
    space.load(keys=list(map(str, range(1_500, 3_000))), vectors=rows[1_500:])
    for query in rows[:4]:
        for dims in (40, 17):
            hits = space.nearest_neighbors(9, vector=query, dims=dims, rerank=False, exact=True)
            np.testing.assert_allclose(
                hits.distances, nearest(rows[:, :dims], query[:dims], 9, metric)[1], rtol=1e-12, atol=1e-12
            )


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_are_joined_and_duplicates_found_as_by_brute_force(hub: ks.Hub, dtype: str) -> None:
    rows = widened(dtype, rows_for(dtype, 60, DIMS))
    metric = "hamming" if dtype == "bit" else "l2"
    space = hub.create_space("docs", dims=DIMS, dtype=dtype, metric=metric)
    space.load(keys=list(map(str, range(60))), vectors=rows)
    joined = pl.concat(list(space.knn_join(space, 3)))
    for number in range(60):
        others = np.delete(rows, number, axis=0)
        found = joined.filter(pl.col("key") == str(number))["_dist"].to_numpy()
        np.testing.assert_allclose(found, nearest(others, rows[number], 3, metric)[1], rtol=1e-12, atol=1e-12)
    pairs = pl.concat(list(space.near_duplicates(0.0)))
    equal = {(i, j) for i in range(60) for j in range(i + 1, 60) if (rows[i] == rows[j]).all()}
    assert {(int(a), int(b)) for a, b in zip(pairs["key"], pairs["neighbor"], strict=True)} == equal
    choice = space.recommend_dims(rows[:5], k=3)
    assert choice.frame["bytes"].to_list()[-1] == row_bytes(dtype, DIMS)
    if dtype == "bit":
        with pytest.raises(ks.InvalidInput, match="0 and 1 alone"):
            space.recommend_dims(np.full((1, DIMS), 0.5))
