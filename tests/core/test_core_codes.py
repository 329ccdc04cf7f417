"""The code kernels: every instruction set has the reference's integer sums, marks and order, and codes stay near."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace import _core

LINES = range(1, 14)
WIDTH = {"sq4": 128, "sq8": 64, "l2": 16, "dot": 16}
KINDS = tuple(WIDTH)
DTYPE = {"sq4": np.uint8, "sq8": np.uint8, "l2": np.float32, "dot": np.float32}


def levels(kind, codes):
    """The u of every dimension, in order."""
    if kind == "sq8":
        return codes.astype(np.int64)
    lines = codes.reshape(len(codes), -1, 64)
    return np.concatenate([lines & 15, lines >> 4], axis=2).reshape(len(codes), -1).astype(np.int64)


def bfloat16(x):
    """Nearest, as float64."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return rounded.astype(np.uint32).view(np.float32).astype(np.float64)


def distances_of(found):
    """The floats that an expansion's integers are ordered like, and its ids."""
    ordered = (found >> 32).astype(np.uint32)
    bits = np.where(ordered >> 31, ordered ^ np.uint32(0x80000000), ~ordered)
    return bits.astype(np.uint32).view(np.float32), (found & 0xFFFFFFFF).astype(np.int64) >> 1


class Sample:
    """Codes and a query of one kind; extreme: the products that a narrow sum could not hold."""

    def __init__(self, rng, kind, lines, n=300, extreme=False):
        self.kind, self.n = kind, n
        width = lines * WIDTH[kind]
        if DTYPE[kind] is np.float32:
            self.x = rng.standard_normal((n, width)).astype(np.float32)
            self.query = rng.standard_normal(width).astype(np.float32)
            codes = self.x.view(np.uint8)
        else:
            codes = rng.integers(1, 256, (n, lines * 64), dtype=np.uint8)
            q = rng.integers(-127, 128, width).astype(np.int8)
            if extreme:
                codes[::2] = 255
                codes[1::2] = rng.choice(np.array([1, 255], np.uint8), codes[1::2].shape)
                q[:] = 127 if rng.random() < 0.5 else -127
            self.query = q.view(np.uint8)
            self.u, self.q = levels(kind, codes), q.astype(np.int64)
        self.codes = _core.Codes(kind, codes)

    def distances(self, ids, factors, slope, offset, norm_weight):
        if self.kind == "l2":
            return ((self.x[ids].astype(np.float64) - self.query) ** 2).sum(axis=1)
        if self.kind == "dot":
            return -(self.x[ids].astype(np.float64) @ self.query.astype(np.float64))
        scales = bfloat16(factors[0])
        norms = bfloat16(factors[1]) if len(factors) > 1 else np.zeros(len(ids))
        return norm_weight * norms - scales * (slope * (self.u[ids] @ self.q) + offset)

    def factors(self, rng, count, n):
        return np.abs(rng.standard_normal((count, n))).astype(np.float32)

    def counts(self):
        return (0,) if DTYPE[self.kind] is np.float32 else (1, 2)


HOP = {"slope": 0.25, "offset": -3.0, "norm_weight": 1.0}


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * max(1.0, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_what_the_codes_stand_for(isa, rng, kind, lines):
    sample = Sample(rng, kind, lines)
    for count in sample.counts():
        ids = rng.integers(0, sample.n, 45).astype(np.uint32)
        factors = sample.factors(rng, count, len(ids))
        close(sample.codes.score(sample.query, ids, factors, **HOP), sample.distances(ids, factors, *HOP.values()))


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_nodes_is_scored(isa, rng, kind):
    sample = Sample(rng, kind, 3)
    count = sample.counts()[-1]
    for n in range(68):
        ids = rng.integers(0, sample.n, n).astype(np.uint32)
        factors = sample.factors(rng, count, n)
        close(sample.codes.score(sample.query, ids, factors, **HOP), sample.distances(ids, factors, *HOP.values()))


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("kind", ["sq4", "sq8"])
def test_sums_are_exact(isa, rng, kind, extreme, lines):
    sample = Sample(rng, kind, lines, extreme=extreme)
    ids = rng.integers(0, sample.n, 67).astype(np.uint32)
    exact = sample.u[ids] @ sample.q  # fewer than 24 bits: floats hold them
    ones = np.ones((1, len(ids)), np.float32)
    np.testing.assert_array_equal(-sample.codes.score(sample.query, ids, ones), exact)
    if kind == "sq8":
        for n in range(68):
            np.testing.assert_array_equal(sample.codes.sums(sample.query, ids[:n]), exact[:n])


@pytest.mark.parametrize("kind", ["sq4", "sq8"])
def test_sums_of_the_most_dims_there_are_fit(isa, rng, kind):
    sample = Sample(rng, kind, 65_536 // WIDTH[kind], n=4)
    sample.u[:] = 15 if kind == "sq4" else 255
    codes = _core.Codes(kind, np.full((4, 65_536 // WIDTH[kind] * 64), 255, np.uint8))
    for value in (127, -127):
        q = np.full(65_536, value, np.int8).view(np.uint8)
        ids = np.arange(4, dtype=np.uint32)
        exact = sample.u[0].sum() * value
        np.testing.assert_allclose(codes.score(q, ids, np.ones((1, 4), np.float32)), -exact, rtol=1e-7)
        if kind == "sq8":
            assert set(codes.sums(q, ids).tolist()) == {exact}


def records(rng, n, degree):
    """Ids of a record, the unused places holding the owner's, and who was seen before: the owner at least."""
    used = int(rng.integers(0, degree + 1))
    ids = np.zeros(degree, np.uint32)
    ids[:used] = 1 + rng.permutation(n - 1)[:used]
    seen = rng.random(n) < rng.choice([0.0, 0.3, 0.9])
    seen[0] = True
    return ids, seen


@pytest.mark.parametrize("degree", [16, 32, 48, 64, 80, 128, 144, 1024])
@pytest.mark.parametrize("kind", KINDS)
def test_an_expansion_gives_the_near_of_the_new_in_order_and_marks_them(isa, rng, kind, degree):
    for lines in LINES:
        sample = Sample(rng, kind, lines, n=1100)
        for count in sample.counts():
            ids, seen = records(rng, sample.n, degree)
            factors = sample.factors(rng, count, degree)
            expected = sample.distances(ids, factors, *HOP.values())
            new = ~seen[ids]
            limit = float(np.float32(np.median(expected)))
            for bound in (np.inf, limit):
                found, marked, scored = sample.codes.expand(sample.query, ids, factors, seen, bound, **HOP)
                distances, which = distances_of(found)
                at = {int(i): d for i, d in zip(ids, expected, strict=True)}
                close(distances, np.array([at[i] for i in which.tolist()]))
                assert (found & 1 == 0).all()
                assert (distances < bound).all()
                tolerance = 1e-4 * max(1.0, np.abs(expected).max())
                sure = new & (expected < bound - tolerance)
                maybe = new & (expected < bound + tolerance)
                assert set(ids[sure].tolist()) <= set(which.tolist()) <= set(ids[maybe].tolist())
                order = {int(i): place for place, i in enumerate(ids)}
                places = [order[i] for i in which.tolist()]
                assert places == sorted(set(places))
                wanted = seen.copy()
                wanted[ids] = True
                np.testing.assert_array_equal(marked.astype(bool), wanted)
                assert scored == wanted.sum() - seen.sum()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [-np.inf, np.nan])
def test_nothing_is_less_than_the_least_or_than_nan(isa, rng, kind, limit):
    sample = Sample(rng, kind, 2)
    ids, seen = np.arange(1, 49, dtype=np.uint32), np.zeros(sample.n, bool)
    factors = sample.factors(rng, sample.counts()[-1], 48)
    found, marked, _ = sample.codes.expand(sample.query, ids, factors, seen, limit, **HOP)
    assert len(found) == 0
    assert marked[1:49].all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_distance_that_is_no_number_or_infinite_is_not_near(isa, rng, bad):
    sample = Sample(rng, "sq4", 2)
    ids, seen = np.arange(1, 49, dtype=np.uint32), np.zeros(sample.n, bool)
    factors = sample.factors(rng, 2, 48)
    factors[1, ::3] = bad
    found, _, _ = sample.codes.expand(sample.query, ids, factors, seen, np.inf, **HOP)
    np.testing.assert_array_equal(distances_of(found)[1], [i for i in range(1, 49) if (i - 1) % 3 != 0])


@pytest.mark.parametrize("kind", KINDS)
def test_instruction_sets_agree_with_the_reference(isa, rng, kind):
    for lines in LINES:
        sample = Sample(rng, kind, lines, n=500)
        ids, seen = records(rng, sample.n, 128)
        factors = sample.factors(rng, sample.counts()[-1], 128)
        args = (sample.query, ids, factors, seen, np.inf)
        mine = sample.codes.expand(*args, **HOP)
        _core.force_isa("scalar")
        reference = sample.codes.expand(*args, **HOP)
        _core.force_isa(isa)
        np.testing.assert_array_equal(mine[1], reference[1])
        np.testing.assert_array_equal(distances_of(mine[0])[1], distances_of(reference[0])[1])
        close(distances_of(mine[0])[0], distances_of(reference[0])[0].astype(np.float64))


def lost(kind, X):
    """How much of |x|^2 the code leaves over, of each row."""
    codes, scales = _core.Codes.encode(kind, X)
    u = levels(kind, codes)
    c = 2.0 * u - 15 if kind == "sq4" else u - 128.0
    x = X.astype(np.float64)
    left = np.where(x != 0, x - scales.astype(np.float64)[:, None] * c, 0)
    return (left**2).sum(axis=1) / (x**2).sum(axis=1)


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize(("kind", "most"), [("sq4", 0.02), ("sq8", 2e-4)])
def test_little_is_lost_of_normal_rows(isa, rng, kind, most, lines):
    X = rng.standard_normal((40, lines * WIDTH[kind])).astype(np.float32)
    assert lost(kind, X).max() < most


@pytest.mark.parametrize("power", [-35, -30, -20, -10, 10, 20, 30, 37])
@pytest.mark.parametrize(("kind", "most"), [("sq4", 0.02), ("sq8", 2e-4)])
def test_as_little_is_lost_of_rows_of_any_norm(isa, rng, kind, most, power):
    X = rng.standard_normal((20, 384)).astype(np.float32) * np.float32(10.0**power)
    assert lost(kind, X).max() < most


@pytest.mark.parametrize("kind", ["sq4", "sq8"])
def test_padding_changes_no_scale(isa, rng, kind):
    X = np.zeros((10, 512), np.float32)
    X[:, :384] = rng.standard_normal((10, 384))
    alone = _core.Codes.encode(kind, np.ascontiguousarray(X[:, :384]))
    codes, scales = _core.Codes.encode(kind, X)
    np.testing.assert_allclose(scales, alone[1], rtol=1e-5)
    np.testing.assert_array_equal(levels(kind, codes)[:, :384], levels(kind, alone[0]))


@pytest.mark.parametrize("kind", ["sq4", "sq8"])
def test_rows_of_zeros_or_not_finite_have_no_scale(isa, rng, kind):
    X = rng.standard_normal((6, 256)).astype(np.float32)
    X[0] = 0
    X[1, 3], X[2, 255], X[3, 64] = np.nan, np.inf, -np.inf
    X[4] *= np.float32(1e-42)
    codes, scales = _core.Codes.encode(kind, X)
    np.testing.assert_array_equal(scales[:5], 0)
    assert scales[5] > 0
    assert codes.min() > 0 or kind == "sq4"


@pytest.mark.parametrize(("kind", "times", "most"), [("sq4", 10, 0.1), ("sq8", 100, 3e-3)])
def test_one_coordinate_far_out_does_not_drown_the_rest(isa, rng, kind, times, most):
    X = rng.standard_normal((20, 384)).astype(np.float32)
    X[:, 17] = times
    assert lost(kind, X).max() < most


@pytest.mark.parametrize("kind", ["sq4", "sq8"])
def test_all_instruction_sets_have_the_same_codes(isa, rng, kind):
    X = rng.standard_normal((200, 384)).astype(np.float32)
    codes, scales = _core.Codes.encode(kind, X)
    _core.force_isa("scalar")
    reference = _core.Codes.encode(kind, X)
    np.testing.assert_array_equal(codes, reference[0])
    np.testing.assert_allclose(scales, reference[1], rtol=1e-5)


@pytest.mark.parametrize("n", [64, 128, 192, 384, 1664])
def test_queries_are_rounded_to_the_nearest_even(isa, rng, n):
    x = rng.standard_normal(n).astype(np.float32)
    x[:6] = [0.5, 1.5, -0.5, -1.5, 2.5, 126.5]
    q, total, greatest = _core.Codes.quantize(x, 1.0)
    np.testing.assert_array_equal(q.view(np.int8), np.rint(x))
    assert total == np.rint(x).sum()
    assert greatest == np.abs(x).max()


@pytest.mark.parametrize("steps", [1.0, 1e38, np.inf, np.nan, 0.0])
def test_quantizing_saturates_whatever_comes(isa, rng, steps):
    x = rng.standard_normal(128).astype(np.float32)
    x[:10] = [0, -0.0, 1e-45, -1e-38, 3e38, -3e38, np.inf, -np.inf, np.nan, 128]
    q, total, greatest = _core.Codes.quantize(x, steps)
    with np.errstate(all="ignore"):
        level = x * np.float32(steps)
        wanted = np.rint(np.where(level > -127, np.minimum(level, 127), np.float32(-127)))
    np.testing.assert_array_equal(q.view(np.int8), wanted)
    assert total == wanted.sum()
    assert greatest == np.inf
