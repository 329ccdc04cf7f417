"""The rows that filters are tried on: every type, every kind of null."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from kinspace.filter import compile_predicate

FRAME = pl.DataFrame(
    {
        "key": ["a", "b", "c", "d", "e"],
        "kib": [100, 5000, None, 0, -7],
        "title": ["Gnu Chess", "100% pure_x", None, "it's", "a\nb"],
        "score": [0.5, float("nan"), None, -1.0, float("inf")],
        "free": [True, False, None, True, False],
        "day": [dt.date(2024, 1, 1), None, dt.date(2023, 12, 31), dt.date(2024, 6, 1), dt.date(1969, 7, 20)],
        "when": [
            dt.datetime(2024, 1, 1, 12),
            None,
            dt.datetime(2023, 1, 1),
            dt.datetime(2024, 1, 2),
            dt.datetime(1969, 1, 1),
        ],
        "tags": [["x", "y"], [], None, ["y"], [None]],
        "kind": pl.Series(["u", "v", None, "u", "w"], dtype=pl.Categorical),
        "made": [{"by": "me"}, None, {"by": None}, {"by": "you"}, {"by": "me"}],
        "Odd name": [1, 2, 3, 4, 5],
        'quote"d': [1, 2, 3, 4, 5],
        "select": [1, 2, 3, 4, 5],
        "from": [1, 2, 3, 4, 5],
        "größe": [1, 2, 3, 4, 5],
    }
)


def keys(where: object, frame: pl.DataFrame = FRAME) -> str:
    found = compile_predicate(where, frame.schema).evaluate(frame)
    assert found.dtype == np.bool_
    assert found.shape == (frame.height,)
    return "".join(frame.filter(pl.Series(found))["key"])
