"""The tree of stages: what it says, and that it fits."""

from __future__ import annotations

import json

from hypothesis import given, strategies as st

from kinspace.explain import UNTRACED, Explanation, Trace
from kinspace.explain.tree import WIDTH, tree

NAMES = st.text("abc_ ", min_size=1, max_size=30).filter(str.strip)
FACTS = st.one_of(st.integers(0, 10**12), st.booleans(), st.none(), st.text(max_size=300), st.floats(0, 1e3))


@st.composite
def traces(draw: st.DrawFn, depth: int = 3) -> Trace:
    trace = Trace(draw(NAMES))
    trace.note(**draw(st.dictionaries(NAMES, FACTS, max_size=5)))
    trace.seconds = draw(st.floats(0, 1e4))
    if depth:
        trace.stages = draw(st.lists(traces(depth - 1), max_size=3))
    return trace


@given(traces())
def test_whatever_is_told_fits_a_hundred_columns(trace: Trace) -> None:
    assert max(map(len, tree(trace).split("\n"))) <= WIDTH


@given(traces())
def test_a_dict_of_it_is_json(trace: Trace) -> None:
    told = Explanation(None, trace).to_dict()
    assert json.loads(json.dumps(told)) == told


def test_counts_of_one_are_in_the_singular_and_of_none_left_out() -> None:
    trace = Trace("a", rows=0, hops=1, by_codes=1, dead=0, columns=2, allowed=0)
    assert tree(trace).split("  ")[0] == "a, 0 rows, 1 hop, 1 by codes, 2 columns, 0 allowed"


def test_time_that_no_stage_has_is_shown() -> None:
    trace = Trace("a")
    trace.seconds = 1.0
    trace.stage("b").seconds = 0.25
    assert tree(trace).splitlines()[-1].split() == ["└─", "(between", "the", "stages)", "750", "ms"]


def test_what_is_told_later_is_told_once() -> None:
    trace, calls = Trace("a"), []
    trace.stage("b").later(lambda stage: calls.append(stage.name))
    assert trace.told() is trace.told()
    assert calls == ["b"]


def test_nobody_is_told_nothing() -> None:
    with UNTRACED.stage("a", rows=3) as stage:
        stage.note(rows=4)
        stage.count("rows")
    assert stage is UNTRACED
    assert not UNTRACED.facts
    assert not UNTRACED.stages
    assert UNTRACED.seconds == 0
