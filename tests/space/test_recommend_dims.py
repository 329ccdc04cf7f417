"""recommend_dims: its table says what searches of each length find, and the shortest that is good enough is named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from brute import nearest

N, DIMS = 600, 24
RNG = np.random.default_rng(8)
X = (RNG.normal(size=(N, DIMS)) * np.arange(1, DIMS + 1) ** -0.7).astype(np.float32)
Q = (RNG.normal(size=(25, DIMS)) * np.arange(1, DIMS + 1) ** -0.7).astype(np.float32)


@pytest.fixture(scope="module", params=["cosine", "l2", "ip"])
def made(request: pytest.FixtureRequest) -> Iterator[ks.Space]:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=DIMS, metric=request.param, key_type="int", matryoshka=[4, 8, 16])
        space.multiset(dict(enumerate(X[:400])))
        space.flush()
        space.multiset({400 + i: row for i, row in enumerate(X[400:])})
        yield space


def test_the_table_says_what_a_float64_scan_says(made: ks.Space) -> None:
    told = made.recommend_dims(Q, k=5, recall=0.9, expand=3)
    assert told.frame["dims"].to_list() == [4, 8, 16, DIMS]
    assert told.frame["bytes"].to_list() == [16, 32, 64, 4 * DIMS]
    assert (told.frame["queries_per_second"] > 0).all()
    for row in told.table:
        alone = reranked = 0
        for query in Q:
            true = set(nearest(X, query, 5, made.metric)[0].tolist())
            alone += len(true & set(nearest(X[:, : row.dims], query[: row.dims], 5, made.metric)[0].tolist()))
            candidates = nearest(X[:, : row.dims], query[: row.dims], 15, made.metric)[0]
            allowed = np.isin(np.arange(N), candidates)
            reranked += len(true & set(nearest(X, query, 5, made.metric, allowed)[0].tolist()))
        assert row.recall == pytest.approx(alone / 125)
        assert row.recall_reranked == row.overlap == pytest.approx(reranked / 125)
    assert told.recommended == next(row.dims for row in told.table if row.recall_reranked >= 0.9)
    assert told.table[-1][1:4] == (1.0, 1.0, 1.0)


def test_the_space_s_own_rows_ask_with_themselves_left_out(made: ks.Space) -> None:
    told = made.recommend_dims(30, k=3)
    assert told.queries == 30
    for row in told.table:
        assert row.recall_reranked == pytest.approx(made.measure_recall(3, 30, dims=row.dims))
        assert row.recall == pytest.approx(made.measure_recall(3, 30, dims=row.dims, rerank=False))
    assert made.recommend_dims(k=3).queries == 100
    assert made.recommend_dims(10**9, k=1).queries == N


def test_without_known_lengths_powers_of_two_are_tried(hub: ks.Hub) -> None:
    for dims, lengths in [(1, [1]), (10, [1, 2, 4, 8, 10]), (96, [4, 8, 16, 32, 64, 96])]:
        space = hub.create_space(f"of {dims}", dims=dims)
        space.multiset({f"k{i}": np.eye(dims, dtype=np.float32)[i % dims] for i in range(5)})
        assert space.recommend_dims(k=2).frame["dims"].to_list() == lengths


def test_as_text_it_is_a_table_with_the_recommended_length_marked(made: ks.Space) -> None:
    told = made.recommend_dims(Q, k=5, recall=0.9)
    lines = str(told).splitlines()
    assert lines[0].split() == ["dims", "recall@5", "reranked", "overlap", "queries/s", "bytes"]
    assert len(lines) == 2 + len(told.table)
    assert [line.split()[0] for line in lines if "recommended" in line] == [str(told.recommended)]
    assert len({len(line.partition("  ←")[0]) for line in lines[:-1]}) == 1
    assert lines[-1] == f"25 queries, k=5, expand=10: recall 0.9 is reached by dims={told.recommended}"


def test_a_plot_is_drawn_and_written(made: ks.Space, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    told = made.recommend_dims(Q, k=5)
    figure = told.plot(tmp_path / "dims.png")
    assert (tmp_path / "dims.png").read_bytes().startswith(b"\x89PNG")
    above, below = figure.axes
    assert [line.get_ydata().tolist() for line in above.lines[-2:]] == [
        [row.recall for row in told.table],
        [row.recall_reranked for row in told.table],
    ]
    assert below.lines[-1].get_xdata().tolist() == [row.dims for row in told.table]
    with pytest.raises(ks.InvalidInput, match="can't draw"):
        told.plot(tmp_path / "dims.nonsense")
    with pytest.raises(ks.Unavailable, match="can't be written"):
        told.plot(tmp_path / "nowhere" / "dims.png")


def test_without_matplotlib_a_plot_says_what_to_install(made: ks.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    told = made.recommend_dims(Q[:2], k=1)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ks.Unavailable, match=r"kinspace\[plot\]"):
        told.plot()


@pytest.mark.parametrize(
    "asked",
    [
        {"k": 0},
        {"k": True},
        {"recall": 0},
        {"recall": 1.5},
        {"recall": "1"},
        {"recall": True},
        {"expand": 0},
        {"queries": 0},
        {"queries": True},
        {"queries": np.empty((0, DIMS))},
        {"queries": np.ones((2, 3))},
        {"queries": "what"},
    ],
)
def test_what_can_t_be_measured_is_refused(made: ks.Space, asked: dict[str, Any]) -> None:
    with pytest.raises(ks.InvalidInput):
        made.recommend_dims(**asked)


def test_a_space_with_nothing_to_find_is_refused(space: ks.Space) -> None:
    for rows in range(2):
        with pytest.raises(ks.InvalidInput, match="no row to be found"):
            space.recommend_dims()
        space.set(f"k{rows}", [1, 2, 3])
    assert space.recommend_dims([[1, 2, 3]]).table[-1].recall == 1.0
    assert isinstance(space.recommend_dims([[1, 2, 3]]).frame, pl.DataFrame)
