"""select … where … nearest … take on a bare frame."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from brute import nearest
from kinspace import Hnsw, InvalidInput, select
from kinspace.explain import UNTRACED, Trace
from select_frames import EMB, FRAME, QUERY, N, ids


def test_with_nothing_asked_the_rows_and_columns_are_the_sources() -> None:
    assert_frame_equal(select(FRAME).collect(), FRAME)


def test_nearest_returns_the_nearest_rows_in_order() -> None:
    for metric in ("cosine", "l2", "ip"):
        for column in ("emb", "vec"):
            found = select(FRAME, "id", d="_dist").nearest(column, QUERY, metric=metric).take(7).collect()
            rows, distances = nearest(EMB, QUERY, 7, metric)
            assert ids(found) == rows.tolist()
            assert np.allclose(found["d"], distances)


def test_nearest_is_by_cosine_unless_said() -> None:
    found = select(FRAME, "id", "_dist").nearest("emb", QUERY).collect()
    assert ids(found) == nearest(EMB, QUERY, 10, "cosine")[0].tolist()
    assert found["_dist"][0] == 0.0


def test_nearest_without_take_is_ten() -> None:
    assert select(FRAME).nearest("emb", QUERY).collect().height == 10


def test_default_projection_is_the_sources_columns_exactly() -> None:
    found = select(FRAME).nearest("emb", QUERY).take(3).collect()
    assert found.schema == FRAME.schema


def test_dist_only_when_named() -> None:
    assert "_dist" not in select(FRAME).nearest("emb", QUERY).collect().columns
    found = select(FRAME, "_dist", "id").nearest("emb", QUERY).collect()
    assert found.columns == ["_dist", "id"]
    assert found.schema["_dist"] == pl.Float64


def test_columns_can_be_renamed_and_computed() -> None:
    found = select(
        FRAME, "id", d="_dist", near=1 - pl.col("_dist"), mib=pl.col("kib") / 1024, name="section", one=pl.lit(1)
    )
    found = found.nearest("emb", QUERY).take(5).collect()
    assert found.columns == ["id", "d", "near", "mib", "name", "one"]
    assert np.allclose(found["near"], 1 - found["d"])
    expected = FRAME[ids(found)]
    assert found["mib"].to_list() == (expected["kib"] / 1024).to_list()
    assert found["name"].to_list() == expected["section"].to_list()
    assert found["one"].to_list() == [1] * 5


def test_a_new_name_may_be_that_of_another_column() -> None:
    found = select(FRAME, id="section", section="id").take(2).collect()
    assert found.rows() == [("games", "row 0"), ("web", "row 1")]


def test_where_is_sql_or_a_polars_expression() -> None:
    for where in ("section = 'games' AND kib > 1000", (pl.col("section") == "games") & (pl.col("kib") > 1000)):
        assert ids(select(FRAME).where(where).collect()) == [12, 16, 20, 24, 28, 32, 36]


def test_several_wheres_must_all_be_true() -> None:
    found = select(FRAME).where("section = 'games'").where(pl.col("kib") > 1000).where("kib < 2500").collect()
    assert ids(found) == [12, 16, 20, 24]


def test_comparing_null_is_not_true() -> None:
    assert 3 not in ids(select(FRAME).where("kib < 1000").collect())
    assert 3 not in ids(select(FRAME).where("NOT kib < 1000").collect())
    assert ids(select(FRAME).where("kib IS NULL").collect()) == [3, 13, 23, 33]


@pytest.mark.parametrize(
    "where", ["kib >= 0", "kib = 1100", "kib IN (0, 100, 3900)", "section = 'web' OR kib > 3000", "true"]
)
def test_a_filtered_nearest_returns_min_of_take_and_the_matching_rows(where: str) -> None:
    mask = FRAME.select(pl.sql_expr(where).fill_null(False)).to_series().to_numpy()
    mask = np.broadcast_to(mask, N)
    for column in ("emb", "vec"):
        found = select(FRAME, "id", d="_dist").where(where).nearest(column, QUERY).take(25).collect()
        rows, distances = nearest(EMB, QUERY, 25, "cosine", mask)
        assert ids(found) == rows.tolist()
        assert np.allclose(found["d"], distances)


def test_nothing_matches_is_no_rows_with_the_full_schema() -> None:
    for query in (select(FRAME), select(FRAME).nearest("emb", QUERY), select(FRAME).sort("kib").group("section")):
        found = query.where("kib < 0").collect()
        assert found.height == 0
        assert found.schema == FRAME.schema
    computed = select(FRAME, "id", d="_dist", one=pl.lit(1), mib=pl.col("kib") / 1024).where("kib < 0")
    assert computed.nearest("emb", QUERY).collect().schema == pl.Schema(
        {"id": pl.String, "d": pl.Float64, "one": pl.Int32, "mib": pl.Float64}
    )
    assert select(FRAME, one=pl.lit(1)).where("kib < 0").collect().height == 0


def test_a_frame_of_no_rows_is_a_source() -> None:
    empty = FRAME.clear()
    assert select(empty).nearest("emb", QUERY).collect().schema == FRAME.schema
    assert select(empty).where("kib > 1").sort("kib").collect().schema == FRAME.schema
    assert select(pl.DataFrame()).collect().shape == (0, 0)


def test_all_column_types_and_nulls_pass_through() -> None:
    rich = pl.DataFrame(
        {
            "emb": pl.Series(EMB[:3]),
            "nothing": [None] * 3,
            "object": pl.Series([object(), None, {1}], dtype=pl.Object),
            "category": pl.Series(["a", None, "b"], dtype=pl.Categorical),
            "enum": pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a"])),
            "struct": [{"x": 1, "y": [1]}, None, {"x": None, "y": None}],
            "lists": [[1, None], None, []],
            "binary": [b"\0", None, b""],
            "decimal": pl.Series(["1.10", None, "2.20"]).str.to_decimal(scale=2),
            "when": pl.Series([dt.datetime(2024, 1, 1), None, dt.datetime(1, 1, 1)], dtype=pl.Datetime("us", "UTC")),
            "long": pl.Series([dt.timedelta(1), None, dt.timedelta(-1)]),
            "time": [dt.time(1), None, dt.time(2)],
            "flag": [True, None, False],
            "float": [float("nan"), None, -0.0],
            "uint": pl.Series([2**64 - 1, None, 0], dtype=pl.UInt64),
        }
    )
    found = select(rich).nearest("emb", EMB[2]).take(3).collect()
    order = nearest(EMB[:3], EMB[2], 3, "cosine")[0].tolist()
    assert found.schema == rich.schema
    assert found["object"].to_list() == [rich["object"][i] for i in order]
    assert_frame_equal(found.drop("object"), rich[order].drop("object"))
    assert_frame_equal(select(rich).where("uint IS NULL").collect().drop("object"), rich[1:2].drop("object"))


def test_take_without_nearest_is_the_first_rows() -> None:
    assert ids(select(FRAME).take(3).collect()) == [0, 1, 2]
    assert ids(select(FRAME).where("section = 'net'").take(2).collect()) == [3, 7]
    assert select(FRAME).take(0).collect().schema == FRAME.schema
    assert select(FRAME).take(10**9).collect().height == N
    assert select(FRAME).nearest("emb", QUERY).take(0).collect().schema == FRAME.schema


def test_sort_is_stable_with_nulls_last() -> None:
    found = ids(select(FRAME).sort("section").collect())
    sections = [FRAME["section"][i] for i in found]
    assert sections == ["games"] * 10 + ["net"] * 10 + ["web"] * 10 + [None] * 10
    for start in range(0, N, 10):
        assert found[start : start + 10] == sorted(found[start : start + 10])
    down = ids(select(FRAME).sort("section", descending=True).collect())
    assert down == found[20:30] + found[10:20] + found[:10] + found[30:]


def test_sort_goes_with_where_and_take_and_needs_no_named_column() -> None:
    found = select(FRAME, "id").where("section = 'games'").sort("kib", descending=True).take(3).collect()
    assert found.columns == ["id"]
    assert ids(found) == [36, 32, 28]


def test_group_keeps_the_first_rows_of_each_value() -> None:
    assert ids(select(FRAME).group("section").collect()) == [0, 1, 2, 3]
    assert ids(select(FRAME).group("section", per=2).collect()) == list(range(8))
    assert ids(select(FRAME).where("kib > 1000").group("section", per=1).take(3).collect()) == [11, 12, 14]


def test_group_after_sort_keeps_the_first_in_that_order() -> None:
    found = select(FRAME).sort("kib", descending=True).group("section").collect()
    assert ids(found) == [39, 38, 37, 36]


def test_parts_apply_in_one_order_whichever_they_are_given_in() -> None:
    first = select(FRAME).where("kib > 500").sort("kib", descending=True).take(4).collect()
    assert_frame_equal(select(FRAME).take(4).sort("kib", descending=True).where("kib > 500").collect(), first)
    found = select(FRAME).nearest("emb", QUERY).take(4).where("kib > 500").collect()
    assert_frame_equal(select(FRAME).where("kib > 500").take(4).nearest("emb", QUERY).collect(), found)


def test_the_builder_is_immutable() -> None:
    base = select(FRAME, "id")
    narrowed = base.where("kib > 3000")
    narrowed.nearest("emb", QUERY).take(1)
    assert base.collect().height == N
    assert narrowed.collect().height == 8
    assert narrowed.collect().height == 8
    with pytest.raises(AttributeError):
        base.names = ("kib",)


def test_a_lazy_frame_is_collected_once() -> None:
    calls = []

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        calls.append(frame.height)
        return frame

    lazy = FRAME.lazy().map_batches(count)
    query = select(lazy, "id").nearest("emb", QUERY)
    assert_frame_equal(query.collect(), query.take(10).collect())
    assert calls == [N]


def test_an_arrow_table_is_a_source() -> None:
    class Table:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return FRAME.__arrow_c_stream__(requested_schema)

    assert ids(select(Table(), "id").nearest("emb", QUERY).collect()) == ids(
        select(FRAME).nearest("emb", QUERY).collect()
    )


def test_the_source_is_not_changed() -> None:
    before = FRAME.clone()
    select(FRAME, d="_dist").where("kib > 100").nearest("emb", QUERY).collect()
    select(FRAME).sort("kib", descending=True).group("section").collect()
    assert_frame_equal(FRAME, before)


def test_any_source_that_keeps_the_protocol_will_do() -> None:
    from kinspace.query import Search, Select, Source
    from kinspace.query.frame import Frame

    class Backwards(Frame):  # handles count from the end, and one column is kept out of the default
        opened = 0

        @contextmanager
        def open(self, trace: Trace = UNTRACED) -> Iterator[Backwards]:
            Backwards.opened += 1
            yield self

        @property
        def columns(self) -> list[str]:
            return ["id", "kib"]

        def matching(self, where: object) -> np.ndarray:
            return -1 - super().matching(where)

        def seqs(self, handles: np.ndarray) -> np.ndarray:
            return super().seqs(-1 - handles)

        def search(self, *args: object) -> Search:
            search = super().search(*args)
            forwards = search.nearest

            def nearest(k: int, *, exact: bool) -> tuple[np.ndarray, np.ndarray]:
                rows, distances = forwards(k, exact=exact)
                return -1 - rows, distances

            search.nearest = nearest
            return search

        def take(self, handles: np.ndarray, columns: list[str]) -> pl.DataFrame:
            return super().take(-1 - handles, columns)

    source: Source = Backwards(FRAME)
    assert_frame_equal(Select(source).collect(), FRAME.select("id", "kib"))
    with source.open() as rows:
        assert rows.schema == FRAME.schema
    assert_frame_equal(
        Select(source, ("id",), {"d": "_dist"}).where("kib > 300").nearest("emb", QUERY).collect(),
        select(FRAME, "id", d="_dist").where("kib > 300").nearest("emb", QUERY).collect(),
    )
    assert_frame_equal(
        Select(source).sort("day", descending=True).group("section", 2).take(5).collect(),
        select(FRAME, "id", "kib").sort("day", descending=True).group("section", 2).take(5).collect(),
    )
    near = Select(source, ("id",)).nearest("emb", QUERY).group("section", 2)
    expected = select(FRAME, "id").nearest("emb", QUERY).group("section", 2).take(6).collect()
    assert_frame_equal(near.page(3, near.page(3).next).frame, expected[3:])
    assert Backwards.opened == 6


@pytest.mark.parametrize("column", ["emb", "vec"])
@pytest.mark.parametrize("metric", ["cosine", "l2", "ip"])
@pytest.mark.parametrize("dims", [1, 3, 4])
def test_the_first_components_are_compared_and_the_candidates_by_all(column: str, metric: str, dims: int) -> None:
    mask = np.array([section == "games" for section in FRAME["section"]])
    chosen = select(FRAME, "id").where("section = 'games'")
    short = nearest(EMB[:, :dims], QUERY[:dims], 3, metric, mask)[0].tolist()
    for query, rerank in ((QUERY[:dims], None), (QUERY, False)):
        found = chosen.nearest(column, query, metric=metric, dims=dims, rerank=rerank).take(3).collect()
        assert ids(found) == short
    candidates = np.isin(np.arange(N), nearest(EMB[:, :dims], QUERY[:dims], 6, metric, mask)[0])
    found = chosen.nearest(column, QUERY, metric=metric, dims=dims, expand=2).take(3).collect()
    allowed = mask if dims == 4 else candidates
    assert ids(found) == nearest(EMB, QUERY, 3, metric, allowed)[0].tolist()
    assert chosen.nearest(column, QUERY, dims=dims).take(0).collect().height == 0
    assert select(FRAME, "id").where("kib < 0").nearest(column, QUERY, dims=dims).collect().height == 0


def test_lengths_that_can_t_be_compared_are_refused() -> None:
    for query, more, told in [
        (QUERY, {"dims": 5}, "1…4"),
        (QUERY[:2], {"dims": 3}, "must have 3 dims"),
        (QUERY[:2], {"dims": 2, "rerank": True}, "rerank=True"),
        (QUERY, {"dims": 2, "expand": 0}, "expand"),
    ]:
        with pytest.raises(InvalidInput, match=told):
            select(FRAME).nearest("emb", query, **more).collect()
    with pytest.raises(InvalidInput, match="leave dims out"):
        select(FRAME).nearest(Hnsw.build(EMB), QUERY, dims=2).collect()
    empty = FRAME.clear()
    assert select(empty, "id").nearest("emb", QUERY, dims=2).collect().height == 0
