"""One fault at every place there is: python tests/faults/loop.py --kind enospc, or without --kind all of them.

For each script, and for N = 1, 2, …, a process makes a hub and writes to it (script.py), its Nth call of the system
fails in the manner of the kind (shim.py), and then a process that meets no fault demands that everything acknowledged
is there, nothing is there by halves, check() finds nothing, the hub can be written to, and no litter is left
(verdict.py). The loop ends when N is more than the calls there are.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import shim
from forked import Process, import_as_in
from script import SCRIPTS, Said, live, rehearse, small
from verdict import Violation, judge

HERE = Path(__file__).resolve()
HEAD = f"{'fault':15}{'script':10}{'calls':>6}{'tried':>7}{'violations':>12}  how the processes fared"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=shim.KINDS, nargs="*", default=shim.USUAL)
    parser.add_argument("--script", choices=SCRIPTS, nargs="*", default=list(SCRIPTS))
    parser.add_argument("--seed", type=int, default=1, help="of what is written")
    parser.add_argument("--nth", type=int, help="this call alone")
    parser.add_argument("--sample", type=int, help="only so many calls of each script, spread over all of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the kinds and scripts")
    parser.add_argument("--keep", action="store_true", help="leave the hub where it is when a check fails")
    parser.add_argument("--headless", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if reason := shim.missing():
        print(reason)
        return 2
    if not shim.is_loaded():
        with tempfile.TemporaryDirectory(prefix="kinspace-shim-") as folder:
            built = shim.build(Path(folder))
            return _with_shim(shim.environment(built), options.jobs, options.kind, options.script)
    small()
    import_as_in(lambda folder: rehearse(folder, options.script))
    violations = 0
    if not options.headless:
        print(HEAD, flush=True)
    for kind in options.kind:
        for script in options.script:
            loop = Loop(kind, script, options.seed, keep=options.keep)
            loop.run(options.nth, options.sample)
            violations += loop.violations
    return min(violations, 1)


def _with_shim(environment: dict[str, str], jobs: int, kinds: list[str], scripts: list[str]) -> int:
    """This command again with the layer loaded, or several at a time, each with one kind and script."""
    command = [sys.executable, str(HERE), *sys.argv[1:]]
    if jobs == 1:
        return subprocess.run(command, env=environment, check=False).returncode

    def one(part: tuple[str, str]) -> int:
        chosen = [*command, "--kind", part[0], "--script", part[1], "--headless"]
        return subprocess.run(chosen, env=environment, check=False).returncode

    print(HEAD, flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        return max(pool.map(one, product(kinds, scripts)))


class Loop:
    """All the places of one kind of fault in one script."""

    def __init__(self, kind: str, script: str, seed: int, *, keep: bool) -> None:
        self.kind, self.script, self.seed, self.keep = kind, script, seed, keep
        self.found: Counter[str] = Counter()
        self.violations = 0

    def run(self, nth: int | None, sample: int | None) -> None:
        """Try the nth, so many, or all."""
        begun = time.monotonic()
        said = self._round(0)
        calls = said.end["calls"] if said.end else 0
        if nth:
            tried = self._try([nth])
        elif sample:
            tried = self._try(sorted({1 + round(i * (calls - 1) / max(1, sample - 1)) for i in range(sample)}))
        else:
            tried = self._try(range(1, calls + 1))
            while self._try([calls + 1]):  # the calls that only a fault brings about
                calls += 1
                tried += 1
        outcome = ", ".join(f"{count} {what}" for what, count in sorted(self.found.items()))
        print(
            f"{self.kind:15}{self.script:10}{calls:6}{tried:7}{self.violations:12}  {outcome}; "
            f"{time.monotonic() - begun:.0f} s",
            flush=True,
        )

    def _try(self, places: list[int] | range) -> int:
        """How many of these calls were made, and failed."""
        fired = 0
        for place in places:
            said = self._round(place)
            if said.end is None or said.end["fired"]:
                fired += 1
                self.found[_fared(said)] += 1
        return fired

    def _round(self, nth: int) -> Said:
        """One life of a hub with the nth call failing (0: none), and what is said of what it left."""
        folder = Path(tempfile.mkdtemp(prefix="kinspace-fault-"))
        path = str(folder / "hub")

        def ending() -> tuple[int, int]:
            counted = shim.counted()
            shim.disarm()
            return counted

        def write(pipe: int) -> None:
            shim.arm(self.kind, nth, folder)
            live(path, SCRIPTS[self.script], self.seed, pipe, ending)

        def look(pipe: int) -> None:
            try:
                judge(path, said, self.seed, compacted=nth % 4 == 0)
            except Violation as violation:
                os.write(pipe, str(violation).encode())

        heard, code = Process(write).wait()
        said = Said.of(heard)
        wrong = "" if code == (-signal.SIGKILL if said.end is None else 0) else f"the process ended with {code}\n"
        heard, code = Process(look).wait()
        wrong += heard.decode() + (f"\nlooking at it ended with {code}" if code else "")
        if wrong:
            self._complain(nth, wrong, said, path)
        if not (wrong and self.keep):
            shutil.rmtree(folder, ignore_errors=True)
        return said

    def _complain(self, nth: int, wrong: str, said: Said, path: str) -> None:
        self.violations += 1
        print(f"{self.kind}, call {nth} of {self.script}: {wrong}")
        for one in said.steps:
            if "error" in one:
                print(f"    step {one['number']}, {one['kind']}: {one['error']}")
        if said.under_way:
            print(f"    under way when killed: {said.under_way}")
        print(f"    again: {HERE.name} --kind {self.kind} --script {self.script} --seed {self.seed} --nth {nth}")
        print(f"    the hub is {path}" if self.keep else "    (--keep leaves the hub)", flush=True)


def _fared(said: Said) -> str:
    if said.end is None:
        return "killed"
    failed = [one for one in said.steps if "error" in one]
    if any(one.get("doubt") for one in failed):
        return "in doubt"
    return "refused" if failed else "unharmed"


if __name__ == "__main__":
    sys.exit(main())
