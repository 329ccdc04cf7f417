"""The border: what is not as expected is a TypeError or a ValueError that says so, and never a crash."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from kinspace import _core

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Q = np.ones(3, np.float32)
ROWS = _core.Rows([X])
SCAN = _core.Scan([ROWS], metric="l2")


def misaligned(shape):
    return np.zeros(int(np.prod(shape)) * 4 + 1, np.uint8)[1:].view(np.float32).reshape(shape)


class Subclass(np.ndarray):
    pass


NOT_CHUNKS = [
    X.astype(np.float64), X.astype(np.float16), X.astype(">f4"), X.astype(np.int32), X.astype(object), X.T, X[:, ::2],
    X[0], X[None], X.tolist(), None, "x", 3, misaligned((4, 3)), np.array(["a"]), memoryview(X),
    np.lib.stride_tricks.as_strided(X, (2, 3), (6, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(NOT_CHUNKS)))
def test_a_chunk_is_a_row_contiguous_float32_array(case):
    expected = "chunks: expected a row-contiguous, aligned float32 NumPy array of 2 axes; got"
    with pytest.raises(TypeError, match=expected):
        _core.Rows([NOT_CHUNKS[case]])


REFUSED = [
    (lambda: _core.Rows(X), TypeError, "chunks: expected a list"),
    (lambda: _core.Rows([]), ValueError, "an empty list needs dims="),
    (lambda: _core.Rows([], dims=0), ValueError, "an empty list needs dims="),
    (lambda: _core.Rows([], dims=65_537), ValueError, "dims must be in 1..65536; got 65537"),
    (lambda: _core.Rows([X[:, :0]]), ValueError, "dims must be in 1..65536; got 0"),
    (lambda: _core.Rows([X, X[:, :2].copy()]), ValueError, "all must have the same dims"),
    (lambda: _core.Rows([X], dims=4), ValueError, "all must have the same dims"),
    (lambda: _core.Rows([X, X[:2], X]), ValueError, "all but the last must have the same row count"),
    (lambda: _core.Rows([X[:2], X]), ValueError, "all but the last must have the same row count"),
    (lambda: _core.Rows([X[:0], X]), ValueError, "all but the last must have the same row count"),
    (lambda: _core.Rows([X], norms=np.ones(3, np.float32)), ValueError, "norms: expected one for each row"),
    (lambda: _core.Rows([X], norms=np.ones(4)), TypeError, "norms: expected a C-contiguous, aligned float32"),
    (lambda: _core.Rows([X], order=np.ones(3, np.uint64)), ValueError, "order: expected one for each row"),
    (lambda: _core.Rows([X], order=np.ones(4, np.int64)), TypeError, "order: expected a C-contiguous, aligned uint64"),
    (lambda: _core.Rows([X], order_base=-1), TypeError, None),
    (lambda: _core.Scan([], metric="l2"), ValueError, "expected at least one Rows"),
    (lambda: _core.Scan([X], metric="l2"), TypeError, "parts: expected Rows"),
    (lambda: _core.Scan(ROWS, metric="l2"), TypeError, "parts: expected a list"),
    (lambda: _core.Scan([ROWS, _core.Rows([X[:, :2].copy()])], metric="l2"), ValueError, "must have the same dims"),
    (lambda: _core.Scan([ROWS], metric="dot"), ValueError, "metric must be 'cosine', 'l2' or 'ip'; got 'dot'"),
    (lambda: _core.Scan([ROWS], metric=None), TypeError, "metric: expected a str"),
    (lambda: _core.Scan([ROWS], live=[], metric="l2"), ValueError, "live: expected one for each part"),
    (lambda: _core.Scan([ROWS], live=[np.zeros(0, np.uint64)], metric="l2"), ValueError, "4 rows has 1 words; got 0"),
    (lambda: _core.Scan([ROWS], live=[np.zeros(4, bool)], metric="l2"), TypeError, "live: expected a C-contiguous"),
    (lambda: SCAN.search(Q.astype(np.float64), 1), TypeError, "queries: expected a C-contiguous"),
    (lambda: SCAN.search(X[:, ::-1], 1), TypeError, "queries: expected a C-contiguous"),
    (lambda: SCAN.search(X[None], 1), TypeError, "of 1 or 2 axes; got float32 of shape"),
    (lambda: SCAN.search(Q[:2].copy(), 1), ValueError, "queries: expected 3 dims; got 2"),
    (lambda: SCAN.search(Q * np.float32(np.nan), 1), ValueError, "queries: every value must be finite"),
    (lambda: SCAN.search(np.where(X == 0, np.float32(np.inf), X), 1), ValueError, "must be finite; row 0 is not"),
    (lambda: SCAN.search(Q, -1), ValueError, "k must be at least 0"),
    (lambda: SCAN.search(Q, -(2**70)), ValueError, "k must be at least 0"),
    (lambda: SCAN.search(Q, True), TypeError, "k: expected a whole number; got bool"),
    (lambda: SCAN.search(Q, 1.0), TypeError, "k: expected a whole number; got float"),
    (lambda: SCAN.search(Q, 1, masks=[]), ValueError, "masks: expected one for each part"),
    (lambda: SCAN.search(Q, 1, masks=[np.zeros(0, np.uint64)]), ValueError, "of 4 rows has 1 words; got 0"),
    (lambda: SCAN.search(Q, 1, masks=np.zeros(1, np.uint64)), TypeError, "masks: expected a list"),
    (lambda: SCAN.search(Q, 1, threads=-1), ValueError, "threads must be at least 0"),
    (lambda: SCAN.search(Q, 1, exclude=1.5), TypeError, None),
    (lambda: SCAN.distances(X, np.zeros(1, np.int64)), TypeError, "query: expected"),
    (lambda: SCAN.distances(Q, [0]), TypeError, "positions: expected a C-contiguous, aligned int64"),
    (lambda: SCAN.distances(Q, np.zeros(1, np.int32)), TypeError, "positions: expected a C-contiguous, aligned int64"),
    (lambda: ROWS.gather(np.zeros((1, 1), np.int64)), TypeError, "rows: expected"),
    (lambda: _core.TopK(Q, 1, "l2"), TypeError, "queries: expected"),
    (lambda: _core.TopK(X[:, :0].copy(), 1, "l2"), ValueError, "dims must be in 1..65536; got 0"),
    (lambda: _core.TopK(X, -1, "l2"), ValueError, "k must be at least 0"),
    (lambda: _core.TopK(X, 1, "l2").scan(X[:, :2], 0), ValueError, "block and queries differ in dims"),
    (lambda: _core.TopK(X, 1, "l2").scan(X, -1), ValueError, "first must be at least 0"),
    (lambda: _core.TopK(X, 1, "l2").scan(X, 0, np.ones(3, bool)), ValueError, "mask: expected one for each row"),
    (lambda: _core.TopK(X, 1, "l2").scan(X, 0, np.ones(4, np.uint8)), TypeError, "mask: expected"),
    (lambda: _core.pair("l2", Q, Q[:2].copy()), ValueError, "a and b differ in dims"),
    (lambda: _core.pair("ip", Q, Q), ValueError, "metric must be 'cosine', 'l2' or 'dot'; got 'ip'"),
    (lambda: _core.pair("l2", Q[::2], Q[::2]), TypeError, "a: expected"),
    (lambda: _core.column("l2", X, Q[:2].copy()), ValueError, "query and block differ in dims"),
    (lambda: _core.column("l2", X.T, Q), TypeError, "block: expected a row-contiguous"),
    (lambda: _core.norms(Q), TypeError, "block: expected"),
    (lambda: _core.norm(X), TypeError, "a: expected"),
    (lambda: _core.first_nonfinite(X.astype(np.float64)), TypeError, "block: expected"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_does_not_fit_is_refused(case):
    make, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        make()


def test_lists_may_be_tuples_and_arrays_may_be_subclasses_read_only_or_mapped(tmp_path):
    X.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.float32, "r", shape=(4, 3))
    repeated = np.broadcast_to(X[0], (4, 3))
    for chunk in (X.view(Subclass), mapped, repeated, X[::-1], X[:, :2], X[::2], X[:1, ::2][:, :1]):
        rows = _core.Rows((chunk,))
        assert (rows.n, rows.dims) == chunk.shape
        np.testing.assert_array_equal(rows.gather(np.arange(rows.n)), chunk)


@pytest.mark.filterwarnings("ignore:nanobind.*:RuntimeWarning")
def test_an_object_is_made_once_and_by_its_constructor():
    for kind in (_core.Rows, _core.Scan, _core.TopK, _core.Keys):
        with pytest.raises(TypeError):
            kind()
    for use in (lambda: _core.Rows.__new__(_core.Rows).n, lambda: _core.Scan.__new__(_core.Scan).search(Q, 1)):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            use()
    with pytest.raises(TypeError, match="parts: expected Rows"):
        _core.Scan([_core.Rows.__new__(_core.Rows)], metric="l2")
    with pytest.raises(TypeError, match="incompatible function arguments"):
        ROWS.__init__([X])


@pytest.mark.skipif("san.so" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers need all of the address space")
@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, which others don't")
def test_what_does_not_fit_into_memory_is_a_memory_error():
    program = """
import resource
import numpy as np
from kinspace import _core
X = np.lib.stride_tricks.as_strided(np.ones(1, np.float32), (2**23, 1), (0, 4))
rows = _core.Rows([X])
scan = _core.Scan([rows], metric="l2")
q, every = np.ones(1, np.float32), np.arange(2**23)
scan.search(q, 3, threads=3)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**25, resource.RLIM_INFINITY))
for job in (
    lambda: scan.search(q, 2**23, threads=3),
    lambda: scan.search(q, 2**23, threads=1),
    lambda: scan.distances(q, every),
    lambda: _core.column("l2", X, q),
):
    try:
        job()
    except MemoryError:
        print("MemoryError")
print(scan.search(q, 3, threads=3)[0].tolist())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.split("\n"), done.stderr) == (["MemoryError"] * 4 + ["[0, 1, 2]", ""], "")


@pytest.mark.parametrize("name", [*_core.isas(), "", None])
def test_the_environment_chooses_the_instruction_set(name):
    env = {key: value for key, value in os.environ.items() if key != "KINSPACE_ISA"}
    if name is not None:
        env["KINSPACE_ISA"] = name
    program = "from kinspace import _core; print(_core.isa())"
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (name or _core.isas()[0])


def test_an_unknown_instruction_set_is_an_import_error_naming_those_there_are():
    env = {**os.environ, "KINSPACE_ISA": "sse9"}
    done = subprocess.run([sys.executable, "-c", "from kinspace import _core"], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"ImportError: KINSPACE_ISA=sse9: this machine has {' '.join(_core.isas())}" in done.stderr


def test_the_scalar_reference_is_always_there():
    assert _core.isas()[-1] == "scalar"
    with pytest.raises(ValueError, match="does not have that instruction set"):
        _core.force_isa("sse9")


def test_cpu_count_is_what_this_process_may_use():
    assert 1 <= _core.cpu_count() <= (os.cpu_count() or 1)
