"""positive and negative as one query: 2 · mean(positive) − mean(negative)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kinspace as ks
from kinspace.ranking import average
from ranks import METRICS

# what cancels out nearly has a direction that rounding decides: of whole numbers there is none such
examples = st.lists(st.lists(st.integers(-9, 9).map(float), min_size=3, max_size=3), max_size=4)


def by_loops(positive: list[list[float]], negative: list[list[float]], metric: str) -> list[float]:
    def scaled(vector: list[float]) -> list[float]:
        length = math.sqrt(math.fsum(x * x for x in vector))
        return [x / length for x in vector] if metric == "cosine" and length else vector

    def mean(vectors: list[list[float]]) -> list[float]:
        return [math.fsum(column) / len(vectors) for column in zip(*map(scaled, vectors))]

    query = mean(positive)
    if negative:
        query = [2 * p - n for p, n in zip(query, mean(negative))]
    return scaled(query)


@given(examples.filter(len), examples, st.sampled_from(METRICS))
def test_it_is_twice_the_mean_of_what_is_liked_less_the_mean_of_what_is_not(
    positive: list[list[float]], negative: list[list[float]], metric: str
) -> None:
    found = average(np.array(positive, np.float32), np.array(negative, np.float32).reshape(-1, 3), metric)
    assert found.dtype == np.float32
    if len(positive) == 1 and not negative:
        assert found.tolist() == positive[0]
        return
    np.testing.assert_allclose(found, by_loops(positive, negative, metric), rtol=1e-6, atol=1e-6)


def test_under_cosine_lengths_do_not_count() -> None:
    short = average(np.float32([[1, 0], [0, 1]]), np.float32([[1, 1]]), "cosine")
    long = average(np.float32([[1e30, 0], [0, 1e-30]]), np.float32([[1e20, 1e20]]), "cosine")
    np.testing.assert_allclose(short, long, rtol=1e-6)
    assert np.linalg.norm(short) == pytest.approx(1)


def test_what_cancels_out_is_as_far_from_everything(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "b": [0, 1, 0]})
    hits = space.nearest_neighbors(5, positive=[[1, 2, 3], [-1, -2, -3]])
    assert list(hits) == [("a", 1.0), ("b", 1.0)]


def test_an_average_beyond_float32_is_refused(hub: ks.Hub) -> None:
    space = hub.create_space("large", dims=1, metric="l2")
    space.multiset({"a": [3e38], "b": [-3e38]})
    with pytest.raises(ks.InvalidInput, match="float32"):
        space.nearest_neighbors(1, positive=["a"], negative=["b"])
