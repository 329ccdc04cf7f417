"""The other end of a worker: start it, ask it, and say how it ended when it does not answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..harness import REPOSITORY
from .sets import Prepared

THREADS = 2  # of a build; searches have one
QUIET = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "GLOG_minloglevel": "2"}


class Failed(Exception):
    """An engine could not be built or searched; the text says why, in its own words."""


class Running:
    """An engine in a process of its own."""

    def __init__(self, engine: str, prepared: Prepared, clock: str) -> None:
        self.engine = engine
        self.log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  # closed in __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.compare.worker", engine, str(prepared.folder), clock],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, **QUIET, "OMP_NUM_THREADS": str(THREADS)},
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker do something and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended: there will be no answer to read
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"its process ended with status {self.process.wait()}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def _last_words(self) -> str:
        self.log.seek(0)
        return " / ".join(self.log.read().strip().splitlines()[-3:])

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                with suppress(BrokenPipeError):
                    pipe.close()
