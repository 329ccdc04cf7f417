"""Writes until it is killed, saying what it begins and what is done: python writer.py HUB SEED ROUND."""

from __future__ import annotations

import itertools
import os
import sys

import kinspace as ks
from kinspace.space import compact, flush, space
from workload import DIMS, SPACE, operation, perform


def main() -> None:
    path, seed, turn = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # small, so that every path is taken often: batches that become segments at once, background flushes and merges
    space.SEGMENT_ROWS, flush.LOG_ROWS, compact.TIER_BASE = 256, 700, 300
    os.write(1, b"ready\n")  # one write each: never half a line, never kept in a buffer
    with ks.connect(path) as hub:
        hub.create_space(SPACE, dims=DIMS, exist_ok=True)
        for number in itertools.count():
            one = operation(seed, turn, number)
            os.write(1, f"begin {number}\n".encode())
            perform(hub, one)
            os.write(1, f"done {number}\n".encode())


if __name__ == "__main__":
    main()
