"""Whether a search by planes answers as float64 brute force does, ties included: python tests/exactness.py

Every set at every number of dims and for every metric, whole and as a prefix, is asked queries in a batch and one by
one, with a filter of 0.1, 1, 10 or 50 % and without, until queries × rows comparisons are made. A line for each; exit
code 1 if one answer differs.

The brute force: BLAS gives all products in float64, each off by no more than `slack`, whatever order it sums in (g(m) =
m u / (1 - m u) of the lengths of both, u = 2^-53, products of two floats being exact). The k-th smallest of distance +
slack is no less than the k-th distance, so a row with distance - slack above it is not among the k nearest. What
is left, ties among it, is ranked by the exact kernel's distances, which must be within the slack of BLAS's.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from exactness_sets import SETS, debian, mean_for, queries_near
from kinspace import _core

METRICS = ("cosine", "l2", "ip")
DIMS = (1, 2, 3, 7, 8, 16, 17, 64, 65, 128, 384, 768, 1536, 4096)
SHARES = (0.001, 0.01, 0.1, 0.5)  # of rows that a filter lets through
FLOATS = 1 << 26  # of a set at most: fewer rows where dims are many
BLOCK = 1 << 22  # floats widened at once


def bitmap(mask):
    words = np.zeros(-(-len(mask) // 64) * 8, np.uint8)
    packed = np.packbits(mask, bitorder="little")
    words[: len(packed)] = packed
    return words.view(np.uint64)


class Searched:
    """Rows with planes, in two parts, the second's last rows without codes."""

    def __init__(self, rng, X, metric):
        self.metric, cut = metric, len(X) // 3
        self.whole, self.planes = [], []
        for rows in (X[:cut], X[cut:]):
            self.whole.append(_core.Rows([rows]))
            plane = _core.Plane(len(rows), X.shape[1], metric=metric, mean=mean_for(rng, rows, metric))
            plane.encode(self.whole[-1])
            self.planes.append(plane)
        self.X, self.bounds = X, (0, cut, len(X))
        self.coded = (len(X) - cut) * int(rng.integers(90, 101)) // 100 // 64 * 64

    def scan(self, dims):
        """A scan of the first so many dims."""
        planes = list(self.planes)
        if dims < self.X.shape[1]:
            planes = [plane.prefix(dims, rows) for plane, rows in zip(planes, self.whole, strict=True)]
        planes[1] = planes[1].head(self.coded)
        parts = [_core.Rows([self.X[a:b, :dims]]) for a, b in zip(self.bounds, self.bounds[1:], strict=False)]
        return _core.Scan(parts, metric=self.metric, planes=planes)

    def masks(self, mask):
        return [bitmap(mask[a:b]) for a, b in zip(self.bounds, self.bounds[1:], strict=False)]


class Brute:
    """The k nearest of each query, by float64: see above."""

    def __init__(self, X, Q, metric):
        self.X, self.Q, self.metric = X, Q, metric
        g = 1.01 * 2 * (X.shape[1] + 16) * 2.0**-53  # of BLAS and of the exact kernel together
        wide = Q.astype(np.float64)
        qq = (wide * wide).sum(axis=1)[:, None]
        self.near, self.slack = np.empty((len(Q), len(X))), np.empty((len(Q), len(X)))
        step = max(1, BLOCK // X.shape[1])
        for at in range(0, len(X), step):
            rows = X[at : at + step].astype(np.float64)
            xx = np.einsum("ij,ij->i", rows, rows)[None]
            dot, lengths = wide @ rows.T, np.sqrt(qq * xx)
            near, slack = self.near[:, at : at + step], self.slack[:, at : at + step]
            if metric == "l2":
                near[:], slack[:] = qq + xx - 2 * dot, 4 * g * (qq + xx)
            elif metric == "ip":
                near[:], slack[:] = -dot, g * lengths
            else:
                near[:] = 1 - np.divide(dot, lengths, out=np.zeros_like(dot), where=lengths > 0)
                slack[:] = 3 * g

    def column(self, q, ids):
        """Exact distances, a block of rows at a time."""
        kind = "dot" if self.metric == "ip" else self.metric
        blocks = np.array_split(ids, max(1, len(ids) * self.X.shape[1] // BLOCK))
        found = np.concatenate([_core.column(kind, np.ascontiguousarray(self.X[block]), self.Q[q]) for block in blocks])
        return 0.0 - found if self.metric == "ip" else found

    def nearest(self, q, k, allowed):
        ids = np.arange(len(self.X)) if allowed is None else np.flatnonzero(allowed)
        k = min(k, len(ids))
        near, slack = self.near[q][ids], self.slack[q][ids]
        if k == 0:
            return ids[:0], near[:0]
        left = near - slack <= np.partition(near + slack, k - 1)[k - 1]
        values = self.column(q, ids[left])
        compared = values * values if self.metric == "l2" else values
        if not (np.abs(compared - near[left]) <= slack[left]).all():
            raise ArithmeticError("the exact kernel and BLAS are further apart than sums in float64 can be")
        order = np.lexsort((ids[left], values))[:k]
        return ids[left][order], values[order]


class Line(NamedTuple):
    set: str
    metric: str
    dims: int
    width: int  # of the rows: more than dims for a prefix
    queries: int
    rows: int
    differences: int


def ask(rng, searched, Q, dims) -> int:
    """How many answers differ."""
    X = searched.X
    scan, brute = searched.scan(dims), Brute(np.ascontiguousarray(X[:, :dims]), Q, searched.metric)
    mask = rng.random(len(X)) < rng.choice(SHARES)
    differences = 0
    for ids, allowed in zip(np.split(np.arange(len(Q)), [len(Q) * 3 // 4]), (None, mask), strict=True):
        words, k = None if allowed is None else searched.masks(mask), int(rng.choice([1, 10, 100]))
        alone = 1 + len(ids) // 8
        for batch in (ids[alone:], *ids[:alone]):
            if batch.size == 0:
                continue
            positions, distances = scan.search(Q[batch], k, masks=words, threads=int(rng.integers(1, 3)))
            found = zip(np.atleast_2d(positions), np.atleast_2d(distances), strict=True)
            for q, (position, distance) in zip(np.atleast_1d(batch), found, strict=True):
                wanted = brute.nearest(q, k, allowed)
                differences += not (np.array_equal(position, wanted[0]) and np.array_equal(distance, wanted[1]))
    return differences


def lines(sets, dims, rows, queries, seed, real=None) -> Iterator[Line]:
    """Ask about queries × rows comparisons in all, a line for each set, metric, dims and prefix; in any order."""
    rng = np.random.default_rng(seed)
    cases = [(name, width, min(rows, FLOATS // width)) for name, width in product(sets, dims)]
    if real is not None:
        cases += [("debian", real[0].shape[1], min(rows, len(real[0])))]
    prefixes = [rng.permutation([d for d in DIMS if d < width])[:1].astype(int) for _, width, _ in cases]
    lined = sum(n * len(METRICS) * (1 + len(p)) for (_, _, n), p in zip(cases, prefixes, strict=True))
    m = -(-queries * rows // lined)
    for i in rng.permutation(len(cases)):
        name, width, n = cases[i]
        if name == "debian":
            X, others = real[0][:n], real[1]
        else:
            drawn = SETS[name](rng, n + 50, width)
            drawn = np.ascontiguousarray(drawn[rng.permutation(len(drawn))])
            X, others = drawn[:n], drawn[n:]
        for metric in METRICS:
            searched = Searched(rng, X, metric)
            for length in (width, *prefixes[i].tolist()):
                Q = np.ascontiguousarray(queries_near(rng, X, m, others)[:, :length])
                yield Line(name, metric, length, width, m, n, ask(rng, searched, Q, length))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dims", type=int, nargs="*", default=DIMS)
    parser.add_argument("--sets", choices=SETS, nargs="*", default=list(SETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing more after so many")
    options = parser.parse_args()
    folder = Path(os.environ.get("KINSPACE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    real = debian(folder) if (folder / "debian_minilm_f16.npy").exists() else None
    begun, compared, differences = time.monotonic(), 0, 0
    print(f"{_core.isa()}, seed {options.seed}" + ("" if real else ", without the real set (no KINSPACE_DATA)"))
    print(f"{'set':14}{'metric':8}{'dims':>13}{'queries':>9}{'rows':>9}{'differences':>13}", flush=True)
    for line in lines(options.sets, options.dims, options.rows, options.queries, options.seed, real):
        length = str(line.dims) if line.dims == line.width else f"{line.dims} of {line.width}"
        counts = f"{line.queries:9,}{line.rows:9,}{line.differences:13,}"
        print(f"{line.set:14}{line.metric:8}{length:>13}{counts}", flush=True)
        compared += line.queries * line.rows
        differences += line.differences
        if time.monotonic() - begun > options.seconds:
            print("stopped for the time: not all has been asked")
            break
    print(
        f"{differences} differences in {compared:.3g} pairs of a query and a row, {compared / 1e5:,.0f} × 100,000; "
        f"{(time.monotonic() - begun) / 60:.1f} minutes"
    )
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())
