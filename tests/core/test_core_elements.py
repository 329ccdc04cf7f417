"""Rows of every type: searched as the float32 that they are, to the bit, on every instruction set; bits by counting."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, bitmap, float_norms
from kinspace import _core

NARROW = ("float16", "bfloat16", "int8")
BIT_METRICS = ("hamming", "jaccard")


def stored(rng, dtype, n, dims):
    """Rows as they are stored, every pattern of bits that is finite, and the floats that these are."""
    if dtype == "int8":
        rows = rng.integers(-128, 128, (n, dims)).astype(np.int8)
        return rows, rows.astype(np.float32)
    bits = rng.integers(0, 1 << 16, (n, dims)).astype(np.uint16)
    top = 0x7C00 if dtype == "float16" else 0x7F80
    bits[(bits & top) == top] &= np.uint16(0x83FF)
    if dtype == "float16":
        return bits.view(np.float16), bits.view(np.float16).astype(np.float32)
    bits &= np.uint16(0xBFFF)  # no larger than 2: what squares bear
    return bits, (bits.astype(np.uint32) << 16).view(np.float32)


def pack(bits):
    return np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")


def chunks(rows, size):
    """In chunks of so many rows, a few elements between the rows."""
    wide = np.zeros((len(rows), rows.shape[1] + 3), rows.dtype)
    wide[:, : rows.shape[1]] = rows
    return [wide[at : at + size, : rows.shape[1]] for at in range(0, len(rows), size)]


def by_count(metric, X, q):
    """float64, from the definitions."""
    X, q = X.astype(bool), q.astype(bool)
    if metric == "hamming":
        return (q != X).sum(axis=1).astype(np.float64)
    both, either = (X & q).sum(axis=1), (X | q).sum(axis=1)
    return np.where(either == 0, 0.0, 1.0 - both / np.maximum(either, 1))


def first(distances, k, allowed, rank):
    ids = np.flatnonzero(allowed)
    order = ids[np.lexsort((np.asarray(rank)[ids], distances[ids]))][:k]
    return order, distances[order]


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("dims", [1, 7, 8, 9, 33, 384])
def test_every_finite_pattern_of_bits_is_widened_exactly(isa, rng, dtype, dims):
    rows, floats = stored(rng, dtype, 300, dims)
    found = _core.Rows(chunks(rows, 128), dtype=dtype).gather(np.arange(299, -1, -1))
    np.testing.assert_array_equal(found.view(np.uint32), floats[::-1].copy().view(np.uint32))


def test_every_half_float_is_widened_as_numpy_widens_it(isa):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(64, 1024)
    found = _core.Rows([halves], dtype="float16").gather(np.arange(64))
    nan = np.isnan(halves)
    assert (np.isnan(found) == nan).all()
    expected = halves.astype(np.float32)
    np.testing.assert_array_equal(found[~nan].view(np.uint32), expected[~nan].view(np.uint32))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("queries", [1, 30])
@pytest.mark.parametrize("dims", [3, 40, 384])
def test_a_search_answers_as_over_the_float32_that_rows_are(isa, rng, dtype, metric, queries, dims):
    n = 700
    rows, floats = stored(rng, dtype, n, dims)
    rows[n // 2 :] = rows[: n - n // 2]  # ties
    floats[n // 2 :] = floats[: n - n // 2]
    rows[5], floats[5] = 0, 0
    asked = (floats[rng.integers(0, n, queries)] + rng.standard_normal((queries, dims)) * 0.1).astype(np.float32)
    order = np.sort(rng.choice(10 * n, n, replace=False)).astype(np.uint64)
    for norms in (None, float_norms(floats)):
        narrow = _core.Rows(chunks(rows, 256), dtype=dtype, order=order, norms=norms)
        wide = _core.Rows([floats], order=order, norms=norms)
        live = bitmap(rng.random(n) < 0.7)
        mine = _core.Scan([narrow, narrow], live=[live, None], metric=metric)
        theirs = _core.Scan([wide, wide], live=[live, None], metric=metric)
        for k in (1, 10, 2 * n):
            for threads in (1, 3):
                options = {"exclude": 7, "threads": threads, "masks": [None, bitmap(rng.random(n) < 0.3)]}
                assert_found(mine.search(asked, k, **options), theirs.search(asked, k, **options))
        positions = rng.integers(0, 2 * n, 50)
        np.testing.assert_array_equal(mine.distances(asked[0], positions), theirs.distances(asked[0], positions))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", NARROW)
def test_a_graph_is_the_one_over_the_float32_that_rows_are(rng, dtype, metric):
    rows, floats = stored(rng, dtype, 3_000, 40)
    if dtype == "float16":  # near enough to each other that there is something to find
        floats = rng.standard_normal((3_000, 40)).astype(np.float16).astype(np.float32)
        rows = floats.astype(np.float16)
    rows[2_900:], floats[2_900:] = rows[:100], floats[:100]
    narrow, wide = _core.Rows(chunks(rows, 1024), dtype=dtype), _core.Rows([floats])
    made = [_core.Graph.build(one, metric=metric, M=8, ef_construction=40) for one in (narrow, wide)]
    arrays = [graph.arrays() for graph in made]
    assert made[0].curve == made[1].curve
    for name, values in arrays[1].items():
        np.testing.assert_array_equal(arrays[0][name], values, err_msg=name)
    assert_found(*(graph.search(floats[:50], 10, ef=50) for graph in made))
    again = _core.Graph.restore(narrow, arrays[0])
    scans = [_core.Scan([a], metric=metric, graphs=[b]) for a, b in ((narrow, again), (wide, made[1]))]
    assert_found(*(scan.nearest(floats[:50], 10)[:2] for scan in scans))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", NARROW)
def test_a_plane_is_the_one_over_the_float32_that_rows_are(isa, rng, dtype, metric):
    n, dims = 1_000, 70
    rows, floats = stored(rng, dtype, n, dims)
    made = []
    for data, kind in ((rows, dtype), (floats, "float32")):
        held = _core.Rows(chunks(data, 256), dtype=kind)
        plane = _core.Plane(n, dims, metric=metric, mean=np.zeros(dims, np.float32))
        plane.encode(held)
        scan = _core.Scan([held], metric=metric, planes=[plane])
        made.append((plane.arrays(), scan.search(floats[:30], 10)))
    for name, values in made[1][0].items():
        np.testing.assert_array_equal(made[0][0][name], values, err_msg=name)
    assert_found(made[0][1], made[1][1])
    assert_found(made[0][1], _core.Scan([_core.Rows([floats])], metric=metric).search(floats[:30], 10))


@pytest.mark.parametrize("dtype", NARROW)
def test_rows_come_and_go_in_a_graph_as_over_float32(rng, dtype):
    rows, floats = stored(rng, dtype, 1_200, 24)
    rows[1_150:], floats[1_150:] = rows[:50], floats[:50]
    found = []
    for data, kind in ((rows, dtype), (floats, "float32")):
        graph = _core.Graph.build(_core.Rows([data[:1000]], dtype=kind), metric="l2", M=8, ef_construction=40)
        graph.insert(_core.Rows([data], dtype=kind), np.arange(1000, 1200))
        graph.remove(np.arange(0, 1200, 7))
        found.append(graph.search(floats[:40], 5, ef=64))
    assert_found(*found)


def test_a_row_that_is_not_finite_is_named(isa):
    rows = np.zeros((200, 5), np.float16)
    rows[150, 3] = np.inf
    narrow = _core.Rows([rows], dtype="float16")
    for queries in (np.ones(5, np.float32), np.ones((40, 5), np.float32)):
        with pytest.raises(ValueError, match="row 150 is not finite"):
            _core.Scan([narrow], metric="l2").search(queries, 3)
    with pytest.raises(ValueError, match="row 150 is not finite"):
        _core.Graph.build(narrow, metric="l2", M=8, ef_construction=40)


@pytest.mark.parametrize("metric", BIT_METRICS)
@pytest.mark.parametrize("dims", [1, 7, 8, 9, 63, 64, 65, 128, 200, 384, 1024])
def test_bits_are_counted_as_float64_counts_them(isa, rng, metric, dims):
    n = 900
    X = rng.random((n, dims)) < rng.random((n, 1)) * 0.6
    X[5], X[n // 2 :] = False, X[: n - n // 2].copy()
    packed = pack(X)
    if dims % 8:
        packed[:, -1] |= np.uint8(0xFF << dims % 8 & 0xFF)  # what lies behind the last bit counts for nothing
    rank = np.sort(rng.choice(10 * n, n, replace=False)).astype(np.uint64)
    rows = _core.Rows(chunks(packed, 256), dtype="bit", dims=dims, order=rank)
    live, mask = rng.random(n) < 0.7, rng.random(n) < 0.5
    scan = _core.Scan([rows], live=[bitmap(live)], metric=metric)
    queries = (rng.random((12, dims)) < 0.3).astype(np.float32)
    queries[0] = 0
    allowed = live & mask & (np.arange(n) != 3)
    for k in (0, 1, 10, n):
        for threads in (1, 3):
            found = scan.search(queries, k, masks=[bitmap(mask)], exclude=3, threads=threads)
            for q, mine in zip(queries, zip(*found, strict=True), strict=True):
                assert_found(mine, first(by_count(metric, X, q), k, allowed, rank))
    assert_found(scan.search(queries[4], 9), first(by_count(metric, X, queries[4]), 9, live, rank))
    positions = rng.integers(0, n, 40)
    np.testing.assert_array_equal(scan.distances(queries[2], positions), by_count(metric, X, queries[2])[positions])
    np.testing.assert_array_equal(rows.gather(positions), X[positions].astype(np.float32))


@pytest.mark.parametrize("metric", BIT_METRICS)
def test_bits_in_many_parts_are_ranked_as_one_column(rng, metric):
    X = rng.random((20_000, 20)) < 0.4
    parts = [_core.Rows([pack(part)], dtype="bit", dims=20) for part in np.split(X, [9_000, 9_001, 15_000])]
    q = (rng.random(20) < 0.4).astype(np.float32)
    expected = first(by_count(metric, X, q), 500, np.ones(len(X), bool), np.arange(len(X)))
    scan = _core.Scan(parts, metric=metric)
    for threads in (1, 2, 4):
        assert_found(scan.search(q, 500, threads=threads), expected)
    *found, exact, _ = scan.nearest(q, 500)
    assert exact
    assert_found(found, expected)


def test_what_does_not_fit_together_is_refused(rng):
    bits = _core.Rows([np.zeros((4, 2), np.uint8)], dtype="bit", dims=9)
    floats = _core.Rows([np.zeros((4, 9), np.float32)])
    for rows, metric in ((bits, "cosine"), (floats, "hamming"), (floats, "jaccard")):
        with pytest.raises(ValueError, match="dtype 'bit'"):
            _core.Scan([rows], metric=metric)
    with pytest.raises(ValueError, match="dtype 'bit'"):
        _core.Scan([bits, floats], metric="hamming")
    with pytest.raises(ValueError, match="no graphs over bits"):
        _core.Graph.build(bits, metric="cosine", M=8, ef_construction=40)
    for query in (np.full(9, 0.5, np.float32), np.full(9, 2, np.float32)):
        with pytest.raises(ValueError, match="0 or 1"):
            _core.Scan([bits], metric="hamming").search(query, 1)
        with pytest.raises(ValueError, match="0 or 1"):
            _core.Scan([bits], metric="hamming").distances(query, np.array([0]))
    with pytest.raises(ValueError, match="dims="):
        _core.Rows([np.zeros((4, 2), np.uint8)], dtype="bit")
    with pytest.raises(ValueError, match="bytes a row"):
        _core.Rows([np.zeros((4, 2), np.uint8)], dtype="bit", dims=17)
    with pytest.raises(ValueError, match="dtype must be"):
        _core.Rows([np.zeros((4, 2), np.float32)], dtype="float64")
    for dtype, given in (("float16", np.float32), ("bfloat16", np.float16), ("int8", np.uint8), ("float32", np.int8)):
        with pytest.raises(TypeError, match="chunks"):
            _core.Rows([np.zeros((4, 2), given)], dtype=dtype)
