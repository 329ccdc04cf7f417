"""Scan.trace: the answer of nearest, and counts that a walk by hand gives too."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, bitmap
from graph_oracle import clustered
from kinspace import _core

COMPARED = ("coded", "compared", "tiled", "counted")


def plane_of(rows, metric, dims):
    plane = _core.Plane(rows.n, dims, metric=metric, mean=np.zeros(dims, np.float32))
    plane.encode(rows)
    return plane


def of_bits(rng, n):
    return _core.Rows([rng.integers(0, 256, (n, 4)).astype(np.uint8)], dims=32, dtype="bit")


def told(scan, *args, **kwargs):
    """What a trace tells of each part, once it is known that nothing else is told differently."""
    *found, how = scan.trace(*args, **kwargs)
    *plain, exact, visited = scan.nearest(*args, **kwargs)
    assert_found(found[:2], plain)
    assert found[2] is exact
    np.testing.assert_array_equal(found[3], visited)
    assert how["seconds"] > 0
    assert how["ranking"] >= 0
    assert how["threads"] >= 1
    return visited, how["parts"]


@pytest.mark.parametrize("metric", METRICS)
def test_a_scan_of_floats_compares_every_live_row_once(rng, metric):
    live = rng.random(700) < 0.8
    rows = _core.Rows([clustered(rng, 700, 20)])
    scan = _core.Scan([rows], live=[bitmap(live)], metric=metric)
    visited, (part,) = told(scan, clustered(rng, 1, 20)[0], 5)
    assert visited == live.sum() == part["allowed"] == part["compared"]
    assert part["way"] == "scan"
    assert 5 <= part["exact"] <= part["candidates"] <= visited
    assert not any(part[name] for name in ("coded", "tiled", "counted", "hops", "scored", "sampled"))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_a_plane_is_compared_row_by_row_and_less_and_less_of_it_more_closely(rng, metric, k, threads):
    rows = _core.Rows([clustered(rng, 20_000, 24)])
    scan = _core.Scan([rows], metric=metric, planes=[plane_of(rows, metric, 24)])
    visited, (part,) = told(scan, clustered(rng, 1, 24)[0], k, threads=threads)
    assert visited == part["coded"] == 20_000
    assert visited > part["looked"] >= part["candidates"] >= part["exact"] >= k
    assert part["compared"] == part["tiled"] == 0
    assert (part["sampled"] > 0) == (k >= 32)


def test_rows_that_no_plane_has_are_compared_as_floats(rng):
    rows = _core.Rows([clustered(rng, 1_000, 8)])
    scan = _core.Scan([rows], metric="l2", planes=[plane_of(rows, "l2", 8).head(640)])
    visited, (part,) = told(scan, clustered(rng, 1, 8)[0], 3)
    assert (part["coded"], part["compared"], visited) == (640, 360, 1_000)


@pytest.mark.parametrize("metric", METRICS)
def test_only_what_a_filter_lets_through_is_visited(rng, metric):
    sizes, X = (600, 0, 900, 128), clustered(rng, 1_628, 16)
    ends = np.cumsum(sizes)
    parts = [_core.Rows([np.ascontiguousarray(X[end - size : end])]) for end, size in zip(ends, sizes, strict=True)]
    allowed = rng.random(1_628) < 0.3
    allowed[:600] = False
    masks = [bitmap(allowed[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    exclude = int(np.flatnonzero(allowed)[3])
    visited, done = told(_core.Scan(parts, metric=metric), X[0], 4, masks=masks, exclude=exclude)
    assert visited == allowed.sum() - 1 == sum(part["allowed"] for part in done)
    assert [part["way"] == "none" for part in done] == [True, True, False, False]
    assert [sum(part[name] for name in COMPARED) for part in done] == [part["allowed"] for part in done]


def test_many_queries_are_told_of_together_and_visited_is_of_each(rng):
    X, Q = clustered(rng, 3_000, 32), clustered(rng, 300, 32)
    scan = _core.Scan([_core.Rows([X])], metric="cosine")
    visited, (part,) = told(scan, Q, 5)
    assert visited.dtype == np.int64
    assert (visited == 3_000).all()
    assert part["compared"] + part["tiled"] == 3_000 * 300
    assert part["tiled"] > 0


def test_when_all_rows_are_the_answer_they_are_compared_in_double_alone(rng):
    visited, (part,) = told(_core.Scan([_core.Rows([clustered(rng, 50, 8)])], metric="l2"), np.zeros(8, np.float32), 80)
    assert visited == part["exact"] == 50
    assert not any(part[name] for name in COMPARED)


@pytest.mark.parametrize("metric", ["hamming", "jaccard"])
def test_bits_are_counted(rng, metric):
    scan = _core.Scan([of_bits(rng, 9_000), of_bits(rng, 100)], metric=metric)
    visited, done = told(scan, rng.integers(0, 2, 32).astype(np.float32), 5)
    assert visited == 9_100
    assert [part["counted"] for part in done] == [9_000, 100]


@pytest.mark.parametrize("share", [None, 0.95, 0.5])
def test_a_graph_visits_few_rows_and_its_hops_are_between(rng, share):
    rows = _core.Rows([clustered(rng, 6_000, 64)])
    graph = _core.Graph.build(rows, metric="l2", M=8, ef_construction=60)
    scan = _core.Scan([rows], metric="l2", graphs=[graph])
    masks = None if share is None else [bitmap(rng.random(6_000) < share)]
    visited, (part,) = told(scan, clustered(rng, 1, 64)[0], 10, ef=20, masks=masks)
    assert part["way"] == "graph"
    assert part["ef"] == 20
    assert not part["gave_up"]
    assert visited == part["scored"] < 3_000
    assert 10 <= part["hops"] <= part["scored"]
    assert 10 <= part["exact"] <= part["candidates"]
    assert part["costs"]["graph"] < part["costs"]["scan"]


def test_the_cheapest_way_by_its_own_estimate_is_taken(rng):
    rows = _core.Rows([clustered(rng, 6_000, 64)])
    scan = _core.Scan([rows], metric="l2", graphs=[_core.Graph.build(rows, metric="l2", M=8, ef_construction=60)])
    ways = set()
    for share in (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01):
        mask = bitmap(rng.random(6_000) < share)
        _, (part,) = told(scan, clustered(rng, 1, 64)[0], 2, ef=4, masks=[mask])
        assert part["way"] == min(part["costs"], key=part["costs"].get)
        ways.add(part["way"])
    assert {"graph", "scan"} <= ways


def test_where_a_graph_gives_up_both_its_rows_and_those_of_the_scan_are_visited(rng):
    X = clustered(rng, 4_000, 64)
    far = np.arange(4_000) >= 3_000
    X[far] += 100
    rows = _core.Rows([X])
    scan = _core.Scan([rows], metric="l2", graphs=[_core.Graph.build(rows, metric="l2", M=8, ef_construction=40)])
    visited, (part,) = told(scan, X[0], 5, ef=5, masks=[bitmap(far)])
    assert part["way"] == "graph"
    assert part["gave_up"]
    assert part["compared"] == part["allowed"] == 1_000
    assert visited == part["scored"] + part["compared"]


def test_a_graph_of_many_queries_is_added_up(rng):
    rows = _core.Rows([clustered(rng, 3_000, 48)])
    scan = _core.Scan([rows], metric="l2", graphs=[_core.Graph.build(rows, metric="l2", M=8, ef_construction=60)])
    visited, (part,) = told(scan, clustered(rng, 9, 48), 5, ef=10, threads=2)
    assert part["scored"] == visited.sum()
    assert len(set(visited.tolist())) > 1


def test_nothing_wanted_is_nothing_visited(rng):
    scan = _core.Scan([_core.Rows([clustered(rng, 40, 4)])], metric="l2")
    assert told(scan, np.zeros(4, np.float32), 0)[0] == 0
    assert told(scan, np.zeros((0, 4), np.float32), 3)[0].shape == (0,)
