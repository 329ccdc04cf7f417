"""Filters as mappings: Mongo's operators, one meaning with SQL, and errors that say what there is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from kinspace import InvalidInput
from kinspace.filter import compile_predicate
from rows import FRAME, keys

SAME: list[tuple[dict[str, Any], str]] = [
    ({"kib": 100}, "kib = 100"),
    ({"kib": {"$eq": 100}}, "kib = 100"),
    ({"kib": np.int32(100)}, "kib = 100"),
    ({"kib": {"$ne": 100}}, "kib != 100"),
    ({"kib": {"$gt": 0, "$lte": 100}}, "kib > 0 AND kib <= 100"),
    ({"kib": {"$gte": 0}, "free": True}, "kib >= 0 AND free = TRUE"),
    ({"kib": {"$in": [0, 100]}}, "kib IN (0, 100)"),
    ({"kib": {"$nin": [0, 100]}}, "NOT kib IN (0, 100)"),
    ({"kib": {"$in": [0, None]}}, "kib IN (0) OR kib IS NULL"),
    ({"kib": None}, "kib IS NULL"),
    ({"kib": {"$ne": None}}, "NOT kib IS NULL"),
    ({"kib": {"$exists": True}}, "NOT kib IS NULL"),
    ({"kib": {"$exists": False}}, "kib IS NULL"),
    ({"kib": {"$between": [0, 100]}}, "kib BETWEEN 0 AND 100"),
    ({"kib": {"$not": {"$gt": 0}}}, "NOT kib > 0"),
    ({"$and": [{"kib": {"$gt": 0}}, {"free": True}]}, "kib > 0 AND free = TRUE"),
    ({"$or": [{"kib": {"$lt": 0}}, {"kib": None}]}, "kib < 0 OR kib IS NULL"),
    ({"$nor": [{"kib": 0}, {"kib": 100}]}, "NOT (kib = 0 OR kib = 100)"),
    ({"$not": {"kib": 0}}, "NOT kib = 0"),
    ({"$not": [{"kib": 0}]}, "NOT kib = 0"),
    ({"title": {"$contains": "ss"}}, "contains(title, 'ss')"),
    ({"title": {"$not_contains": "ss"}}, "NOT contains(title, 'ss')"),
    ({"tags": {"$contains": "x"}}, "'x' = ANY(tags)"),
    ({"tags": {"$not_contains": "x"}}, "NOT 'x' = ANY(tags)"),
    ({"title": {"$like": "Gnu%"}}, "title LIKE 'Gnu%'"),
    ({"title": {"$ilike": "gnu%"}}, "title ILIKE 'gnu%'"),
    ({"made.by": "me"}, "made.by = 'me'"),
    ({"Odd name": 2}, '"Odd name" = 2'),
    ({"day": "2024-01-01"}, "day = DATE '2024-01-01'"),
    ({"day": {"$gte": dt.date(2024, 1, 1)}}, "day >= DATE '2024-01-01'"),
    ({"when": {"$lt": "2024-01-01T12:00:00"}}, "when < TIMESTAMP '2024-01-01 12:00:00'"),
    ({"when": {"$in": ["2024-01-02"]}}, "when IN (DATE '2024-01-02')"),
]


@pytest.mark.parametrize(("given", "text"), SAME, ids=[f"{number} {text}" for number, (_, text) in enumerate(SAME)])
def test_a_mapping_is_the_sql_it_stands_for(given: dict[str, Any], text: str) -> None:
    assert compile_predicate(given, FRAME.schema).key == compile_predicate(text, FRAME.schema).key
    assert keys(given) == keys(text)


WRONG: list[tuple[Any, str]] = [
    ({}, "empty"),
    ({"nope": 1}, "no column 'nope'; the columns are: 'key', 'kib'"),
    ({"made.nope": 1}, "no field 'nope'; the fields are: 'by'"),
    ({"kib": {}}, r"asked nothing; give a value, or an operator: \$eq"),
    ({"kib": {"$near": 1}}, r"no operator '\$near' for 'kib'; there are: \$eq, \$ne"),
    ({"made": {"by": "me"}}, "write 'made.by'"),
    ({"$xor": [{"kib": 1}]}, r"no operator \$xor for whole filters; there are: \$and"),
    ({"$and": []}, "one at least"),
    ({"$and": {"kib": 1}}, "takes a list of filters"),
    ({"$or": [1]}, "a filter is a mapping"),
    ({"$not": 5}, "a filter is a mapping"),
    ({5: 1}, "keys are names of columns"),
    ({"kib": "100"}, "cannot compare numeric with string: column 'kib' is Int64, '100' is String; give a number"),
    ({"kib": True}, "cannot compare numeric with boolean"),
    ({"free": 1}, "cannot compare boolean with numeric: .*give TRUE or FALSE"),
    ({"title": 5}, "cannot compare string with numeric"),
    ({"tags": "x"}, "cannot compare list with string: .*contains"),
    ({"kib": [1, 2]}, r"takes one value; got a list: write \$in"),
    ({"kib": {"$in": 5}}, "takes a list of values; got a int"),
    ({"kib": {"$in": "abc"}}, "takes a list of values"),
    ({"kib": {"$in": [[1]]}}, "must be a number, string.*got list"),
    ({"kib": {"$gt": None}}, r"write \$exists"),
    ({"kib": {"$exists": 1}}, "takes True or False; got a int"),
    ({"kib": {"$between": [1]}}, "two values, low and high"),
    ({"kib": {"$between": [1, None]}}, "two values, low and high"),
    ({"kib": {"$contains": 1}}, "takes a string as argument 1; column 'kib'"),
    ({"title": {"$contains": None}}, "takes a value; got None"),
    ({"title": {"$like": 5}}, "takes a string; got a int"),
    ({"kib": {"$like": "a"}}, "LIKE takes a string; column 'kib'"),
    ({"day": "yesterday"}, "cannot compare date with string: column 'day' is Date, 'yesterday' is no date"),
    ({"day": 19000}, "cannot compare date with numeric"),
    ({"kib": object()}, "must be a number, string"),
    ({"title": "\ud800"}, "not Unicode"),
    ({"title": "x" * 70_000}, "at most 65,536"),
    ({"kib": 1 << 200}, "does not fit in 128 bits"),
]


@pytest.mark.parametrize(("given", "why"), WRONG, ids=[f"{number} {why}" for number, (_, why) in enumerate(WRONG)])
def test_a_mapping_that_is_no_filter_is_an_error_that_says_why(given: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=f"(?s){why}"):
        compile_predicate(given, FRAME.schema)


def test_a_mapping_within_itself_or_too_deep_or_too_large_is_an_error() -> None:
    itself: dict[str, Any] = {}
    itself["$and"] = [itself, itself]
    not_itself: dict[str, Any] = {}
    not_itself["$not"] = not_itself
    a_list: list[Any] = []
    a_list.append(a_list)
    deep: dict[str, Any] = {"kib": 1}
    operators: dict[str, Any] = {"$gt": 1}
    for _ in range(10_000):
        deep, operators = {"$or": [deep, {"kib": 2}]}, {"$not": operators}
    for given in (
        itself,
        not_itself,
        {"$or": a_list},
        {"kib": {"$in": a_list}},
        {"kib": a_list},
        deep,
        {"kib": operators},
        {"$or": [{"kib": number} for number in range(5_000)]},
    ):
        with pytest.raises(InvalidInput):
            compile_predicate(given, FRAME.schema)
    wide = {"$or": [{"kib": number} for number in range(1_000)]}
    assert keys(wide) == "ad"
    assert keys({"kib": {"$in": list(range(100_000))}}) == "abd"
