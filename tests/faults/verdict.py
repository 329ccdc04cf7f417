"""What may be left of a hub whose process met a fault, and whether it is so: asked by a process that met none."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np

import kinspace as ks
from observe import digest
from script import NOTHING, Said, held, step
from workload import BATCH, DIMS, SPACE, Model, outcomes

States = list[Model | None]  # None: the space is not there


class Violation(Exception):
    """A hub is not as it must be."""


def possible(said: Said, seed: int) -> States:
    """Every state that what was said allows.

    A step that was acknowledged is done. One that failed is not, or of a stream as much as the error says, unless the
    error calls it in doubt. One that was under way is done or not.
    """
    states: States = [None]
    for one in said.steps:
        kind, number = one["kind"], one["number"]
        if one.get("untyped"):
            raise Violation(f"step {number}, {kind}, raised what is no KinspaceError:\n{one['error']}")
        if "error" not in one:
            states = [_after(state, kind, number, seed)[-1] for state in states]
        elif one["doubt"]:
            states = [after for state in states for after in _after(state, kind, number, seed)]
        elif one["stored"]:
            batches = -(-one["stored"] // BATCH)
            states = [_after(state, kind, number, seed)[batches] for state in states]
    if said.under_way:
        states = [after for state in states for after in _after(state, *said.under_way, seed)]
    return states


def _after(state: Model | None, kind: str, number: int, seed: int) -> States:
    if kind == "create":
        return [state, state or Model({}, temporary=False)]
    if kind == "reopen" or state is None:
        return [state]
    return list(outcomes(state, step(kind, number, seed)))


def judge(path: str, said: Said, seed: int, *, compacted: bool = True) -> None:
    """Raise Violation unless the hub is as it must be, can be written to (and compacted), and keeps no litter."""
    allowed = {NOTHING if state is None else digest(state) for state in possible(said, seed)}
    try:
        seen = _judge(path, allowed, compacted=compacted)
    except Violation:
        raise
    except Exception as error:
        raise Violation(f"after reopening: {type(error).__name__}: {error}") from error
    end = said.end
    if end is None:
        return
    if "error" in end:
        raise Violation(f"once the fault was over, the hub that met it still could not be read: {end['error']}")
    if end["digest"] != seen and not any(one.get("doubt") for one in said.steps):
        raise Violation(f"the hub that met the fault held {end['digest']}; opened again it holds {seen}")


def _judge(path: str, allowed: set[str], *, compacted: bool) -> str:
    with ks.connect(path) as hub:
        seen = held(hub)
        if seen not in allowed:
            raise Violation(f"found {seen} where {sorted(allowed)} was allowed")
        space = hub.create_space(SPACE, dims=DIMS, exist_ok=True)
        for name in hub.list_spaces():
            report = hub.get_space(name).check()
            if not report.ok:
                raise Violation(f"check of {name}: {report.problems}")
        vector = np.arange(1, DIMS + 1, dtype=np.float32)
        space.set("afterwards", vector, mark=-1)
        before = held(hub)
        if compacted:
            space.flush()
            space.compact()
            if held(hub) != before:
                raise Violation("a compaction afterwards changed what is stored")
        if space.get("afterwards").tobytes() != vector.tobytes():
            raise Violation("a write afterwards is not there")
        del space
    gc.collect()
    with ks.connect(path) as hub:
        _look_for_litter(Path(path), hub)
    return seen


def _look_for_litter(folder: Path, hub: Any) -> None:
    """The folders on disk are those that the catalogs name."""
    names = hub.list_spaces()
    named = sum(hub.get_space(name).stats()["segments"] for name in names)
    spaces = sorted(path.name for path in (folder / "spaces").iterdir())
    segments = sorted(path.name for path in folder.glob("spaces/*/segments/*"))
    if len(spaces) != len(names) or len(segments) != named:
        raise Violation(f"{spaces} and {segments} are left where {names} and {named} segments are named")
    strange = [str(path) for path in folder.rglob("*") if path.name.startswith((".kinspace-", "hub.sqlite.new"))]
    if strange:
        raise Violation(f"left behind: {strange}")
