"""Three front ends, one meaning: what is written in each is the same tree, and the rows a brute force finds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from kinspace.filter import compile_predicate
from printed import as_expression, as_mapping, as_sql
from thorough import rounds
from trees import FRAME, ROWS, agree, plain_trees, rich_trees, truth

SCHEMA = FRAME.schema


def wanted(tree: object) -> list[bool]:
    return [truth(tree, row) is True for row in ROWS]


@given(trees=st.lists(plain_trees, min_size=8, max_size=8))
@settings(max_examples=rounds(10, 1_000))
def test_each_front_end_means_what_brute_force_over_the_rows_finds(trees) -> None:
    for tree in trees:
        text, params = as_sql(tree)
        forms = [
            compile_predicate(text, SCHEMA, params or None),
            compile_predicate(as_expression(tree), SCHEMA),
            compile_predicate(as_mapping(tree), SCHEMA),
        ]
        for predicate in forms:
            assert repr(predicate.tree) == repr(tree)  # of 1, 1.0 and True repr tells
            assert predicate.key == forms[0].key
    agree(trees)


@given(trees=st.lists(rich_trees, min_size=8, max_size=8))
@settings(max_examples=rounds(15, 2_000))
def test_arithmetic_functions_and_columns_beside_columns_are_what_brute_force_finds(trees) -> None:
    for tree in trees:
        text, params = as_sql(tree)
        forms = [compile_predicate(text, SCHEMA, params or None), compile_predicate(as_expression(tree), SCHEMA)]
        assert [repr(one.tree) for one in forms] == [repr(tree)] * 2
    agree(trees)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ks.Space]:
    """The rows in two segments and the log."""
    with ks.connect(tmp_path_factory.mktemp("filters") / "hub") as hub:
        space = hub.create_space("rows", dims=2, key_type="int")
        vectors = np.random.default_rng(5).standard_normal((len(ROWS), 2))
        for start in range(0, len(ROWS), 20):
            some = slice(start, start + 20)
            space.load(FRAME[some], keys=list(range(len(ROWS)))[some], vectors=vectors[some])
            if start < 40:
                space.flush()
        yield space


@given(tree=plain_trees | rich_trees)
@settings(max_examples=rounds(10, 500))
def test_a_space_finds_in_segments_and_log_what_a_frame_does(space: ks.Space, tree) -> None:
    expected = [number for number, found in enumerate(wanted(tree)) if found]
    text, params = as_sql(tree)
    everything = {"k": len(ROWS), "vector": [1.0, 0.0]}
    assert sorted(space.nearest_neighbors(**everything, where=as_expression(tree)).keys) == expected
    assert sorted(space.nearest_neighbors(**everything, where=text, params=params).keys) == expected
    assert space.select("key").where(text, params).collect()["key"].to_list() == expected
