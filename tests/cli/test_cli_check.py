"""kinspace check and kinspace repair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import kinspace as ks
from kinspace.cli import app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub of two spaces, one segment each."""
    with ks.connect(tmp_path / "hub") as hub:
        for name in ("docs", "other"):
            space = hub.create_space(name, dims=2)
            space.multiset([(f"k{i}", [i, 1], {"n": i}) for i in range(5)])
            space.flush()
    return tmp_path / "hub"


def damage(folder: Path, name: str, space: str = "docs") -> None:
    with ks.connect(folder) as hub:
        (file,) = hub.get_space(space)._store.segments.glob(f"*/{name}")
    file.write_bytes(b"?" + file.read_bytes()[1:])


def run(folder: Path, *words: str, code: int) -> str:
    result = CliRunner().invoke(app, [*words, "--hub", str(folder)], env={"COLUMNS": "120"})
    assert result.exit_code == code, result.output
    return result.stdout


def run_json(folder: Path, *words: str, code: int) -> Any:
    told = run(folder, *words, "--json", code=code)
    assert told.count("\n") == 1, "one line for a program"
    return json.loads(told)


def test_check_of_a_whole_hub_finds_nothing(folder: Path) -> None:
    told = run_json(folder, "check", code=0)
    assert told["ok"]
    assert [one["space"] for one in told["spaces"]] == ["docs", "other"]
    assert "2 spaces" in run(folder, "check", code=0)
    assert "no damaged file" in run(folder, "check", "docs", code=0)


def test_check_tells_file_reason_and_rows_and_fails(folder: Path) -> None:
    damage(folder, "rows.arrow")
    docs, other = run_json(folder, "check", code=1)["spaces"]
    ((problem,), nothing) = docs["problems"], other["problems"]
    assert problem["file"].startswith("spaces/")
    assert problem["file"].endswith("rows.arrow")
    assert problem["rows"] == 5
    assert "checksum" in problem["what"]
    assert nothing == []
    shown = run(folder, "check", code=1)
    assert "docs" in shown
    assert "1 damaged file" in shown
    assert run_json(folder, "check", "other", code=0)["ok"]


def test_check_goes_on_when_a_space_can_not_be_opened(folder: Path) -> None:
    with ks.connect(folder) as hub:
        catalog = hub.get_space("docs")._store.catalog.database.path
    catalog.write_bytes(b"no database" * 1_000)
    docs, other = run_json(folder, "check", code=1)["spaces"]
    assert "catalog.sqlite" in docs["problems"][0]["what"]
    assert other["ok"]


def test_repair_makes_anew_what_follows_from_the_rest(folder: Path) -> None:
    damage(folder, "norms/c/0")
    told = run_json(folder, "repair", "docs", code=0)
    assert told["ok"]
    assert [Path(path).parts[-3:] for path in told["rebuilt"]] == [("norms", "c", "0")]
    assert len(told["quarantined"]) == 1
    assert run_json(folder, "check", code=0)["ok"]
    assert "nothing in docs is damaged" in run(folder, "repair", "docs", code=0)


def test_repair_names_what_is_lost_and_fails(folder: Path) -> None:
    damage(folder, "vectors/c/0/0")
    shown = " ".join(run(folder, "repair", "docs", code=1).split())
    assert "lost k0, k1, k2, k3, k4" in shown
    assert "quarantine/" in shown
    assert run_json(folder, "check", code=0)["ok"]


def test_repair_names_rows_without_columns(folder: Path) -> None:
    damage(folder, "rows.arrow")
    told = run_json(folder, "repair", "docs", code=1)
    assert (told["lost"], told["columns_lost"]) == ([], [f"k{i}" for i in range(5)])


def test_both_make_no_hub_and_name_a_space_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    for words in (("check",), ("repair", "docs")):
        run(tmp_path / "none", *words, code=1)
    assert not (tmp_path / "none").exists()
    for words in (("check", "none"), ("repair", "none")):
        assert run(folder, *words, code=1) == ""
