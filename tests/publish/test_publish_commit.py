"""One manifest is the commit: won by one of many, told from a lost reply, and refused where it can't be had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from obstore.exceptions import AlreadyExistsError, GenericError

import kinspace as ks
from kinspace.storage.manifest import newest
from kinspace.storage.objects import open_objects
from stores import Watched, is_manifest

URL = "memory://watched"
Put = Callable[[], Any]


def _keys(cache: Path) -> list[Any]:
    with ks.connect(URL, cache=cache) as hub:
        return list(hub.get_space("docs").keys())


@pytest.mark.parametrize("reply", [GenericError("connection reset"), AlreadyExistsError("asked twice")])
def test_lost_reply_is_a_success(space: ks.Space, store: Watched, cache: Path, reply: Exception) -> None:
    def lose(path: str, put: Put) -> Any:
        result = put()
        if is_manifest(path):
            raise reply
        return result

    store.around_put = lose
    space.set("a", [1, 2, 3])
    done = space.publish(URL)
    with ks.connect(URL, cache=cache) as hub:
        assert hub.commit == done.commit  # type: ignore[attr-defined]  # a RemoteHub's
        assert list(hub.get_space("docs").keys()) == ["a"]


def test_lost_race_is_a_conflict_and_changes_nothing_of_theirs(
    space: ks.Space, hub: ks.Hub, store: Watched, cache: Path
) -> None:
    theirs = hub.create_space("theirs", dims=1)
    won: list[str] = []

    def be_slower(path: str, put: Put) -> Any:
        if is_manifest(path) and not won:
            won.append("")
            won[0] = theirs.publish(URL).commit
        return put()

    store.around_put = be_slower
    with pytest.raises(ks.Conflict) as caught:
        space.publish(URL)
    assert won[0] in str(caught.value)
    with ks.connect(URL, cache=cache) as there:
        assert there.list_spaces() == ["theirs"]
        assert there.commit == won[0]  # type: ignore[attr-defined]
    space.publish(URL)
    with ks.connect(URL, cache=cache) as there:
        assert there.list_spaces() == ["docs", "theirs"]


def test_failure_before_the_commit_publishes_nothing(space: ks.Space, store: Watched, cache: Path) -> None:
    space.set("a", [1, 2, 3])
    space.publish(URL)

    def fail(path: str, put: Put) -> Any:
        if is_manifest(path):
            raise GenericError("no route to host")
        return put()

    store.around_put = fail
    space.set("b", [1, 2, 3])
    with pytest.raises(ks.Unavailable, match="no route to host"):
        space.publish(URL)
    assert _keys(cache) == ["a"]


def test_failed_upload_publishes_nothing(space: ks.Space, store: Watched) -> None:
    def fail(path: str, put: Put) -> Any:
        if path.endswith("rows.arrow"):
            raise GenericError("no space left")
        return put()

    store.around_put = fail
    space.set("a", [1, 2, 3])
    with pytest.raises(ks.Unavailable, match="no space left"):
        space.publish(URL)
    assert not any(map(is_manifest, store.names()))


def test_doubt_is_said(space: ks.Space, store: Watched) -> None:
    def vanish(path: str, put: Put) -> Any:
        if is_manifest(path):
            store.before_get = lambda path: (_ for _ in ()).throw(GenericError("network is down"))
            raise GenericError("network is down")
        return put()

    store.around_put = vanish
    with pytest.raises(ks.Unavailable, match="not known"):
        space.publish(URL)


def test_store_that_ignores_conditions_is_refused(space: ks.Space, store: Watched, cache: Path) -> None:
    inner = store.inner.put
    store.inner = _Ignoring(store.inner, inner)  # type: ignore[assignment]
    space.set("a", [1, 2, 3])
    with pytest.raises(ks.Unavailable, match="single_writer"):
        space.publish(URL)
    assert store.names() == set(), "probes are removed"
    space.publish(URL, single_writer=True)
    space.set("b", [1, 2, 3])
    space.publish(URL, single_writer=True)
    assert _keys(cache) == ["a", "b"]


class _Ignoring:
    def __init__(self, inner: Any, put: Any) -> None:
        self._inner, self._put = inner, put

    def put(self, path: str, file: Any, **options: Any) -> Any:
        return self._put(path, file, **{**options, "mode": "overwrite"})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_overwritten_commit_is_noticed(space: ks.Space, store: Watched) -> None:
    other = b"another's manifest"

    def overwrite(path: str, put: Put) -> Any:
        result = put()
        if is_manifest(path):
            store.inner.put(path, other)
        return result

    store.around_put = overwrite
    with pytest.raises(ks.Conflict):
        space.publish(URL)


def test_single_writer_does_not_overwrite(space: ks.Space, store: Watched) -> None:
    def be_slower(path: str, put: Put) -> Any:
        if path.endswith("rows.arrow"):
            store.around_put = lambda path, put: put()
            space.publish(URL, name="theirs")
        return put()

    space.set("a", [1, 2, 3])
    store.around_put = be_slower
    with pytest.raises(ks.Conflict):
        space.publish(URL, single_writer=True)


def test_of_many_publishers_each_is_in_force_or_in_conflict(hub: ks.Hub, url: str, cache: Path) -> None:
    spaces = [hub.create_space(f"s{i}", dims=1) for i in range(6)]

    def publish(space: ks.Space) -> bool:
        try:
            space.publish(url)
        except ks.Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(publish, spaces))
    assert any(done)
    with ks.connect(url, cache=cache) as there:
        assert there.list_spaces() == [space.name for space, won in zip(spaces, done) if won]
    manifest = newest(open_objects(url))
    assert manifest is not None
    assert manifest.number == sum(done) - 1


KILLED = """
import os, signal, sys
import kinspace as ks
import kinspace.space.remote.publish as publishing
publishing.commit = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
with ks.connect(sys.argv[1]) as hub:
    hub.get_space("docs").publish(sys.argv[2])
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_killed_before_the_commit_what_was_published_stays(
    full: ks.Space, hub: ks.Hub, tmp_path: Path, cache: Path
) -> None:
    url = f"file://{tmp_path}/there"
    first = full.publish(url)
    full.set("later", [1, 2, 3])
    full.flush()
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "hub"), url], check=False)
    assert done.returncode == -signal.SIGKILL
    with ks.connect(url, cache=cache) as there:
        assert there.commit == first.commit  # type: ignore[attr-defined]
        assert "later" not in there.get_space("docs")
    again = full.publish(url)
    assert again.uploaded == 0, "what the killed process has sent is there"
    with ks.connect(url, cache=cache) as there:
        assert "later" in there.get_space("docs")
