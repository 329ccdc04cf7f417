"""Search by text, by vector and by both: what each returns, filters, fusion, and arguments out of range."""

from __future__ import annotations

import numpy as np
import pytest

import kinspace as ks


@pytest.fixture
def both() -> ks.Space:
    space = ks.connect(":memory:").create_space("docs", embedder=ks.embed.Hashing(64))
    words = ["apple", "pear", "plum", "fig", "date", "lime"]
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(words, 6)) for _ in range(300)]
    space.add_texts([f"k{number}" for number in range(300)], texts, number=list(range(300)))
    return space


def test_the_default_is_both_if_the_space_has_both(both: ks.Space, space: ks.Space) -> None:
    assert both.text_columns == ("text",)
    assert both.search("apple").keys == both.search("apple", mode="hybrid").keys
    assert space.search("chess").keys == space.search("chess", mode="text").keys == ["chess"]
    both.drop_text()
    hits = both.search("apple")
    assert hits.mode == "vector"
    assert hits.scores.tolist() == [-distance for distance in hits.distances]
    with pytest.raises(ks.errors.InvalidInput, match="index_text"):
        hits.snippets()
    assert hits.keys == both.nearest_neighbors(10, vector=both.embedder.embed(["apple"])[0]).keys


def test_text_is_not_indexed_where_that_was_refused() -> None:
    space = ks.connect(":memory:").create_space("docs", embedder=ks.embed.Hashing(64))
    space.add_texts(["a"], ["words"], full_text=False)
    assert space.text_columns == ()
    space.add_texts(["b"], ["words"], store_as=None)
    assert space.text_columns == ()
    space.drop_text()
    space.add_texts(["c"], ["words"])
    assert space.text_columns == ()


def test_fusion_by_ranks_adds_reciprocal_ranks(both: ks.Space) -> None:
    text = both.search("apple fig", 50, mode="text").keys
    vector = both.search("apple fig", 50, mode="vector").keys
    expected = dict.fromkeys((*text, *vector), 0.0)
    for ranking, weight in ((vector, 2.0), (text, 0.5)):
        for rank, key in enumerate(ranking, 1):
            expected[key] += weight / (60 + rank)
    hits = both.search("apple fig", 20, mode="hybrid", fusion="rrf", weights=(2, 0.5), candidates=50)
    order = sorted(expected, key=lambda key: (-expected[key], int(key[1:])))
    assert hits.keys == order[:20]
    assert hits.scores == pytest.approx([expected[key] for key in order[:20]])


def test_fusion_by_scores_adds_shares_that_are_exact_for_every_candidate(both: ks.Space) -> None:
    text = both.search("apple fig", 300, mode="text")
    vector = both.search("apple fig", 300, mode="vector")
    bm25 = dict(zip(text.keys, text.scores, strict=True))
    far = dict(zip(vector.keys, vector.distances, strict=True))
    near, farthest = vector.distances[0], vector.distances[29]
    found = {*text.keys[:30], *vector.keys[:30]}

    def score(key: str) -> float:
        close = min(1.0, max(0.0, (farthest - far[key]) / (farthest - near)))
        return 3.0 * close + 1.0 * bm25.get(key, 0.0) / text.scores[0]

    hits = both.search("apple fig", 25, mode="hybrid", weights=(3, 1), candidates=30)
    order = sorted(found, key=lambda key: (-score(key), int(key[1:])))
    assert hits.keys == order[:25]
    assert hits.scores == pytest.approx([score(key) for key in order[:25]])


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
@pytest.mark.parametrize("where", ["number < 3", "number % 50 = 7", "number >= 0", "number < 0"])
def test_filters_leave_as_many_hits_as_match(both: ks.Space, fusion: str, where: str) -> None:
    matching = {f"k{number}" for number in range(300) if eval_where(where, number)}
    hits = both.search("apple", 10, where=where, fusion=fusion)
    assert len(hits) == min(10, len(matching))
    assert set(hits.keys) <= matching
    held = {key for key in both.search("apple", 300, mode="text").keys if key in matching}
    assert set(both.search("apple", 300, mode="text", where=where).keys) == held


def eval_where(where: str, number: int) -> bool:
    return {
        "number < 3": number < 3,
        "number % 50 = 7": number % 50 == 7,
        "number >= 0": True,
        "number < 0": False,
    }[where]


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_what_must_not_be_there_is_no_hit_by_vector_either(both: ks.Space, fusion: str) -> None:
    hits = both.search("apple -fig +pear", 300, fusion=fusion)
    texts = hits.rows["text"].to_list()
    assert texts
    assert all("fig" not in text and "pear" in text for text in texts)
    assert len(texts) == sum("fig" not in text and "pear" in text for text in both.select("text").collect()["text"])


def test_a_vector_of_ones_own_takes_the_embedders_place(space: ks.Space) -> None:
    hits = space.search("chess", 2, vector=[1.0, 0.0])
    assert set(hits.keys) == {"chess", "gzip"}
    assert space.search("", 1, vector=[1.0, 0.0]).keys == ["gzip"]
    assert space.search("chess", 1, vector=[1.0, 0.0], mode="vector").keys == ["gzip"]


def test_a_smaller_k_is_the_beginning_of_a_larger(both: ks.Space) -> None:
    for mode in ("text", "hybrid"):
        all_of_them = both.search("apple lime", 60, mode=mode).keys
        assert [both.search("apple lime", k, mode=mode).keys for k in (0, 1, 7)] == [all_of_them[:k] for k in (0, 1, 7)]


def test_distances_are_scores_with_a_minus_and_ties_go_by_insertion(space: ks.Space) -> None:
    space.set("twin", [1, 9], title="Chess by mail", body="Plays chess with a friend who is far away.")
    hits = space.search("chess")
    assert hits.keys == ["chess", "twin"]
    assert hits.distances.tolist() == [-score for score in hits.scores]
    assert hits.distances[0] == hits.distances[1]
    assert hits.exact


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "both"}, "'hybrid', 'vector' or 'text'"),
        ({"fusion": "sum"}, "'rrf' or 'weighted'"),
        ({"k": -1}, "k must be"),
        ({"k": 1.5}, "k must be"),
        ({"candidates": 0}, "candidates"),
        ({"weights": (1,)}, "weights"),
        ({"weights": (0, 0)}, "weights"),
        ({"weights": (1, float("nan"))}, "weights"),
        ({"weights": (-1, 1)}, "weights"),
        ({"weights": "ab"}, "weights"),
        ({"exact": 1}, "exact"),
        ({"mode": "text", "vector": [1, 0]}, "takes no vector"),
        ({"mode": "hybrid"}, "embedder"),
        ({"mode": "vector"}, "embedder"),
        ({"vector": [1, 0, 0]}, "2"),
        ({"where": "nothing = 1"}, "nothing"),
    ],
    ids=str,
)
def test_arguments_out_of_range_are_refused(space: ks.Space, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ks.errors.InvalidInput, match=message):
        space.search("chess", **arguments)  # type: ignore[arg-type]
