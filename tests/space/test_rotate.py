"""rotate='pca': first components along axes of the space's own find candidates, and nothing else is different."""

from __future__ import annotations

import numpy as np
import pytest

import kinspace as ks
from kinspace.space.parts.rotation import principal_axes, rotated

DIMS = 48


@pytest.fixture
def rows():
    """Vectors whose first components tell nothing, and 8 directions nearly all."""
    rng = np.random.default_rng(3)
    low = rng.standard_normal((3_000, 8)) @ rng.standard_normal((8, DIMS))
    return (low + 0.05 * rng.standard_normal((3_000, DIMS))).astype(np.float32)


def filled(hub, rows, **options):
    space = hub.create_space("docs", dims=DIMS, key_type="int", rotate="pca", **options)
    space.load(keys=np.arange(len(rows) - 500), vectors=rows[:-500])
    space.flush()
    space.multiset({int(key): rows[key] for key in range(len(rows) - 500, len(rows))})  # in the log
    return space


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", ["cosine", "l2", "ip"])
def test_what_is_read_and_every_distance_are_as_without(tmp_path, rows, metric, dtype):
    with ks.connect(tmp_path) as hub:
        space = filled(hub, rows, metric=metric, dtype=dtype)
        plain = hub.create_space("plain", dims=DIMS, key_type="int", metric=metric, dtype=dtype)
        plain.load(keys=np.arange(len(rows)), vectors=rows)
        np.testing.assert_array_equal(space.get(5), plain.get(5))
        for key in (0, 7, 2_900):
            mine = space.nearest_neighbors(10, vector=rows[key], exact=True)
            theirs = plain.nearest_neighbors(10, vector=rows[key], exact=True)
            assert (mine.keys, list(mine.distances)) == (theirs.keys, list(theirs.distances))
            near = space.nearest_neighbors(10, vector=rows[key], dims=8)
            np.testing.assert_array_equal(near.distances, space.nearest_neighbors(10, vector=rows[key]).distances)


def test_few_components_find_what_those_that_the_vectors_come_in_do_not(tmp_path, rows):
    with ks.connect(tmp_path) as hub:
        space = filled(hub, rows)
        plain = hub.create_space("plain", dims=DIMS, key_type="int")
        plain.load(keys=np.arange(len(rows)), vectors=rows)
        assert space.measure_recall(10, dims=8) > 0.99
        assert plain.measure_recall(10, dims=8) < 0.9
        table = space.recommend_dims(30)
        assert table.recommended <= 8


def test_batches_keys_and_filters_take_the_same_candidates(tmp_path, rows):
    with ks.connect(tmp_path) as hub:
        space = filled(hub, rows)
        many = space.nearest_neighbors(5, vectors=rows[:6], dims=8, where="key % 2 = 0")
        for query, hits in zip(rows[:6], many, strict=True):
            one = space.nearest_neighbors(5, vector=query, dims=8, where="key % 2 = 0")
            assert hits.keys == one.keys
            assert all(key % 2 == 0 for key in hits.keys)
        by_key = space.nearest_neighbors(5, key=3, dims=8)
        assert 3 not in by_key.keys
        assert not by_key.exact
        everything = space.nearest_neighbors(400, vector=rows[0], dims=8)
        assert everything.exact  # 4,000 candidates: all rows there are


def test_it_survives_reopening_forks_and_compaction(tmp_path, rows):
    with ks.connect(tmp_path) as hub:
        wanted = filled(hub, rows).nearest_neighbors(10, vector=rows[1], dims=12).keys
    with ks.connect(tmp_path) as hub:
        space = hub.get_space("docs")
        assert space.stats()["rotate"] == "pca"
        assert space.nearest_neighbors(10, vector=rows[1], dims=12).keys == wanted
        fork = space.fork("again")
        fork.compact()
        assert fork.nearest_neighbors(10, vector=rows[1], dims=12).keys == wanted
        assert space.check().ok


def test_what_has_no_meaning_along_other_axes_is_refused(tmp_path, rows):
    with ks.connect(tmp_path) as hub:
        space = filled(hub, rows)
        with pytest.raises(ks.InvalidInput, match="axes of its own"):
            space.nearest_neighbors(5, vector=rows[0], dims=8, rerank=False)
        with pytest.raises(ks.InvalidInput, match="axes of its own"):
            space.nearest_neighbors(5, vector=rows[0][:8], dims=8)
        for wrong in (
            {"rotate": "random"},
            {"rotate": "pca", "matryoshka": [8, 16]},
            {"rotate": "pca", "index_dims": 8},
            {"rotate": "pca", "dtype": "bit"},
        ):
            with pytest.raises(ks.InvalidInput, match="rotate|bits"):
                hub.create_space("other", dims=DIMS, **wrong)
        with pytest.raises(ks.InvalidInput, match="rotate"):
            hub.create_space("other", dims=8_192, rotate="pca")


def test_axes_are_orthogonal_and_ordered_by_how_much_they_tell(rows):
    axes = principal_axes(rows, "l2")
    turned = rotated(rows, axes, "l2").astype(np.float64)
    spread = (turned - turned.mean(axis=0)).var(axis=0)
    assert (np.diff(spread) <= 1e-6 * spread[0]).all()
    wide = axes.rotation.astype(np.float64)
    assert np.linalg.norm(wide.T @ wide - np.eye(DIMS), 2) <= axes.defect < 1e-4
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(rows, axis=1), rtol=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "l2", "ip"])
def test_norms_that_floats_have_no_squares_for_are_searched_exactly(tmp_path, rows, metric):
    rows = rows.copy()
    rows[:3] *= np.float32(1e35)
    rows[3:6] *= np.float32(1e-38)
    rows[6] = 0
    with ks.connect(tmp_path) as hub:
        space = filled(hub, rows, metric=metric)
        for key in (0, 4, 6, 9):
            wanted = ks.knn(rows, rows[key], 10, metric)
            hits = space.nearest_neighbors(10, vector=rows[key], exact=True)
            assert hits.keys == wanted["_rowid"].to_list()
            assert list(hits.distances) == wanted["_dist"].to_list()


def test_a_join_that_only_distances_of_components_could_answer_is_refused_at_once(tmp_path, rows):
    with ks.connect(tmp_path) as hub:
        space = filled(hub, rows)
        with pytest.raises(ks.InvalidInput, match="axes of its own"):
            space.knn_join(space, 1, dims=8, rerank=False)


def test_what_is_measured_right_after_a_load_is_what_searches_will_find(tmp_path, rows, monkeypatch):
    monkeypatch.setattr("kinspace.space.space.SEGMENT_ROWS", 1_000)
    monkeypatch.setattr("kinspace.space.segments.background.index_in_background", lambda *_: None)
    with ks.connect(tmp_path) as hub:
        space = hub.create_space("docs", dims=DIMS, key_type="int", rotate="pca")
        space.load(keys=np.arange(len(rows)), vectors=rows)
        assert space.stats()["plane_bytes"] == 0
        assert space.measure_recall(10, dims=1) < 0.9
        shortest = space.recommend_dims(30).frame.row(0, named=True)
        assert (shortest["dims"], shortest["recall_reranked"] < 0.9) == (2, True)
