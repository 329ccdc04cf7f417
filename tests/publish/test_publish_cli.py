"""kinspace publish and pull; and the commands that only read, on a published URL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import kinspace as ks
from kinspace.cli import app


@pytest.fixture
def url(full: ks.Space, tmp_path: Path) -> str:
    url = f"file://{tmp_path}/there"
    full.publish(url)
    return url


def _run(*words: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout if code == 0 else result.stderr)


def test_publish_and_pull(full: ks.Space, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    done = _run("publish", "docs", url, "--name", "shared", "--hub", tmp_path / "hub")
    assert (done["name"], done["rows"], done["uploaded"]) == ("shared", len(full), done["bytes"])
    told = _run("pull", url, "shared", "--as", "mine", "--hub", tmp_path / "new")
    assert (told["space"], told["rows"]) == ("mine", len(full))
    with ks.connect(tmp_path / "new") as hub:
        assert list(hub.get_space("mine").keys()) == list(full.keys())


def test_publish_and_pull_say_what_they_did(full: ks.Space, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    result = CliRunner().invoke(app, ["publish", "docs", url, "--hub", str(tmp_path / "hub")], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    assert f"published {len(full)} rows of docs at {url} as docs" in result.stdout
    result = CliRunner().invoke(app, ["pull", url, "--hub", str(tmp_path / "new")], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    assert f"pulled {len(full)} rows as docs" in result.stdout


def test_query_reads_a_url(full: ks.Space, url: str) -> None:
    told = _run("query", "docs", "--key", "a1", "-k", 3, "--hub", url)
    assert [hit["key"] for hit in told["hits"]] == full.nearest_neighbors(3, key="a1").keys
    assert told["exact"]


def test_get_reads_a_url(url: str) -> None:
    assert _run("get", "docs", "c1", "--hub", url)["vector"] == [1.0, 0.0, 0.0]


def test_info_reads_a_url(full: ks.Space, url: str) -> None:
    assert _run("info", "docs", "--hub", url)["rows"] == len(full)
    assert [one["space"] for one in _run("info", "--hub", url)["spaces"]] == ["docs"]


def test_export_reads_a_url(full: ks.Space, url: str, tmp_path: Path) -> None:
    _run("export", "docs", tmp_path / "out.parquet", "--hub", url)
    assert pl.read_parquet(tmp_path / "out.parquet")["key"].to_list() == list(full.keys())


def test_load_into_a_url_is_frozen(url: str, tmp_path: Path) -> None:
    pl.DataFrame({"key": ["x"], "vector": [[1.0, 2.0, 3.0]]}).write_parquet(tmp_path / "in.parquet")
    assert _run("load", tmp_path / "in.parquet", "--space", "docs", "--hub", url, code=1)["error"]["kind"] == "frozen"


def test_nothing_published_is_one_line(tmp_path: Path) -> None:
    assert _run("info", "--hub", f"file://{tmp_path}/none", code=1)["error"]["kind"] == "unavailable"
