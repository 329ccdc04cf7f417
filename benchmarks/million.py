"""A million rows: the memory of a streamed load, what opening costs and reads, and gets, one and many.

Memory is given twice: VmHWM, the most that was resident, mapped files included; and the peak of RssAnon, what the
process itself had allocated. Reads are counted after the hub's files were dropped from the page cache: what read()
was asked for (rchar), what came from the disk (read_bytes), and which pages of the vectors are resident (mincore).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import corpus, harness

DIMS = 384


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument("--rows", type=int, help="rows (default 1,000,000; 100,000 with --short)")
    parser.add_argument("--batch", type=int, default=10_000, help="rows per batch of the stream")
    parser.add_argument("--part", nargs=2, metavar=("PART", "FOLDER"), help="internal: one part, answered in JSON")
    options = parser.parse_args()
    rows = options.rows or (100_000 if options.short else 1_000_000)
    if options.part:
        part, folder = options.part
        harness.answer(PARTS[part](Path(folder), rows, options.batch))
        return

    passes = options.passes or (3 if options.short else 5)
    size = ["--rows", str(rows), "--batch", str(options.batch)]
    with harness.scratch() as folder:
        load = harness.apart("million", "--part", "load", str(folder), *size)
        cold = [_apart_cold("open", folder, size) for _ in range(passes)]
        warm = [harness.apart("million", "--part", "open", str(folder), *size) for _ in range(passes)]
        gets = [harness.apart("million", "--part", "gets", str(folder), *size) for _ in range(passes)]
    _show(rows, load, cold, warm, gets)
    harness.keep("million", {"rows": rows, "dims": DIMS, "load": load, "cold": cold, "warm": warm, "gets": gets})


def _show(rows: int, load: Any, cold: list[Any], warm: list[Any], gets: list[Any]) -> None:
    def best(answers: list[Any], what: str) -> float:
        return float(min(answer[what] for answer in answers))

    first = cold[0]
    table = [
        ["streamed load, rows/s (drawing the vectors included)", f"{load['rows_per_second']:,.0f}", ""],
        ["  most resident, VmHWM, mapped files included", _mib(load["hwm"]), "1 GiB"],
        ["  most allocated, peak RssAnon", _mib(load["anon"]), ""],
        ["open + first get, fresh process, files cached", f"{best(warm, 'seconds') * 1e3:.1f} ms", "100 ms"],
        ["open + first get, fresh process, files not cached", f"{best(cold, 'seconds') * 1e3:.1f} ms", ""],
        ["  asked of read(), bytes", f"{first['rchar']:,}", ""],
        ["  read from the disk, bytes", f"{first['read_bytes']:,}", ""],
        [f"  of the vectors' {_mib(first['vector_bytes'])} resident afterwards", _mib(first["resident"]), ""],
        ["get, keys not touched before, µs", f"{best(gets, 'first_us'):.1f}", ""],
        ["get, warm, µs", f"{best(gets, 'warm_us'):.1f}", "30 µs"],
        ["multiget of 10,000 random keys, first, vectors/s", f"{10_000 / best(gets, 'multiget_first'):,.0f}", ""],
        ["multiget of 10,000 random keys, warm, vectors/s", f"{10_000 / best(gets, 'multiget_warm'):,.0f}", "200,000"],
    ]
    harness.show(f"**{rows:,} × {DIMS}**, string keys, one column", ["", "measured", "budget"], table)


def _mib(count: float) -> str:
    return f"{count / 2**20:,.0f} MiB"


def _load(folder: Path, rows: int, batch: int) -> dict[str, Any]:
    import kinspace as ks

    with _Watch() as watch, ks.connect(folder / "hub") as hub:
        space = hub.create_space("million", dims=DIMS)
        begin = time.perf_counter()
        space.load(corpus.stream(rows, DIMS, batch), key="key", vector="vector")
        seconds = time.perf_counter() - begin
        assert len(space) == rows
    return {"rows_per_second": rows / seconds, "hwm": _status("VmHWM"), "anon": watch.most}


def _open(folder: Path, rows: int, batch: int) -> dict[str, Any]:
    import kinspace as ks

    number = rows // 3
    before = _io()
    begin = time.perf_counter()
    vector = ks.connect(folder / "hub").get_space("million").get(f"row-{number:07d}")
    seconds = time.perf_counter() - begin
    after = _io()
    start = number // batch * batch
    expected = corpus.random_vectors(min(batch, rows - start), DIMS, seed=start)[number - start]
    assert np.array_equal(vector, expected)
    files = _vector_files(folder)
    return {
        "seconds": seconds,
        "rchar": after["rchar"] - before["rchar"],
        "read_bytes": after["read_bytes"] - before["read_bytes"],
        "resident": sum(_resident(path) for path in files),
        "vector_bytes": sum(path.stat().st_size for path in files),
    }


def _gets(folder: Path, rows: int, batch: int) -> dict[str, Any]:
    """Single gets and multigets of random keys, the first time and again; answers are compared with each other."""
    import kinspace as ks

    space = ks.connect(folder / "hub").get_space("million")
    rng = np.random.default_rng(5)
    some, many = ([f"row-{i:07d}" for i in rng.choice(rows, count, replace=False)] for count in (1_000, 10_000))

    def seconds(work: Any) -> float:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    def get_each() -> None:
        for key in some:
            space.get(key)

    first_us = seconds(get_each) / len(some) * 1e6
    warm_us = min(seconds(get_each) for _ in range(5)) / len(some) * 1e6
    together = [seconds(lambda: np.asarray(list(space.multiget(many)))) for _ in range(6)]
    sample = dict(zip(many[:50], space.multiget(many[:50]), strict=True))
    assert all(np.array_equal(space.get(key), vector) for key, vector in sample.items())
    return {
        "first_us": first_us,
        "warm_us": warm_us,
        "multiget_first": together[0],
        "multiget_warm": min(together[1:]),
    }


PARTS = {"load": _load, "open": _open, "gets": _gets}


class _Watch(threading.Thread):
    """Samples RssAnon every 10 ms: the kernel keeps no peak of it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.01):
            self.most = max(self.most, _status("RssAnon"))

    def __enter__(self) -> _Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()


def _status(field: str) -> int:
    """Bytes, from /proc/self/status (0 where there is none)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def _io() -> dict[str, int]:
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return {"rchar": 0, "read_bytes": 0}
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


def _vector_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("vectors/**/*") if path.is_file()]


def _apart_cold(part: str, folder: Path, size: list[str]) -> Any:
    """Run the part after dropping the hub's files from the page cache (needs no rights: they are clean and ours)."""
    if hasattr(os, "posix_fadvise"):
        for path in folder.rglob("*"):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)
    return harness.apart("million", "--part", part, str(folder), *size)


def _resident(path: Path) -> int:
    """Bytes of the file that are in the page cache, by mincore (Linux)."""
    size = path.stat().st_size
    if not size or not sys.platform.startswith("linux"):
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as view:
        pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
        anchor = ctypes.c_char.from_buffer(view)
        failed = ctypes.CDLL(None, use_errno=True).mincore(
            ctypes.c_void_p(ctypes.addressof(anchor)), ctypes.c_size_t(size), pages
        )
        del anchor  # the mapping can't be closed while it is pointed into
        if failed:
            raise OSError(ctypes.get_errno(), "mincore")
        return sum(byte & 1 for byte in pages) * mmap.PAGESIZE


if __name__ == "__main__":
    main()
