"""A space is a plain table to Polars, DuckDB, pyarrow and pandas."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

import kinspace as ks
from kinspace import Space
from kinspace.space.exchange import lazy as lazy_module
from kinspace.space.state.view import View

duckdb = pytest.importorskip("duckdb")
DIMS = 3
QUERIES: dict[str, Callable[[Any], Any]] = {
    "filter": lambda rows: rows.filter(pl.col("year") > 2010).select("key"),
    "null": lambda rows: rows.filter(pl.col("year").is_null()),
    "two filters": lambda rows: rows.filter(pl.col("tags").list.contains("b"), pl.col("year") < 2020).head(4),
    "vectors": lambda rows: rows.filter(pl.col("vector").arr.first() > 0).select("key", "vector"),
    "a filter over all rows": lambda rows: rows.filter(pl.col("year") > pl.col("year").mean()).select("year"),
    "duplicates": lambda rows: rows.filter(pl.col("key").is_duplicated()),
    "none": lambda rows: rows.filter(pl.col("year") > 5000),
    "head": lambda rows: rows.head(5),
    "tail": lambda rows: rows.tail(5),
    "slice": lambda rows: rows.slice(40, 20).select("key", "year"),
    "count": lambda rows: rows.select(pl.len()),
    "groups": lambda rows: rows.group_by("year").len().sort("year", nulls_last=True),
    "constant": lambda rows: rows.select(pl.lit(1).alias("one")),
    "row index": lambda rows: rows.with_row_index().filter(pl.col("index") % 7 == 0).select("key"),
    "join": lambda rows: rows.join(rows, on="key").select(pl.len()),
    "sort": lambda rows: rows.sort("year", "key", nulls_last=True).select("key").head(9),
}


@pytest.fixture
def docs() -> Iterator[Space]:
    rng = np.random.default_rng(3)
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=DIMS)
        for first in (0, 50, 100):
            number = np.arange(first, first + 50)
            frame = {
                "key": [f"k{i}" for i in number],
                "vector": rng.standard_normal((50, DIMS)).astype(np.float32),
                "year": [None if i % 9 == 0 else 2000 + int(i) % 30 for i in number],
                "tags": [["a", "b"][: i % 3] for i in number],
            }
            space.load(pl.DataFrame(frame))
            if first < 100:
                space.flush()
        space.multidelete(["k7", "k60", "k120"])
        space.set("k3", [1, 2, 3], year=1999)
        yield space


def scanned(space: Space) -> pl.DataFrame:
    return pl.concat(space.scan())


def test_a_lazy_frame_has_the_rows_of_a_scan(docs: Space) -> None:
    assert_frame_equal(docs.lazy().collect(), scanned(docs))
    assert docs.lazy().collect_schema() == scanned(docs).schema
    assert_frame_equal(docs.to_polars(vectors=True), scanned(docs))
    assert_frame_equal(docs.to_polars(), scanned(docs).drop("vector"))


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("batch", [7, 65_536])
def test_a_query_has_the_same_answer_as_on_a_frame(
    docs: Space, name: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy_module, "_ROWS", batch)
    query = QUERIES[name]
    assert_frame_equal(query(docs.lazy()).collect(), query(scanned(docs)))


def test_a_filter_is_the_spaces_own_and_no_other_column_is_read(docs: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, list[str]]] = []
    take, vectors = View.take, View.vectors

    def watched(view: View, positions: Any, names: Any = None) -> pl.DataFrame:
        taken.append((len(positions), names))
        return take(view, positions, names)

    def refused(view: View, positions: Any) -> Any:
        raise AssertionError("no vector is asked for")

    monkeypatch.setattr(View, "take", watched)
    monkeypatch.setattr(View, "vectors", refused)
    found = docs.lazy().filter(pl.col("year") == 2004).select("key", "year").collect()
    assert sum(rows for rows, _ in taken) == found.height == 5
    assert all("tags" not in names for _, names in taken)
    monkeypatch.setattr(View, "vectors", vectors)


def test_a_lazy_frame_stays_at_its_state(docs: Space) -> None:
    rows, before = docs.lazy(), scanned(docs)
    docs.delete_all()
    docs.set("z", [0, 0, 1], other=1)
    docs.compact()
    assert_frame_equal(rows.collect(), before)
    assert docs.lazy().collect()["key"].to_list() == ["z"]


def test_an_empty_space_is_an_empty_table() -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=2, key_type="int")
        schema = {"key": pl.Int64, "vector": pl.Array(pl.Float32, 2)}
        assert_frame_equal(space.lazy().collect(), pl.DataFrame(schema=schema))
        assert_frame_equal(space.lazy().filter(pl.col("key") > 3).collect(), pl.DataFrame(schema=schema))
        assert pa.table(space).num_rows == 0
        assert duckdb.sql("select count(*) from space").fetchall() == [(0,)]


def test_arrow_batches_are_made_as_they_are_read(docs: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    vectors = View.vectors

    def watched(view: View, positions: Any) -> Any:
        made.append(len(positions))
        return vectors(view, positions)

    monkeypatch.setattr(View, "vectors", watched)
    monkeypatch.setattr(lazy_module, "_ROWS", 4)
    reader = pa.RecordBatchReader.from_stream(docs.to_arrow())
    assert reader.schema.field("vector").type == pa.list_(pa.float32(), DIMS)
    first = reader.read_next_batch()
    assert sum(made) < 120, "most of it is not made before it is asked for"
    rest = sum(batch.num_rows for batch in reader)
    assert first.num_rows + rest == len(docs)
    del reader
    gc.collect()


def test_arrow_rows_are_read_again_and_again_from_one_state(docs: Space) -> None:
    rows, before = docs.to_arrow("year", "key"), scanned(docs).select("year", "key")
    docs.delete("k1")
    for _ in range(2):
        assert_frame_equal(pl.DataFrame(rows), before)
    assert pa.table(rows).column_names == ["year", "key"]
    assert pd.DataFrame.from_arrow(rows)["key"].to_list() == before["key"].to_list()


@pytest.mark.parametrize(("columns", "message"), [(("yeer",), "no column 'yeer'"), (("key", "key"), "two columns")])
def test_columns_that_are_not_there_or_twice_are_refused(docs: Space, columns: tuple[str, ...], message: str) -> None:
    with pytest.raises(ks.InvalidInput, match=message):
        docs.to_arrow(*columns)


def test_duckdb_reads_a_space_by_its_variables_name(docs: Space) -> None:
    truth = scanned(docs)
    found = duckdb.sql("select key, year from docs where year > 2010 order by key").fetchall()
    assert found == truth.filter(pl.col("year") > 2010).sort("key").select("key", "year").rows()
    docs.set("new", [0, 0, 1], year=3000)
    assert duckdb.sql("select max(year), count(*) from docs").fetchall() == [(3000, len(docs))]


def test_duckdb_computes_the_same_distances(docs: Space) -> None:
    near = docs.select("key", d="_dist").nearest([1, 2, 3], exact=True).take(5).collect()
    text = f"select key, array_cosine_distance(vector, [1, 2, 3]::float[{DIMS}]) as d from docs order by d limit 5"
    found = duckdb.sql(text).fetchall()
    assert [key for key, _ in found] == near["key"].to_list()
    np.testing.assert_allclose([d for _, d in found], near["d"], atol=1e-6)


def test_duckdb_joins_two_spaces(docs: Space) -> None:
    with ks.connect(":memory:") as hub:
        people = hub.create_space("people", dims=1)
        people.multiset([("ann", [1], {"year": 2004}), ("bob", [1], {"year": 2005})])
        text = "select people.key, count(*) from docs join people using (year) group by 1 order by 1"
        truth = docs.to_polars().group_by("year").len().filter(pl.col("year").is_in([2004, 2005])).sort("year")
        assert [rows for _, rows in duckdb.sql(text).fetchall()] == truth["len"].to_list()
        with duckdb.connect() as other:
            other.register("a", docs.to_arrow("key", "year"))
            other.register("b", people)
            assert other.sql("select count(*) from a semi join b using (year)").fetchall() == [(truth["len"].sum(),)]


def test_duckdb_pushes_its_filters_into_a_lazy_frame(docs: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "vectors", None)  # not one is read
    rows = docs.lazy()  # noqa: F841  # DuckDB finds it
    assert duckdb.sql("select count(*) from rows where year = 2004").fetchall() == [(5,)]


def test_one_space_is_loaded_into_another(docs: Space) -> None:
    with ks.connect(":memory:") as hub:
        copy = hub.create_space("copy", dims=DIMS)
        copy.load(docs)
        assert_frame_equal(scanned(copy), scanned(docs))


def test_select_reads_a_space_as_a_space(docs: Space) -> None:
    assert ks.select(docs, "key", d="_dist").nearest([1, 2, 3]).take(1).collect()["key"].to_list() == ["k3"]


def test_a_space_is_no_column(docs: Space) -> None:
    with pytest.raises(ks.InvalidInput, match="one of them"):
        ks.cos_dist(docs, [1, 2, 3])
    with pytest.raises(ks.InvalidInput, match="one of them"):
        ks.knn(docs, [1, 2, 3], 1)
