"""Examples, diversity and boosts: the same answers however a space stores, indexes and searches its vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kinspace as ks

VECTORS = np.random.default_rng(4).integers(-9, 9, size=(600, 8)).astype(np.float32)
KEYS = [f"k{i}" for i in range(len(VECTORS))]
ASKED: list[dict[str, Any]] = [
    {"positive": ["k1", "k2", "k3"], "negative": ["k4"]},
    {"positive": ["k1", "k2", "k3"], "negative": ["k4", VECTORS[9]], "strategy": "best"},
    {"negative": ["k1", "k2"]},
    {"key": "k1", "diversity": 0.5},
    {"key": "k1", "boost": "0.01 * n", "where": "n < 500"},
    {"positive": ["k1", "k2"], "diversity": 0.5, "boost": "0.01 * n"},
]


def filled(hub: ks.Hub, name: str, **kind: Any) -> ks.Space:
    space = hub.create_space(name, dims=8, **kind)
    for part in (slice(0, 400), slice(400, 500), slice(500, 600)):
        space.load(keys=KEYS[part], vectors=VECTORS[part], columns={"n": list(range(600))[part]})
        if part.stop < 600:
            space.flush()
    space.multidelete(KEYS[::13][1:])
    space.index()
    return space


def answers(space: ks.Space, **how: Any) -> list[Any]:
    found = [space.nearest_neighbors(12, **asked, exact=True, **how) for asked in ASKED]
    return [(list(hits), hits.exact) for hits in found]


@pytest.fixture(scope="module")
def plain() -> Any:
    with ks.connect(":memory:") as hub:
        yield filled(hub, "plain")


@pytest.mark.parametrize(
    "kind", [{"dtype": "float16"}, {"dtype": "int8"}, {"rotate": "pca"}, {"index_dims": 4}], ids=repr
)
def test_all_components_decide(hub: ks.Hub, plain: ks.Space, kind: dict[str, Any]) -> None:
    assert answers(filled(hub, "other", **kind)) == answers(plain)


@pytest.mark.parametrize("kind", [{"dtype": "int8"}, {"index_dims": 4}], ids=repr)
def test_of_the_first_components_these_decide(hub: ks.Hub, plain: ks.Space, kind: dict[str, Any]) -> None:
    cut = {"dims": 4, "rerank": False}
    found = answers(filled(hub, "other", **kind), **cut)
    assert found == answers(plain, **cut)
    assert all(exact for _, exact in found)


def test_axes_of_its_own_find_candidates_alone(hub: ks.Hub) -> None:
    space = filled(hub, "other", rotate="pca")
    for asked in ASKED:
        hits = space.nearest_neighbors(12, dims=4, expand=100, **asked)
        assert list(hits) == list(space.nearest_neighbors(12, exact=True, **asked)) or "boost" in asked
        with pytest.raises(ks.InvalidInput, match="axes of its own"):
            space.nearest_neighbors(12, dims=4, rerank=False, **asked)


def test_a_snapshot_a_fork_and_a_published_copy_answer_as_the_space_did(hub: ks.Hub) -> None:
    space = filled(hub, "other")
    before, monday = answers(space), space.snapshot("monday")
    space.publish("memory://ranking")
    space.multidelete(KEYS[100:300])
    assert answers(space) != before
    assert answers(monday) == answers(monday.fork("again")) == before
    with ks.connect("memory://ranking") as published:
        assert answers(published.get_space("other")) == before
