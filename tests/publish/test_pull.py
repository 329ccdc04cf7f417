"""A published space that is pulled is the hub's own: whole and checked, or not there at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import kinspace as ks
from oracle import state
from stores import Watched


def test_pulled_space_is_as_it_was_and_writable(full: ks.Space, url: str, tmp_path: Path) -> None:
    full.publish(url)
    expected = {**state(full), "version": 1}
    with ks.connect(tmp_path / "mine") as mine:
        pulled = mine.pull(url)
        assert state(pulled) == expected
        assert pulled.check().ok
    with ks.connect(tmp_path / "mine") as mine:
        again = mine.get_space("docs")
        assert state(again) == expected
        again.set("more", [1, 2, 3])
        again.delete("a1")
        again.compact()
        assert list(again.keys()) == [key for key in expected["keys"] if key != "a1"] + ["more"]
    assert "more" not in full


def test_empty_space_is_pulled(space: ks.Space, url: str, tmp_path: Path) -> None:
    space.publish(url)
    with ks.connect(tmp_path / "mine") as mine:
        pulled = mine.pull(url)
        pulled.set("a", [1, 2, 3])
        assert list(pulled.keys()) == ["a"]


def test_space_is_pulled_under_another_name(full: ks.Space, hub: ks.Hub, url: str) -> None:
    full.publish(url)
    with pytest.raises(ks.SpaceExists, match="as_name"):
        hub.pull(url)
    assert state(hub.pull(url, "docs", as_name="copy"))["keys"] == list(full.keys())
    assert hub.list_spaces() == ["copy", "docs"]


def test_which_space_has_to_be_said_if_there_are_several(hub: ks.Hub, url: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        hub.create_space(name, dims=1).publish(url)
    with ks.connect(tmp_path / "mine") as mine:
        with pytest.raises(ks.InvalidInput, match="'a', 'b'"):
            mine.pull(url)
        with pytest.raises(ks.SpaceNotFound, match="'a', 'b'"):
            mine.pull(url, "c")
        assert mine.pull(url, "b").name == "b"


def test_damage_pulls_nothing(space: ks.Space, tmp_path: Path) -> None:
    space.set("a", [1, 2, 3], n=1)
    url = f"file://{tmp_path}/there"
    space.publish(url)
    damages = [lambda body: body[:-1], lambda body: body + b"x", lambda body: bytes([body[0] ^ 1]) + body[1:]]
    with ks.connect(tmp_path / "mine", durability="off") as mine:
        empty = sorted((tmp_path / "mine").rglob("*"))
        for number, path in enumerate((tmp_path / "there/segments").rglob("*")):
            if path.is_file():
                body = path.read_bytes()
                path.write_bytes(damages[number % 3](body))
                with pytest.raises(ks.Corrupt, match=url):
                    mine.pull(url)
                path.write_bytes(body)
        assert mine.list_spaces() == []
        assert sorted((tmp_path / "mine").rglob("*")) == empty
        assert mine.pull(url).get("a").tolist() == [1, 2, 3]


KILLED = """
import os, signal, sys
import kinspace as ks
import kinspace.space.remote.pull as pulling
pulling._check = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with ks.connect(sys.argv[1]) as hub:
    hub.pull(sys.argv[2])
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_killed_midway_leaves_what_the_next_connect_sweeps(full: ks.Space, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    full.publish(url)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "mine"), url], check=False)
    assert done.returncode == -signal.SIGKILL
    spaces = tmp_path / "mine/spaces"
    assert list(spaces.iterdir()), "there was something to sweep"
    with ks.connect(tmp_path / "mine") as mine:
        assert mine.list_spaces() == []
        assert list(spaces.iterdir()) == []
        assert len(mine.pull(url)) == len(full)


def test_embedder_comes_along(hub: ks.Hub, store: Watched, tmp_path: Path) -> None:
    space = hub.create_space("texts", embedder=ks.embed.Hashing(dims=32))
    space.add_texts(["a", "b"], ["red apple", "blue sky"])
    space.publish("memory://watched")
    with ks.connect("memory://watched", cache=tmp_path / "cache") as there:
        assert there.get_space("texts").search("apple", 1).keys == ["a"]
    with ks.connect(tmp_path / "mine") as mine:
        assert mine.pull("memory://watched").search("sky", 1).keys == ["b"]
