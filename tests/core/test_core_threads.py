"""Threads, signals and forks: the same bits from any number of threads, and nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core_oracle import METRICS, assert_found, nearest, scan, vectors

THIS_PROCESS = Path("/proc/self/task")


def run(program: str, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("m", [1, 60])
def test_any_number_of_threads_gives_the_same_bits(isa, rng, metric, m):
    X, Q = vectors(rng, 20_000, 24), vectors(rng, m, 24)
    rows = scan(X, metric)
    alone = rows.search(Q, 20, threads=1)
    for threads in (0, 2, 3, 4, 1000):
        assert_found(rows.search(Q, 20, threads=threads), alone)
    assert_found((alone[0][0], alone[1][0]), nearest(metric, X, Q[0], 20))
    assert_found(rows.search(Q[:2], 20_000, threads=4), rows.search(Q[:2], 20_000, threads=1))


def test_searches_may_run_at_once(rng):
    X, Q = vectors(rng, 20_000, 32), vectors(rng, 16, 32)
    rows = scan(X, "cosine")
    wanted = [rows.search(q, 10, threads=1) for q in Q]
    with ThreadPoolExecutor(8) as pool:
        for found, expected in zip(pool.map(lambda i: rows.search(Q[i % 16], 10, threads=2), range(160)), wanted * 10):
            assert_found(found, expected)


@pytest.mark.skipif(not THIS_PROCESS.exists(), reason="counts threads in /proc")
def test_threads_start_when_first_needed_and_not_at_import():
    program = """
        import os
        import numpy as np
        def threads(): print(len(os.listdir("/proc/self/task")))
        threads()
        from kinspace import _core
        X = np.ones((9000, 64), np.float32)
        rows = _core.Scan([_core.Rows([X])], metric="l2")
        rows.search(X[0], 3, threads=1); threads()
        rows.search(X[0], 3, threads=3); threads()
        rows.search(X[0], 3, threads=3); threads()
    """
    out, err = run(program).communicate(timeout=60)
    before, alone, first, second = map(int, out.split())
    assert (alone, second, err) == (before, first, "")
    assert first >= before + 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="libasan's own allocator is not fork-safe: a lock that a thread held stays taken in the child",
)
def test_a_child_after_fork_searches_with_threads_of_its_own():
    program = """
        import os, threading
        import numpy as np
        from kinspace import _core
        X = np.random.default_rng(0).standard_normal((30_000, 64), np.float32)
        rows = _core.Scan([_core.Rows([X])], metric="l2")
        wanted = rows.search(X[:9], 5, threads=4)[0].tolist()
        busy = threading.Thread(target=lambda: [rows.search(X[:50], 5, threads=4) for _ in range(20)])
        busy.start()  # the fork may come while the threads are at work
        import warnings; warnings.simplefilter("ignore")
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if rows.search(X[:9], 5, threads=4)[0].tolist() == wanted else 1)
            assert os.waitpid(child, 0)[1] == 0
        busy.join()
        assert rows.search(X[:9], 5, threads=4)[0].tolist() == wanted
        print("ok")
    """
    out, err = run(program).communicate(timeout=60)
    assert (out, err) == ("ok\n", "")


@pytest.mark.parametrize(
    "call",
    [
        '_core.Scan([_core.Rows([X])], metric="cosine").search(q, 10, threads=1)',
        '_core.Scan([_core.Rows([X])], metric="l2").search(q, 10, threads=3)',
        '_core.TopK(q, 10, "ip").scan(X, 0, threads=2)',
    ],
)
def test_ctrl_c_stops_a_long_search_while_other_python_threads_run(call):
    program = run(
        f"""
        import os, signal, threading
        import numpy as np
        from kinspace import _core
        X = np.lib.stride_tricks.as_strided(np.ones(64, np.float32), (2**33, 64), (0, 4))  # hours of work, no memory
        q = np.ones((100, 64), np.float32)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        try:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()  # a Python thread
            {call}
        except KeyboardInterrupt:
            print("interrupted")
        print(_core.Scan([_core.Rows([X[:100]])], metric="l2").search(q[0], 3, threads=2)[0].tolist())
        """
    )
    out, err = program.communicate(timeout=30)
    assert (out.split("\n"), err) == (["interrupted", "[0, 1, 2]", ""], "")


@pytest.mark.parametrize("m", [1, 20])
def test_a_daemon_thread_may_be_searching_when_the_process_ends(m):
    program = f"""
        import threading
        import numpy as np
        from kinspace import _core
        X = np.ones((20_000, 64), np.float32)
        rows, started = _core.Scan([_core.Rows([X])], metric="l2"), threading.Event()
        def search():
            while True:
                rows.search(X[:{m}], 10, threads=2)
                started.set()
        for _ in range(3):
            threading.Thread(target=search, daemon=True).start()
        started.wait()
    """
    process = run(program)
    assert (process.communicate(timeout=30), process.returncode) == (("", ""), 0)


def test_a_signal_handler_runs_while_a_search_does():
    program = run(
        """
        import signal, sys, os
        import numpy as np
        from kinspace import _core
        X = np.lib.stride_tricks.as_strided(np.ones(64, np.float32), (2**33, 64), (0, 4))
        def handler(*_): print("handled", flush=True); raise RuntimeError("stop")
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            _core.Scan([_core.Rows([X])], metric="l2").search(X[0].copy(), 10, threads=2)
        except RuntimeError as e:
            print(e)
        """
    )
    out, err = program.communicate(timeout=30)
    assert (out, err) == ("handled\nstop\n", "")
