"""What a select of a frame refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from kinspace import InvalidInput, select
from select_frames import EMB, FRAME, QUERY, N


def test_nearest_with_sort_is_an_error() -> None:
    for build in (
        lambda: select(FRAME).nearest("emb", QUERY).sort("kib"),
        lambda: select(FRAME).sort("kib").nearest("emb", QUERY),
    ):
        with pytest.raises(InvalidInput, match="do not go together"):
            build()


@pytest.mark.parametrize("part", ["take", "nearest", "sort", "group"])
def test_a_part_given_twice_is_an_error(part: str) -> None:
    arguments = {"take": (3,), "nearest": ("emb", QUERY), "sort": ("kib",), "group": ("kib",)}[part]
    once = getattr(select(FRAME), part)(*arguments)
    with pytest.raises(InvalidInput, match=f"a {part} already"):
        getattr(once, part)(*arguments)


UNKNOWN = {
    "a name": lambda: select(FRAME, "nope"),
    "a rename": lambda: select(FRAME, d="nope"),
    "an expression": lambda: select(FRAME, d=pl.col("nope") + 1),
    "a filter": lambda: select(FRAME).where("nope > 1"),
    "a Polars filter": lambda: select(FRAME).where(pl.col("nope") > 1),
    "sort": lambda: select(FRAME).sort("nope"),
    "group": lambda: select(FRAME).group("nope"),
    "nearest": lambda: select(FRAME).nearest("nope", QUERY),
    "a filter on the distance": lambda: select(FRAME).where("nope < 0.5").nearest("emb", QUERY),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_unknown_column_is_an_error_listing_those_there_are(kind: str) -> None:
    with pytest.raises(InvalidInput, match=r"no column 'nope'; the columns are: 'id', 'kib', 'section', 'day'"):
        UNKNOWN[kind]().collect()


def test_the_distance_without_nearest_is_an_error() -> None:
    for query in (select(FRAME, "_dist"), select(FRAME, d="_dist"), select(FRAME, d=pl.col("_dist") * 2)):
        with pytest.raises(InvalidInput, match="this select has no nearest"):
            query.collect()


def test_a_sources_own_dist_column_passes_through() -> None:
    again = select(FRAME, "id", "emb", "_dist").nearest("emb", QUERY).collect()
    assert select(again).collect().columns == ["id", "emb", "_dist"]
    assert select(again, "_dist").collect()["_dist"].to_list() == again["_dist"].to_list()
    other = select(again, "_dist").nearest("emb", QUERY, metric="l2").take(1).collect()
    assert other["_dist"][0] != again["_dist"][0]


@pytest.mark.parametrize("row", [0, 7])
def test_a_null_or_ragged_vector_is_an_error_naming_the_row(row: int) -> None:
    null = FRAME.with_columns(vec=pl.when(pl.int_range(N) == row).then(None).otherwise("vec"))
    with pytest.raises(InvalidInput, match=f"row {row} of column 'vec' is null"):
        select(null).nearest("vec", QUERY).collect()
    inner = FRAME["vec"].to_list()
    inner[row] = [1.0, None, 2.0, 3.0]
    with pytest.raises(InvalidInput, match=f"row {row} of column 'vec' has a null at component 1"):
        select(FRAME.with_columns(vec=pl.Series(inner))).nearest("vec", QUERY).collect()
    inner[7] = [1.0]
    inner[0] = [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(InvalidInput, match="row 7 of column 'vec' has 1 dims"):
        select(FRAME.with_columns(vec=pl.Series(inner))).nearest("vec", QUERY).collect()


def test_a_vector_that_is_not_finite_is_an_error_naming_the_row_if_it_is_compared() -> None:
    spoilt = EMB.copy()
    spoilt[5, 1] = np.nan
    frame = FRAME.with_columns(emb=pl.Series(spoilt))
    with pytest.raises(InvalidInput, match="column 'emb': row 5 is not finite"):
        select(frame).nearest("emb", QUERY).collect()
    assert select(frame).where("kib >= 600").nearest("emb", QUERY).collect().height == 10


BAD = {
    "take -1": lambda: select(FRAME).take(-1),
    "take True": lambda: select(FRAME).take(True),
    "take 1.0": lambda: select(FRAME).take(1.0),
    "per 0": lambda: select(FRAME).group("kib", per=0),
    "per True": lambda: select(FRAME).group("kib", per=True),
    "sort by an expression": lambda: select(FRAME).sort(pl.col("kib")),
    "descending 1": lambda: select(FRAME).sort("kib", descending=1),
    "no such metric": lambda: select(FRAME).nearest("emb", QUERY, metric="cos"),
    "no column": lambda: select(FRAME).nearest(QUERY).collect(),
    "no query": lambda: select(FRAME).nearest("emb"),
    "nothing": lambda: select(FRAME).nearest(),
    "swapped": lambda: select(FRAME).nearest(QUERY, "emb"),
    "wrong length": lambda: select(FRAME).nearest("emb", QUERY[:3]).collect(),
    "nan": lambda: select(FRAME).nearest("emb", [np.nan] * 4).collect(),
    "no vectors": lambda: select(FRAME).nearest("kib", QUERY).collect(),
    "a mask": lambda: select(FRAME).where(np.ones(N, bool)),
    "no predicate": lambda: select(FRAME).where("").collect(),
    "twice one name": lambda: select(FRAME, "id", "id"),
    "one name for two": lambda: select(FRAME, "id", id="section"),
    "a number": lambda: select(FRAME, one=1),
    "an unnamed expression": lambda: select(FRAME, pl.col("id")),
    "several columns": lambda: select(FRAME, x=pl.all()).collect(),
    "another number of rows": lambda: select(FRAME, x=pl.col("emb").explode()).collect(),
    "objects sorted": lambda: select(FRAME.with_columns(o=pl.Series([set()] * N, dtype=pl.Object))).sort("o").collect(),
    "text plus number": lambda: select(FRAME, x=pl.col("id") + pl.col("kib").cast(pl.Date)).collect(),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_asked_is_an_error(kind: str) -> None:
    with pytest.raises(InvalidInput):
        BAD[kind]()


@pytest.mark.parametrize(
    "source", [None, 5, "frame", [1, 2], {"a": [1]}, FRAME["id"]], ids=["None", "int", "str", "list", "dict", "Series"]
)
def test_a_source_without_rows_is_an_error(source: object) -> None:
    with pytest.raises(InvalidInput, match="select reads"):
        select(source)
