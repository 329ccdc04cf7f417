"""Pages of a space that is written to between them: nothing that stays comes twice or never."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, strategies as st

import kinspace as ks
from chains import DIMS, columns, vectors

_names = count()
ORDERS: dict[str, Any] = {
    "row order": lambda query: query,
    "one column": lambda query: query.sort("n", descending=True),
    "columns": lambda query: query.sort("s", "f", descending=[True, False]),
    "distance": lambda query: query.nearest([1.0, 0.5]),
    "within": lambda query: query.nearest([1.0, 0.5]).within(1.0),
    "groups": lambda query: query.nearest([1.0, 0.5]).group("s", per=2),
    "sorted groups": lambda query: query.sort("n").group("s", per=2),
}
keys = st.sampled_from("abcdefghijkl")
change = (
    st.tuples(st.just("new"), vectors, columns)
    | st.tuples(st.just("delete"), keys)
    | st.tuples(st.sampled_from(["flush", "compact"]))
)


@given(
    order=st.sampled_from(list(ORDERS)),
    rows=st.lists(st.tuples(vectors, columns), min_size=4, max_size=12),
    between=st.lists(st.lists(change, max_size=4), min_size=8, max_size=8),
    metric=st.sampled_from(["cosine", "l2", "ip"]),
    size=st.integers(1, 4),
)
def test_a_page_goes_on_after_the_last_row_of_the_one_before(
    memory: ks.Hub,
    order: str,
    rows: list[Any],
    between: list[Any],
    metric: str,
    size: int,
) -> None:
    space = memory.create_space(f"pages{next(_names)}", dims=DIMS, metric=metric)
    space.set("l", [2.0, 1.0], n=0, f=0.0, s="", tags=["x"])
    for key, (vector, more) in zip("abcdefghijkl", rows, strict=False):
        space.set(key, vector, **more)
    query = ORDERS[order](space.select("key"))
    stayed, new = set(keys_of(query)), count()
    shown: list[str] = []
    page = query.page(size)
    shown += page.frame["key"].to_list()
    for changes in between:
        if page.next is None:
            break
        for kind, *what in changes:
            if kind == "new":
                space.set(f"new{next(new)}", what[0], **what[1])
            elif kind == "delete":
                space.delete(what[0])
            else:
                getattr(space, kind)()
        whole = keys_of(query)
        last = shown[-1]
        page = query.page(size, after=page.next)
        found = page.frame["key"].to_list()
        if last in whole:  # it is still there: the page is what comes after it now
            assert found == whole[whole.index(last) + 1 :][:size]
        shown += found
        stayed &= set(whole)
    while page.next is not None:
        page = query.page(size, after=page.next)
        shown += page.frame["key"].to_list()
    assert len(shown) == len(set(shown))
    if "group" not in order:
        assert stayed <= set(shown)


def keys_of(query: Any) -> list[str]:
    """All of them, in order."""
    return query.page(10**6).frame["key"].to_list()


def test_the_row_a_page_ended_with_may_be_gone(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1.0, i, 0.0], {"n": i // 3}) for i in range(9)])
    for query in (space.select("key"), space.select("key").sort("n"), space.select("key").nearest([1.0, 0.0, 0.0])):
        page = query.page(4)
        assert page.frame["key"].to_list() == ["k0", "k1", "k2", "k3"]
        space.delete("k3")
        space.flush()
        assert query.page(4, page.next).frame["key"].to_list() == ["k4", "k5", "k6", "k7"]
        space.multiset([(f"k{i}", [1.0, i, 0.0], {"n": i // 3}) for i in range(9)])


def test_a_row_that_is_set_again_comes_again_for_it_is_a_new_one(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1.0, i, 0.0]) for i in range(4)])
    page = space.select("key").page(2)
    space.set("k0", [5.0, 5.0, 5.0])
    assert space.select("key").page(9, page.next).frame["key"].to_list() == ["k2", "k3", "k0"]


def test_copies_at_one_distance_are_told_apart_by_row_order(space: ks.Space) -> None:
    space.multiset([(f"k{i:02}", [1.0, 0.0, 0.0]) for i in range(30)])
    space.flush()
    query = space.select("key", d="_dist").nearest([2.0, 1.0, 0.0])
    pages = [query.page(7)]
    while pages[-1].next is not None:
        space.set(f"x{len(pages)}", [2.0, 1.0, 0.0])  # nearer than all, so before what is left
        pages.append(query.page(7, pages[-1].next))
    assert pl.concat([page.frame for page in pages])["key"].to_list() == [f"k{i:02}" for i in range(30)]


def test_take_counts_the_rows_of_all_pages_and_offset_those_of_the_first(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1.0, i, 0.0]) for i in range(9)])
    query = space.select("key").offset(1).take(5)
    first = query.page(3)
    second = query.page(3, first.next)
    assert first.frame["key"].to_list() == ["k1", "k2", "k3"]
    assert second.frame["key"].to_list() == ["k4", "k5"]
    assert second.next is None
    assert space.select().take(0).page(3).next is None
    assert query.page(5).next is None


def test_a_token_is_good_in_another_process_and_after_a_restart(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=3)
        space.multiset([(f"k{i}", rng.normal(size=3), {"n": float(i % 5)}) for i in range(40)])
        chains = {"near": space.select("key").nearest([1, 2, 3]), "sorted": space.select("key").sort("n")}
        firsts = {name: query.page(15) for name, query in chains.items()}
        wanted = {name: query.page(40).frame["key"].to_list()[15:] for name, query in chains.items()}
    code = (
        "import sys, kinspace as ks\n"
        "space = ks.connect(sys.argv[1]).get_space('docs')\n"
        "some = space.select('key')\n"
        "for query, token in zip((some.nearest([1, 2, 3]), some.sort('n')), sys.argv[2:]):\n"
        "    print(*(row['key'] for row in query.page(40, token).rows()))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hub"), firsts["near"].next, firsts["sorted"].next],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split() for line in told.stdout.splitlines()] == list(wanted.values())


def test_a_column_that_widened_between_pages_goes_on_where_it_was(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1.0, 0.0, 0.0], {"n": i}) for i in range(6)])
    query = space.select("key").sort("n", descending=True)
    page = query.page(2)
    space.set("half", [1.0, 0.0, 0.0], n=2.5)
    assert query.page(9, page.next).frame["key"].to_list() == ["k3", "half", "k2", "k1", "k0"]


def test_pages_of_a_snapshot_don_t_change(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1.0, i, 0.0]) for i in range(6)])
    monday = space.snapshot("monday")
    page = monday.select("key").nearest([1.0, 0.0, 0.0]).page(2)
    space.delete_all()
    assert monday.select("key").nearest([1.0, 0.0, 0.0]).page(9, page.next).frame["key"].to_list() == [
        "k2",
        "k3",
        "k4",
        "k5",
    ]
