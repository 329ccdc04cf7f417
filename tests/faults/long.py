"""Everything there is against faults, at length: python tests/faults/long.py, which `make soak` runs.

With --part only that part; --scale 0.1 is a tenth of it. A table of what was done, and of what went wrong, is at its
end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def parts(scale: float, jobs: int) -> dict[str, list[str]]:
    """Each part's command."""
    at_once = ["--jobs", str(jobs)]
    sample = [] if scale >= 1 else ["--sample", str(max(2, int(40 * scale)))]
    return {
        "kill -9": ["soak.py", "--rounds", str(max(20, int(2_000 * scale))), *at_once],
        "strace": ["strace_kills.py", "--rounds", str(max(5, int(500 * scale)))],
        "processes": ["many.py", "--seconds", str(max(3, int(60 * scale)))],
        "each call": ["loop.py", *at_once, *sample],
        "bit flips": ["bitflips.py", *at_once, "--every", str(max(1, int(16 / scale)))],
    }


def main() -> int:
    names = list(parts(1, 1))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=names, nargs="*", default=names)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)) if sys.platform == "linux" else 2)
    options = parser.parse_args()
    table = []
    for name in options.part:
        script, *arguments = parts(options.scale, options.jobs)[name]
        print(f"\n== {name}: python tests/faults/{' '.join([script, *arguments])}", flush=True)
        begun = time.monotonic()
        code = subprocess.run([sys.executable, str(HERE / script), *arguments], check=False).returncode
        table.append(
            (name, {0: "no violation", 2: "not possible here"}.get(code, "VIOLATED"), time.monotonic() - begun)
        )
    print(f"\n{'part':12}{'outcome':20}{'minutes':>8}")
    for name, outcome, seconds in table:
        print(f"{name:12}{outcome:20}{seconds / 60:8.1f}")
    return int(any(outcome == "VIOLATED" for _, outcome, _ in table))


if __name__ == "__main__":
    sys.exit(main())
