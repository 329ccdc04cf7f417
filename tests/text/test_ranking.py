"""Text search answers as BM25 in plain Python over the live rows does, however rows came and lie."""

from __future__ import annotations

import numpy as np
import pytest
from bm25 import ranking
from hypothesis import given, settings, strategies as st

import kinspace as ks
from kinspace.space import space as space_module
from kinspace.space.text import view
from thorough import rounds

WORDS = [
    "file",
    "files",
    "filing",
    "fast",
    "image",
    "viewer",
    "café",
    "cafe",
    "größe",
    "日本語",
    "x",
    "the",
    "pythonic",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
QUESTIONS = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"'),
        st.sampled_from(["fil*", "p*", "+file", "-the", "+the", '-"file fast"', '+"image viewer"', "imaging*"]),
    ),
    min_size=1,
    max_size=5,
).map(" ".join)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 30), TEXTS, TEXTS),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["flush", "compact", "search"])),
        st.tuples(st.just("load"), st.integers(0, 25), st.lists(st.tuples(TEXTS, TEXTS), min_size=4, max_size=8)),
    ),
    min_size=1,
    max_size=25,
)


def answered(space: ks.Space, question: str, k: int, where: str | None = None) -> list[tuple[str, float]]:
    hits = space.search(question, k, mode="text", where=where)
    return list(zip(hits.keys, hits.scores.tolist(), strict=True))


def assert_same(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert [key for key, _ in found] == [key for key, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], rel=1e-9)


@settings(max_examples=rounds(8, 200), deadline=None)
@given(STEPS, QUESTIONS, st.integers(0, 40))
def test_order_and_scores_are_those_of_plain_bm25(steps: list[tuple], question: str, k: int) -> None:
    rows: dict[str, tuple[str, str]] = {}
    with ks.connect(":memory:") as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(space_module, "SEGMENT_ROWS", 4)  # so that a load makes a segment of its own
        space = hub.create_space("docs", dims=1)
        space.set("first", [1.0], title="file", body="viewer")
        rows["first"] = ("file", "viewer")
        space.index_text("title", "body")
        for step, *arguments in steps:
            if step == "set":
                number, title, body = arguments
                rows.pop(f"k{number}", None)
                rows[f"k{number}"] = (title, body)
                space.set(f"k{number}", [1.0], title=title, body=body)
            elif step == "delete":
                rows.pop(f"k{arguments[0]}", None)
                space.delete(f"k{arguments[0]}")
            elif step == "load":
                start, texts = arguments
                fresh = {f"k{start + i}": both for i, both in enumerate(texts)}
                for key, both in fresh.items():
                    rows.pop(key, None)
                    rows[key] = both
                space.load([(key, [1.0], {"title": one, "body": two}) for key, (one, two) in fresh.items()])
            elif step == "search":
                space.search("file", mode="text")
            else:
                getattr(space, step)()
        assert_same(answered(space, question, k), ranking(rows, question)[:k])
        allowed = {key for key in rows if key < "k2"}
        filtered = ranking(rows, question, allowed=allowed)
        assert_same(answered(space, question, k, where="key < 'k2'"), filtered[:k])
        patch.setattr(view, "_FEW", 0)
        patch.setattr(view, "_SHARE", 1.0)  # so that terms are counted, however many rows are allowed
        for _ in range(2):  # more than a few are counted at the second question
            assert_same(answered(space, question, k, where="key < 'k2'"), filtered[:k])


def test_many_rows_with_ties_are_ranked_as_by_plain_bm25_at_every_k() -> None:
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(200)]
    share = 1.0 / np.arange(1, 201)
    texts = [" ".join(rng.choice(words, rng.integers(1, 15), p=share / share.sum())) for _ in range(3_000)]
    rows = {f"k{i}": (text,) for i, text in enumerate(texts)}
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        columns = {"text": texts, "n": list(range(len(rows)))}
        space.load(keys=list(rows), vectors=np.ones((len(rows), 1), np.float32), columns=columns)
        space.index_text("text", language="simple")
        for question in ("w0 w1 w50 w190", "w3 w77", '"w0 w1" w5', "w1* -w0"):
            expected = ranking(rows, question, "simple")
            for k in (1, 10, 10_000):
                assert_same(answered(space, question, k), expected[:k])
            for few in (100, 140, 1_000):  # scored one by one, counted, fetched
                best = [one for one in expected if int(one[0][1:]) < few][:10]
                assert_same(answered(space, question, 10, f"n < {few}"), best)


@pytest.mark.parametrize("change", ["flush", "compact", "index"])
def test_no_score_changes_when_rows_move(change: str) -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        for number in range(50):
            space.set(f"k{number}", [1.0], text=f"file {'viewer ' * (number % 5)}")
        space.index_text("text")
        space.multidelete([f"k{number}" for number in range(0, 50, 3)])
        before = answered(space, "viewer file", 50)
        getattr(space, change)()
        assert answered(space, "viewer file", 50) == before


def test_a_prefix_of_more_terms_than_are_scored_finds_every_row(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=1)
    space.multiset([(f"k{n:03}", [1.0], {"text": f"pre{n:03}" + " pre000" * (n < 3), "n": n}) for n in range(300)])
    space.index_text("text", language="simple")
    for question in ("pre*", "+pre*"):
        hits = space.search(question, 1_000, mode="text")
        assert sorted(hits.keys) == [f"k{n:03}" for n in range(300)]  # type: ignore[type-var]
        assert space.search(question, mode="text", where="n = 299").keys == ["k299"]


def test_one_letter_of_a_script_without_spaces_is_found(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=1)
    space.multiset([("a", [1.0], {"text": "猫が好き"}), ("b", [1.0], {"text": "犬"})])
    space.index_text("text")
    assert space.search("猫", mode="text").keys == ["a"]
    assert space.search("犬", mode="text").keys == ["b"]
