"""One short life of a hub, step by step, each reported before and after: what a fault is put into.

A step is a kind of write (workload.py), "create" or "reopen". To have another call looked at, give it a kind there and
a place in SCRIPTS.
"""

from __future__ import annotations

import json
import os
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kinspace as ks
from kinspace.space import space
from kinspace.space.parts import index
from kinspace.space.segments import background, compact, flush
from kinspace.space.text import index as text_index
from observe import digest, observe_hub
from workload import DIMS, SPACE, Operation, drawn, perform

SCRIPTS = {
    "rows": (
        *("create", "set", "multiset", "update", "delete", "multidelete", "delete_where", "temporary", "set"),
        *("reopen", "temporary", "delete_all", "multiset", "reopen", "update"),
    ),
    "segments": ("create", "multiset", "flush", "multiset", "load", "delete", "compact", "reopen", "stream", "update"),
    "index": ("create", "load", "index", "text", "set", "reopen", "index", "delete"),
    "versions": (
        *("create", "multiset", "snapshot", "load", "snapshot", "fork", "multidelete", "compact", "restore", "reopen"),
        *("update", "drop", "fork", "compact", "drop", "compact"),
    ),
}
NOTHING = "no space"
_TRIES = 3  # at opening, which everything after it needs


@dataclass
class Said:
    """What a process said before it ended."""

    begun: int = 0
    steps: list[dict[str, Any]] = field(default_factory=list)  # how each ended: kind, number, and the error if any
    under_way: tuple[str, int] | None = None
    end: dict[str, Any] | None = None  # what it said at its end: digest, calls, fired; None if it was killed

    @classmethod
    def of(cls, heard: bytes) -> Said:
        said = cls()
        for line in heard.splitlines():
            one = json.loads(line)
            match one.pop("say"):
                case "begin":
                    said.under_way = one["kind"], one["number"]
                    said.begun += 1
                case "step":
                    said.steps.append(one)
                    said.under_way = None
                case "end":
                    said.end = one
        return said


def small() -> None:
    """Have every path taken by few rows, and nothing done in the background: each run makes the same calls."""
    space.SEGMENT_ROWS, index.INDEX_ROWS, compact.TIER_BASE, flush.LOG_ROWS = 100, 100, 64, 1 << 20
    text_index.KEPT_ROWS = 100
    warnings.simplefilter("ignore", RuntimeWarning)  # Zarr's coroutines that were never begun, after an error
    background.Worker.add = lambda *_: None  # type: ignore[method-assign]


def step(kind: str, number: int, seed: int) -> Operation:
    """The write that step `number` is."""
    return drawn(kind, [seed, 0, number], number + 1)


def live(path: str, script: tuple[str, ...], seed: int, pipe: int, ending: Callable[[], tuple[int, int]]) -> None:
    """Go through the script, telling the pipe; ending() ends the fault and says how many calls there were, and failed.

    A step that fails is passed over, and opening is tried again. An error that is not Kinspace's is told as it is.
    """

    def say(what: str, **more: Any) -> None:
        os.write(pipe, json.dumps({"say": what, **more}).encode() + b"\n")

    hub = Opened(path)
    waiting = list(enumerate(script))
    tries = 0
    while waiting:
        number, kind = waiting.pop(0)
        say("begin", kind=kind, number=number)
        error = _error(lambda hub=hub, kind=kind, number=number: hub.do(kind, number, seed))  # type: ignore[misc]
        say("step", kind=kind, number=number, **error)
        if error and kind in ("create", "reopen") and tries < _TRIES:
            waiting.insert(0, (number, kind))
            tries += 1
    calls, fired = ending()
    seen: dict[str, Any] = {}
    error = _error(lambda: seen.update(digest=hub.digest()))
    say("end", calls=calls, fired=fired, **error, **seen)


class Opened:
    """The hub, open or to be opened."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.hub: Any = None

    def do(self, kind: str, number: int, seed: int) -> None:
        if kind == "reopen" and self.hub is not None:
            hub, self.hub = self.hub, None
            hub.close()
        if self.hub is None:
            self.hub = ks.connect(self.path)
        if kind == "create":
            self.hub.create_space(SPACE, dims=DIMS, exist_ok=True)
        elif kind == "reopen":
            self.hub.list_spaces()
        else:
            perform(self.hub, step(kind, number, seed))

    def digest(self) -> str:
        """What the hub that met the fault holds, once it is over."""
        if self.hub is None:
            self.hub = ks.connect(self.path)
        try:
            return held(self.hub)
        finally:
            self.hub.close()


def held(hub: Any) -> str:
    """The digest of what a hub holds, or NOTHING if its space was not made yet."""
    return digest(observe_hub(hub)) if SPACE in hub else NOTHING


def _error(call: Callable[[], None]) -> dict[str, Any]:
    """What went wrong in a call, in words; empty if nothing did."""
    try:
        call()
    except ks.KinspaceError as error:
        text = str(error)
        return {"error": f"{type(error).__name__}: {text}", "doubt": "in doubt" in text, "stored": error.stored}
    except BaseException:
        return {"error": traceback.format_exc(), "untyped": True}
    return {}


def rehearse(folder: Path, names: Iterable[str] = tuple(SCRIPTS)) -> None:
    """Go through scripts, for what that imports."""
    from verdict import judge

    for name in names:
        path, script = str(folder / name), SCRIPTS[name]
        live(path, script, 0, os.open(os.devnull, os.O_WRONLY), lambda: (0, 0))
        judge(path, Said(steps=[{"kind": kind, "number": number} for number, kind in enumerate(script)]), 0)
