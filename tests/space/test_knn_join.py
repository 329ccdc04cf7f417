"""knn_join: for every row of one space what a float64 scan finds in the other, whatever is written meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import distances

METRICS = ["cosine", "l2", "ip"]


def scattered(hub: ks.Hub, name: str, metric: str, rows: int = 120, seed: int = 1, **options: Any) -> ks.Space:
    """A space whose rows lie in segments and the log, some dead, some replaced, some equal."""
    vectors = np.random.default_rng(seed).integers(-2, 3, (rows, 4)).astype(np.float32)
    space = hub.create_space(name, dims=4, metric=metric, **options)
    key = str if space.key_type == "str" else int
    for start in range(0, rows, 40):
        space.multiset([(key(i), vectors[i], {"number": i}) for i in range(start, start + 40)])
        if start + 40 < rows:
            space.flush()
    space.multidelete([key(i) for i in range(0, rows, 11)])
    space.set(key(5), vectors[-1], number=5)
    return space


def joined(left: ks.Space, right: ks.Space, k: int, *, only: Any = None) -> list[tuple[Any, Any, float]]:
    """By brute force: key, neighbor, distance. Ties by insertion order."""
    itself = left is right
    theirs = list(right.keys())
    vectors = np.array([right.get(key) for key in theirs])
    out = []
    for key in left:
        found = distances(vectors, left.get(key), left.metric)
        found = np.round(found, 12)  # what differs by rounding is a tie
        ranked = [i for i in np.argsort(found, kind="stable") if not (itself and theirs[i] == key)]
        ranked = [i for i in ranked if only is None or only(theirs[i])]
        out += [(key, theirs[i], float(found[i])) for i in ranked[:k]]
    return out


def agree(frames: Any, wanted: list[tuple[Any, Any, float]]) -> None:
    found = pl.concat(list(frames))
    assert found.columns == ["key", "neighbor", "_dist"]
    assert found["key"].to_list() == [row[0] for row in wanted]
    np.testing.assert_allclose(found["_dist"], [row[2] for row in wanted], rtol=0, atol=1e-9)
    assert found["neighbor"].to_list() == [row[1] for row in wanted]


@pytest.mark.parametrize("metric", ["l2", "ip"])  # in cosine, ties of brute force are broken by its rounding
@pytest.mark.parametrize("k", [0, 1, 7, 1_000])
def test_every_row_has_its_nearest_rows_of_the_other_space_in_insertion_order(hub: ks.Hub, metric: str, k: int) -> None:
    left, right = scattered(hub, "left", metric), scattered(hub, "right", metric, 80, 2, key_type="int")
    frames = list(left.knn_join(right, k))
    assert frames[0].schema == pl.Schema({"key": pl.String, "neighbor": pl.Int64, "_dist": pl.Float64})
    agree(frames, joined(left, right, k))


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("k", [0, 1, 7, 1_000])
def test_joined_with_itself_a_row_is_left_out_and_k_others_come(hub: ks.Hub, metric: str, k: int) -> None:
    space = scattered(hub, "one", metric)
    agree(space.knn_join(space, k), joined(space, space, k))
    agree(space.knn_join(hub.get_space("one"), k), joined(space, space, k))


@pytest.mark.parametrize("metric", METRICS)
def test_each_row_has_what_nearest_neighbors_by_its_key_finds(hub: ks.Hub, metric: str) -> None:
    space = scattered(hub, "one", metric)
    found = pl.concat(space.knn_join(space, 5, batch_size=17))
    for (key,), mine in found.group_by("key"):
        hits = space.nearest_neighbors(5, key=key, exact=True)
        assert (mine["neighbor"].to_list(), mine["_dist"].to_list()) == (hits.keys, hits.distances.tolist())


def test_many_copies_of_a_row_do_not_push_out_its_neighbours(hub: ks.Hub) -> None:
    space = hub.create_space("copies", dims=2, key_type="int")
    space.load(keys=np.arange(50), vectors=np.ones((50, 2)))
    found = pl.concat(space.knn_join(space, 3))
    wanted = [[other for other in range(4) if other != key][:3] for key in range(50)]
    assert found["neighbor"].to_list() == np.concatenate(wanted).tolist()


@pytest.mark.parametrize("batch_size", [1, 7, 40, 10_000])
def test_the_size_of_the_batches_changes_nothing(hub: ks.Hub, batch_size: int) -> None:
    space = scattered(hub, "one", "cosine")
    frames = list(space.knn_join(space, 4, batch_size=batch_size))
    assert pl.concat(frames).equals(pl.concat(space.knn_join(space, 4)))
    assert [frame["key"].n_unique() for frame in frames[:-1]] == [batch_size] * (len(frames) - 1)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_a_filter_is_about_the_neighbours_and_min_of_k_and_the_matching_come(hub: ks.Hub, metric: str) -> None:
    left, right = scattered(hub, "left", metric), scattered(hub, "right", metric, 80, 2)
    agree(left.knn_join(right, 9, where="number < 7"), joined(left, right, 9, only=lambda key: int(key) < 7))
    agree(left.knn_join(left, 9, where="number < 7"), joined(left, left, 9, only=lambda key: int(key) < 7))
    agree(left.knn_join(left, 2, where=pl.col("number") > 60), joined(left, left, 2, only=lambda key: int(key) > 60))
    assert pl.concat(left.knn_join(right, 9, where="number < 0")).height == 0


def test_both_sides_are_as_they_were_when_it_was_called(hub: ks.Hub) -> None:
    left, right = scattered(hub, "left", "l2"), scattered(hub, "right", "l2", 80, 2)
    wanted = joined(left, right, 3)
    frames = left.knn_join(right, 3, batch_size=10)
    early = [next(frames)]
    left.set("new", [0, 0, 0, 0])
    left.delete_where("number > 50")
    right.delete_all()
    right.compact()
    agree([*early, *frames], wanted)


def test_a_snapshot_is_another_state_in_which_a_row_finds_its_earlier_self(hub: ks.Hub) -> None:
    space = scattered(hub, "one", "l2")
    then = space.snapshot("then")
    space.set("5", [9, 9, 9, 9])
    rows = list(then.keys())
    nearest = pl.concat(space.knn_join(then, 1))
    assert nearest["key"].to_list() == list(space)
    assert nearest.filter(pl.col("key") != "5")["_dist"].max() == 0.0
    assert pl.concat(then.knn_join(then, 1))["key"].to_list() == rows
    assert pl.concat(then.knn_join(space, 1))["key"].to_list() == rows


def test_without_rows_it_gives_one_frame_of_the_same_columns(hub: ks.Hub) -> None:
    space, empty = scattered(hub, "one", "l2"), hub.create_space("empty", dims=4, metric="l2", key_type="int")
    for frames in (list(empty.knn_join(space, 3)), list(empty.knn_join(empty, 3)), list(space.knn_join(empty, 3))):
        assert [(frame.height, frame.columns) for frame in frames] == [(0, ["key", "neighbor", "_dist"])]
    assert next(empty.knn_join(space, 3)).schema == {"key": pl.Int64, "neighbor": pl.String, "_dist": pl.Float64}


def test_it_may_be_approximate_where_the_other_has_an_index(hub: ks.Hub) -> None:
    vectors = np.random.default_rng(3).normal(size=(5_000, 8))
    left, right = hub.create_space("left", dims=8), hub.create_space("right", dims=8, key_type="int")
    left.load(keys=[str(i) for i in range(50)], vectors=vectors[:50])
    right.load(keys=np.arange(5_000), vectors=vectors)
    right.index()
    exact = pl.concat(left.knn_join(right, 10))
    assert pl.concat(left.knn_join(right, 10, recall=1.0)).equals(exact)
    near = pl.concat(left.knn_join(right, 10, recall=0.9))
    assert near.height == exact.height
    assert near.join(exact, on=["key", "neighbor", "_dist"]).height > 0.8 * exact.height
    assert pl.concat(left.knn_join(right, 10, exact=True, recall=0.5)).equals(exact)


def test_on_the_first_dims_it_is_what_nearest_neighbors_finds_on_them(hub: ks.Hub) -> None:
    space = scattered(hub, "one", "l2")
    for options in ({"dims": 2, "rerank": False}, {"dims": 2}, {"dims": 3, "expand": 2}):
        found = pl.concat(space.knn_join(space, 6, **options))
        for (key,), mine in found.group_by("key"):
            hits = list(space.nearest_neighbors(7, vector=space.get(key), exact=True, **options))
            there = [hit for hit in hits if hit.key != key][:6]
            assert list(zip(mine["neighbor"], mine["_dist"], strict=True)) == there


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": -1}, "k must be"),
        ({"k": 1.0}, "k must be"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"threads": 0}, "threads must be"),
        ({"recall": 2.0}, "recall"),
        ({"exact": 1}, "exact must be"),
        ({"dims": 5}, "dims must be in 1…4"),
        ({"where": "nothing > 1"}, "nothing"),
    ],
)
def test_an_argument_out_of_range_is_an_error_at_once(hub: ks.Hub, arguments: dict[str, Any], message: str) -> None:
    space = scattered(hub, "one", "l2")
    with pytest.raises(ks.InvalidInput, match=message):
        space.knn_join(space, **{"k": 1, **arguments})


def test_spaces_of_other_dims_or_metric_and_what_is_no_space_are_errors_at_once(hub: ks.Hub) -> None:
    space = scattered(hub, "one", "l2")
    for other in (hub.create_space("short", dims=3, metric="l2"), hub.create_space("cos", dims=4)):
        with pytest.raises(ks.InvalidInput, match="the same dims and metric: 'one' has 4 dims and l2"):
            space.knn_join(other, 1)
    for other in (np.ones((3, 4)), "one", None):
        with pytest.raises(ks.InvalidInput, match="another space"):
            space.knn_join(other, 1)
