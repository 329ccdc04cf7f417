"""SIGKILL at the entry of a system call: python tests/faults/strace_kills.py --rounds 500.

Each round a process goes through a script (script.py) under strace, which kills it as one of its threads makes its nth
call of one kind, whoever makes it: Python, SQLite, Polars or Zarr. Then the hub is judged as after any other fault
(verdict.py). Frequent calls are drawn more often, but by the root of how often they are made: there are many writes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from forked import Process, import_as_in
from script import SCRIPTS, Said, live, rehearse, small
from verdict import Violation, judge

CALLS = (
    *("write", "pwrite64", "writev", "pwritev2", "fsync", "fdatasync", "ftruncate", "fallocate", "copy_file_range"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "flock"),
)
_NAMED = re.compile(r"^(?:\[pid +\d+\] )?(\w+)\(", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=500, help="kills")
    parser.add_argument("--script", choices=SCRIPTS, nargs="*", default=list(SCRIPTS))
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the writes and the calls")
    parser.add_argument("--first", type=int, default=0, help="the round to begin with, to repeat one")
    options = parser.parse_args()
    if reason := missing():
        print(reason)
        return 2
    small()
    import_as_in(lambda folder: rehearse(folder, options.script))
    kills = Kills(options.seed, options.script)
    turn = options.first
    begun = time.monotonic()
    while kills.killed.total() < options.rounds:  # a thread may make fewer calls than in the run that was counted
        kills.round(turn)
        turn += 1
    named = ", ".join(f"{count} at {call}" for call, count in kills.killed.most_common())
    print(
        f"{kills.killed.total()} kills in {turn - options.first} rounds, {kills.violations} violations, "
        f"{time.monotonic() - begun:.0f} s: {named}"
    )
    return min(kills.violations, 1)


def missing() -> str:
    """Why strace can't be used here; empty if it can."""
    if sys.platform != "linux" or not shutil.which("strace"):
        return "this needs Linux and strace"
    done = subprocess.run(["strace", "-e", "inject=getpid:signal=KILL", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else f"strace is not allowed to trace here: {done.stderr.decode().strip()}"


class Kills:
    """Rounds of one seed."""

    def __init__(self, seed: int, scripts: list[str]) -> None:
        self.seed, self.scripts = seed, scripts
        self.killed: Counter[str] = Counter()
        self.violations = 0
        self._made: dict[str, Counter[str]] = {}  # of each script how often it makes each call

    def round(self, turn: int) -> None:
        """Draw a script and a call, have it killed there, and look at what is left."""
        random = Random(f"{self.seed} {turn}")
        script = random.choice(self.scripts)
        if script not in self._made:
            self._made[script] = self._count(script)
        made = self._made[script]
        call = random.choices(list(made), [count**0.5 for count in made.values()])[0]
        nth = random.randint(1, made[call])
        folder = Path(tempfile.mkdtemp(prefix="kinspace-strace-"))
        path = str(folder / "hub")
        seed = self.seed + turn
        heard, code, _ = _traced(
            lambda pipe: live(path, SCRIPTS[script], seed, pipe, lambda: (0, 0)), call, f"signal=KILL:when={nth}"
        )
        said = Said.of(heard)

        def look(pipe: int) -> None:
            try:
                judge(path, said, seed, compacted=turn % 4 == 0)
            except Violation as violation:
                os.write(pipe, str(violation).encode())

        heard, looked = Process(look).wait()
        wrong = heard.decode() + (f"\nlooking at it ended with {looked}" if looked else "")
        if code not in (0, -signal.SIGKILL):
            wrong += f"\nthe process ended with {code}"
        if code == -signal.SIGKILL:
            self.killed[call] += 1
        if wrong:
            self.violations += 1
            print(f"{script}, killed at {call} number {nth}, {said.under_way} under way: {wrong}")
            print(f"    again: strace_kills.py --rounds 1 --seed {self.seed} --first {turn}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)

    def _count(self, script: str) -> Counter[str]:
        """How often each call is made by the script in a run to its end."""
        with tempfile.TemporaryDirectory(prefix="kinspace-strace-") as folder:
            path = str(Path(folder) / "hub")
            run = SCRIPTS[script]
            _, code, text = _traced(lambda pipe: live(path, run, self.seed, pipe, lambda: (0, 0)), ",".join(CALLS), "")
        assert code == 0, text[-2_000:]
        return Counter(name for name in _NAMED.findall(text) if name in CALLS)


def _traced(run: Callable[[int], None], calls: str, injected: str) -> tuple[bytes, int, str]:
    """Do run(pipe) in a child under strace: what it said, how it ended, and what strace printed."""
    child = Process(run, stopped=True)
    os.waitpid(child.id, os.WUNTRACED)
    names = "?" + calls.replace(",", ",?")
    with tempfile.TemporaryFile("w+") as trace:
        command = ["strace", "-f", "-qqq" if injected else "-q", "-p", str(child.id), "-e", f"trace={names}"]
        if injected:
            command += ["-e", f"inject={names}:{injected}"]
        strace = subprocess.Popen(command, stderr=trace)
        while _tracer(child.id) == 0 and strace.poll() is None:
            time.sleep(0.001)
        os.kill(child.id, signal.SIGCONT)
        heard, code = child.wait()
        strace.wait()
        trace.seek(0)
        return heard, code, trace.read()


def _tracer(process: int) -> int:
    """The process that traces it, or 0."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("TracerPid:")[2].split()[0])


if __name__ == "__main__":
    sys.exit(main())
