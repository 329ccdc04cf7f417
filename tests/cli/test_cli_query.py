"""kinspace query beyond the nearest: --offset, --within, --group, --count, --facets."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from brute import distances
from shell import Shell

QUERY = np.linspace(-1, 1, 6, dtype=np.float32)
VECTOR = json.dumps(QUERY.tolist())


@pytest.fixture
def order(loaded: Shell, vectors: np.ndarray) -> list[int]:
    return np.argsort(distances(vectors, QUERY, "cosine"), kind="stable").tolist()


def keys(told: dict) -> list[int]:
    return [int(hit["key"].split("-")[1]) for hit in told["hits"]]


def test_offset_passes_over_the_first_rows(loaded: Shell, order: list[int]) -> None:
    assert keys(loaded.json("query", "docs", "--vector", VECTOR, "-k", 3, "--offset", 4)) == order[4:7]


def test_within_finds_what_is_near_enough(loaded: Shell, order: list[int], vectors: np.ndarray) -> None:
    reach = float(distances(vectors, QUERY, "cosine")[order[4]]) + 1e-9
    told = loaded.json("query", "docs", "--vector", VECTOR, "--within", reach)
    assert keys(told) == order[:5]
    assert told["exact"] is True
    assert loaded.json("query", "docs", "--vector", VECTOR, "--within", reach, "--count")["rows"] == 5
    near = loaded.json("query", "docs", "--vector", VECTOR, "--within", reach, "--facets", "tags")
    assert sum(one["rows"] for one in near["values"]) == sum(row % 3 for row in order[:5])


def test_group_takes_the_nearest_of_each(loaded: Shell, order: list[int]) -> None:
    told = loaded.json("query", "docs", "--vector", VECTOR, "--group", "tags", "--per", 2, "-k", 60)
    expected = sorted([row for part in range(3) for row in [r for r in order if r % 3 == part][:2]], key=order.index)
    assert keys(told) == expected
    assert "distance, exact" in loaded.run("query", "docs", "--vector", VECTOR, "--group", "year", width=200)


def test_count_and_facets_need_no_query(loaded: Shell, rows: pl.DataFrame) -> None:
    assert loaded.json("query", "docs", "--count") == {"space": "docs", "rows": 60}
    assert loaded.run("query", "docs", "--where", "year > 2010", "--count").split() == ["40", "of", "60", "rows"]
    told = loaded.json("query", "docs", "--facets", "tags", "-k", 1)
    assert told == {"space": "docs", "column": "tags", "values": [{"value": "a", "rows": 40}]}
    assert "a" in loaded.run("query", "docs", "--facets", "tags")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--count", "--facets", "tags"), "one of --count and --facets"),
        (("--facets", "nope"), "'nope'"),
        (("--within", "1", "--count"), "exactly one of"),
        (("--group", "tags"), "exactly one of"),
        (("--vector", VECTOR, "--group", "nope"), "'nope'"),
        (("--vector", VECTOR, "--within", "nan"), "within must be a distance"),
    ],
)
def test_what_cannot_be_asked_is_told(loaded: Shell, options: tuple[str, ...], told: str) -> None:
    loaded.fails("query", "docs", *options, kind="invalid-input", told=told)


def test_a_query_explains_itself_and_answers_as_before(loaded: Shell) -> None:
    plain = loaded.json("query", "docs", "--key", "doc-11", "-k", 5)
    told = loaded.json("query", "docs", "--key", "doc-11", "-k", 5, "--explain")
    assert told["hits"] == plain["hits"]
    assert (told["explanation"]["hits"], told["explanation"]["visited"]) == (5, 59)
    assert "explanation" not in plain
    shown = loaded.run("query", "docs", "--key", "doc-11", "--explain")
    assert "├─ search: 59 allowed, 59 visited" in shown
