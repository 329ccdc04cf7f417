"""A statement's answer is that of the builder's calls that say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from polars.testing import assert_frame_equal

import kinspace as ks
from kinspace import Hub
from thorough import rounds

SIGNS = {"cosine": "<=>", "l2": "<->", "ip": "<#>"}
CONDITIONS: list[tuple[str, str, dict[str, Any]]] = [  # in a statement, for the builder, and their parameters
    ("score > 0.5", "score > 0.5", {}),
    ("docs.score <= :most", "score <= :most", {"most": 0.7}),
    ("section is null", "section is null", {}),
    ("(section = 'games' or year between 2003 and 2010)", "section = 'games' or year between 2003 and 2010", {}),
    ("'b' = any(tags)", "'b' = any(tags)", {}),
    ("made.by in :who", "made.by in :who", {"who": ["p1", "p2"]}),
    ("docs.made.by <> 'p0'", "made.by <> 'p0'", {}),
    ("id like 'k1%'", "key like 'k1%'", {}),
    ("day >= date '2024-01-09'", "day >= date '2024-01-09'", {}),
    ("not (year > :y or title is null)", "not (year > :y or title is null)", {"y": 2015}),
    ("case when year < 2010 then true else false end", "year < 2010", {}),
]
ITEMS: list[tuple[str, str, Any]] = [
    ("id", "id", "key"),
    ("title as t", "t", "title"),
    ("docs.year", "year", "year"),
    ("emb as v", "v", "vector"),
    ("score * 2 + 1 as twice", "twice", ks.col("score") * 2 + 1),
    ("upper(docs.section) as loud", "loud", ks.col("section").upper()),
    ("made.by", "by", ks.col("made.by")),
]
QUERIES = st.lists(st.integers(-3, 3), min_size=4, max_size=4).map(lambda x: np.array(x, np.float32))


@settings(max_examples=rounds(40, 1_000), deadline=None)
@given(data=st.data())
def test_a_statement_is_the_builders_calls(hub: Hub, data: st.DataObject) -> None:
    draw = data.draw
    metric = draw(st.sampled_from(sorted(SIGNS)))
    items = draw(st.lists(st.sampled_from(ITEMS), min_size=1, unique_by=lambda item: item[1]))
    conditions = draw(st.lists(st.sampled_from(CONDITIONS), max_size=3, unique_by=lambda one: one[0]))
    limit, offset = draw(st.none() | st.integers(0, 30)), draw(st.none() | st.integers(0, 5))
    shape = draw(st.sampled_from(["rows", "sorted", "nearest", "within", "both"]))
    query, bound = draw(QUERIES), draw(st.sampled_from([-2.0, 0.25, 1.0, 4.0]))
    distance = f"emb {SIGNS[metric]} :q"
    params: dict[str, Any] = {}
    where = []
    select = hub.get_space(metric).select(**{name: value for _, name, value in items})
    for text, same, values in conditions:
        where.append(text)
        params |= values
        select = select.where(same, params=values or None)
    order = ""
    texts = [text for text, _, _ in items]
    if shape in ("nearest", "within", "both"):
        params["q"] = query
        if draw(st.booleans()):
            texts.append(f"1 - ({distance}) as sim")
            select = hub.get_space(metric).select(**{name: value for _, name, value in items}, sim=1 - ks.col("_dist"))
            for _, same, values in conditions:
                select = select.where(same, params=values or None)
        select = select.nearest(query, exact=True)
    if shape in ("nearest", "both"):
        order = f" order by {distance}"
        if limit is None and shape == "nearest":
            select = select.take(10_000)
    if shape in ("within", "both"):
        strictly = draw(st.booleans())
        where.insert(draw(st.integers(0, len(where))), f"{distance} {'<' if strictly else '<='} {bound}")
        select = select.within(np.nextafter(bound, -np.inf) if strictly else bound)
    if shape == "sorted":
        order = " order by year desc, t" if any(name == "t" for _, name, _ in items) else " order by year desc, title"
        select = select.sort("year", "title", descending=[True, False])
    if limit is not None:
        select = select.take(limit)
    if offset is not None:
        select = select.offset(offset)
    text = f"select {', '.join(texts)} from {metric} as docs"
    text += f" where {' and '.join(where)}" if where else ""
    text += order + ("" if limit is None else f" limit {limit}") + ("" if offset is None else f" offset {offset}")
    assert_frame_equal(hub.sql(text, params or None, exact=True), select.collect())


@pytest.mark.parametrize("metric", sorted(SIGNS))
def test_distances_are_those_of_a_scan_in_double(hub: Hub, metric: str) -> None:
    space = hub.get_space(metric)
    rows, query = space.to_polars(vectors=True), np.array([1, 2, -1, 0.5])
    vectors = rows["vector"].to_numpy().astype(np.float64)
    if metric == "l2":
        distances = np.sqrt(((vectors - query) ** 2).sum(axis=1))
    elif metric == "ip":
        distances = -(vectors @ query)
    else:
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        distances = np.where(norms > 0, 1 - vectors @ query / np.where(norms > 0, norms, 1), 1.0)
    found = hub.sql(f"select key, vector {SIGNS[metric]} $1 as d from {metric} order by d", [query])
    truth = rows.select("key", pl.Series("d", distances)).sort("d", maintain_order=True)
    np.testing.assert_allclose(found["d"], truth["d"], atol=1e-12)
    assert dict(found.rows()) == pytest.approx(dict(truth.rows()))


def test_groups_are_counted_with_null_among_them(hub: Hub) -> None:
    rows = hub.get_space("docs").to_polars()
    truth = rows.group_by("section").len().sort("len", "section", descending=[True, False], nulls_last=True)
    text = "select section, count(*) from docs group by section order by count(*) desc, section"
    found = hub.sql(text)
    assert found.columns == ["section", "count"]
    assert found.rows() == truth.rows()
    some = hub.sql(
        "select count(*) as n, section as s from docs where year > 2010 group by section order by s desc limit 1"
    )
    assert some.rows() == [(rows.filter(pl.col("year") > 2010, pl.col("section") == "web").height, "web")]
    assert hub.sql("select section from docs group by section order by section").rows() == [
        ("games",),
        ("web",),
        (None,),
    ]


def test_rows_within_a_distance_are_counted_and_grouped(hub: Hub) -> None:
    near = hub.sql("select section from docs where emb <=> :q <= 0.4 and year > 2003", {"q": [1, 2, 0, 1]})
    assert 0 < near.height < 80
    count = hub.sql("select count(*) as n from docs where year > 2003 and 0.4 >= emb <=> :q", {"q": [1, 2, 0, 1]})
    assert count.rows() == [(near.height,)]
    groups = hub.sql(
        "select section, count(*) from docs where year > 2003 and emb <=> :q <= :far group by section",
        {"q": [1, 2, 0, 1], "far": 0.4},
    )
    assert dict(groups.rows()) == dict(near.group_by("section").len().rows())


def test_every_row_comes_back_without_a_limit_nearest_first(hub: Hub) -> None:
    found = hub.sql("select id, _dist from docs order by emb <=> '[1,2,3,4]'")
    assert found.height == len(hub.get_space("docs"))
    assert found["_dist"].is_sorted()


def test_all_of_it_is_the_key_and_the_columns(hub: Hub) -> None:
    space = hub.get_space("docs")
    assert_frame_equal(hub.sql("select * from docs"), space.to_polars())
    found = hub.sql("select docs.*, _dist as d from docs order by vector <=> '[1,2,3,4]' limit 3", exact=True)
    assert found.columns == ["key", *space.columns, "d"]


@pytest.mark.parametrize(("sign", "space"), [("<~>", "bits"), ("<%>", "sets")])
def test_bits_have_their_operators(hub: Hub, sign: str, space: str) -> None:
    truth = (
        hub.get_space(space).select("key", d="_dist").nearest([1, 0, 1, 1, 0, 0, 1, 0], exact=True).take(5).collect()
    )
    for query in ("'10110010'", "b'10110010'", "'10110010'::bit(8)", "array[1,0,1,1,0,0,1,0]"):
        found = hub.sql(f"select key, vector {sign} {query} as d from {space} order by d limit 5", exact=True)
        assert_frame_equal(found, truth)


def test_a_snapshot_is_read_after_an_at(tmp_path: Any) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        docs = hub.create_space("docs", dims=1)
        docs.set("a", [1])
        docs.snapshot("monday")
        docs.set("b", [1])
        counts = [hub.sql(f'select count(*) from "{name}"').item() for name in ("docs@monday", "docs")]
        assert counts == [1, 2]
        hub.create_space("docs@monday", dims=1)
        assert hub.sql('select count(*) from "docs@monday"').item() == 0
        with pytest.raises(ks.SnapshotNotFound):
            hub.sql('select * from "docs@tuesday"')


def test_a_column_of_that_name_is_meant_before_the_key_or_the_vector() -> None:
    with ks.connect(":memory:") as hub:
        docs = hub.create_space("docs", dims=1)
        docs.set("a", [1], id="mine", emb="word")
        found = hub.sql("select id, emb, key, embedding from docs where id = 'mine' order by vector <=> '[1]'")
        assert found.rows() == [("mine", "word", "a", [1.0])]
        with pytest.raises(ks.InvalidInput, match="called 'vector'"):
            hub.sql("select * from docs order by emb <=> '[1]'")
