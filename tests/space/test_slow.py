"""The log of slow queries: a line for each that is slow, none for others, and no vector in it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks


def made(path: Path, slow: float | None) -> ks.Space:
    hub = ks.connect(path, durability="off", slow_query_seconds=slow)
    space = hub.create_space("docs", dims=3, exist_ok=True)
    space.multiset([("a", [0.123456, 1, 0], {"n": 1}), ("b", [0, 1, 0], {"n": 2})])
    return space


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    assert {(record.name, record.levelno) for record in caplog.records} <= {("kinspace.slow", logging.WARNING)}
    assert all("\n" not in record.getMessage() for record in caplog.records)
    return [json.loads(record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("seconds", [None, 60, 1e9])
def test_what_is_fast_enough_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture, seconds: Any) -> None:
    space = made(tmp_path, seconds)
    space.nearest_neighbors(1, vector=np.ones(3, np.float32))
    space.nearest_neighbors(1, key="a", where="n > 0")
    space.select("key").nearest([1, 1, 1]).collect()
    assert lines(caplog) == []


def test_every_way_to_ask_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    space = made(tmp_path, 0)
    space.nearest_neighbors(1, vector=np.ones(3, np.float32))
    space.nearest_neighbors(1, vectors=np.ones((2, 3)))
    space.nearest_neighbors(1, key="a", where="n > 1")
    space.select("key").where("n > 1").sort("n").collect()
    space.explain(1, key="b")
    space.snapshot("then").nearest_neighbors(1, key="a")
    space.fork("other").nearest_neighbors(1, key="a")
    logged = lines(caplog)
    assert [line["query"] for line in logged] == [*["nearest_neighbors"] * 3, "select", *["nearest_neighbors"] * 3]
    assert [line["space"] for line in logged] == [*["docs"] * 6, "other"]
    assert [line["where"] is None for line in logged] == [True, True, False, False, True, True, True]
    assert [line["allowed"] for line in logged] == [2, 2, 1, 1, 1, 1, 1]
    assert [line.get("visited") for line in logged] == [2, 4, 1, None, 1, 1, 1]
    assert logged[2] | {"seconds": 0, "stages": {}} == {
        "query": "nearest_neighbors",
        "seconds": 0,
        "space": "docs",
        "k": 1,
        "exact": True,
        "hits": 1,
        "visited": 1,
        "where": "n > 1",
        "allowed": 1,
        "ways": ["every row in double"],
        "stages": {},
    }
    assert caplog.records[2].query["where"] == "n > 1"


def test_no_vector_and_nothing_long_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    space = made(tmp_path, 0)
    query = [0.987654, 0.123456, 0.5]
    space.nearest_neighbors(1, vector=query)
    space.nearest_neighbors(1, vector=query, where=pl.col("vector") == pl.lit(pl.Series([query]), allow_object=True))
    space.nearest_neighbors(1, vector=query, where="n > 0 AND " + " AND ".join(f"n <> {i}" for i in range(10, 200)))
    space.nearest_neighbors(1, vector=query, where="n > 0 OR key = '\x1b[2J\u2028'")
    assert len(lines(caplog)) == 4
    for record in caplog.records:
        assert len(record.getMessage()) < 1_000
        assert record.getMessage().isprintable()
        assert "0.98" not in record.getMessage()
        assert "0.12" not in record.getMessage()


def test_a_query_that_fails_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    space = made(tmp_path, 0)
    with pytest.raises(ks.errors.InvalidInput):
        space.nearest_neighbors(1, vector=[1])
    assert lines(caplog) == []


def test_answers_are_the_same_whether_logged_or_not(tmp_path: Path) -> None:
    plain, logged = made(tmp_path / "a", None), made(tmp_path / "b", 60)
    for ask in ({"key": "a"}, {"vector": np.ones(3, np.float32)}, {"vector": [1, 2, 3], "where": "n = 2"}):
        one, other = plain.nearest_neighbors(2, **ask), logged.nearest_neighbors(2, **ask)
        assert (one.keys, one.distances.tolist(), one.visited) == (other.keys, other.distances.tolist(), other.visited)


def test_published_spaces_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made(tmp_path / "hub", None).publish(f"file://{tmp_path}/there")
    with ks.connect(f"file://{tmp_path}/there", cache=tmp_path / "cache", slow_query_seconds=0) as remote:
        remote.get_space("docs").nearest_neighbors(1, key="a")
    assert len(lines(caplog)) == 1


@pytest.mark.parametrize("wrong", [-1, float("nan"), "1", True])
def test_only_a_time_is_taken(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ks.errors.InvalidInput, match="slow_query_seconds must be a number of seconds"):
        ks.connect(tmp_path / "hub", slow_query_seconds=wrong)
    assert not (tmp_path / "hub").exists()
