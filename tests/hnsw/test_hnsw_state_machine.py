"""The index against a dict and NumPy: any sequence of adding, removing, searching, saving and loading."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import kinspace as ks
from brute import distances
from sets import METRICS, check_answer

DIMS = 3
vector = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]), min_size=DIMS, max_size=DIMS)
share = st.floats(0, 1)


class IndexMachine(RuleBasedStateMachine):
    """Few values, so that many vectors are equal, or zero, or have equal distances."""

    @initialize(metric=st.sampled_from(METRICS), rows=st.lists(vector, max_size=40), M=st.sampled_from([2, 4, 16]))
    def build(self, metric: str, rows: list[list[float]], M: int) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("os.fsync", lambda _: None)  # other tests are about that
        self.folder = Path(tempfile.mkdtemp(prefix="kinspace-test-"))
        self.metric = metric
        self.index = ks.Hnsw.build(np.array(rows, np.float32).reshape(-1, DIMS), metric, M=M, ef_construction=20)
        self.rows = dict(enumerate(rows))
        self.next_id = len(rows)

    @rule(rows=st.lists(vector, max_size=30))
    def add(self, rows: list[list[float]]) -> None:
        ids = self.index.add(rows).tolist()
        assert ids == list(range(self.next_id, self.next_id + len(rows)))
        self.rows |= zip(ids, rows, strict=True)
        self.next_id += len(rows)

    @rule(part=share, seed=st.integers(0, 99))
    def remove(self, part: float, seed: int) -> None:
        ids = np.flatnonzero(np.random.default_rng(seed).random(self.next_id) < part)
        there = [i for i in ids.tolist() if i in self.rows]
        assert self.index.remove(ids) == len(there)
        for i in there:
            del self.rows[i]

    @rule(query=vector, k=st.integers(0, 100), ef=st.none() | st.integers(1, 60))
    def search(self, query: list[float], k: int, ef: int | None) -> None:
        ids, found = self.index.search(query, k, ef)
        check_answer(ids, found, self.rows, np.array(query), self.metric, min(k, len(self.rows)))

    @rule(query=vector, k=st.integers(0, 30), part=share, seed=st.integers(0, 99), masked=st.booleans())
    def search_filtered(self, query: list[float], k: int, part: float, seed: int, masked: bool) -> None:
        mask = np.random.default_rng(seed).random(self.next_id) < part
        allowed = [i for i in np.flatnonzero(mask).tolist() if i in self.rows]
        ids, found = self.index.search(query, k, where=mask if masked else np.flatnonzero(mask))
        assert set(ids.tolist()) <= set(allowed)
        check_answer(ids, found, self.rows, np.array(query), self.metric, min(k, len(allowed)))

    @rule(query=vector, k=st.integers(0, 100))
    def search_exactly(self, query: list[float], k: int) -> None:
        ids, found = self.index.search(query, k, recall=1.0)
        check_answer(ids, found, self.rows, np.array(query), self.metric, min(k, len(self.rows)))
        true = np.sort(distances(np.array(list(self.rows.values()), np.float32).reshape(-1, DIMS), query, self.metric))
        assert np.allclose(found, true[:k], rtol=1e-12, atol=1e-12)

    @rule(now=st.sampled_from([False, False, True]))
    def save_and_load(self, now: bool) -> None:
        if not now:  # the others are quicker
            return
        self.index.save(self.folder / "index")
        self.index.free()
        self.index = ks.Hnsw.load(self.folder / "index")

    @invariant()
    def counts(self) -> None:
        if hasattr(self, "index"):
            assert len(self.index) == len(self.rows)
            assert self.index.info()["next_id"] == self.next_id

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)
            self.patch.undo()


TestIndex = IndexMachine.TestCase
TestIndex.settings = settings(stateful_step_count=30)
