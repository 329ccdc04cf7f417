"""Stored and restored: the same to the bit; garbage is a ValueError or a graph that searches, never a crash."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import METRICS, assert_found, nearest
from graph_oracle import assert_same, assert_sound, build, clustered, falling, is_rotated, rows, words
from kinspace import _core
from thorough import some

DIMS = (6, 50, 140)


@pytest.fixture(scope="module", params=some([(m, d) for m in METRICS for d in DIMS], 4), ids=str)
def made(request):
    metric, dims = request.param
    rng = np.random.default_rng(5)
    X = clustered(rng, 2300, dims)
    X[2000:2100] = X[7]
    graph = build(X[:2200], metric, M=6, efc=30)
    graph.remove(np.arange(100, 600))
    graph.insert(rows(X), np.array([2200, 2299, 150]))
    return metric, X, graph


def test_a_restored_graph_is_the_same_to_the_bit(made):
    _, X, graph = made
    again = _core.Graph.restore(rows(X), graph.arrays())
    assert_same(again.arrays(), graph.arrays())
    for name in ("n", "nodes", "dead", "dims", "metric", "M", "ef_construction", "layers", "curve"):
        assert getattr(again, name) == getattr(graph, name)
    for q in X[::301]:
        for kwargs in ({"ef": 15}, {}, {"ef": 15, "mask": words(np.arange(2300) % 3 == 0)}, {"exact": True}):
            assert_found(again.search(q, 10, **kwargs), graph.search(q, 10, **kwargs))


def test_arrays_are_copies_of_plain_types(made):
    _, X, graph = made
    arrays = graph.arrays()
    for array in arrays.values():
        assert array.flags.c_contiguous
        assert array.dtype in map(np.dtype, ("u1", "u4", "u8", "f4"))
        array.fill(0)
    assert_found(graph.search(X[9], 5, ef=20), graph.search(X[9], 5, ef=20))
    assert graph.arrays()["header"].any()


def test_a_graph_of_no_rows_and_of_one(rng):
    for n in (0, 1):
        X = clustered(rng, n, 9)
        again = _core.Graph.restore(rows(X), build(X).arrays())
        assert again.n == n
        assert len(again.search(np.ones(9, np.float32), 4)[0]) == n


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", [140, 384])
def test_a_rotated_graph_goes_on_as_it_was(rng, metric, dims):
    X = falling(rng, 2400, dims)
    graph = build(X[:2200], metric, M=6, efc=30)
    again = _core.Graph.restore(rows(X[:2200]), graph.arrays())
    assert is_rotated(graph)
    for each in (graph, again):
        each.insert(rows(X), np.arange(2200, 2400))
        each.remove(np.arange(100, 300))
    assert_same(again.arrays(), graph.arrays())
    for q in X[::301]:
        assert_found(again.search(q, 10, ef=15), graph.search(q, 10, ef=15))


def as_version_1(arrays):
    """What the first version wrote: no word of a rotation."""
    header = arrays["header"][:-1].copy()
    header[0] = 1
    return {**arrays, "header": header}


def test_a_graph_of_version_1_is_one_that_is_not_rotated(made):
    _, X, graph = made
    assert not is_rotated(graph)
    assert_same(_core.Graph.restore(rows(X), as_version_1(graph.arrays())).arrays(), graph.arrays())


def test_a_header_that_leaves_the_rotation_open_is_refused(rng):
    X = falling(rng, 300, 140)
    arrays = build(X).arrays()
    for version, rotated in ((1, [1]), (2, []), (2, [2]), (2, [2**63]), (3, [1]), (0, [])):
        header = np.array([version, *arrays["header"][1:-1], *rotated], np.uint64)
        with pytest.raises(ValueError, match="version|rotation"):
            _core.Graph.restore(rows(X), {**arrays, "header": header})


@pytest.mark.parametrize("dims", [6, 50])
def test_a_rotation_of_codes_that_have_none_is_refused(rng, dims):
    X = falling(rng, 300, dims)
    arrays = build(X).arrays()
    assert arrays["header"][-1] == 0
    arrays["header"][-1] = 1
    with pytest.raises(ValueError, match="rotation"):
        _core.Graph.restore(rows(X), arrays)


def try_everything(arrays, X, metric):
    """Whatever those arrays are, nothing crashes."""
    part = rows(X)
    try:
        graph = _core.Graph.restore(part, arrays)
    except ValueError:
        return "refused"
    for kwargs in ({"ef": 20}, {}, {"ef": 20, "mask": words(np.arange(len(X)) % 9 == 0)}, {"ef": 60_000}):
        graph.search(X[3], 10, **kwargs)
        graph.search(X[:4], 10, threads=2, **kwargs)
    present = np.zeros(len(X), bool)
    present[graph.search(X[3], len(X), exact=True)[0]] = True
    if graph.metric == metric and present.all():
        _core.Scan([part], metric=metric, graphs=[graph]).nearest(X[3], 10, ef=20)
    graph.arrays()
    moved = np.where(present, np.arange(len(X)), -1)
    some = np.flatnonzero(present)
    for change in (
        lambda: graph.merged(part, moved).search(X[3], 5, ef=20),
        lambda: graph.remove(some[::2].copy()),
        lambda: graph.insert(part, np.flatnonzero(~present)),
        lambda: graph.insert(part, some[::4].copy()),
        lambda: graph.search(X[3], 10, ef=20),
    ):
        try:
            change()
        except ValueError:
            pass
    assert_found(graph.search(X[3], 0), graph.search(X[3], 0, exact=True))
    return "searched"


def spoilt(rng, array):
    """One element changed: a bit, an end of the range, a small number, or NaN."""
    array = array.copy()
    if array.size == 0:
        return array
    at = np.unravel_index(rng.integers(array.size), array.shape)
    flat = array.view(f"u{array.itemsize}")
    how = rng.integers(5)
    if how == 0:
        flat[at] ^= flat.dtype.type(1 << int(rng.integers(8 * array.itemsize)))
    elif how == 1:
        flat[at] = np.iinfo(flat.dtype).max
    elif how == 2:
        flat[at] = rng.integers(0, 4)
    elif how == 3:
        flat[at] = rng.integers(0, min(2500, np.iinfo(flat.dtype).max))
    elif array.dtype.kind == "f":
        array[at] = rng.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45])
    return array


@pytest.mark.parametrize("seed", range(1))
def test_one_changed_element_never_crashes(made, seed):
    metric, X, graph = made
    rng, arrays = np.random.default_rng(seed), graph.arrays()
    outcomes = [try_everything({**arrays, name: spoilt(rng, array)}, X, metric) for name, array in arrays.items()]
    assert set(outcomes) <= {"refused", "searched"}


@pytest.mark.parametrize("seed", range(1))
def test_many_changed_elements_never_crash(made, seed):
    metric, X, graph = made
    rng = np.random.default_rng(100 + seed)
    for name, array in graph.arrays().items():
        if array.dtype.kind == "f" or name == "codes":
            noise = rng.integers(0, 256, array.nbytes, dtype=np.uint8).view(array.dtype).reshape(array.shape)
        else:
            noise = rng.permuted(array.ravel()).reshape(array.shape)
        assert try_everything({**graph.arrays(), name: noise}, X, metric) in {"refused", "searched"}


@pytest.mark.parametrize("value", some([0, 1, 63, 2**31, 2**32 - 1, 2**63], 3))
def test_any_header_is_refused_or_searched(made, value):
    metric, X, graph = made
    for field in range(len(graph.arrays()["header"])):
        arrays = graph.arrays()
        arrays["header"][field] = value
        assert try_everything(arrays, X, metric) in {"refused", "searched"}


def test_arrays_missing_or_of_another_shape_or_type(made):
    _, X, graph = made
    arrays = graph.arrays()
    for name, array in arrays.items():
        others = [array[:-1].copy() if len(array) else np.zeros(1, array.dtype), array.astype(np.int16), array[None]]
        others += [np.concatenate([array, array[:1]]) if len(array) else np.zeros(3, array.dtype), None, [1, 2]]
        for other in others:
            try:
                _core.Graph.restore(rows(X), {**arrays, name: other}).search(X[0], 5, ef=10)
            except (ValueError, TypeError):
                continue
            assert name in ("entries", "next"), f"{name} of another shape was taken"
        with pytest.raises(ValueError, match=name):
            _core.Graph.restore(rows(X), {k: v for k, v in arrays.items() if k != name})
    for wrong in (X[:-1], X[:, 1:], np.concatenate([X, X[:1]])):
        with pytest.raises(ValueError, match="rows"):
            _core.Graph.restore(rows(wrong), arrays)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_are_no_longer_finite(rng, metric):
    X = clustered(rng, 1500, 20)
    arrays = build(X[:1400], metric).arrays()
    X[7, 3] = np.nan
    try:
        graph = _core.Graph.restore(rows(X[:1400]), arrays)
    except ValueError:
        return
    for change in (lambda: graph.insert(rows(X), np.arange(1400, 1500)), lambda: graph.remove(np.arange(300, 600))):
        with pytest.raises(ValueError, match="row 7 is not finite"):
            change()
    allowed = (np.arange(1500) >= 600) & (np.arange(1500) < 1400)
    for kwargs in ({"exact": True}, {"ef": 200}):
        found = graph.search(X[900], 5, mask=words(allowed), **kwargs)
        assert_found(found, nearest(metric, X, X[900], 5, allowed))


def test_what_was_restored_is_reached(made):
    _, X, graph = made
    present = [*range(100), 150, *range(600, 2201), 2299]
    assert_sound(_core.Graph.restore(rows(X), graph.arrays()), present)
