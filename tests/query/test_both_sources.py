"""The same rows in a frame and in a space, and the same select: one answer, that of a row-by-row oracle."""

from __future__ import annotations

from itertools import count
from typing import Any

import polars as pl
from hypothesis import given, strategies as st
from polars.testing import assert_frame_equal

import kinspace as ks
from chains import DIMS, answer, build, chains, every_row, frame_of, write, writes

METRICS = ("cosine", "l2", "ip")
_names = count()


def filled(hub: ks.Hub, metric: str, changes: list[Any]) -> ks.Space:
    space = hub.create_space(f"s{next(_names)}", dims=DIMS, metric=metric)
    write(space, changes)
    return space


def projected(chain: dict[str, Any]) -> dict[str, Any]:
    return {"d": "_dist", "twice": pl.col("_dist") * 2} if "nearest" in chain else {"twice": pl.col("n") * 2}


@given(changes=writes, chain=chains, metric=st.sampled_from(METRICS))
def test_a_frame_and_a_space_of_the_same_rows_give_equal_frames(
    memory: ks.Hub, changes: list[Any], chain: dict[str, Any], metric: str
) -> None:
    space = filled(memory, metric, changes)
    more = projected(chain)
    one = build(space.select("key", "s", "vector", **more), chain, metric)
    other = build(ks.select(frame_of(space), "key", "s", "vector", **more), chain, metric, ("vector",))
    found = one.collect()
    assert_frame_equal(found, other.collect(), check_exact=True)
    assert one.count() == other.count()
    assert_frame_equal(one.facets("tags"), other.facets("tags"))
    assert_frame_equal(one.facets("f", limit=2), other.facets("f", limit=2))
    pages, others = one.page(2), other.page(2)
    for _ in range(3):
        assert_frame_equal(pages.frame, others.frame, check_exact=True)
        if pages.next is None or others.next is None:
            assert pages.next is others.next is None
            break
        pages, others = one.page(2, pages.next), other.page(2, others.next)


@given(changes=writes, chain=chains, metric=st.sampled_from(["l2", "ip"]))
def test_the_answer_is_the_oracles(memory: ks.Hub, changes: list[Any], chain: dict[str, Any], metric: str) -> None:
    space = filled(memory, metric, changes)
    frame = frame_of(space)
    query = build(space.select("key", d="_dist") if "nearest" in chain else space.select("key"), chain, metric)
    expected = answer(frame, chain, metric)
    found = query.rows()
    assert [(row["key"], row.get("d")) for row in found] == expected
    assert query.count() == len(every_row(frame, chain, metric))


@given(changes=writes, chain=chains, metric=st.sampled_from(["l2", "ip"]), size=st.integers(1, 5))
def test_pages_end_to_end_are_the_whole_answer(
    memory: ks.Hub, changes: list[Any], chain: dict[str, Any], metric: str, size: int
) -> None:
    space = filled(memory, metric, changes)
    query = build(space.select("key"), chain, metric)
    pages = [query.page(size)]
    while pages[-1].next is not None:
        pages.append(query.page(size, after=pages[-1].next))
    assert all(len(page.frame) == size for page in pages[:-1])
    assert len(pages) == 1 or len(pages[-1].frame)
    whole = answer(frame_of(space), {"take": 10**9, **chain}, metric)
    assert [row["key"] for page in pages for row in page.rows()] == [key for key, _ in whole]
