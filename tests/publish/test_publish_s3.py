"""Publishing to a server that speaks S3's protocol, and to one that doesn't hold to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import kinspace as ks
from kinspace.cli import app
from oracle import state

ACCESS = {"access_key_id": "tests", "secret_access_key": "tests", "region": "us-east-1"}


@pytest.fixture(scope="module")
def servers() -> Iterator[list[str]]:
    """Endpoints: a store that keeps conditions, and one that ignores them. Both have the bucket `bucket`."""
    script = Path(__file__).with_name("s3_server.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        endpoints = [f"http://127.0.0.1:{port}" for port in process.stdout.readline().split()]
        assert len(endpoints) == 2, "the server has started"
        with urllib.request.urlopen(urllib.request.Request(f"{endpoints[0]}/bucket", method="PUT")) as reply:
            assert reply.status == 200
        yield endpoints
        process.stdin.close()


@pytest.fixture
def options(servers: list[str]) -> dict[str, Any]:
    return {**ACCESS, "endpoint": servers[0]}


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"s3://bucket/{tmp_path.name}/deeper"


def test_published_space_opens_pulls_and_is_followed(
    full: ks.Space, place: str, options: dict[str, Any], tmp_path: Path
) -> None:
    first = full.publish(place, storage_options=options)
    assert first.uploaded == first.bytes
    with ks.connect(place, storage_options=options, cache=tmp_path / "cache") as hub:
        there = hub.get_space("docs")
        assert state(there) == state(full)
        full.set("later", [1, 2, 3])
        second = full.publish(place, storage_options=options)
        assert 0 < second.uploaded < second.bytes
        assert hub.refresh()  # type: ignore[attr-defined]  # a RemoteHub's
        assert "later" in hub.get_space("docs")
        assert "later" not in there
    with ks.connect(tmp_path / "mine") as mine:
        assert state(mine.pull(place, storage_options=options))["keys"] == list(full.keys())


def test_file_of_many_parts_arrives_whole(hub: ks.Hub, place: str, options: dict[str, Any], tmp_path: Path) -> None:
    space = hub.create_space("wide", dims=600, key_type="int")
    space.load(keys=range(4_096), vectors=np.random.default_rng(1).random((4_096, 600), np.float32))
    space.flush()
    space.publish(place, storage_options=options)
    with ks.connect(place, storage_options=options, cache=tmp_path / "cache") as there:
        assert there.get_space("wide").get(4_095).tobytes() == space.get(4_095).tobytes()
        assert there.get_space("wide").check().ok


def test_one_of_many_publishers_wins_each_commit(hub: ks.Hub, place: str, options: dict[str, Any]) -> None:
    spaces = [hub.create_space(f"s{i}", dims=1) for i in range(4)]

    def publish(space: ks.Space) -> bool:
        try:
            space.publish(place, storage_options=options)
        except ks.Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(publish, spaces))
    with ks.connect(place, storage_options=options) as there:
        assert there.list_spaces() == [space.name for space, won in zip(spaces, done) if won]


def test_store_that_ignores_conditions_is_refused(
    space: ks.Space, servers: list[str], place: str, tmp_path: Path
) -> None:
    options = {**ACCESS, "endpoint": servers[1]}
    space.set("a", [1, 2, 3])
    with pytest.raises(ks.Unavailable, match="single_writer"):
        space.publish(place, storage_options=options)
    with pytest.raises(ks.Unavailable, match="nothing is published"):
        ks.connect(place, storage_options=options, cache=tmp_path / "cache")
    space.publish(place, storage_options=options, single_writer=True)
    with ks.connect(place, storage_options=options, cache=tmp_path / "cache") as hub:
        assert list(hub.get_space("docs").keys()) == ["a"]


def test_missing_bucket_is_unavailable(space: ks.Space, options: dict[str, Any]) -> None:
    for use in (lambda url: space.publish(url, storage_options=options), lambda url: _connect(url, options)):
        with pytest.raises(ks.Unavailable, match="s3://no-such-bucket/x"):
            use("s3://no-such-bucket/x")


def test_server_that_is_down_is_unavailable(space: ks.Space, place: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options = {
            **ACCESS,
            "endpoint": f"http://127.0.0.1:{free.getsockname()[1]}",
            "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
        }
        with pytest.raises(ks.Unavailable, match=place):
            space.publish(place, storage_options=options)


def test_command_line_reaches_a_server_by_the_environment(
    full: ks.Space, servers: list[str], place: str, tmp_path: Path
) -> None:
    environment = {
        "AWS_ENDPOINT": servers[0],
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
    }

    def run(*words: str) -> Any:
        result = CliRunner().invoke(app, [*words, "--json"], env=environment)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    assert run("publish", "docs", place, "--hub", str(tmp_path / "hub"))["rows"] == len(full)
    assert run("get", "docs", "c1", "--hub", place)["columns"]["n"] == 7


def _connect(url: str, options: dict[str, Any]) -> None:
    ks.connect(url, storage_options=options)
