"""Running a function in a process of its own that begins with everything imported: a hundred a second."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path


class Process:
    """A forked child, what it writes to its pipe, and how it ended."""

    def __init__(self, run: Callable[[int], None], *, stopped: bool = False) -> None:
        """Have run(pipe) done in a child; if stopped, only once somebody sends it SIGCONT."""
        sys.stdout.flush()
        reading, writing = os.pipe()
        self.id = os.fork()
        if self.id == 0:
            code = 1
            try:
                os.close(reading)
                if stopped:
                    os.kill(os.getpid(), signal.SIGSTOP)
                run(writing)
                gc.collect()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(writing)
        self.pipe = reading

    def wait(self) -> tuple[bytes, int]:
        """What it wrote, and its exit code, negative if it was killed by a signal."""
        heard = b""
        while more := os.read(self.pipe, 1 << 16):
            heard += more
        os.close(self.pipe)
        _, status = os.waitpid(self.id, 0)
        return heard, os.waitstatus_to_exitcode(status)


class Asked:
    """A child that answers whenever it is asked, until it is told to end."""

    def __init__(self, begin: Callable[[], Callable[[], str]]) -> None:
        """Have begin() done in it, and what that returns each time it is asked."""
        asking, self._asks = os.pipe()
        self._child = Process(lambda pipe: _answer(asking, self._asks, pipe, begin()))
        os.close(asking)

    def ask(self) -> str:
        """Its answer; empty if it has ended."""
        os.write(self._asks, b"?")
        answer = b""
        while not answer.endswith(b"\n") and (more := os.read(self._child.pipe, 1 << 16)):
            answer += more
        return answer.decode().rstrip("\n")

    def end(self) -> None:
        """Let it end."""
        os.close(self._asks)
        self._child.wait()


def _answer(asking: int, other_end: int, pipe: int, answer: Callable[[], str]) -> None:
    os.close(other_end)
    while os.read(asking, 1):
        os.write(pipe, f"{answer()}\n".encode())


def import_as_in(run: Callable[[Path], object]) -> None:
    """Import what run(a new folder) imports, so that every child begins with it; run here it would start threads."""

    def rehearse(pipe: int) -> None:
        with tempfile.TemporaryDirectory(prefix="kinspace-rehearsal-") as folder:
            run(Path(folder))
        os.write(pipe, "\n".join(sys.modules).encode())

    heard, code = Process(rehearse).wait()
    assert code == 0, "the rehearsal failed"
    for name in heard.decode().split():
        if name.partition(".")[0] in ("kinspace", "zarr", "polars", "numcodecs", "numpy"):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what children don't touch needn't be copied
