"""Kill −9 at random moments: python tests/faults/soak.py --rounds 200.

Each round a process writes without pause (writer.py), is killed, and then it is demanded that

- the hub opens, first in a process that only reads or first in one that flushes, by turns,
- everything the writer had acknowledged is there,
- the operation under way is there wholly or not at all (of a stream: some of its batches, each whole, none skipped),
- what keys, scan, multiget, get, row, an exact search and one through the indexes say is one and the same,
- another process sees the same rows to the bit,
- a process that had the hub open all the while, in every other stretch of rounds, sees them too,
- check() finds nothing damaged, and now and then: compaction changes nothing and leaves no folder behind unnamed.

After every fifth round a process is killed that is just making another hub and a space in it.

SIGKILL leaves the kernel's page cache as it is: this is about dying processes, not about power cuts.
"""

from __future__ import annotations

import argparse
import gc
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import kinspace as ks
from forked import Asked, Process, import_as_in
from observe import digest, observe, observe_hub
from workload import DIMS, SPACE, Model, Row, operation, outcomes, perform
from writer import small, write

PATIENCE = 60.0  # seconds for a process to start
STRETCH = 10  # rounds with a hub held open, then as many without


@dataclass
class Killed:
    """What a writer had said before it died."""

    done: int  # operations acknowledged
    under_way: bool  # one more had begun
    early: bool  # killed before it had opened the hub


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="of the writes and the moments (default: the clock)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="share the rounds among so many processes, each with a hub")
    parser.add_argument("--keep", action="store_true", help="leave the hub where it is when a check fails")
    options = parser.parse_args()
    if options.jobs > 1:
        return _share(options.rounds, options.seed, options.jobs)
    folder = Path(tempfile.mkdtemp(prefix="kinspace-soak-"))
    try:
        Soak(folder / "hub", options.seed).run(options.rounds)
    except BaseException:
        print(
            f"failed with --seed {options.seed}" + (f"; the hub is {folder / 'hub'}" if options.keep else ""),
            flush=True,
        )
        if not options.keep:
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return 0


def _share(rounds: int, seed: int, jobs: int) -> int:
    parts = [rounds // jobs + (job < rounds % jobs) for job in range(jobs)]
    command = [sys.executable, str(Path(__file__).resolve())]
    running = [
        subprocess.Popen([*command, "--rounds", str(part), "--seed", str(seed + job)]) for job, part in enumerate(parts)
    ]
    return max(process.wait() for process in running)


class Soak:
    """One hub that lives through all the rounds, and the model of what it must hold.

    Nothing is opened in this process, whose children begin as copies of it: each looks for itself.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = str(path), seed
        self.random = Random(seed)
        self.acknowledged = 0
        self.found: Counter[tuple[str, str]] = Counter()  # (kind under way, what became of it)
        small()
        import_as_in(_rehearse)
        vector = np.ones(DIMS, np.float32)

        def make() -> str:
            with ks.connect(self.path) as hub:
                hub.create_space(SPACE, dims=DIMS).set("first", vector, mark=0, note="first")
            return ""

        _elsewhere(make)
        self.model = Model({"first": Row(vector.tobytes(), 0, "first")}, temporary=False)

    def run(self, rounds: int) -> None:
        standing: Asked | None = None
        begin = time.monotonic()
        for turn in range(rounds):
            if turn % STRETCH == 0:
                if standing is not None:
                    standing.end()
                standing = Asked(lambda: _answers(self.path)) if turn // STRETCH % 2 == 0 else None
            self._round(turn, standing)
            if turn % 5 == 4:
                self._birth(turn)
            if sys.stdout.isatty() or turn % 100 == 99:
                print(
                    f"{turn + 1} rounds, {self.acknowledged:,} writes acknowledged, {time.monotonic() - begin:.0f} s",
                    flush=True,
                )
        if standing is not None:
            standing.end()
        _elsewhere(self._tidy)
        self._report(rounds)

    def _round(self, turn: int, standing: Asked | None) -> None:
        opening = self.random.random() < 0.1
        killed = self._write_and_kill(turn, self.path, patience=0.03 if opening else 0)
        for number in range(killed.done):
            self.model = outcomes(self.model, operation(self.seed, turn, number))[-1]
        self.acknowledged += killed.done
        allowed, kind = [self.model], "being opened" if killed.early else "between two writes"
        if killed.under_way:
            last = operation(self.seed, turn, killed.done)
            allowed, kind = outcomes(self.model, last), last.kind
        digests = [digest(model) for model in allowed]

        def look() -> str:
            if turn % 2:
                with ks.connect(self.path) as hub:
                    hub.get_space(SPACE).flush()
            seen = observe(self.path)
            found = digest(seen)
            assert found in digests, _difference(turn, kind, killed, allowed, seen)
            return found

        found = _elsewhere(look)
        again = _elsewhere(lambda: _look_and_check(self.path))
        assert again == found, f"round {turn}: a second process sees {again} after {found}"
        if standing is not None:
            held = standing.ask()
            assert held == found, f"round {turn}: a hub open since before sees {held}, not {found}"
        step = digests.index(found)
        self.model = allowed[step]
        self.found[kind, _outcome(step, digests)] += 1
        if turn % (2 * STRETCH) == 2 * STRETCH - 2:  # nobody holds an old segment then
            _elsewhere(self._tidy)

    def _birth(self, turn: int) -> None:
        """Kill a writer while it makes a hub and its space: what is left opens, and can be written to."""
        path = f"{self.path}-{turn}"
        killed = self._write_and_kill(turn, path, patience=0.08)

        def look() -> str:
            with ks.connect(path) as hub:
                there = SPACE in hub
                space = hub.create_space(SPACE, dims=DIMS, exist_ok=True)
                assert there or killed.early
                space.set("first", np.ones(DIMS, np.float32))
                assert "first" in space
                assert space.check().ok
            return "with the space" if there else "without the space"

        self.found["being made", _elsewhere(look)] += 1
        shutil.rmtree(path, ignore_errors=True)

    def _write_and_kill(self, turn: int, path: str, patience: float) -> Killed:
        """Run a writer, kill it within `patience` seconds of its opening the hub, or else while it writes."""
        writer = Process(lambda pipe: write(path, self.seed, turn, pipe))
        if patience:
            said = _listen(writer.pipe, b"ready", self.random.uniform(0, patience))
        else:  # 4 ms to 2 s, as often under 90 ms as over
            said = _listen(writer.pipe, b"begin", 0.004 * 500 ** self.random.random())
        os.kill(writer.id, signal.SIGKILL)
        rest, code = writer.wait()  # what it wrote before it died is still in the pipe
        said += rest
        assert code == -signal.SIGKILL, f"round {turn}: the writer ended by itself"
        begun, done = said.count(b"begin "), said.count(b"done ")
        assert not said or said.endswith(b"\n")
        assert begun - done in (0, 1)
        return Killed(done, begun > done, early=not begun)

    def _tidy(self) -> str:
        """Compaction changes nothing; the folders on disk are those the catalog names: no litter is left."""
        with ks.connect(self.path) as hub:
            hub.get_space(SPACE).compact()
            assert digest(observe_hub(hub)) == digest(self.model), "compaction changed what is stored"
        gc.collect()  # views in use keep their segments from being swept
        with ks.connect(self.path) as hub:
            spaces = hub.list_spaces()
            named = sum(hub.get_space(name).stats()["segments"] for name in spaces)
        on_disk = [path.name for path in (Path(self.path) / "spaces").iterdir()]
        assert len(on_disk) == len(spaces), f"{on_disk} for {spaces}"
        segments = [path.name for path in Path(self.path).glob("spaces/*/segments/*")]
        assert len(segments) == named, f"{segments}: {named} are named by a catalog"
        return ""

    def _report(self, rounds: int) -> None:
        print(
            f"{rounds} kills, {self.acknowledged:,} writes acknowledged, none lost; "
            f"{len(self.model.rows)} rows at the end\n"
        )
        print(f"{'under way when killed':24}{'kills':>7}  what was found")
        for kind in sorted({kind for kind, _ in self.found}):
            outcome = {what: count for (one, what), count in self.found.items() if one == kind}
            print(
                f"{kind:24}{sum(outcome.values()):7}  "
                + ", ".join(f"{what}: {count}" for what, count in sorted(outcome.items()))
            )


def _elsewhere(look: Callable[[], str]) -> str:
    """What a process of its own returns."""
    heard, code = Process(lambda pipe: _tell(pipe, look())).wait()
    assert code == 0, f"a process that looked ended with {code}"
    return heard.decode()


def _tell(pipe: int, text: str) -> None:
    os.write(pipe, text.encode())


def _look_and_check(path: str) -> str:
    with ks.connect(path) as hub:
        seen = observe_hub(hub)
        report = hub.get_space(SPACE).check()
        assert report.ok, report.problems
    return digest(seen)


def _answers(path: str) -> Callable[[], str]:
    """Keep a hub open; each answer is what it holds by then."""
    hub: Any = ks.connect(path)
    hub.get_space(SPACE).keys()
    return lambda: digest(observe_hub(hub))


def _rehearse(folder: Path) -> None:
    """Do all that writers do, for what it imports."""
    with ks.connect(folder / "hub") as hub:
        hub.create_space(SPACE, dims=DIMS)
        for number in range(60):
            perform(hub, operation(0, 1, number))
        observe_hub(hub)
        hub.get_space(SPACE).check()


def _listen(pipe: int, word: bytes, seconds: float) -> bytes:
    """Read the pipe until `seconds` after the word has come (or the other end is closed)."""
    said = b""
    moment = time.monotonic() + PATIENCE
    waiting = True
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := moment - time.monotonic()) > 0 and selector.select(left):
            heard = os.read(pipe, 1 << 16)
            if not heard:
                return said  # it ended by itself; the caller sees how
            said += heard
            if waiting and word in said:
                waiting, moment = False, time.monotonic() + seconds
    assert not waiting, f"nothing was heard of {word!r} but {said!r}"
    return said


def _outcome(step: int, digests: list[str]) -> str:
    if digests[0] == digests[-1]:
        return "as it was"
    return "not there" if step == 0 else "wholly there" if step == len(digests) - 1 else "some batches, each whole"


def _difference(turn: int, kind: str, killed: Killed, allowed: list[Model], seen: Model) -> str:
    before, after = allowed[0].rows, allowed[-1].rows
    wrong = {
        key
        for key in before.keys() | after.keys() | seen.rows.keys()
        if seen.rows.get(key) not in (before.get(key), after.get(key))
    }
    return (
        f"round {turn}, killed after {killed.done} writes, {kind} under way: {len(seen.rows)} rows found where "
        f"{[len(model.rows) for model in allowed]} were allowed; temporary {seen.temporary}; "
        f"rows that are neither as before nor as after: {sorted(wrong)[:10]}; "
        f"order as before: {list(before) == list(seen.rows)}, as after: {list(after) == list(seen.rows)}"
    )


if __name__ == "__main__":
    sys.exit(main())
