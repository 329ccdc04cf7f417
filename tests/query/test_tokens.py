"""Tokens of pages: made of any values, and refused when they are anything else."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from kinspace.query import cursor, select

FRAME = pl.DataFrame(
    {
        "n": [3, None, 1, 2],
        "f": [0.1, math.nan, None, -math.inf],
        "text": ["é", "a", None, "\0" * 9],
        "flag": [True, None, False, True],
        "bytes": [b"\xff", None, b"", b"a"],
        "day": [dt.date(2024, 1, 1), None, dt.date(1, 1, 1), dt.date(9999, 12, 31)],
        "when": pl.Series([dt.datetime(2024, 1, 1), None] * 2, dtype=pl.Datetime("ns", "UTC")),
        "long": pl.Series([dt.timedelta(1), None, dt.timedelta(-1), dt.timedelta(0)], dtype=pl.Duration("ms")),
        "time": [dt.time(1), None, dt.time(2), dt.time(3, microsecond=1)],
        "money": pl.Series([Decimal("1.10"), None, Decimal("-2.20"), Decimal(0)], dtype=pl.Decimal(20, 2)),
        "uint": pl.Series([2**64 - 1, None, 0, 1], dtype=pl.UInt64),
        "single": pl.Series([0.1, None, -0.0, 1e-45], dtype=pl.Float32),
        "enum": pl.Series(["b", None, "a", "b"], dtype=pl.Enum(["b", "a"])),
        "category": pl.Series(["b", None, "a", "b"], dtype=pl.Categorical),
        "nothing": [None] * 4,
        "vec": pl.Series([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0]], dtype=pl.Array(pl.Float32, 2)),
    }
).with_row_index("row")
PLAIN = [name for name in FRAME.columns if name != "vec"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", PLAIN)
def test_pages_go_on_after_a_value_of_any_plain_type(name: str, descending: bool) -> None:
    query = select(FRAME, "row", x="row").sort(name, descending=descending)
    whole, rows, after = query.collect(), [], None
    for _ in range(FRAME.height):
        page = query.page(1, after)
        rows += page.rows(named=False)
        after = page.next
    assert after is None
    assert rows == whole.rows()


def test_a_token_is_short_and_fit_for_a_url() -> None:
    for query in (select(FRAME), select(FRAME).sort("text", "day"), select(FRAME).nearest("vec", [1, 2])):
        token = query.page(1).next
        assert re.fullmatch(r"[A-Za-z0-9_-]{20,140}", token)


def test_a_token_of_another_select_is_refused() -> None:
    query = select(FRAME).where("n > 0").nearest("vec", [1, 2])
    token = query.page(1).next
    assert select(FRAME, "n").where("n > 0").nearest("vec", [1, 2]).page(2, token).frame.height == 2
    for other in (
        select(FRAME),
        select(FRAME).sort("n"),
        select(FRAME).where("n > 1").nearest("vec", [1, 2]),
        select(FRAME).where("n > 0").nearest("vec", [2, 1]),
        select(FRAME).where("n > 0").nearest("vec", [1, 2], metric="l2"),
        query.within(2),
        query.group("n"),
    ):
        with pytest.raises(ks.InvalidInput, match="another select"):
            other.page(1, token)


def test_a_token_by_key_is_of_the_vector_the_key_had(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1.0, i, 0.0]) for i in range(5)])
    query = space.select("key").nearest(key="k0")
    token = query.page(2).next
    assert query.page(9, token).frame["key"].to_list() == ["k3", "k4"]
    space.set("k0", [0.0, 0.0, 1.0])
    with pytest.raises(ks.InvalidInput, match="another select"):
        query.page(2, token)


@pytest.mark.parametrize("token", ["", "a", "AAAA", "=" * 8, "é", "a b", "\0", "A" * 10_000, 5, b"BBBB", 1.5, ["a"]])
def test_what_is_no_token_is_refused(token: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="after must be"):
        select(FRAME).page(1, token)


@given(at=st.integers(0, 200), put=st.characters(codec="ascii"), cut=st.integers(0, 5))
def test_a_token_with_anything_changed_is_refused(at: int, put: str, cut: int) -> None:
    query = select(FRAME).sort("n", "text")
    token = query.page(2).next
    at %= len(token) - 1  # the last character has bits that mean nothing
    changed = token[:at] + put + token[at + 1 + cut :]
    if changed != token:
        with pytest.raises(ks.InvalidInput):
            query.page(1, changed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda some: st.lists(some, max_size=4)
)


@given(told=st.lists(json_values, min_size=3, max_size=5) | json_values, by=st.sampled_from(PLAIN))
def test_what_a_token_says_is_checked_even_if_the_checksum_is_right(told: Any, by: str) -> None:
    for query in (select(FRAME), select(FRAME).sort(by), select(FRAME).nearest("vec", [1, 2])):
        whole = base64.urlsafe_b64decode(query.page(1).next + "==")
        body = whole[8:17] + json.dumps(told).encode("utf-8", "surrogatepass")
        forged = base64.urlsafe_b64encode(cursor._check(body) + body).decode().rstrip("=")
        try:
            assert query.page(2, forged).frame.height <= 2
        except ks.InvalidInput:
            pass


@given(value=json_values, by=st.sampled_from(PLAIN))
def test_values_that_a_column_can_t_hold_are_refused(value: Any, by: str) -> None:
    query = select(FRAME).sort(by)
    whole = base64.urlsafe_b64decode(query.page(1).next + "==")
    body = whole[8:17] + json.dumps([1, 1, None, [value]]).encode()
    forged = base64.urlsafe_b64encode(cursor._check(body) + body).decode().rstrip("=")
    try:
        assert query.page(2, forged).frame.height <= 2
    except ks.InvalidInput:
        pass


def test_nesting_without_end_is_no_token() -> None:
    whole = base64.urlsafe_b64decode(select(FRAME).page(1).next + "==")
    body = whole[8:17] + b"[" * 200_000
    forged = base64.urlsafe_b64encode(cursor._check(body) + body).decode().rstrip("=")
    with pytest.raises(ks.InvalidInput, match="after must be"):
        select(FRAME).page(1, forged)


def test_a_version_that_is_not_known_is_told() -> None:
    whole = base64.urlsafe_b64decode(select(FRAME).page(1).next + "==")
    body = bytes([9]) + whole[9:]
    with pytest.raises(ks.InvalidInput, match="version 9"):
        select(FRAME).page(1, base64.urlsafe_b64encode(cursor._check(body) + body).decode().rstrip("="))


def test_pages_sorted_by_lists_or_structs_are_refused() -> None:
    frame = pl.DataFrame({"pair": [{"x": 1}, {"x": 2}, {"x": 0}]})
    assert select(frame).sort("pair").collect()["pair"].to_list() == [{"x": 0}, {"x": 1}, {"x": 2}]
    with pytest.raises(ks.InvalidInput, match="plain values"):
        select(frame).sort("pair").page(1)


@pytest.mark.parametrize("size", [0, -1, True, 1.0, None])
def test_a_page_has_at_least_one_row(size: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="size"):
        select(FRAME).page(size)
