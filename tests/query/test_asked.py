"""What else a select can be asked, and what is refused as soon as it is said."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from kinspace.query import select

FRAME = pl.DataFrame(
    {"key": ["a", "b", "c", "d"], "n": [1, None, 3, 3], "v": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.1]]}
)


@pytest.fixture
def texts(hub: ks.Hub) -> ks.Space:
    space = hub.create_space("texts", embedder=ks.embed.Hashing(64))
    space.add_texts(["pad", "cat", "far"], ["a drawing pad", "a cat that draws", "nothing like it"], store_as="text")
    return space


def test_by_text_is_by_the_vector_that_the_embedder_makes(texts: ks.Space) -> None:
    found = texts.select("key", d="_dist").nearest(text="drawing a cat").collect()
    vector = texts.embedder.embed(["drawing a cat"])[0]
    assert found.equals(texts.select("key", d="_dist").nearest(vector).collect())
    assert texts.select("key").nearest("vector", text="drawing").page(1).next is not None


def test_by_key_leaves_that_row_out(texts: ks.Space) -> None:
    assert (
        texts.select("key").nearest(key="pad").collect()["key"].to_list() == texts.nearest_neighbors(9, key="pad").keys
    )
    assert select(FRAME, "key").nearest("v", key="a").collect()["key"].to_list() == ["d", "c", "b"]
    assert select(FRAME, "key").where("n = 3").nearest("v", key="a").count() == 2
    assert select(FRAME, "key").nearest("v", key="a").count() == 3
    assert texts.select().nearest(key="pad").count() == 2


def test_a_key_that_no_row_has_is_not_found(texts: ks.Space) -> None:
    for query in (texts.select().nearest(key="nope"), select(FRAME).nearest("v", key="nope")):
        with pytest.raises(ks.KeyNotFound, match="'nope'"):
            query.collect()


def test_a_key_that_two_rows_of_a_frame_have_is_refused() -> None:
    with pytest.raises(ks.InvalidInput, match="2 rows"):
        select(pl.concat([FRAME, FRAME[:1]])).nearest("v", key="a").collect()


def test_rows_are_dicts_or_tuples() -> None:
    query = select(FRAME, "key", "n").take(2)
    assert query.rows() == [{"key": "a", "n": 1}, {"key": "b", "n": None}]
    assert query.rows(named=False) == [("a", 1), ("b", None)]
    assert query.page(1).rows() == query.rows()[:1]
    assert query.page(1).rows(named=False) == query.rows(named=False)[:1]


def test_to_arrow_is_the_frame_as_a_table(texts: ks.Space) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    query = texts.select("key", "vector", d="_dist").nearest(text="cat")
    table = query.to_arrow()
    assert isinstance(table, pyarrow.Table)
    assert pl.DataFrame(table).equals(query.collect())
    objects = pl.DataFrame({"o": pl.Series([set()], dtype=pl.Object)})
    with pytest.raises(ks.InvalidInput, match="Python objects"):
        select(objects).to_arrow()


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def absent(name: str, *more: Any) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return there(name, *more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ks.Unavailable, match="pip install pyarrow"):
        select(FRAME).to_arrow()


def test_facets_count_what_where_and_within_let_through() -> None:
    frame = FRAME.with_columns(tags=pl.Series([["x", "y"], ["x", "x"], [], None]))
    assert select(frame).facets("n").rows() == [(3, 2), (1, 1)]
    assert select(frame).facets("tags").rows() == [("x", 2), ("y", 1)]
    assert select(frame).where("n = 1").facets("tags", limit=1).rows() == [("x", 1)]
    assert select(frame).nearest("v", [1, 0]).within(0.2).facets("n").rows() == [(1, 1), (3, 1)]
    assert select(frame).nearest("v", [1, 0]).take(1).facets("n").rows() == [(3, 2), (1, 1)]
    assert select(frame).nearest("v", key="c").facets("n").rows() == [(1, 1), (3, 1)]
    assert select(frame).where("n > 7").facets("n").schema == {"n": pl.Int64, "_count": pl.Int64}
    assert select(frame).facets("n", limit=0).height == 0


def test_facets_of_a_space_are_those_of_its_rows(texts: ks.Space) -> None:
    assert texts.select().facets("key").rows() == [("cat", 1), ("far", 1), ("pad", 1)]
    assert texts.select().where("key <> 'far'").facets("text").height == 2
    with pytest.raises(ks.InvalidInput, match="'nope'.*'key', 'text'"):
        texts.select().facets("nope")


def test_count_is_before_offset_and_take() -> None:
    assert select(FRAME).offset(1).take(1).count() == 4
    assert select(FRAME).nearest("v", [1, 0]).take(2).count() == 4
    assert select(FRAME).where("n = 3").count() == 2
    assert select(FRAME).group("n").count() == 3


def test_the_vector_is_as_it_was_when_it_was_given() -> None:
    query = np.array([1.0, 0.0], np.float32)
    frame = FRAME.with_columns(pl.col("v").cast(pl.Array(pl.Float32, 2)))
    index = ks.Hnsw.build(np.stack(FRAME["v"].to_list()))
    built = [select(frame, "key").nearest("v", query), select(frame, "key").nearest(index, query)]
    query[:] = [0.0, 1.0]
    assert [one.take(1).rows() for one in built] == [[{"key": "a"}]] * 2


AT_ONCE: dict[str, Any] = {
    "a frame's unknown column in where": lambda s: select(FRAME).where("nope = 1"),
    "a frame's unknown column in sort": lambda s: select(FRAME).sort("n", "nope"),
    "a frame's unknown column in group": lambda s: select(FRAME).group("nope"),
    "a frame's unknown column in nearest": lambda s: select(FRAME).nearest("nope", [1, 0]),
    "a frame and words": lambda s: select(FRAME).nearest("v", text="words"),
    "a frame without keys": lambda s: select(FRAME.drop("key")).nearest("v", key="a"),
    "a frame's keys are text": lambda s: select(FRAME).nearest("v", key=1),
    "a key that is none": lambda s: select(FRAME).nearest("v", key=True),
    "a vector and a key": lambda s: s.select().nearest([1.0], key="a"),
    "a key and words": lambda s: s.select().nearest(key="a", text="words"),
    "nothing": lambda s: s.select().nearest(),
    "None": lambda s: s.select().nearest(None),
    "words that are none": lambda s: s.select().nearest(text=5),
    "words as a vector": lambda s: s.select().nearest("words"),
    "a space's other column": lambda s: s.select().nearest("text", [1.0] * 64),
    "a wrong length": lambda s: s.select().nearest([1.0]),
    "NaN": lambda s: s.select().nearest([float("nan")] * 64),
    "another metric": lambda s: s.select().nearest([1.0] * 64, metric="l2"),
    "a recall out of range": lambda s: s.select().nearest([1.0] * 64, recall=2),
    "dims out of range": lambda s: s.select().nearest([1.0] * 64, dims=65),
    "dims that are none": lambda s: select(FRAME).nearest("v", [1, 0], dims=0),
    "an int key": lambda s: s.select().nearest(key=1),
    "an index": lambda s: s.select().nearest(ks.Hnsw.build([[1.0] * 64]), [1.0] * 64),
    "an index and a key": lambda s: select(FRAME).nearest(ks.Hnsw.build([[1.0, 0.0]] * 4), key="a"),
    "an index of other rows": lambda s: select(FRAME).nearest(ks.Hnsw.build([[1.0, 0.0]]), [1.0, 0.0]),
    "exact that is none": lambda s: s.select().nearest([1.0] * 64, exact=1),
    "sort by nothing": lambda s: s.select().sort(),
    "sort twice by one": lambda s: s.select().sort("text", "text"),
    "sort by a number": lambda s: s.select().sort("text", 1),
    "too many descending": lambda s: s.select().sort("text", descending=[True, False]),
    "descending that is none": lambda s: s.select().sort("text", descending=[1]),
    "offset -1": lambda s: s.select().offset(-1),
    "offset True": lambda s: s.select().offset(True),
    "offset twice": lambda s: s.select().offset(1).offset(1),
    "within twice": lambda s: s.select().within(1).within(1),
    "facets of a number": lambda s: s.select().facets(1),
    "a limit below 0": lambda s: s.select().facets("text", limit=-1),
}


@pytest.mark.parametrize("kind", AT_ONCE)
def test_what_can_t_be_asked_is_refused_before_anything_is_collected(texts: ks.Space, kind: str) -> None:
    with pytest.raises(ks.InvalidInput):
        AT_ONCE[kind](texts)


def test_a_space_without_an_embedder_is_not_asked_in_words(space: ks.Space) -> None:
    with pytest.raises(ks.InvalidInput, match="needs an embedder"):
        space.select().nearest(text="words")


def test_a_column_that_comes_later_can_be_asked_for_now(space: ks.Space) -> None:
    query = space.select("key").where("n > 1").sort("n", descending=True)
    with pytest.raises(ks.InvalidInput, match="no column 'n'"):
        query.collect()
    space.multiset([("a", [1.0, 0, 0], {"n": 1}), ("b", [1.0, 0, 0], {"n": 2}), ("c", [1.0, 0, 0], {"n": 3})])
    assert query.collect()["key"].to_list() == ["c", "b"]


def test_examples_that_make_one_vector_page_and_group_as_a_vector_does(texts: ks.Space) -> None:
    query = texts.select("key").nearest(positive=["pad", "cat"])
    assert query.collect()["key"].to_list() == ["far"]
    assert query.count() == 1
    assert query.group("text").page(3).frame["key"].to_list() == ["far"]
    found = select(FRAME, "key").nearest("v", positive=[[1.0, 0.0], [1.0, 0.2]], negative=[[0.0, 1.0]])
    assert [row["key"] for page in (found.page(2), found.page(2, found.page(2).next)) for row in page.rows()] == [
        row["key"] for row in found.rows()
    ]


@pytest.mark.parametrize("order", [{"diversity": 0.5}, {"boost": "length(key)"}])
def test_orders_that_are_not_by_distance_alone_have_no_pages(texts: ks.Space, order: Any) -> None:
    for query in (texts.select("key").nearest(text="cat", **order), select(FRAME).nearest("v", key="a", **order)):
        assert query.collect().height == query.count()
        for refused in (query.within(1).collect, query.group("key").collect, lambda query=query: query.page(1)):
            with pytest.raises(ks.InvalidInput, match="leave out diversity"):
                refused()
