"""Spaces by name: making, finding, listing; a name is data and never a path; what is fixed at creation stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from oracle import shown

NAMES = [
    "../x",
    "../../../../tmp/x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    ".",
    "..",
    "...",
    "~",
    "CON",
    "hub.sqlite",
    "spaces",
    " ",
    "x" * 255,
    "é" * 127,
    "日本語",
    "😀",
    "e\u0301",
    "'; DROP TABLE space; --",
    '"',
    "%00",
    "$HOME",
    "http://x",
    ":memory:",
    "\u202eabc",
]
BAD = [
    "",
    "x" * 256,
    "é" * 128,
    "a\0b",
    "a\nb",
    "\t",
    "\x7f",
    "\x85",
    "\ud800",
    None,
    7,
    b"docs",
    True,
    ["docs"],
    Path("docs"),
]


def outside(folder: Path) -> set[str]:
    """What lies beside the hub."""
    return {entry.name for entry in folder.iterdir()} - {"hub"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_data_never_a_path(hub: ks.Hub, tmp_path: Path, name: str) -> None:
    space = hub.create_space(name, dims=2)
    space.set("a", [1, 2], n=1)
    space.flush()
    assert space.name == name
    assert hub.list_spaces() == [name]
    assert name in hub
    assert hub.get_space(name).get("a").tolist() == [1, 2]
    assert outside(tmp_path) == set()
    top = {entry.name.split("-")[0] for entry in Path(hub.path).iterdir()}
    assert top == {"hub.sqlite", "spaces"}
    for folder in (Path(hub.path) / "spaces").iterdir():
        assert len(folder.name) == 16
        assert int(folder.name, 16) >= 0
    with ks.connect(hub.path) as again:
        assert again.list_spaces() == [name]
    hub.delete_space(name)
    assert hub.list_spaces() == []
    assert outside(tmp_path) == set()


def test_all_names_at_once_are_different_spaces(hub: ks.Hub) -> None:
    for i, name in enumerate(NAMES):
        hub.create_space(name, dims=1).set("a", [i])
    assert hub.list_spaces() == sorted(NAMES)
    assert [hub.get_space(name).get("a")[0] for name in NAMES] == list(range(len(NAMES)))
    assert list(hub) == sorted(NAMES)
    assert len(hub) == len(NAMES)


@pytest.mark.parametrize("name", BAD, ids=lambda name: f"{name!r:.20}")
def test_what_is_no_name_is_refused_everywhere(hub: ks.Hub, tmp_path: Path, name: Any) -> None:
    before = sorted(Path(hub.path).rglob("*"))
    for call in (lambda: hub.create_space(name, dims=2), lambda: hub.get_space(name), lambda: hub.delete_space(name)):
        with pytest.raises(ks.InvalidInput):
            call()
    assert name not in hub
    assert hub.list_spaces() == []
    assert sorted(Path(hub.path).rglob("*")) == before
    assert outside(tmp_path) == set()


def test_a_missing_space_is_space_not_found_listing_those_there_are(hub: ks.Hub) -> None:
    hub.create_space("one", dims=1)
    hub.create_space("two", dims=1)
    for call in (hub.get_space, hub.delete_space):
        with pytest.raises(ks.SpaceNotFound, match=r"'absent'.*'one', 'two'") as caught:
            call("absent")
        assert isinstance(caught.value, KeyError)
    assert "absent" not in hub
    assert "One" not in hub


def test_a_name_in_use_is_space_exists(hub: ks.Hub) -> None:
    hub.create_space("docs", dims=2).set("a", [1, 2])
    with pytest.raises(ks.SpaceExists, match="'docs'"):
        hub.create_space("docs", dims=2)
    assert list(hub.get_space("docs")) == ["a"]
    assert len(list((Path(hub.path) / "spaces").iterdir())) == 1


def test_exist_ok_gives_the_space_there_is_if_its_parameters_match(hub: ks.Hub) -> None:
    hub.create_space("docs", dims=2, metric="l2", key_type="int").set(1, [1, 2])
    space = hub.create_space("docs", dims=2, metric="l2", key_type="int", exist_ok=True)
    assert list(space) == [1]
    assert hub.create_space("new", dims=2, exist_ok=True).dims == 2


@pytest.mark.parametrize("other", [{"dims": 3}, {"metric": "cosine"}, {"key_type": "str"}], ids=str)
def test_exist_ok_with_other_parameters_is_space_exists(hub: ks.Hub, other: dict[str, Any]) -> None:
    same = {"dims": 2, "metric": "l2", "key_type": "int"}
    hub.create_space("docs", **same).set(1, [1, 2])
    with pytest.raises(ks.SpaceExists, match="'docs'"):
        hub.create_space("docs", **{**same, **other}, exist_ok=True)
    assert list(hub.get_space("docs")) == [1]


@pytest.mark.parametrize("dims", [0, -1, 65_537, 2**40, 2.0, "2", True, None, [2], np.float32(2)], ids=repr)
def test_dims_are_1_to_65536(hub: ks.Hub, dims: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="dims"):
        hub.create_space("docs", dims=dims)
    assert hub.list_spaces() == []
    assert list((Path(hub.path) / "spaces").iterdir()) == []


def test_numpy_s_whole_numbers_are_dims(hub: ks.Hub) -> None:
    assert type(hub.create_space("docs", dims=np.int32(2)).dims) is int


@pytest.mark.parametrize(
    "arguments",
    [
        {"metric": "Cosine"},
        {"metric": "dot"},
        {"metric": 1},
        {"dtype": "float64"},
        {"dtype": np.float32},
        {"dtype": None},
        {"key_type": "bytes"},
        {"key_type": None},
        {"key_type": float},
        {"embedder": "all-MiniLM"},
        {"embedder": object()},
        {"exist_ok": True, "metric": "no"},
    ],
    ids=shown,
)
def test_other_parameters_are_refused_and_no_space_is_made(hub: ks.Hub, arguments: dict[str, Any]) -> None:
    with pytest.raises(ks.InvalidInput):
        hub.create_space("docs", dims=2, **arguments)
    assert hub.list_spaces() == []
    assert list((Path(hub.path) / "spaces").iterdir()) == []


@pytest.mark.parametrize("metric", ["cosine", "l2", "ip"])
@pytest.mark.parametrize("key_type", ["str", "int"])
def test_what_is_fixed_at_creation_is_there_after_reopening(hub: ks.Hub, metric: str, key_type: str) -> None:
    hub.create_space("docs", dims=7, metric=metric, key_type=key_type)
    with ks.connect(hub.path) as again:
        space = again.get_space("docs")
        assert (space.dims, space.metric, space.key_type) == (7, metric, key_type)
        assert space.stats()["dims"] == 7


def test_the_default_metric_is_cosine_and_keys_are_str(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=1)
    assert (space.metric, space.key_type) == ("cosine", "str")


def test_spaces_do_not_mix(hub: ks.Hub) -> None:
    one, two = hub.create_space("one", dims=1), hub.create_space("two", dims=2)
    one.set("a", [1], n=1)
    two.set("a", [1, 2], n="text")
    one.delete("a")
    assert two.row("a") == {"n": "text"}
    assert "a" not in one


def test_a_space_shows_what_it_is(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=3, metric="l2")
    space.set("a", [1, 2, 3])
    assert "docs" in repr(space)
    assert "docs" not in repr(hub) or str(hub.path) in repr(hub)
    assert space.stats()["rows"] == 1
