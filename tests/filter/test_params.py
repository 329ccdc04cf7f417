"""Parameters of SQL predicates: values that are never text."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace import InvalidInput
from kinspace.filter import compile_predicate, predicate
from rows import FRAME, keys


def found(text: str, **params: Any) -> str:
    mask = compile_predicate(text, FRAME.schema, params).evaluate(FRAME)
    return "".join(FRAME.filter(mask)["key"])


def test_a_parameter_is_the_value_it_has() -> None:
    assert found("kib >= :low AND kib <= :high", low=0, high=100) == "ad"
    assert found("title = :t", t="it's") == "d"
    assert found("title = :t", t="' OR TRUE OR '") == ""
    assert found("title LIKE :p", p="100\\%%") == "b"
    assert found("day = :day", day=dt.date(2024, 1, 1)) == "a"
    assert found("kib = :kib", kib=np.int64(100)) == "a"
    assert found("free = :free", free=True) == "ad"
    assert found("kib = :x OR kib = :x", x=0) == "d"
    assert found("kib = :nothing", nothing=None) == ""
    assert found("kib IS NOT DISTINCT FROM :nothing", nothing=None) == "c"
    assert found(":word = ANY(tags)", word="x") == "a"
    assert found("kib = :select", select=0) == "d"
    assert found("score = :nan", nan=float("nan")) == "b"


def test_a_list_is_what_in_takes() -> None:
    for text in ("kib IN :xs", "kib IN (:xs)", "kib = ANY(:xs)"):
        for xs in ([0, 100], (0, 100), {0, 100}, np.array([0, 100])):
            assert found(text, xs=xs) == "ad"
    assert found("kib IN (:xs, 5000)", xs=[0]) == "bd"
    assert found("kib NOT IN :xs", xs=[0, None]) == ""
    assert found("kib IN :xs", xs=[]) == ""
    assert found("kib <> ALL(:xs)", xs=[0, 100]) == "be"


WRONG: list[tuple[str, Any, str]] = [
    ("kib > :low", {}, "uses :low, which params does not give; it gives: none"),
    ("kib > :low", {"Low": 1}, "uses :low, which params does not give; it gives: 'Low'"),
    ("kib > 1", {"low": 1}, "given that where does not use: low"),
    ("kib > :low", {"low": "x"}, "cannot compare numeric with string"),
    ("day > :day", {"day": "2024-01-01"}, "cannot compare date with string: .*write DATE"),
    ("kib > :low", {"low": [1]}, "stands after IN"),
    ("kib > :low", {"low": ...}, "parameter 'low' must be a number"),
    ("kib IN :low", {"low": [[1]]}, "a value of parameter 'low' must be"),
    ("kib IN :low", {"low": 5}, "IN takes a list"),
    ("kib > ALL(:low)", {"low": [5]}, "= ANY"),
    ("kib > :low", [("low", 1)], "maps names to values"),
    ("kib > :low", {1: 1}, "name is a word"),
    ("kib > :low", {"a b": 1}, "name is a word"),
    ("':low' = title", {"low": 1}, "does not use: low"),
    (":column > 1", {"column": "kib"}, "cannot compare string with numeric"),
    ("title.:field = 1", {"field": "x"}, "not a SQL predicate|more than"),
]


@pytest.mark.parametrize(("text", "params", "why"), WRONG, ids=[f"{text} {given}"[:50] for text, given, _ in WRONG])
def test_parameters_that_do_not_fit_are_an_error_that_says_why(text: str, params: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        compile_predicate(text, FRAME.schema, params)


def test_params_are_for_sql_alone() -> None:
    for where in (ks.col("kib") > 1, {"kib": 1}):
        with pytest.raises(InvalidInput, match="params are for a SQL predicate"):
            compile_predicate(where, FRAME.schema, {"x": 1})


def test_equal_values_of_other_types_are_other_parameters() -> None:
    assert found("free = :x", x=True) == "ad"
    with pytest.raises(InvalidInput, match="cannot compare boolean with numeric"):
        found("free = :x", x=1)
    assert found("kib IN :xs", xs=[1.0, 0]) == "d"
    with pytest.raises(InvalidInput, match="cannot compare numeric with boolean"):
        found("kib IN :xs", xs=[True, 0])


def test_text_and_params_seen_before_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compile_predicate("kib > :x", FRAME.schema, {"x": 41})
    monkeypatch.setattr(predicate, "_of_tree", lambda *_: pytest.fail("it was compiled again"))
    assert compile_predicate("kib > :x", FRAME.schema, {"x": 41}) is first


def test_a_space_takes_params_wherever_it_takes_where(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1, 2, i], {"n": i}) for i in range(10)])
    space.flush()
    space.set("k10", [1, 2, 10], n=10)
    asked = {"where": "n > :low", "params": {"low": 7}}
    for _ in range(2):
        assert sorted(space.nearest_neighbors(50, vector=[1, 2, 3], **asked).keys) == ["k10", "k8", "k9"]
    assert sorted(space.nearest_neighbors(50, vector=[1, 2, 3], where="n > :low", params={"low": 8}).keys) == [
        "k10",
        "k9",
    ]
    assert space.select("key").where("n > :low", {"low": 8}).where(ks.col("n") < 10).collect()["key"].to_list() == [
        "k9"
    ]
    assert {frame["neighbor"][0] for frame in space.knn_join(space, 1, **asked)} <= {"k8", "k9", "k10"}
    assert next(iter(space.near_duplicates(0.0, **asked))).height == 0
    with pytest.raises(InvalidInput, match="params are for a filter"):
        space.nearest_neighbors(5, vector=[1, 2, 3], params={"low": 1})
    assert space.delete_where("n IN :gone", {"gone": [0, 1, 10]}) == 3
    assert space.delete_where({"n": {"$lt": 4}}) == 2
    assert space.delete_where(ks.col("n").between(4, 8)) == 5
    assert list(space.keys()) == ["k9"]


def test_a_key_is_a_column_of_every_front_end(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1, 2, i], {"n": i}) for i in range(4)])
    for where in ("key = 'k2'", ks.col("key") == "k2", {"key": "k2"}):
        assert space.nearest_neighbors(5, vector=[1, 2, 3], where=where).keys == ["k2"]
    assert keys("key = 'a'") == "a"


def test_what_is_kept_is_small_whatever_was_asked(space: ks.Space) -> None:
    space.multiset([(f"k{i}", [1, 2, i], {"n": i}) for i in range(4)])
    many = list(range(2, 50_000))
    predicate._kept.clear()
    for _ in range(2):
        for where, params in (
            ("n IN :xs", {"xs": many}),
            (ks.col("n").is_in(many), None),
            ({"n": {"$in": many}}, None),
        ):
            hits = space.nearest_neighbors(5, vector=[1, 2, 3], where=where, params=params)
            assert sorted(hits.keys) == ["k2", "k3"]
    assert not predicate._kept
    assert len(repr(list(space._store.view().masks))) < 1_000
