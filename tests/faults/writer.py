"""Writes until it is killed, saying what it begins and what is done."""

from __future__ import annotations

import itertools
import os

import kinspace as ks
from kinspace.space import space
from kinspace.space.parts import index
from kinspace.space.segments import compact, flush
from workload import DIMS, SPACE, operation, perform


def small() -> None:
    """Have every path taken often: batches that become segments at once, background flushes, merges and indexes."""
    space.SEGMENT_ROWS, flush.LOG_ROWS, compact.TIER_BASE, index.INDEX_ROWS = 256, 700, 300, 200


def write(path: str, seed: int, turn: int, pipe: int) -> None:
    """Do the operations of a round, one after another."""
    os.write(pipe, b"ready\n")  # one write each: never half a line, never kept in a buffer
    with ks.connect(path) as hub:
        hub.create_space(SPACE, dims=DIMS, exist_ok=True)
        for number in itertools.count():
            one = operation(seed, turn, number)
            os.write(pipe, f"begin {number}\n".encode())
            perform(hub, one)
            os.write(pipe, f"done {number}\n".encode())
