"""A published space is fetched as it is read, kept on disk within a budget, and what is damaged there fetched again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.storage import remote, segment
from oracle import state
from stores import Watched

URL = "memory://watched"
ROWS, DIMS, CHUNK = 4_000, 8, 64 * 8 * 4 + 4


@pytest.fixture
def wide(hub: ks.Hub, store: Watched, monkeypatch: Any) -> ks.Space:
    """Several shards of several small chunks each, published."""
    monkeypatch.setattr(segment, "INNER_ROWS", 64)
    monkeypatch.setattr(segment, "_SHARD_BYTES", 16 * 64 * DIMS * 4)
    space = hub.create_space("docs", dims=DIMS, metric="l2", key_type="int")
    vectors = np.random.default_rng(5).standard_normal((ROWS, DIMS)).astype(np.float32)
    space.load(keys=range(ROWS), vectors=vectors, columns={"n": range(ROWS)})
    space.flush()
    space.publish(URL)
    store.reads.clear()
    return space


def test_get_fetches_one_chunk(wide: ks.Space, store: Watched, cache: Path) -> None:
    with ks.connect(URL, cache=cache) as hub:
        there = hub.get_space("docs")
        there.get(1)  # and with it what finds keys
        store.fetched()
        assert there.get(2_000).tobytes() == wide.get(2_000).tobytes()
        assert store.fetched() == CHUNK
        there.get(2_001)
        assert store.fetched() == 0, "its neighbour in the chunk is there already"


def test_opening_fetches_no_vector_and_no_column(wide: ks.Space, store: Watched, cache: Path) -> None:
    with ks.connect(URL, cache=cache) as hub:
        hub.get_space("docs").stats()
        assert not any("rows.arrow" in path for path, _ in store.reads)
        shards = [size for path, size in store.reads if "/vectors/c/" in path]
        assert len(shards) == 4
        assert max(shards) == 16 * 16 + 4, "their indexes"


def test_what_one_hub_has_fetched_the_next_has(wide: ks.Space, store: Watched, cache: Path) -> None:
    for turn in range(2):
        with ks.connect(URL, cache=cache) as hub:
            there = hub.get_space("docs")
            assert list(there.nearest_neighbors(5, vector=[1] * DIMS)) == list(
                wide.nearest_neighbors(5, vector=[1] * DIMS)
            )
            there.row(3)
            assert (store.fetched() == 0) == (turn == 1)


def test_two_hubs_that_share_a_cache_answer_alike(wide: ks.Space, store: Watched, cache: Path) -> None:
    expected = list(wide.nearest_neighbors(9, vector=[1] * DIMS))

    def ask(_: int) -> list[ks.Hit]:
        with ks.connect(URL, cache=cache) as hub:
            return list(hub.get_space("docs").nearest_neighbors(9, vector=[1] * DIMS))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [expected] * 4


def test_segments_that_are_not_in_use_go_when_the_budget_is_spent(
    wide: ks.Space, hub: ks.Hub, store: Watched, cache: Path
) -> None:
    for number in range(3):
        wide.delete(number)
        wide.publish(URL)
        with ks.connect(URL, cache=cache, cache_bytes=200_000) as there:
            assert list(there.get_space("docs").nearest_neighbors(3, vector=[1] * DIMS)) == list(
                wide.nearest_neighbors(3, vector=[1] * DIMS)
            )
    with ks.connect(URL, cache=cache, cache_bytes=200_000):
        folders = list((cache / "segments").iterdir())
        assert len(folders) <= 1
        assert sum(remote._bytes_on_disk(folder) for folder in folders) <= 200_000


def test_least_recently_used_goes_first(hub: ks.Hub, store: Watched, cache: Path) -> None:
    for name in ("old", "new"):
        space = hub.create_space(name, dims=1)
        space.set(name, [1])
        space.publish(URL)
    with ks.connect(URL, cache=cache) as there:
        there.get_space("new").get("new")
        there.get_space("old").get("old")
        there.get_space("new").get("new")
    folders = sorted((cache / "segments").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    remote.Cache(cache / "segments", remote._bytes_on_disk(folders[1])).trim()
    assert list((cache / "segments").iterdir()) == [folders[1]]


def test_what_is_open_stays_whatever_the_budget(wide: ks.Space, store: Watched, cache: Path) -> None:
    with ks.connect(URL, cache=cache, cache_bytes=0) as hub, ks.connect(URL, cache=cache, cache_bytes=0) as other:
        there = hub.get_space("docs")
        there.nearest_neighbors(3, vector=[1] * DIMS)
        other.get_space("docs").get(1)
        assert there.get(ROWS - 1).tobytes() == wide.get(ROWS - 1).tobytes()
        assert there.check().ok


def _flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 3] ^= 4
    path.write_bytes(body)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [_flip, _cut, _zero, Path.unlink])
def test_damage_in_the_cache_is_fetched_again(full: ks.Space, store: Watched, cache: Path, damage: Any) -> None:
    full.publish(URL)
    for _ in range(2):
        with ks.connect(URL, cache=cache) as hub:
            assert state(hub.get_space("docs")) == state(full)
        for path in list(cache.rglob("*")):
            if path.is_file():
                damage(path)


@pytest.mark.parametrize("damage", [_flip, _cut, _zero, Path.unlink])
def test_damage_at_the_source_is_corrupt_and_says_where(
    space: ks.Space, cache: Path, tmp_path: Path, damage: Any
) -> None:
    space.set("a", [1, 2, 3], n=1)
    url = f"file://{tmp_path}/there"
    space.publish(url)
    files = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert len(files) > 14
    for number, path in enumerate(files):
        body = path.read_bytes()
        damage(path)
        if path.parent.name == "manifests" and damage is Path.unlink:
            with pytest.raises(ks.Unavailable, match="nothing is published"):
                ks.connect(url, cache=cache / str(number))
        else:
            with pytest.raises(ks.Corrupt, match=url), ks.connect(url, cache=cache / str(number)) as hub:
                state(hub.get_space("docs"))
        path.write_bytes(body)


def test_check_fetches_everything_and_names_what_is_damaged(full: ks.Space, cache: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    full.publish(url)
    shard = min((tmp_path / "there").rglob("vectors/c/0/0"))
    _flip(shard)
    with ks.connect(url, cache=cache) as hub:
        report = hub.get_space("docs").check()
    assert len(report.problems) == 1
    assert "vectors/c/0/0" in report.problems[0].what
    assert url in report.problems[0].what


def test_store_that_fails_is_unavailable_and_asked_again(wide: ks.Space, store: Watched, cache: Path) -> None:
    from obstore.exceptions import GenericError

    def fail(path: str) -> None:
        if "vectors/c/" in path:
            raise GenericError("connection reset")

    with ks.connect(URL, cache=cache) as hub:
        there = hub.get_space("docs")
        store.before_get = fail
        with pytest.raises(ks.Unavailable, match="connection reset"):
            there.nearest_neighbors(3, vector=[1] * DIMS)
        store.before_get = lambda path: None
        assert list(there.nearest_neighbors(3, vector=[1] * DIMS)) == list(wide.nearest_neighbors(3, vector=[1] * DIMS))


def test_default_cache_is_the_user_s(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert remote.default_cache() == tmp_path / "kinspace"
