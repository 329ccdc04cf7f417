"""Rows and selects that Hypothesis makes up, and what a select over them must answer, worked out row by row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

import kinspace as ks
from kinspace.query import Select

DIMS = 2
FIRST = ("first", [1.0, 1.0], {"n": 1, "f": 0.5, "s": "a", "tags": ["x"]})  # so that every column is there
vectors = st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), min_size=DIMS, max_size=DIMS)
columns = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(-2, 2),
        "f": st.sampled_from([0.0, 0.5, -1.5, math.nan, math.inf]),
        "s": st.sampled_from(["a", "b", "", "é"]),
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=3),
    },
)
writes = st.lists(
    st.tuples(st.just("set"), st.sampled_from("abcdefghijkl"), vectors, columns)
    | st.tuples(st.just("set"), st.sampled_from("abcdefghijkl"), vectors, columns)
    | st.tuples(st.just("delete"), st.sampled_from("abcdefghijkl"))
    | st.tuples(st.just("flush")),
    max_size=30,
)
WHERE: dict[str, Any] = {  # the predicate, and what it is of a row
    "n > 0": lambda row: row["n"] is not None and row["n"] > 0,
    "s = 'a'": lambda row: row["s"] == "a",
    "n IS NULL": lambda row: row["n"] is None,
    "n < -5": lambda row: False,
}
orders = st.lists(st.sampled_from(["n", "f", "s", "key"]), min_size=1, max_size=3, unique=True)
near = st.fixed_dictionaries(
    {"nearest": st.tuples(st.just("vector"), vectors) | st.tuples(st.just("key"), st.just("first"))},
    optional={"within": st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5])},
)
listed = st.fixed_dictionaries(
    {},
    optional={
        "sort": orders.flatmap(lambda names: st.tuples(st.just(names), st.tuples(*[st.booleans()] * len(names))))
    },
)
chains = st.builds(
    lambda one, more: one | more,
    near | listed,
    st.fixed_dictionaries(
        {},
        optional={
            "where": st.lists(st.sampled_from(list(WHERE)), min_size=1, max_size=2),
            "group": st.tuples(st.sampled_from(["s", "n", "f"]), st.integers(1, 3)),
            "offset": st.integers(0, 4),
            "take": st.integers(0, 8),
        },
    ),
)


def write(space: ks.Space, changes: list[Any]) -> None:
    """Do these, after a first row with every column."""
    key, vector, more = FIRST
    space.set(key, vector, **more)
    for change in changes:
        if change[0] == "set":
            space.set(change[1], change[2], **change[3])
        elif change[0] == "delete":
            space.delete(change[1])
        else:
            space.flush()


def frame_of(space: ks.Space) -> pl.DataFrame:
    """The space's rows as a frame, in insertion order."""
    return pl.concat(space.scan())


def build(query: Select, chain: dict[str, Any], metric: str, column: tuple[str, ...] = ()) -> Select:
    """The select that a chain stands for; its parts are given in the chain's own order."""
    for part, asked in chain.items():
        if part == "where":
            for predicate in asked:
                query = query.where(predicate)
        elif part == "nearest" and asked[0] == "vector":
            query = query.nearest(*column, asked[1], metric=metric)
        elif part == "nearest":
            query = query.nearest(*column, key=asked[1], metric=metric)
        elif part == "sort":
            query = query.sort(*asked[0], descending=asked[1])
        elif part == "group":
            query = query.group(asked[0], per=asked[1])
        else:
            query = getattr(query, part)(asked)
    return query


def every_row(frame: pl.DataFrame, chain: dict[str, Any], metric: str) -> list[tuple[str, float | None]]:
    """Keys and distances of what a chain answers without offset and take, in order, worked out row by row."""
    rows = [row for row in frame.rows(named=True) if all(WHERE[one](row) for one in chain.get("where", []))]
    if "nearest" in chain:
        kind, query = chain["nearest"]
        if kind == "key":
            rows = [row for row in rows if row["key"] != query]
            query = next(row["vector"] for row in frame.rows(named=True) if row["key"] == query)
        for row in rows:
            row["_dist"] = _distance(row["vector"], query, metric)
        rows = sorted(rows, key=lambda row: row["_dist"])
        rows = [row for row in rows if row["_dist"] <= chain.get("within", math.inf)]
    for name, down in reversed(list(zip(*chain.get("sort", ([], [])), strict=True))):
        there = [row for row in rows if row[name] is not None]
        there.sort(key=lambda row: _rank(row[name]), reverse=down)
        rows = there + [row for row in rows if row[name] is None]
    if "group" in chain:
        name, per = chain["group"]
        seen: dict[Any, int] = {}
        kept = []
        for row in rows:
            value = "nan" if row[name] != row[name] else row[name]
            seen[value] = seen.get(value, 0) + 1
            kept += [row] * (seen[value] <= per)
        rows = kept
    return [(row["key"], row.get("_dist")) for row in rows]


def answer(frame: pl.DataFrame, chain: dict[str, Any], metric: str) -> list[tuple[str, float | None]]:
    """What a chain answers."""
    rows = every_row(frame, chain, metric)
    default = 10 if "nearest" in chain and "within" not in chain else len(rows)
    start = chain.get("offset", 0)
    return rows[start : start + chain.get("take", default)]


def _distance(vector: list[float], query: list[float], metric: str) -> float:
    a, b = np.array(vector, np.float64), np.array(query, np.float64)
    return float(np.sqrt(((a - b) ** 2).sum())) if metric == "l2" else -float(a @ b) + 0.0


def _rank(value: Any) -> Any:
    """NaN is above every number, and equal to itself."""
    return (value != value, 0.0 if value != value else value) if isinstance(value, float) else value
