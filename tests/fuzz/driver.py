"""How a fuzz target is run: by atheris for a while (python tests/fuzz/predicate.py --seconds 60), or on given files.

A target is a function of bytes. Whatever it lets out, and whatever takes too long or too much memory, is saved under
build/fuzz/NAME/crashes; give that file as an argument to see it again.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "build" / "fuzz"
# the seeds take the same path, being sound; they are kept all the same
_LIMITS = [
    "-timeout=20",
    "-rss_limit_mb=4096",
    "-max_len=65536",
    "-len_control=0",
    "-keep_seed=1",
    "-reduce_inputs=0",
    "-print_final_stats=1",
]

Target = Callable[[bytes], object]


def main(name: str, make: Callable[[Path], tuple[Target, list[bytes]]], words: list[str]) -> None:
    """Run the target; make(folder) gives it, and the inputs to begin with, and words are tokens of its language."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="of the mutations (0: the clock)")
    parser.add_argument("inputs", type=Path, nargs="*", help="files that were saved: only these are tried")
    options = parser.parse_args()
    work = FOLDER / name / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    if options.inputs:
        target, _ = make(work)
        for path in options.inputs:
            target(path.read_bytes())
        return
    import atheris

    with atheris.instrument_imports(include=["kinspace"]):
        target, seeds = make(work)
    corpus, crashes = FOLDER / name / "corpus", FOLDER / name / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    arguments = [
        *_LIMITS,
        f"-max_total_time={options.seconds}",
        f"-artifact_prefix={crashes}/",
        f"-seed={options.seed}",
    ]
    lexicon = FOLDER / name / "words"
    lexicon.write_text("".join(f'"{_escaped(word)}"\n' for word in words))
    arguments.append(f"-dict={lexicon}")
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], target)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def mutations(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """The seeds, and then so many inputs made of them: bytes changed, cut out, doubled and put together anew."""
    yield from seeds
    rng = random.Random(seed)
    for _ in range(count):
        body = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(body) + 1)
            end = min(len(body), at + rng.randint(1, 8))
            match rng.randrange(5):
                case 0:
                    body[at:end] = rng.randbytes(end - at)
                case 1:
                    del body[at:end]
                case 2:
                    body[at:at] = body[at:end]
                case 3:
                    other = rng.choice(seeds)
                    start = rng.randrange(len(other) + 1)
                    body[at:end] = other[start : start + rng.randint(1, 16)]
                case _:
                    body[at:end] = rng.choice([b"\x00", b"\xff" * 8, b"-1", b"9" * 20, b"null", b"[]", b"{}"])
        yield bytes(body)
