"""Planes: a scan by codes gives what a scan of the rows gives, to the bit, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from core_oracle import KINDS, METRICS, assert_found, bitmap, chunked, distances, float_norms, nearest, scan, vectors
from kinspace import _core

ROWS = 1_100  # more than are worth a plane, and no multiple of a block


def unit_mean(X, metric):
    wide = X.astype(np.float64)
    if metric == "cosine":
        norms = np.linalg.norm(wide, axis=1, keepdims=True)
        wide = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    mean = wide.mean(axis=0) if len(X) else np.zeros(X.shape[1])
    return np.where(np.abs(mean) < 3e38, mean, 0).astype(np.float32)


def plane_over(X, metric, rows=None, mean=None, threads=1):
    n = len(X) if rows is None else rows
    plane = _core.Plane(n, X.shape[1], metric=metric, mean=unit_mean(X, metric) if mean is None else mean)
    plane.encode(_core.Rows([X[:n]]), threads=threads)
    return plane


def coded(X, metric, **kwargs):
    return _core.Scan([_core.Rows([X], norms=float_norms(X))], metric=metric, planes=[plane_over(X, metric)], **kwargs)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", [1, 3, 8, 17, 65, 384, 4096])
def test_a_plane_finds_the_k_nearest_at_any_dims(isa, rng, metric, dims):
    X = vectors(rng, ROWS if dims < 1000 else 500, dims)
    rows = coded(X, metric)
    for q in (X[7], vectors(rng, 1, dims)[0], X[9] + np.float32(1e-4)):
        assert_found(rows.search(q, 10), nearest(metric, X, q, 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_near_ties_and_extreme_values_change_nothing(isa, rng, metric, kind):
    for dims in (5, 70):
        X = vectors(rng, ROWS, dims, kind)
        queries = np.concatenate([X[:2], vectors(rng, 3, dims), vectors(rng, 2, dims, kind), np.zeros_like(X[:1])])
        positions, found = coded(X, metric).search(queries, 10)
        for q, query in enumerate(queries):
            wanted = nearest(metric, X, query, 10)
            assert_found((positions[q], found[q]), wanted)
            assert_found(coded(X, metric).search(query, 10), wanted)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("m", [2, 3, 4, 5, 130])
def test_many_queries_find_what_each_finds_alone(isa, rng, metric, m):
    X, Q = vectors(rng, ROWS, 37), vectors(rng, m, 37)
    rows = coded(X, metric)
    for threads in (1, 3):
        positions, found = rows.search(Q, 9, threads=threads)
        for q in range(0, m, 7):
            assert_found((positions[q], found[q]), nearest(metric, X, Q[q], 9))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.004, 0.1, 0.4, 0.9])
def test_masks_and_the_dead_and_the_excluded_are_not_found(isa, rng, metric, share):
    X, Q = vectors(rng, 6 * ROWS, 48, "norms"), vectors(rng, 5, 48)
    mask, live = rng.random(len(X)) < share, rng.random(len(X)) < 0.9
    rows = _core.Scan([_core.Rows([X])], metric=metric, live=[bitmap(live)], planes=[plane_over(X, metric)])
    out = int(nearest(metric, X, Q[0], 1, allowed=mask & live)[0][0])
    allowed = mask & live
    allowed[out] = False
    positions, found = rows.search(Q, 12, masks=[bitmap(mask)], exclude=out)
    for q in range(len(Q)):
        assert_found((positions[q], found[q]), nearest(metric, X, Q[q], 12, allowed=allowed))
    assert_found(rows.search(Q[1], 12, masks=[bitmap(mask)], exclude=out), (positions[1], found[1]))


@pytest.mark.parametrize("metric", METRICS)
def test_a_plane_of_the_first_rows_leaves_the_rest_to_be_scanned(isa, rng, metric):
    X = vectors(rng, ROWS, 50)
    for n in (0, 64, 640, 1088):
        part = _core.Scan([_core.Rows([X])], metric=metric, planes=[plane_over(X, metric, rows=n)])
        assert_found(part.search(X[1090], 20), nearest(metric, X, X[1090], 20))


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_were_not_coded_are_found_too(isa, rng, metric):
    X = vectors(rng, ROWS, 20)
    plane = _core.Plane(len(X), 20, metric=metric, mean=unit_mean(X, metric))
    plane.encode(_core.Rows([X[320:640]]), first=320)
    damaged = X[640:].copy()
    damaged[300] = np.nan
    with pytest.raises(ValueError, match="row 300"):
        plane.encode(_core.Rows([damaged]), first=640)
    rows = _core.Scan([_core.Rows([X])], metric=metric, planes=[plane])
    for q in (X[3], X[500], X[1000]):
        assert_found(rows.search(q, 20), nearest(metric, X, q, 20))


@pytest.mark.parametrize("metric", METRICS)
def test_parts_with_and_without_planes_make_one_answer_with_ties_by_order(isa, rng, metric):
    X = vectors(rng, 3 * ROWS, 20)
    X[ROWS : ROWS + 400] = X[:400]
    parts = np.split(X, [ROWS, 2 * ROWS])
    orders = np.split(rng.permutation(len(X)).astype(np.uint64), [ROWS, 2 * ROWS])
    orders = [np.sort(order) for order in orders]
    rows = [_core.Rows([part], order=order) for part, order in zip(parts, orders, strict=True)]
    planes = [plane_over(parts[0], metric), None, plane_over(parts[2], metric)]
    both = _core.Scan(rows, metric=metric, planes=planes)
    for q in (X[3], X[2 * ROWS]):
        assert_found(both.search(q, 30), nearest(metric, X, q, 30, rank=np.concatenate(orders)))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["normal", "norms", "zeros", "small integers", "mixed"])
def test_the_first_dims_alone_are_searched_by_the_same_codes(isa, rng, metric, kind):
    X = vectors(rng, ROWS, 200, kind)
    X[:5, :9] = 0
    X[5, :9] = np.float32(1e-30)
    whole, plane = _core.Rows([X]), plane_over(X, metric)
    for dims in (1, 7, 9, 64, 65, 199):
        cut = np.ascontiguousarray(X[:, :dims])
        rows = _core.Scan([_core.Rows([X[:, :dims]])], metric=metric, planes=[plane.prefix(dims, whole)])
        for q in (cut[7], cut[0], vectors(rng, 1, dims)[0]):
            assert_found(rows.search(q, 10), nearest(metric, cut, q, 10))


@pytest.mark.parametrize("metric", METRICS)
def test_any_mean_gives_the_same_answer(isa, rng, metric):
    X = vectors(rng, ROWS, 33)
    for mean in (np.zeros(33), np.full(33, 5.0), 1e15 * X[0]):
        rows = _core.Scan(
            [_core.Rows([X])], metric=metric, planes=[plane_over(X, metric, mean=mean.astype(np.float32))]
        )
        assert_found(rows.search(X[5], 10), nearest(metric, X, X[5], 10))


def test_cosines_that_differ_by_less_than_a_double_can_say_are_ties(isa):
    X = np.zeros((ROWS, 2), np.float32)
    X[:, 0] = 1
    X[:, 1] = np.arange(ROWS) * 1e-20
    q = np.array([0, 1], np.float32)
    assert_found(coded(X, "cosine").search(q, 10), (np.arange(10), np.ones(10)))


def test_products_that_cancel_are_ranked_as_their_sum_is_rounded(isa, rng):
    X = np.full((ROWS, 3), 2.0**50, np.float32)
    X[:, 2] = rng.permutation(ROWS) * np.float32(0.05 / ROWS)  # below half a unit of 2^50 in double
    q = np.array([1, -1, 1], np.float32)
    assert_found(coded(X, "ip").search(q, 10), (np.arange(10), np.zeros(10)))


@pytest.mark.parametrize("mean", [2.5e18, 1.85e19, 1e30])
@pytest.mark.parametrize("dims", [9, 40])
def test_a_mean_too_far_for_the_squares_of_floats_changes_nothing(isa, rng, mean, dims):
    X = np.zeros((ROWS, 40), np.float32)
    X[:, 0] = np.where(rng.random(ROWS) < 0.5, 0.9e18, 0) + rng.standard_normal(ROWS) * 1e15
    middle = np.zeros(40, np.float32)
    middle[0] = mean
    plane = plane_over(X, "l2", mean=middle).prefix(dims, _core.Rows([X]))
    cut = np.ascontiguousarray(X[:, :dims])
    rows = _core.Scan([_core.Rows([cut])], metric="l2", planes=[plane])
    for q in (X[5], 0.5 * middle, X[5] + middle):
        assert_found(rows.search(q[:dims], 10), nearest("l2", cut, q[:dims], 10))


@pytest.mark.parametrize("metric", METRICS)
def test_codes_are_the_same_from_any_chunks_and_threads(rng, metric):
    X, before = vectors(rng, ROWS, 130), _core.isa()
    mean = unit_mean(X, metric)
    made = []
    for isa in _core.isas():
        _core.force_isa(isa)
        for step, threads in ((len(X), 1), (len(X), 4), (256, 1)):
            plane = _core.Plane(len(X), 130, metric=metric, mean=mean)
            for first in range(0, len(X), step):
                plane.encode(_core.Rows(chunked(X[first : first + step], 64)), first=first, threads=threads)
            made.append(plane.arrays())
        for other in made[-3:]:
            for name, array in other.items():
                np.testing.assert_array_equal(array, made[-3][name])
    _core.force_isa(before)


@pytest.mark.parametrize("metric", METRICS)
def test_a_plane_restored_of_its_arrays_is_the_same(rng, metric):
    X = vectors(rng, ROWS, 70)
    plane = plane_over(X, metric)
    again = _core.Plane.restore(len(X), 70, metric=metric, arrays=plane.arrays())
    rows = _core.Scan([_core.Rows([X])], metric=metric, planes=[again])
    assert_found(rows.search(X[5], 10), nearest(metric, X, X[5], 10))


@given(data=st.data())
def test_any_small_set_is_searched_as_without_a_plane(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    metric, kind = data.draw(st.sampled_from(METRICS)), data.draw(st.sampled_from(KINDS))
    n, dims, k = data.draw(st.integers(400, 700)), data.draw(st.integers(1, 90)), data.draw(st.integers(0, 30))
    X = vectors(rng, n, dims, kind)
    Q = np.concatenate([vectors(rng, 1, dims), X[:1]])
    wanted, found = scan(X, metric).search(Q, k), coded(X, metric).search(Q, k)
    assert_found(found, wanted)


def test_what_does_not_fit_together_is_refused(rng):
    X = vectors(rng, 500, 16)
    plane, rows = plane_over(X, "l2"), _core.Rows([X])
    mean = np.zeros(16, np.float32)
    for wrong in (
        lambda: _core.Scan([rows], metric="ip", planes=[plane]),
        lambda: _core.Scan([rows], metric="l2", planes=[plane, plane]),
        lambda: _core.Scan([_core.Rows([X[:499]])], metric="l2", planes=[plane]),
        lambda: _core.Scan([rows], metric="l2", planes=[plane.head(63)]),
        lambda: _core.Scan([_core.Rows([X[:, :8]])], metric="l2", planes=[plane]),
        lambda: plane.encode(rows, first=8),
        lambda: plane.head(64).encode(_core.Rows([X[:64]])),
        lambda: plane.prefix(8, rows).encode(rows),
        lambda: _core.Plane.restore(500, 16, metric="l2", arrays=plane.arrays()).encode(rows),
        lambda: plane.encode(rows, first=16),
        lambda: plane.encode(_core.Rows([X[:, :8]])),
        lambda: plane.prefix(17, rows),
        lambda: plane.prefix(0, rows),
        lambda: plane.prefix(4, _core.Rows([X[:99]])),
        lambda: plane.head(501),
        lambda: _core.Plane(500, 16, metric="hamming", mean=mean),
        lambda: _core.Plane(500, 0, metric="l2", mean=mean),
        lambda: _core.Plane(500, 17, metric="l2", mean=mean),
        lambda: _core.Plane(1 << 32, 16, metric="l2", mean=mean),
        lambda: _core.Plane(500, 16, metric="l2", mean=np.full(16, np.nan, np.float32)),
        lambda: _core.Plane.restore(501, 16, metric="l2", arrays={}),
        lambda: _core.Plane.restore(600, 16, metric="l2", arrays=plane.arrays()),
        lambda: _core.Plane.restore(500, 17, metric="l2", arrays=plane.arrays()),
        lambda: _core.Plane.restore(500, 16, metric="cosine", arrays=plane.arrays()),
        lambda: _core.Plane(500, 16, metric="l2", mean=mean).encode(_core.Rows([np.full_like(X, np.inf)])),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            wrong()
    for wrong in (
        lambda: _core.Scan([rows], metric="l2", planes=[rows]),
        lambda: _core.Scan([rows], metric="l2", planes=plane),
        lambda: _core.Plane.restore(500, 16, metric="l2", arrays={**plane.arrays(), "codes8": mean}),
        lambda: _core.Plane(500, 16, metric="l2", mean=mean.astype(np.float64)),
    ):
        with pytest.raises(TypeError):
            wrong()


def rotated_plane(rng, X, metric):
    """A plane along random axes; the rows as it wants them are made in float64."""
    dims = X.shape[1]
    rotation = np.linalg.qr(rng.standard_normal((dims, dims)))[0].astype(np.float32)
    axes = rotation.astype(np.float64)
    wide = X.astype(np.float64)
    if metric == "cosine":
        norms = np.linalg.norm(wide, axis=1, keepdims=True)
        wide = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    turned = (wide @ axes.T).astype(np.float32)
    defect = float(np.linalg.norm(axes.T @ axes - np.eye(dims))) * 1.01 + 1e-12
    mean = turned.mean(axis=0)
    plane = _core.Plane(len(X), dims, metric=metric, mean=mean, rotation=rotation, defect=defect)
    plane.encode(_core.Rows([turned]))
    return plane


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["normal", "equal", "norms", "ulp", "zeros", "far from zero", "outlier"])
def test_a_rotation_changes_nothing_of_an_exact_answer(isa, rng, metric, kind):
    for dims in (3, 70):
        X = vectors(rng, ROWS, dims, kind)
        rows = _core.Scan([_core.Rows([X])], metric=metric, planes=[rotated_plane(rng, X, metric)])
        for q in (
            X[7],
            X[7] + np.float32(1e-4),
            vectors(rng, 1, dims)[0],
            np.zeros_like(X[0]),
            np.full_like(X[0], 3e38),
        ):
            assert_found(rows.search(q, 10), nearest(metric, X, q, 10))


@pytest.mark.parametrize("metric", METRICS)
def test_a_sketch_ranks_by_the_first_components_along_the_axes_and_measures_by_all(isa, rng, metric):
    X = vectors(rng, ROWS, 64)
    plane = rotated_plane(rng, X, metric)
    for dims in (16, 64):
        rows = _core.Scan([_core.Rows([X])], metric=metric, planes=[plane.sketch(dims)])
        found = 0
        for q in vectors(rng, 10, 64):
            positions, distances = rows.search(q, 200)
            np.testing.assert_array_equal(distances, np.sort(distances))
            np.testing.assert_array_equal(distances, rows.distances(q, positions))
            found += len(np.intersect1d(positions, nearest(metric, X, q, 10)[0]))
        assert found >= (50 if dims == 16 else 100)  # by a quarter of the components, and by all
    with pytest.raises(ValueError, match="sketches"):
        plane.prefix(16, _core.Rows([X]))


@pytest.mark.parametrize("metric", METRICS)
def test_a_guess_from_a_sample_of_the_rows_never_changes_an_answer(rng, metric):
    n, dims, k = 20_000, 12, 40
    for kind in ("normal", "equal", "small integers"):
        X = vectors(rng, n, dims, kind)
        q = vectors(rng, 1, dims)[0]
        order = np.argsort(distances(metric, X, q), kind="stable")
        sampled = np.flatnonzero(np.arange(n) % 256 < 16)  # one block of four words
        near = np.r_[sampled, np.setdiff1d(np.arange(n), sampled)]
        misleading = np.empty_like(X)
        misleading[near] = X[order]  # the sample has all that is near
        hidden = np.empty_like(X)
        hidden[near[::-1]] = X[order]  # … or none of it
        for rows in (X, misleading, hidden):
            scan = coded(rows, metric)
            assert_found(scan.search(q, k), nearest(metric, rows, q, k))
            mask = rng.random(n) < 0.8
            found = scan.search(np.stack([q, -q]), k, masks=[bitmap(mask)], exclude=5)
            mask[5] = False
            for i, query in enumerate((q, -q)):
                assert_found((found[0][i], found[1][i]), nearest(metric, rows, query, k, allowed=mask))
