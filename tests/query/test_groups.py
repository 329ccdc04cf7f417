"""group with nearest: the best of each group, however rare it is, in order of distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances
from kinspace.query import select

N = 4_000
RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(N, 4)).astype(np.float32)
QUERY = np.ones(4, np.float32)
ORDER = np.argsort(distances(ROWS, QUERY, "l2"), kind="stable")
SECTION = np.full(N, "common", dtype=object)
SECTION[ORDER[2_500:2_503]] = "rare"
SECTION[ORDER[-1]] = "last"
SECTION[ORDER[3_000]] = None


@pytest.fixture(scope="module")
def kept() -> Any:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=4, metric="l2")
        columns = pl.DataFrame({"key": [str(i) for i in range(N)], "section": SECTION.tolist(), "vector": ROWS})
        space.load(columns[:3_000], key="key", vector="vector")
        space.flush()
        space.load(columns[3_000:], key="key", vector="vector")
        yield space


def expected(per: int) -> list[str]:
    seen: dict[Any, int] = {}
    out = []
    for row in ORDER.tolist():
        seen[SECTION[row]] = seen.get(SECTION[row], 0) + 1
        out += [str(row)] * (seen[SECTION[row]] <= per)
    return out


@pytest.mark.parametrize("per", [1, 2, 5])
def test_rare_groups_are_there_however_far(kept: ks.Space, per: int) -> None:
    query = kept.select("key", "section").nearest(QUERY).group("section", per=per)
    assert query.take(100).collect()["key"].to_list() == expected(per)
    assert query.count() == len(expected(per))
    if per > 1:
        assert query.collect()["key"].to_list() == expected(per)[:10]


def test_take_and_offset_count_rows(kept: ks.Space) -> None:
    query = kept.select("key").nearest(QUERY).group("section", per=3)
    assert query.take(4).collect()["key"].to_list() == expected(3)[:4]
    assert query.offset(2).take(3).collect()["key"].to_list() == expected(3)[2:5]


def test_group_and_within_take_what_is_in_both(kept: ks.Space) -> None:
    reach = float(distances(ROWS[ORDER[2_600]][None], QUERY, "l2")[0])
    query = kept.select("section").nearest(QUERY).within(reach).group("section", per=2)
    assert query.collect()["section"].to_list() == ["common", "common", "rare", "rare"]


def test_a_frame_groups_likewise(kept: ks.Space) -> None:
    frame = pl.concat(kept.scan())
    one = kept.select("key", "section", d="_dist").nearest(QUERY).group("section", per=4).take(50)
    other = select(frame, "key", "section", d="_dist").nearest("vector", QUERY, metric="l2").group("section", per=4)
    assert one.collect().equals(other.take(50).collect())


def test_group_by_what_can_t_be_compared_is_refused() -> None:
    frame = pl.DataFrame({"o": pl.Series([set(), set()], dtype=pl.Object), "v": [[1.0], [2.0]]})
    for query in (select(frame), select(frame).nearest("v", [1.0])):
        with pytest.raises(ks.InvalidInput, match="Python objects"):
            query.group("o").collect()
