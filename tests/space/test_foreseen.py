"""Zones and columns' indexes change what a filter costs and never what it finds, nulls, NaN and odd values included."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from by_row import judge, predicate
from kinspace.filter import Expression, compile_predicate, tree as t
from kinspace.space.columns import foreseen, indexing as column_indexing, masks, zones
from kinspace.space.columns.counting import count
from kinspace.space.columns.foreseen import foresee
from kinspace.space.parts.bits import unpack
from kinspace.space.state.view import View

COLUMNS: dict[str, tuple[pl.DataType, list[Any]]] = {
    "i": (pl.Int64(), [None, -3, 0, 7, 8, 2**62, -(2**63), 2**53 + 1]),
    "f": (pl.Float64(), [None, -math.inf, -1.5, -0.0, 0.0, 2.0, 0.1, math.inf, math.nan]),
    "g": (pl.Float32(), [None, 0.1, 0.5, -1.5, math.nan]),
    "s": (pl.String(), [None, "", "a", "a\0", "abcdefgh", "abcdefghi", "abcdefgz", "é", "zz"]),
    "p": (pl.String(), [None, "https://a", "https://b", "https://b/longer", "https://b/longer still"]),
    "b": (pl.Boolean(), [None, True, False]),
    "d": (pl.Date(), [None, date(1969, 12, 31), date(2024, 2, 29), date(2024, 3, 1)]),
    "m": (pl.Datetime("ms"), [None, datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 2_000)]),
    "h": (pl.Time(), [None, time(0), time(13, 5, 0, 7)]),
    "u": (pl.Duration("us"), [None, timedelta(0), timedelta(days=-1), timedelta(microseconds=3)]),
    "l": (pl.List(pl.String()), [None, [], ["a"], ["a", "b", "a"], [None], ["b", None]]),
    "n": (pl.List(pl.Int64()), [None, [], [1], [1, 2], [3]]),
    "absent": (pl.Int64(), [None]),
}
ODD: dict[str, list[Any]] = {
    "i": [2.5, 7.0, -3.5, math.nan],
    "f": [2, 2**60],
    "g": [0.10000000149011612, 1],
    "s": ["abc", "b", "abcdefgh\0"],
    "p": ["", "http", "https://", "https://aa", "zz"],
    "m": [datetime(2024, 1, 1, 0, 0, 0, 500), date(2024, 1, 1)],
    "d": [datetime(2024, 2, 29, 12)],
}
INDEXABLE = tuple(name for name in COLUMNS if name != "absent")
ROWS, BLOCK = 500, 64


def literals(column: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([value for value in COLUMNS[column][1] if value is not None] + ODD.get(column, []))


def leaf(column: str) -> st.SearchStrategy[t.Node]:
    at = t.Column((column,))
    if column in ("l", "n"):
        elements = st.sampled_from(["a", "b", "c"] if column == "l" else [1, 2, 9])
        found = st.builds(lambda value: t.Elements("any", at, "=", value), elements)
        return found | st.just(t.IsNull(at))
    values = literals(column) if column != "absent" else st.just(3)
    signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    compared = st.builds(lambda sign, value: t.Compare(sign, at, t.Constant(value)), signs, values)
    flipped = st.builds(lambda sign, value: t.Compare(sign, t.Constant(value), at), signs, values)
    options = st.builds(
        lambda some, null: t.In(at, (*some, None) if null else tuple(some)),
        st.lists(values.filter(lambda value: value == value), min_size=1, max_size=6),
        st.booleans(),
    )
    return compared | flipped | options | st.just(t.IsNull(at))


NODES = st.recursive(
    st.sampled_from(list(COLUMNS)).flatmap(leaf)
    | st.sampled_from([t.Column(("b",)), t.Constant(True), t.Constant(None)]),
    lambda below: (
        st.builds(t.Not, below)
        | st.builds(lambda terms: t.And(tuple(terms)), st.lists(below, min_size=1, max_size=3))
        | st.builds(lambda terms: t.Or(tuple(terms)), st.lists(below, min_size=1, max_size=3))
    ),
    max_leaves=5,
)


def rows_of(seed: int, ordered: str | None) -> pl.DataFrame:
    """Rows in runs, so that some blocks hold few values; one of the columns may be in order."""
    rng = np.random.default_rng(seed)
    columns = []
    for name, (dtype, values) in COLUMNS.items():
        if name != "absent":
            picked = np.repeat(rng.integers(0, len(values), -(-ROWS // 50)), 50)[:ROWS]
            odd = rng.random(ROWS) < rng.choice([0, 0.05, 1])
            picked[odd] = rng.integers(0, len(values), int(odd.sum()))
            columns.append(pl.Series(name, [values[i] for i in picked], dtype=dtype))
    frame = pl.DataFrame(columns)
    return frame if ordered is None else frame.sort(ordered)


@pytest.fixture(scope="module", params=[None, "i"])
def described(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A view of one segment with zones of few rows and every column indexed, some rows dead; and its rows."""
    with pytest.MonkeyPatch.context() as patch, ks.connect(tmp_path_factory.mktemp("hub")) as hub:
        for module in (foreseen, zones):
            patch.setattr(module, "ZONE_ROWS", BLOCK)
        patch.setattr(column_indexing, "COLUMN_ROWS", 1)
        space = hub.create_space("docs", dims=2)
        frame = rows_of(7, request.param)
        vectors = pl.Series(np.ones((ROWS, 2), np.float32))
        space.load(frame.with_columns(key=pl.format("k{}", pl.int_range(ROWS)), vector=vectors))
        space.index_column(*INDEXABLE)
        space.flush()
        space.multidelete([f"k{row}" for row in range(0, ROWS, 7)])
        space.set("last", [1, 1], absent=5)
        space.delete("last")
        yield space._store.view(), frame.with_columns(absent=pl.lit(None, pl.Int64)).rows(named=True)


@given(node=NODES)
def test_what_is_foreseen_is_so(described: Any, node: t.Node) -> None:
    view, rows = described
    truth = [judge(node, row) for row in rows]
    for indexed in ((), ("s", "f", "l", "b"), INDEXABLE):
        told = foresee(view.parts[0].source, view.schema, indexed, node)
        may = {value: unpack(words, ROWS) for value, words in zip((True, False, None), told, strict=True)}
        assert all(may[value][row] for row, value in enumerate(truth))


@given(node=NODES)
def test_filters_find_the_same_rows_with_zones_and_indexes(described: Any, node: t.Node) -> None:
    view, rows = described
    truth = [judge(node, row) is True for row in rows]
    for indexed in ((), ("s", "f", "l", "b"), INDEXABLE):
        seen = View(view.meta, replace(view.state, indexed=indexed), view.parts, view.indexes)
        assert unpack(masks.masks_of(seen, predicate(node))[0], ROWS).tolist() == truth
        assert count(seen, predicate(node)) == sum(row % 7 > 0 and value for row, value in enumerate(truth))


@given(node=NODES)
def test_compiled_filters_find_the_same_with_zones_and_indexes(described: Any, node: t.Node) -> None:
    view, _ = described
    try:
        compiled = compile_predicate(Expression(node), masks.full_schema(view))
    except ks.InvalidInput:  # a date beside a time, say
        return
    whole = masks.masks_of(view, replace(compiled, tree=None, key=object()))
    for indexed in ((), ("s", "f", "l", "b"), INDEXABLE):
        seen = View(view.meta, replace(view.state, indexed=indexed), view.parts, view.indexes)
        found = masks.masks_of(seen, replace(compiled, key=object()))
        assert [words.tolist() for words in found] == [words.tolist() for words in whole]
