"""What rankings are compared with: loops over rows in Python, one float64 distance at a time; and the rows for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

import kinspace as ks

METRICS = ["cosine", "l2", "ip"]
Rows = dict[str, tuple[np.ndarray, Any]]  # key -> vector and column, in insertion order

components = st.lists(st.integers(-2, 2), min_size=3, max_size=3)  # so small that there are ties, duplicates and zeros
stored = st.lists(st.tuples(components, st.one_of(st.none(), st.integers(-3, 3))), max_size=14)


def distance(metric: str) -> Callable[[Any, Any], float]:
    """Of one pair: to the bit what every path reports."""
    if metric == "ip":
        return lambda a, b: -ks.inner_prod(a, b)
    return {"cosine": ks.cos_dist, "l2": ks.l2_dist}[metric]


def plain(metric: str, a: Sequence[float], b: Sequence[float]) -> float:
    """The same by loops, as good as float64 is."""
    dot = math.fsum(x * y for x, y in zip(a, b))
    if metric == "ip":
        return -dot
    if metric == "l2":
        return math.sqrt(math.fsum((x - y) ** 2 for x, y in zip(a, b)))
    lengths = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
    return 1.0 if lengths == 0 else 1.0 - dot / lengths


def filled(hub: ks.Hub, metric: str, rows: list[tuple[list[int], int | None]]) -> tuple[ks.Space, Rows]:
    """A space whose rows lie in a segment and the log, some deleted and one set again, all with a column n."""
    space = hub.create_space("ranked", dims=3, metric=metric)
    live: Rows = {f"k{i}": (np.array(vector, np.float32), n) for i, (vector, n) in enumerate(rows)}
    made = [(key, vector, {"n": n}) for key, (vector, n) in live.items()]
    space.multiset([("gone", [0, 0, 0], {"n": 100}), *made[:6]])
    if len(rows) > 6:
        space.flush()
        space.multiset(made[6:])
    if len(rows) > 3:
        live["k2"] = live.pop("k2")[0], 1
        space.update("k2", n=1)
    space.delete("gone")
    return space, live


def frame_of(live: Rows) -> pl.DataFrame:
    """The same rows as a frame."""
    vectors = pl.Series("emb", [vector.tolist() for vector, _ in live.values()], dtype=pl.Array(pl.Float32, 3))
    columns = [column for _, column in live.values()]
    return pl.DataFrame(
        {"key": list(live), "n": columns, "emb": vectors}, schema_overrides={"key": pl.String, "n": pl.Int64}
    )


def in_order(live: Rows, value: Callable[[str], Any], without: Sequence[str] = ()) -> list[str]:
    """Keys by a value of theirs, ties by insertion order."""
    return sorted((key for key in live if key not in without), key=value)


def relevant_and_far(
    live: Rows, candidates: list[str], value: dict[str, float], k: int, diversity: float, metric: str
) -> list[str]:
    """Maximal marginal relevance, by definition; candidates in the order that settles ties."""
    between, chosen = distance(metric), list[str]()
    left = list(candidates)
    while left and len(chosen) < k:

        def cost(key: str) -> float:
            apart = min(between(live[key][0], live[other][0]) for other in chosen)
            return (1.0 - diversity) * value[key] - diversity * apart

        chosen.append(min(left, key=cost) if chosen else left[0])
        left.remove(chosen[-1])
    return chosen
