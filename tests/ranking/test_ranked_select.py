"""nearest(positive=, negative=, diversity=, boost=) in a select: on a frame as on a space."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from ranks import METRICS, components, filled, frame_of, stored

ORDERS: list[dict[str, Any]] = [
    {},
    {"diversity": 0.5},
    {"diversity": 1, "candidates": 4},
    {"boost": "0.3 * n"},
    {"boost": 2 * pl.col("n"), "exact": True},
    {"boost": "n", "exact": True, "diversity": 0.3, "candidates": 3},
    {"diversity": 0.4, "dims": 2, "expand": 1},
    {"boost": "n", "dims": 2, "exact": True},
    {"boost": "n", "dims": 2, "rerank": False, "exact": True},
]


@settings(max_examples=20)
@given(stored.filter(len), st.lists(components, min_size=1, max_size=4), st.sampled_from(METRICS), st.data())
def test_a_frame_and_a_space_give_the_same_answer(
    rows: list[Any], vectors: list[list[int]], metric: str, data: st.DataObject
) -> None:
    order, where = data.draw(st.sampled_from(ORDERS)), data.draw(st.sampled_from(["true", "n > 0"]))
    examples = {"positive": vectors[:2], "negative": vectors[2:]}
    questions: list[tuple[tuple[Any, ...], dict[str, Any]]] = [((vectors[0],), {}), ((), examples)]
    if not order.keys() & {"boost", "diversity"}:
        questions += [((), examples | {"strategy": "best"}), ((), {"negative": vectors})]
    target, asked = data.draw(st.sampled_from(questions))
    with ks.connect(":memory:") as hub:
        space, live = filled(hub, metric, rows)
        here = space.select("key", "n", d="_dist").where(where).nearest(*target, **asked, **order)
        there = ks.select(frame_of(live), "key", "n", d="_dist").where(where)
        there = there.nearest("emb", *target, metric=metric, **asked, **order)
        found = here.take(4).collect()
        assert found.rows() == there.take(4).collect().rows()
        assert found["d"].dtype == pl.Float64


def test_examples_by_key_are_left_out_of_a_select_on_a_space(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "b": [1, 0.1, 0], "c": [0, 0, 1]})
    assert space.select("key").nearest(positive=["a"], negative=["c"]).collect()["key"].to_list() == ["b"]
    assert space.select("key").nearest("vector", positive=["a"]).collect()["key"].to_list() == ["b", "c"]
    with pytest.raises(ks.KeyNotFound, match="'gone'"):
        space.select("key").nearest(positive=["gone"]).collect()


FRAME = pl.DataFrame({"n": [1, 2], "emb": pl.Series([[1.0, 0.0], [0.0, 1.0]], dtype=pl.Array(pl.Float32, 2))})


@pytest.mark.parametrize(
    ("target", "asked", "reason"),
    [
        (("emb",), {"positive": ["a"]}, "no keys"),
        (("emb",), {"positive": [1]}, "no keys"),
        (("emb",), {"positive": [[1, 0, 0]]}, "2 dims"),
        (("emb", [1, 0]), {"positive": [[1, 0]]}, "examples"),
        ((), {"positive": [[1, 0]]}, "which one"),
        (("emb",), {"positive": []}, "empty"),
        (("emb",), {"negative": [[1, 0]], "diversity": 0.5}, "average"),
        (("emb", [1, 0]), {"diversity": 2}, "0…1"),
        (("emb", [1, 0]), {"boost": "gone"}, "'n', 'emb'"),
        (("emb", [1, 0]), {"boost": "emb"}, "number"),
        (("emb", [1, 0]), {"candidates": 3}, "candidates"),
        ((ks.Hnsw.build(np.eye(2)), [1, 0]), {"diversity": 0.5}, "index"),
        ((ks.Hnsw.build(np.eye(2)), [1, 0]), {"boost": "n"}, "index"),
    ],
    ids=lambda value: repr(value)[:40].partition(" at 0x")[0],
)
def test_what_makes_no_sense_is_refused(target: tuple[Any, ...], asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(ks.InvalidInput, match=reason):
        ks.select(FRAME).nearest(*target, **asked).collect()


def test_a_frame_without_rows_answers_with_none() -> None:
    for asked in ({"positive": [[1, 0]]}, {"negative": [[1, 0]]}):
        assert ks.select(FRAME[:0]).nearest("emb", **asked).collect().rows() == []
    assert ks.select(FRAME[:0]).nearest("emb", [1, 0], boost="n", diversity=0.5).collect().schema == FRAME.schema


def test_a_list_column_is_as_good(space: ks.Space) -> None:
    lists = FRAME.with_columns(pl.col("emb").cast(pl.List(pl.Float64)))
    for asked in ({"diversity": 0.5}, {"boost": "n", "exact": True}):
        rows = [ks.select(one, "n").nearest("emb", [1, 0], **asked).collect().rows() for one in (FRAME, lists)]
        assert rows[0] == rows[1]
