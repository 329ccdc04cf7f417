"""near_duplicates: every pair within the threshold once, none missed; groups are what the pairs connect."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from kinspace.space.search import duplicates


def pairs(space: ks.Space, threshold: float, keys: list[Any] | None = None) -> dict[tuple[Any, Any], float]:
    """By the space's own distances, each proven elsewhere: (earlier, later) -> distance."""
    order = list(space) if keys is None else keys
    if not order:
        return {}
    found = {}
    answers = space.nearest_neighbors(len(space), vectors=list(space.multiget(order)), exact=True)
    for place, (key, hits) in enumerate(zip(order, answers, strict=True)):
        far = dict(list(hits))
        found.update({(key, other): far[other] for other in order[place + 1 :] if far[other] <= threshold})
    return found


def connected(order: list[Any], linked: Any) -> list[list[Any]]:
    """The groups of two or more, in insertion order."""
    group = {key: {key} for key in order}
    for a, b in linked:
        if group[a] is not group[b]:
            group[a] |= group[b]
            for key in group[b]:
                group[key] = group[a]
    return [[key for key in order if key in one] for one in {id(one): one for one in group.values()}.values() if one]


def agree(space: ks.Space, threshold: float, **options: Any) -> None:
    keys = options.pop("keys", None)
    wanted = pairs(space, threshold, keys)
    frames = list(space.near_duplicates(threshold, **options))
    found = pl.concat(frames)
    assert found.columns == ["key", "neighbor", "_dist"]
    assert {(a, b): far for a, b, far in found.rows()} == wanted
    assert found.height == len(wanted)
    groups = space.near_duplicates(threshold, groups=True, **options)
    assert groups.columns == ["group", "key"]
    there = [one for one in connected(list(space) if keys is None else keys, wanted) if len(one) > 1]
    assert groups.rows() == [(number, key) for number, one in enumerate(there) for key in one]


def scattered(hub: ks.Hub, metric: str, rows: int = 240, dims: int = 3) -> ks.Space:
    """Clustered rows in segments and the log, some dead, some replaced, some equal, some zero."""
    rng = np.random.default_rng(4)
    vectors = rng.integers(-2, 3, (rows, dims)) + rng.choice([0, 0, 0.01, 0.1], (rows, 1))
    space = hub.create_space("scattered", dims=dims, metric=metric, key_type="int")
    for start in range(0, rows, 80):
        space.load(keys=np.arange(start, start + 80), vectors=vectors[start : start + 80])
        space.multiset({key: vectors[key] for key in range(start, start + 10)})
        space.flush() if start == 80 else None
    space.multidelete(range(3, rows, 13))
    return space


@pytest.mark.parametrize(
    ("metric", "thresholds"), [("cosine", [0.0, 1e-12, 0.02, 0.3, 2.0]), ("l2", [0.0, 0.2, 9.0]), ("ip", [-9.0, -6.0])]
)
def test_every_pair_within_the_threshold_comes_once_earlier_before_later(
    hub: ks.Hub, metric: str, thresholds: list[float]
) -> None:
    space = scattered(hub, metric)
    for threshold in thresholds:
        agree(space, threshold)


@pytest.mark.parametrize(("first", "batch"), [(1, 1), (2, 7), (16, 64), (1, 1_000)])
def test_neither_batches_nor_how_many_are_asked_for_at_first_change_the_pairs(
    hub: ks.Hub, monkeypatch: pytest.MonkeyPatch, first: int, batch: int
) -> None:
    space = scattered(hub, "l2", 160)
    monkeypatch.setattr(duplicates, "FIRST", first)
    monkeypatch.setattr(duplicates, "BATCH_ROWS", batch)
    monkeypatch.setattr(duplicates, "HITS", 50)
    agree(space, 1.0)


@settings(max_examples=25)
@given(
    numbers=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    threshold=st.sampled_from([0.0, 0.5, 1.0, 2.5]),
)
def test_groups_are_the_connected_components(numbers: list[int], threshold: float) -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("line", dims=1, metric="l2", key_type="int")
        space.multiset({key: [number] for key, number in enumerate(numbers)})
        agree(space, threshold)


def test_only_rows_that_match_a_filter_are_compared(hub: ks.Hub) -> None:
    space = scattered(hub, "l2")
    keys = [key for key in space if key < 90]
    agree(space, 0.5, where="key < 90", keys=keys)
    agree(space, 0.5, where=pl.col("key") < 0, keys=[])


def test_a_thousand_copies_make_all_their_pairs_in_frames_of_bounded_size(hub: ks.Hub) -> None:
    space = hub.create_space("copies", dims=2, key_type="int")
    space.load(keys=np.arange(1_062), vectors=np.ones((1_062, 2)))
    frames = list(space.near_duplicates(0.0))
    assert sum(frame.height for frame in frames) == 1_062 * 1_061 // 2
    assert max(frame.height for frame in frames) <= duplicates.HITS
    groups = space.near_duplicates(0.0, groups=True)
    assert groups["key"].to_list() == list(range(1_062))
    assert groups["group"].unique().to_list() == [0]


def test_a_long_chain_is_one_group(hub: ks.Hub) -> None:
    space = hub.create_space("chain", dims=1, metric="l2", key_type="int")
    space.load(keys=np.arange(3_000), vectors=np.random.default_rng(5).permutation(3_000)[:, None])
    groups = space.near_duplicates(1.0, groups=True)
    assert (groups.height, groups["group"].n_unique()) == (3_000, 1)
    assert groups["key"].to_list() == list(range(3_000))


def test_the_pairs_are_of_the_state_there_was_when_it_was_called(hub: ks.Hub) -> None:
    space = scattered(hub, "l2")
    wanted = pairs(space, 0.2)
    found = space.near_duplicates(0.2)
    space.delete_all()
    space.compact()
    assert {(a, b): far for a, b, far in pl.concat(found).rows()} == wanted
    snap = space.snapshot("empty")
    assert snap.near_duplicates(0.2, groups=True).height == 0


def test_without_a_pair_there_is_one_frame_of_the_same_columns(space: ks.Space) -> None:
    space.multiset({"a": [1, 0, 0], "b": [0, 1, 0], "c": [0, 0, 0], "d": [0, 0, 0]})
    for _ in range(2):
        frames = list(space.near_duplicates(0.1))
        assert [frame.schema for frame in frames] == [{"key": pl.String, "neighbor": pl.String, "_dist": pl.Float64}]
        assert frames[0].height == 0  # under cosine zero vectors are at 1.0
        assert space.near_duplicates(0.1, groups=True).schema == {"group": pl.Int64, "key": pl.String}
        space.delete_all()


@pytest.mark.parametrize("threshold", [None, "0.1", True, np.nan, np.inf, [0.1], 1j, 10**400, np.zeros(2)])
def test_a_threshold_that_is_no_finite_number_is_an_error_at_once(space: ks.Space, threshold: object) -> None:
    with pytest.raises(ks.InvalidInput, match="threshold must be"):
        space.near_duplicates(threshold)


def test_other_arguments_are_checked_at_once(space: ks.Space) -> None:
    for wrong in ({"where": "nothing > 1"}, {"threads": 0}, {"groups": 1}):
        with pytest.raises(ks.InvalidInput):
            space.near_duplicates(0.1, **wrong)
