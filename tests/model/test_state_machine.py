"""The whole store against a dict and NumPy: any sequence of calls, with reopening, flushing and a second hub."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import kinspace as ks

DIMS = 3
MANY = 700  # rows from which on a search by index is the cheaper one
keys = st.sampled_from([f"key-{number}" for number in range(12)] + ["é", "\0", "日本"])
vectors = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]), min_size=DIMS, max_size=DIMS)
titles = st.none() | st.sampled_from(["a", "b", "ü"])
counts = st.none() | st.integers(-3, 3) | st.sampled_from([0.5])


def brute_force(model: dict[str, Any], query: list[float], k: int, metric: str) -> list[str]:
    """The k nearest keys by float64 arithmetic, ties by insertion order."""
    order = np.argsort(np.round(distances(model, query, metric), 12), kind="stable")[:k]
    names = list(model)
    return [names[place] for place in order]


def distances(model: dict[str, Any], query: list[float], metric: str) -> Any:
    """Of each row, by float64 arithmetic."""
    matrix = np.array([vector for vector, _ in model.values()], np.float64).reshape(-1, DIMS)
    q = np.array(query, np.float64)
    if metric == "l2":
        return np.sqrt(((matrix - q) ** 2).sum(axis=1))
    if metric == "ip":
        return -(matrix @ q)
    norms = np.sqrt((matrix**2).sum(axis=1) * (q**2).sum())
    return 1 - np.divide(matrix @ q, norms, out=np.zeros(len(matrix)), where=norms > 0)


class SpaceMachine(RuleBasedStateMachine):
    """Two hubs on one folder stand for two processes; whatever one writes, both see at once."""

    @initialize(metric=st.sampled_from(["cosine", "l2", "ip"]))
    def begin(self, metric: str) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("kinspace.space.parts.index.INDEX_ROWS", 4)
        self.folder = Path(tempfile.mkdtemp(prefix="kinspace-test-"))
        self.metric = metric
        self.hubs = [ks.connect(self.folder, durability="off") for _ in range(2)]
        self.hubs[0].create_space("s", dims=DIMS, metric=metric)
        self.spaces = [hub.get_space("s") for hub in self.hubs]
        self.model: dict[str, tuple[list[float], dict[str, Any]]] = {}
        self.columns: set[str] = set()

    def put(self, key: str, vector: list[float], columns: dict[str, Any]) -> None:
        self.model.pop(key, None)
        self.model[key] = (vector, {name: value for name, value in columns.items() if value is not None})
        self.columns |= {name for name, value in columns.items() if value is not None}

    @rule(who=st.integers(0, 1), key=keys, vector=vectors, title=titles, count=counts)
    def set(self, who: int, key: str, vector: list[float], title: str | None, count: float | None) -> None:
        self.spaces[who].set(key, vector, title=title, count=count)
        self.put(key, vector, {"title": title, "count": count})

    @rule(who=st.integers(0, 1), rows=st.lists(st.tuples(keys, vectors, titles), max_size=6))
    def multiset(self, who: int, rows: list[tuple[str, list[float], str | None]]) -> None:
        assert self.spaces[who].multiset([(key, vector, {"title": title}) for key, vector, title in rows]) == len(rows)
        for key, vector, title in rows:
            self.put(key, vector, {"title": title})

    @rule(who=st.integers(0, 1), rows=st.lists(st.tuples(keys, vectors), min_size=1, max_size=6))
    def load_segment(self, who: int, rows: list[tuple[str, list[float]]]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kinspace.space.space.SEGMENT_ROWS", 1)
            self.spaces[who].load(keys=[key for key, _ in rows], vectors=[vector for _, vector in rows])
        for key, vector in rows:
            self.put(key, vector, {})

    @rule(who=st.integers(0, 1), seed=st.integers(0, 99))
    def load_so_many_that_an_index_pays(self, who: int, seed: int) -> None:
        rows = np.random.default_rng(seed).choice(np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]), (MANY, DIMS))
        names = [f"many-{(number * 7) % 997}" for number in range(MANY)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kinspace.space.space.SEGMENT_ROWS", 1)
            self.spaces[who].load(keys=names, vectors=rows)
        for name, row in zip(names, rows.tolist(), strict=True):
            self.put(name, row, {})

    @rule(who=st.integers(0, 1))
    def index(self, who: int) -> None:
        self.spaces[who].index()
        assert self.spaces[who].index() == 0

    @rule(who=st.integers(0, 1), key=keys, vector=vectors)
    def refused_write_changes_nothing(self, who: int, key: str, vector: list[float]) -> None:
        with pytest.raises(ks.InvalidInput):
            self.spaces[who].multiset({key: vector, "other": [1.0, float("nan"), 0.0]})

    @rule(who=st.integers(0, 1), key=keys, title=titles)
    def update(self, who: int, key: str, title: str | None) -> None:
        if key not in self.model:
            with pytest.raises(ks.KeyNotFound):
                self.spaces[who].update(key, title=title)
            return
        self.spaces[who].update(key, title=title)
        vector, columns = self.model[key]
        self.put(key, vector, columns | {"title": title})

    @rule(who=st.integers(0, 1), key=keys)
    def delete(self, who: int, key: str) -> None:
        assert self.spaces[who].delete(key) is (self.model.pop(key, None) is not None)

    @rule(who=st.integers(0, 1), some=st.lists(keys, max_size=6))
    def multidelete(self, who: int, some: list[str]) -> None:
        assert self.spaces[who].multidelete(some) == len({key for key in some if self.model.pop(key, None) is not None})

    @rule(who=st.integers(0, 1), title=st.sampled_from(["a", "b", "ü"]))
    def delete_where(self, who: int, title: str) -> None:
        if "title" not in self.columns:
            with pytest.raises(ks.InvalidInput):
                self.spaces[who].delete_where(f"title = '{title}'")
            return
        gone = [key for key, (_, columns) in self.model.items() if columns.get("title") == title]
        assert self.spaces[who].delete_where(f"title = '{title}'") == len(gone)
        for key in gone:
            del self.model[key]

    @rule(who=st.integers(0, 1))
    def delete_all(self, who: int) -> None:
        assert self.spaces[who].delete_all() == len(self.model)
        self.model.clear()

    @rule(who=st.integers(0, 1))
    def flush(self, who: int) -> None:
        self.spaces[who].flush()

    @rule(who=st.integers(0, 1))
    def compact(self, who: int) -> None:
        self.spaces[who].compact()

    @rule(who=st.integers(0, 1))
    def reopen(self, who: int) -> None:
        self.hubs[who].close()
        self.hubs[who] = ks.connect(self.folder, durability="off")
        self.spaces[who] = self.hubs[who].get_space("s")

    @rule(who=st.integers(0, 1), query=vectors, k=st.integers(0, 20))
    def nearest_by_vector(self, who: int, query: list[float], k: int) -> None:
        hits = self.spaces[who].nearest_neighbors(k, vector=query, exact=True)
        assert hits.keys == brute_force(self.model, query, k, self.metric)
        assert hits.rows["key"].to_list() == hits.keys

    @rule(who=st.integers(0, 1), key=keys, k=st.integers(0, 20))
    def nearest_by_key(self, who: int, key: str, k: int) -> None:
        if key not in self.model:
            with pytest.raises(ks.KeyNotFound):
                self.spaces[who].nearest_neighbors(k, key=key)
            return
        others = {name: row for name, row in self.model.items() if name != key}
        self.check_near(self.spaces[who].nearest_neighbors(k, key=key), others, self.model[key][0], k)
        hits = self.spaces[who].nearest_neighbors(k, key=key, exact=True)
        assert hits.keys == brute_force(others, self.model[key][0], k, self.metric)

    @rule(who=st.integers(0, 1), query=vectors, k=st.integers(0, 20), title=st.sampled_from(["a", "b"]))
    def nearest_filtered(self, who: int, query: list[float], k: int, title: str) -> None:
        if "title" not in self.columns:
            return
        matching = {key: row for key, row in self.model.items() if row[1].get("title") == title}
        where = f"title = '{title}'"
        self.check_near(self.spaces[who].nearest_neighbors(k, vector=query, where=where), matching, query, k)
        hits = self.spaces[who].nearest_neighbors(k, vector=query, where=where, exact=True)
        assert hits.keys == brute_force(matching, query, k, self.metric)

    @rule(who=st.integers(0, 1), query=vectors, k=st.integers(0, 20), ef_search=st.none() | st.integers(1, 30))
    def nearest_by_index(self, who: int, query: list[float], k: int, ef_search: int | None) -> None:
        for vector in (query, np.array(query, np.float32)):
            hits = self.spaces[who].nearest_neighbors(k, vector=vector, ef_search=ef_search)
            self.check_near(hits, self.model, query, k)

    def check_near(self, hits: ks.Hits, model: dict[str, Any], query: list[float], k: int) -> None:
        """As many as there are, of rows that are there, each once, with their own distances, in order."""
        place = {name: number for number, name in enumerate(model)}
        assert len(set(hits.keys)) == len(hits.keys) == min(k, len(model))
        assert np.allclose(hits.distances, distances({key: model[key] for key in hits.keys}, query, self.metric))
        pairs = [(distance, place[key]) for key, distance in hits]
        assert pairs == sorted(pairs)
        if hits.exact:
            assert hits.keys == brute_force(model, query, k, self.metric)

    @rule(who=st.integers(0, 1), some=st.lists(keys, max_size=6))
    def multiget(self, who: int, some: list[str]) -> None:
        missing = [key for key in some if key not in self.model]
        if missing:
            with pytest.raises(ks.KeyNotFound) as caught:
                self.spaces[who].multiget(some)
            assert repr(missing[0]) in str(caught.value)
            return
        assert [vector.tolist() for vector in self.spaces[who].multiget(some)] == [self.model[key][0] for key in some]

    @rule(who=st.integers(0, 1), size=st.integers(1, 5))
    def scan(self, who: int, size: int) -> None:
        rows = [row for frame in self.spaces[who].scan(batch_size=size) for row in frame.iter_rows(named=True)]
        assert [row["key"] for row in rows] == list(self.model)
        for row in rows:
            vector, columns = self.model[row["key"]]
            assert row["vector"] == vector
            assert {name: row[name] for name in self.columns} == {name: columns.get(name) for name in self.columns}

    @invariant()
    def both_see_the_same_rows(self) -> None:
        for space in getattr(self, "spaces", ()):
            assert len(space) == len(self.model)
            assert list(space.keys()) == list(self.model)

    def teardown(self) -> None:
        for hub, space in zip(getattr(self, "hubs", ()), getattr(self, "spaces", ()), strict=True):
            assert space.check().problems == []
            hub.close()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)
            self.patch.undo()


SpaceMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
test_any_sequence_of_calls_matches_the_model = SpaceMachine.TestCase
