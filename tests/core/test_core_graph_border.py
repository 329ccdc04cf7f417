"""The graph's border: bad arguments, callbacks that raise or call back, Ctrl-C, and the end of the process."""

from __future__ import annotations

import numpy as np
import pytest

from core_oracle import assert_found, nearest
from graph_oracle import assert_answer, assert_same, assert_sound, build, clustered, rows
from kinspace import _core
from test_core_threads import run

X = clustered(np.random.default_rng(0), 40, 3)
ROWS = rows(X)
Q = X[0].copy()
GRAPH = build(X[:30])
SMALL = build(np.ones((3, 3), np.float32))


def insert(new, part=ROWS):
    return build(X[:30]).insert(part, np.array(new, np.int64))


REFUSED = [
    (lambda: _core.Graph(), TypeError, None),
    (lambda: _core.Graph.build(X, metric="l2", M=8, ef_construction=9), TypeError, "rows: expected Rows"),
    (lambda: _core.Graph.build(ROWS, metric="dot", M=8, ef_construction=9), ValueError, "metric must be"),
    (lambda: _core.Graph.build(ROWS, metric=None, M=8, ef_construction=9), TypeError, None),
    *((lambda M=M: build(X, M=M), ValueError, "M must be in 2…512") for M in (0, 1, 513, 2**40)),
    *((lambda M=M: build(X, M=M), TypeError, None) for M in (-1, 2.5, "8", None, 2**70)),
    *((lambda e=e: build(X, efc=e), ValueError, "ef_construction must be in 1…65,536") for e in (0, 65_537)),
    (lambda: build(X, efc=-1), TypeError, None),
    (lambda: build(X, threads=-1), TypeError, None),
    (lambda: GRAPH.search(Q, -1), ValueError, "k must be at least 0"),
    (lambda: GRAPH.search(Q, 1.5), TypeError, "k: expected a whole number"),
    (lambda: GRAPH.search(Q, 1, ef=65_537), ValueError, "ef must be in 1…65,536, or 0"),
    (lambda: GRAPH.search(Q, 1, ef=-1), TypeError, None),
    (lambda: GRAPH.search(Q, 1, threads=-1), TypeError, None),
    (lambda: GRAPH.search(Q[:2], 1), ValueError, "queries: expected 3 dims; got 2"),
    (lambda: GRAPH.search(np.full(3, np.nan, np.float32), 1), ValueError, "queries: every value must be finite"),
    (lambda: GRAPH.search(Q.astype(np.float64), 1), TypeError, "queries: expected"),
    (lambda: GRAPH.search(None, 1), TypeError, None),
    (lambda: GRAPH.search(Q, 1, mask=np.ones(30, bool)), TypeError, "mask: expected"),
    (lambda: GRAPH.search(Q, 1, mask=np.ones((1, 1), np.uint64)), TypeError, "mask: expected"),
    (lambda: insert([30, 30]), ValueError, "named twice"),
    (lambda: insert([3]), ValueError, "the graph has that row"),
    (lambda: insert([40]), IndexError, "row 40 is out of range"),
    (lambda: insert([-1]), IndexError, "row -1 is out of range"),
    (lambda: insert([], rows(X[:29])), ValueError, "rows: expected"),
    (lambda: insert([], rows(X[:, :2])), ValueError, "rows: expected"),
    (lambda: insert([], X), TypeError, "rows: expected Rows"),
    (lambda: build(X[:30]).insert(ROWS, [30]), TypeError, "new: expected"),
    (lambda: build(X[:30]).insert(ROWS, np.array([30], np.int32)), TypeError, "new: expected"),
    (lambda: insert([35], rows(np.where(np.arange(40)[:, None] == 35, np.nan, X))), ValueError, "row 35 is not finite"),
    (lambda: GRAPH.remove(np.array([3, 3])), ValueError, "named twice"),
    (lambda: GRAPH.remove(np.array([30])), IndexError, "row 30 is out of range"),
    (lambda: GRAPH.remove(np.array([-1])), IndexError, "row -1 is out of range"),
    (lambda: GRAPH.merged(ROWS, np.arange(29)), ValueError, "moved: expected"),
    (lambda: GRAPH.merged(ROWS, np.zeros(30, np.int64)), ValueError, "moved: expected"),
    (lambda: GRAPH.merged(ROWS, np.arange(11, 41)), ValueError, "moved: expected"),
    (lambda: GRAPH.merged(rows(X[:, :2]), np.arange(30)), ValueError, "rows: expected"),
    (lambda: _core.Graph.restore(ROWS, {}), ValueError, "missing"),
    (lambda: _core.Graph.restore(ROWS, None), TypeError, None),
    (lambda: _core.Scan([ROWS], metric="l2", graphs=[GRAPH]), ValueError, "graphs: expected"),
    (lambda: _core.Scan([ROWS], metric="l2", graphs=[]), ValueError, "graphs: expected one for each part"),
    (lambda: _core.Scan([ROWS], metric="l2", graphs=[3]), TypeError, "graphs: expected"),
    (lambda: _core.Scan([ROWS], metric="l2").nearest(Q, 1, ef=65_537), ValueError, "ef must be"),
    *((lambda r=r: _core.Scan([ROWS], metric="l2").nearest(Q, 1, recall=r), ValueError, "recall must be")
      for r in (0, -1, 1.1, np.nan)),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refused(case):
    call, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        call()


def test_what_was_refused_left_the_graph_as_it_was():
    before = GRAPH.arrays()
    for call, error, _ in REFUSED:
        with pytest.raises(error):
            call()
    assert_same(GRAPH.arrays(), before)


def test_a_row_removed_twice_is_refused():
    graph = build(X)
    graph.remove(np.array([4]))
    with pytest.raises(ValueError, match="does not have that row"):
        graph.remove(np.array([4]))
    moved = np.arange(40)
    with pytest.raises(ValueError, match="moved: expected"):
        graph.merged(ROWS, moved)


@pytest.mark.parametrize("n", [40, 3000])
def test_progress_goes_up_to_the_total(n):
    Y = clustered(np.random.default_rng(1), n + 1000, 8)
    for call in (
        lambda tell: _core.Graph.build(rows(Y[:n]), metric="l2", M=4, ef_construction=9, progress=tell),
        lambda tell: build(Y[:n], M=4, efc=9).insert(rows(Y), np.arange(n, n + 1000), progress=tell),
        lambda tell: build(Y[:n], M=4, efc=9).merged(rows(Y), np.arange(n), progress=tell),
    ):
        told = []
        call(lambda *now, told=told: told.append(now))
        assert told == sorted(told)
        assert len({total for _, total in told}) == 1
        assert told[-1][0] == told[-1][1]


class Stop(Exception):
    pass


def stop_at(call):
    """A progress that raises the so-many-th time."""
    calls = iter(range(call))

    def tell(done, total):
        if next(calls, None) is None:
            raise Stop

    return tell


@pytest.mark.parametrize("call", [0, 1, 2, 5])
def test_what_progress_raises_ends_a_build(call):
    Y = clustered(np.random.default_rng(1), 3000, 8)
    with pytest.raises(Stop):
        _core.Graph.build(rows(Y), metric="l2", M=4, ef_construction=9, threads=2, progress=stop_at(call))


@pytest.mark.parametrize("call", [0, 1, 2])
@pytest.mark.parametrize("dims", [8, 140])
def test_an_insert_that_is_stopped_leaves_the_old_rows_and_none_of_the_new(rng, call, dims):
    Y = clustered(rng, 3000, dims)
    Y[2500:2600] = Y[:100]
    graph = build(Y[:2000])
    with pytest.raises(Stop):
        graph.insert(rows(Y), np.arange(2000, 3000), progress=stop_at(call))
    assert_sound(graph, range(2000))
    old = np.arange(3000) < 2000
    for q in Y[::150]:
        assert_answer("l2", Y, q, 10, graph.search(q, 10, ef=20), old)
        assert_found(graph.search(q, 10, exact=True), nearest("l2", Y, q, 10, old))
    graph.insert(rows(Y), np.arange(2000, 3000))
    assert_sound(graph, range(3000))


def test_an_insert_that_builds_anew_and_is_stopped_changes_nothing(rng):
    Y = clustered(rng, 3000, 8)
    graph = build(Y[:500])
    before = graph.arrays()
    with pytest.raises(Stop):
        graph.insert(rows(Y), np.arange(500, 3000), progress=stop_at(1))
    assert_same(graph.arrays(), before)


def test_progress_may_search_the_graph_that_changes(rng):
    Y = clustered(rng, 3000, 8)
    graph, found = build(Y[:2000]), []
    graph.insert(rows(Y), np.arange(2000, 3000), progress=lambda *_: found.append(graph.search(Y[5], 3)[0][0]))
    assert set(found) == {5}


CHANGES = ["graph.remove(np.array([0]))", "graph.insert(rows, np.array([2999]))", "graph.merged(rows, np.arange(3000))"]


@pytest.mark.parametrize("change", CHANGES)
def test_progress_that_changes_the_graph_is_an_error_and_no_deadlock(change):
    program = run(
        f"""
        import numpy as np
        from kinspace import _core
        Y = np.random.default_rng(0).standard_normal((3000, 8), np.float32)
        rows = _core.Rows([Y])
        graph = _core.Graph.build(_core.Rows([Y[:2000]]), metric="l2", M=8, ef_construction=20)
        try:
            graph.insert(rows, np.arange(2000, 3000), progress=lambda *_: {change})
        except (RuntimeError, ValueError):
            pass
        print(graph.search(Y[9], 1)[0].tolist())
        """
    )
    try:
        assert program.communicate(timeout=20) == ("[9]\n", "")
    finally:
        program.kill()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [150_000, 20_000_000])
def test_ctrl_c_stops_a_build(threads, n):
    program = run(
        f"""
        import os, signal, threading
        import numpy as np
        from kinspace import _core
        signal.signal(signal.SIGINT, signal.default_int_handler)
        X = np.random.default_rng(0).standard_normal((150_000, 16), np.float32)
        if {n} > len(X):
            X = np.lib.stride_tricks.as_strided(X[:1], ({n}, 16), (0, 4))
        rows = _core.Rows([X])
        try:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            _core.Graph.build(rows, metric="l2", M=100, ef_construction=5000, threads={threads})
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    try:
        assert program.communicate(timeout=60) == ("interrupted\n", "")
    finally:
        program.kill()


def test_daemon_threads_may_be_at_work_when_the_process_ends():
    program = run(
        """
        import threading
        import numpy as np
        from kinspace import _core
        Y = np.random.default_rng(0).standard_normal((20_000, 32), np.float32)
        rows = _core.Rows([Y])
        graph = _core.Graph.build(_core.Rows([Y[:18_000]]), metric="l2", M=8, ef_construction=20)
        at_work = threading.Barrier(4)
        def search(Q):
            at_work.wait()
            while True:
                graph.search(Q, 10, ef=50, threads=2)
        def change():
            at_work.wait()
            while True:
                graph.insert(rows, np.arange(18_000, 20_000), progress=lambda *_: None)
                graph.remove(np.arange(18_000, 20_000))
        for target, args in ((search, (Y[:500],)), (search, (Y[0],)), (change, ())):
            threading.Thread(target=target, args=args, daemon=True).start()
        at_work.wait()
        """
    )
    try:
        assert (program.communicate(timeout=60), program.returncode) == (("", ""), 0)
    finally:
        program.kill()
