"""What was published opens as it was when it was published, holds live rows alone, and does not change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

import kinspace as ks
from oracle import state
from stores import Watched, is_manifest


def test_published_space_answers_as_the_space_does(full: ks.Space, url: str, cache: Path) -> None:
    done = full.publish(url)
    with ks.connect(url, cache=cache) as hub:
        assert hub.list_spaces() == ["docs"]
        there = hub.get_space("docs")
        assert isinstance(there, ks.Space)
        assert state(there) == state(full)
        assert done.rows == len(there) == there.stats()["rows"]
        assert done.bytes == there.stats()["bytes"]
        assert done.commit == hub.commit  # type: ignore[attr-defined]  # a RemoteHub's
        assert there.check().ok


def test_published_space_filters_and_selects_as_the_space_does(full: ks.Space, url: str, cache: Path) -> None:
    full.publish(url)
    with ks.connect(url, cache=cache) as hub:
        there = hub.get_space("docs")
        asked = {"vector": [1.0, 2.0, 3.0], "where": "n BETWEEN 3 AND 90"}
        assert list(there.nearest_neighbors(9, **asked)) == list(full.nearest_neighbors(9, **asked))
        query = [s.select("key", "n", d="_dist").where("n > 5").nearest([1, 0, 0]).take(7) for s in (there, full)]
        assert query[0].collect().equals(query[1].collect())
        assert list(there.nearest_neighbors(4, key="a1")) == list(full.nearest_neighbors(4, key="a1"))
        assert there.nearest_neighbors(4, key="a1").exact


def test_int_keys(hub: ks.Hub, url: str, cache: Path) -> None:
    space = hub.create_space("ints", dims=2, metric="l2", key_type="int")
    space.load(keys=[5, -7, 2**62], vectors=np.eye(3, 2))
    space.publish(url)
    with ks.connect(url, cache=cache) as there:
        assert state(there.get_space("ints")) == state(space)


def test_empty_space(space: ks.Space, url: str, cache: Path) -> None:
    assert space.publish(url).rows == 0
    with ks.connect(url, cache=cache) as hub:
        there = hub.get_space("docs")
        assert list(there.keys()) == []
        assert len(there.nearest_neighbors(3, vector=[1, 2, 3])) == 0


def test_what_was_deleted_is_nowhere(space: ks.Space, tmp_path: Path) -> None:
    secret = np.array([0.123, 4.567, 8.91], np.float32)
    for when in ("segment", "log"):
        space.load(keys=[f"{when}{i}" for i in range(9)], vectors=np.ones((9, 3)), columns={"t": ["open"] * 9})
        space.set(f"{when}-hidden-key", secret, t="hidden text")
        space.set(f"{when}-replaced", secret, t="hidden text")
        space.set(f"{when}-kept", [1, 2, 3], t="kept text")
        if when == "segment":
            space.flush()
        space.delete(f"{when}-hidden-key")
        space.set(f"{when}-replaced", [1, 1, 1], t="open")
    space.publish(f"file://{tmp_path}/there")
    bodies = [path.read_bytes() for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert any(b"kept text" in body for body in bodies), "the search would find it"
    assert not any(b"hidden" in body or secret.tobytes() in body for body in bodies)


def test_publishing_again_sends_only_what_is_new(full: ks.Space, url: str, cache: Path) -> None:
    first = full.publish(url)
    assert first.uploaded == first.bytes
    again = full.publish(url)
    assert (again.uploaded, again.bytes) == (0, first.bytes)
    assert again.commit != first.commit
    full.set("new", [3, 2, 1])
    full.flush()
    third = full.publish(url)
    assert 0 < third.uploaded < third.bytes / 2
    with ks.connect(url, cache=cache) as hub:
        assert state(hub.get_space("docs")) == state(full)


def test_segment_with_dead_rows_is_rewritten_once(full: ks.Space, store: Watched, monkeypatch: Any) -> None:
    full.flush()
    full.publish("memory://watched")
    monkeypatch.setattr("kinspace.space.remote.publish.write_rows", None)  # would fail if it were called
    assert full.publish("memory://watched").uploaded == 0


def test_other_spaces_stay(full: ks.Space, hub: ks.Hub, url: str, cache: Path) -> None:
    other = hub.create_space("other", dims=2)
    other.set("x", [1, 2])
    full.publish(url)
    other.publish(url)
    full.publish(url, name="same, under another name")
    with ks.connect(url, cache=cache) as there:
        assert there.list_spaces() == ["docs", "other", "same, under another name"]
        assert list(there) == there.list_spaces()
        assert "other" in there
        assert "none" not in there
        assert state(there.get_space("other")) == state(other)


def test_open_hub_stays_at_its_commit_until_refreshed(space: ks.Space, url: str, cache: Path) -> None:
    space.set("a", [1, 0, 0])
    space.publish(url)
    with ks.connect(url, cache=cache) as hub:
        before = hub.get_space("docs")
        space.set("b", [0, 1, 0])
        space.publish(url)
        assert list(hub.get_space("docs").keys()) == ["a"]
        assert hub.refresh()  # type: ignore[attr-defined]  # a RemoteHub's
        assert list(hub.get_space("docs").keys()) == ["a", "b"]
        assert list(before.keys()) == ["a"]
        assert not hub.refresh()  # type: ignore[attr-defined]


def test_publishing_what_was_published_copies_it(full: ks.Space, url: str, cache: Path) -> None:
    full.publish(url)
    with ks.connect(url, cache=cache) as hub:
        hub.get_space("docs").publish("memory://mirror", name="copy")
    with ks.connect("memory://mirror", cache=cache) as mirror:
        assert state(mirror.get_space("copy")) == state(full)


def test_space_of_a_hub_that_can_only_be_read_is_published(full: ks.Space, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(full._store.catalog.database, "readonly", True)
    before = set((tmp_path / "hub").rglob("*"))
    full.publish("memory://read-only")
    assert set((tmp_path / "hub").rglob("*")) == before
    with ks.connect("memory://read-only", cache=tmp_path / "cache") as there:
        assert state(there.get_space("docs")) == state(full)


def test_publishing_leaves_no_segment_behind(full: ks.Space, tmp_path: Path, url: str) -> None:
    before = set((tmp_path / "hub").rglob("*"))
    full.publish(url)
    assert set((tmp_path / "hub").rglob("*")) == before


WRITES: dict[str, Callable[[ks.Hub, ks.Space], Any]] = {
    "set": lambda hub, space: space.set("b", [1, 2, 3]),
    "item": lambda hub, space: space.__setitem__("b", [1, 2, 3]),
    "update": lambda hub, space: space.update("a", n=9),
    "multiset": lambda hub, space: space.multiset({"b": [1, 2, 3]}),
    "bulk load": lambda hub, space: space.load(keys=["x", "y"], vectors=[[1, 2, 3]] * 2),
    "add_texts": lambda hub, space: space.add_texts(["b"], ["text"]),
    "delete": lambda hub, space: space.delete("a"),
    "del": lambda hub, space: space.__delitem__("a"),
    "multidelete": lambda hub, space: space.multidelete(["a"]),
    "delete_where": lambda hub, space: space.delete_where("n = 1"),
    "delete_all": lambda hub, space: space.delete_all(),
    "flush": lambda hub, space: space.flush(),
    "compact": lambda hub, space: space.compact(),
    "index": lambda hub, space: space.index(),
    "create_space": lambda hub, space: hub.create_space("new", dims=1),
    "delete_space": lambda hub, space: hub.delete_space("docs"),
    "pull": lambda hub, space: hub.pull("memory://frozen"),
}


@pytest.mark.parametrize("write", WRITES)
def test_writes_are_frozen(space: ks.Space, cache: Path, write: str) -> None:
    space.set("a", [1, 2, 3], n=1)
    space.publish("memory://frozen")
    with ks.connect("memory://frozen", cache=cache) as hub:
        there = hub.get_space("docs")
        with pytest.raises(ks.Frozen, match="memory://frozen"):
            WRITES[write](hub, there)
        assert list(there.keys()) == ["a"]


def test_use_after_close_is_refused(space: ks.Space, cache: Path) -> None:
    space.set("a", [1, 2, 3])
    space.publish("memory://closing")
    hub = ks.connect("memory://closing", cache=cache)
    there = hub.get_space("docs")
    hub.close()
    hub.close()
    for use in (lambda: there.get("a"), hub.list_spaces, lambda: hub.get_space("docs"), hub.refresh):  # type: ignore[attr-defined]
        with pytest.raises(ks.Closed):
            use()


def test_nothing_published_is_unavailable(url: str, cache: Path) -> None:
    with pytest.raises(ks.Unavailable, match="nothing is published"):
        ks.connect(url, cache=cache)


def test_unknown_space_is_not_found(space: ks.Space, url: str, cache: Path) -> None:
    space.publish(url)
    with ks.connect(url, cache=cache) as hub, pytest.raises(ks.SpaceNotFound, match="'docs'"):
        hub.get_space("other")


@pytest.mark.parametrize(
    "place", ["ftp://x/y", "s3://", "file://host/x", "file:relative", "memory://", "plain", "s3://b/p?x=1", "s3://[x"]
)
def test_other_urls_are_refused(space: ks.Space, place: str) -> None:
    with pytest.raises(ks.InvalidInput):
        space.publish(place)


def test_options_that_are_of_no_use_are_refused(space: ks.Space, tmp_path: Path) -> None:
    with pytest.raises(ks.InvalidInput, match="memory"):
        space.publish("memory://options", storage_options={"region": "x"})
    with pytest.raises(ks.InvalidInput, match="storage_options"):
        space.publish("s3://bucket/x", storage_options={"no such option": "x"})
    with pytest.raises(ks.InvalidInput, match="storage_options"):
        space.publish("s3://bucket/x", storage_options=["region"])  # type: ignore[arg-type]
    with pytest.raises(ks.InvalidInput, match="folder"):
        ks.connect(tmp_path / "x", storage_options={})
    with pytest.raises(ks.InvalidInput, match="cache_bytes"):
        ks.connect("memory://options", cache=tmp_path, cache_bytes=-1)


def test_name_of_no_space_is_refused(space: ks.Space, store: Watched) -> None:
    with pytest.raises(ks.InvalidInput):
        space.publish("memory://watched", name="")
    assert store.names() == set()


def test_damaged_space_is_not_published(full: ks.Space, store: Watched, tmp_path: Path) -> None:
    full.flush()
    shard = max((tmp_path / "hub").rglob("vectors/c/0/0"), key=lambda path: path.stat().st_size)
    body = bytearray(shard.read_bytes())
    body[5] ^= 1
    shard.write_bytes(body)
    with pytest.raises(ks.Corrupt, match=str(shard)):
        full.publish("memory://watched")
    assert not any(map(is_manifest, store.names()))


def test_local_folder_is_opened_by_other_programs(full: ks.Space, tmp_path: Path) -> None:
    import zarr

    full.flush()
    full.compact()
    full.publish(f"file://{tmp_path}/there")
    [group] = (tmp_path / "there/segments").iterdir()
    vectors = np.asarray(zarr.open_array(group / "vectors", mode="r")[:])
    assert vectors.tobytes() == np.stack(list(full.multiget(full.keys()))).tobytes()


def test_url_is_percent_decoded(space: ks.Space, tmp_path: Path) -> None:
    place = f"file://{tmp_path}/a%20place"
    space.publish(place)
    assert Path(unquote(place.removeprefix("file://")), "manifests").is_dir()


def test_import_loads_no_object_store() -> None:
    program = (
        "import sys, kinspace as ks\n"
        "with ks.connect(':memory:') as hub: hub.create_space('a', dims=1).set('a', [1])\n"
        "print('obstore' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).split() == ["False"]


FORKED = """
import os, sys
import kinspace as ks
url = sys.argv[1]
with ks.connect(":memory:") as hub:
    space = hub.create_space("docs", dims=1)
    space.set("a", [1])
    space.publish(url)
there = ks.connect(url, cache=sys.argv[2]).get_space("docs")
there.get("a")
child = os.fork()
if child == 0:
    try:
        there.get("a")
    except ks.Closed:
        pass
    else:
        os._exit(1)
    try:
        ks.connect(url, cache=sys.argv[2])
    except ks.Unavailable as error:
        os._exit("fork" not in str(error))
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
there.get("a")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_fork_the_child_is_refused_and_the_parent_goes_on(tmp_path: Path) -> None:
    words = [sys.executable, "-W", "ignore", "-c", FORKED, f"file://{tmp_path}/there", str(tmp_path / "cache")]
    assert subprocess.run(words, timeout=60, check=False).returncode == 0
