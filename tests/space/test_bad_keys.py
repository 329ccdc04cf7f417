"""Keys: what may be one, and that nothing else is ever converted into one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import kinspace as ks
from oracle import unchanged


class Text(str):
    """A subclass, as some libraries use."""


NOT_STR: dict[str, Any] = {
    "int": 1,
    "float": 1.0,
    "bool": True,
    "None": None,
    "bytes": b"a",
    "tuple": ("a",),
    "list": ["a"],
    "array": np.array(["a"]),
    "empty": "",
    "surrogate": "\ud800",
    "too long": "x" * 1_025,
    "too long in bytes": "é" * 513,
}
NOT_INT: dict[str, Any] = {
    "str": "1",
    "float": 1.0,
    "bool": True,
    "NumPy's bool": np.bool_(True),
    "NumPy's float": np.float32(1),
    "None": None,
    "bytes": b"1",
    "above int64": 2**63,
    "below int64": -(2**63) - 1,
    "uint64 above int64": np.uint64(2**63),
}


def calls(space: ks.Space, key: Any, good: Any) -> dict[str, Any]:
    """Every way a key comes in."""
    one = [1.0, 2.0, 3.0]
    return {
        "set": lambda: space.set(key, one),
        "setitem": lambda: space.__setitem__(key, one),
        "update": lambda: space.update(key, n=1),
        "get": lambda: space.get(key),
        "getitem": lambda: space[key],
        "row": lambda: space.row(key),
        "in": lambda: key in space,
        "delete": lambda: space.delete(key),
        "delitem": lambda: space.__delitem__(key),
        "multiget": lambda: list(space.multiget([good, key])),
        "multidelete": lambda: space.multidelete([good, key]),
        "multiset": lambda: space.multiset([(good, one), (key, one)]),
        "load": lambda: space.load(keys=[good, key], vectors=[one, one]),
        "nearest": lambda: space.nearest_neighbors(1, key=key),
    }


@pytest.mark.parametrize("key", NOT_STR.values(), ids=NOT_STR)
def test_what_is_no_str_key_is_refused_everywhere(hub: ks.Hub, space: ks.Space, key: Any) -> None:
    space.set("good", [1, 2, 3], n=1)
    with unchanged(hub):
        for name, call in calls(space, key, "good").items():
            if key is None and name == "nearest":
                continue  # there it means: not given
            with pytest.raises(ks.InvalidInput):
                call()


@pytest.mark.parametrize("key", NOT_INT.values(), ids=NOT_INT)
def test_what_is_no_int_key_is_refused_everywhere(hub: ks.Hub, key: Any) -> None:
    space = hub.create_space("docs", dims=3, key_type="int")
    space.set(7, [1, 2, 3], n=1)
    with unchanged(hub):
        for name, call in calls(space, key, 7).items():
            if key is None and name == "nearest":
                continue
            with pytest.raises(ks.InvalidInput):
                call()


@pytest.mark.parametrize(
    "key",
    [
        "a",
        " ",
        "a\0b",
        "\n",
        "\x7f",
        "é",
        "e\u0301",
        "日本",
        "😀",
        "../x",
        "/etc/passwd",
        "x" * 1_024,
        "é" * 512,
        "'; --",
    ],
)
def test_any_other_text_is_a_key(hub: ks.Hub, space: ks.Space, key: str) -> None:
    space.set("first", [0, 0, 1])
    space.set(key, [1, 2, 3], n=1)
    for _ in range(2):
        assert list(space.keys()) == ["first", key]
        assert space.get(key).tolist() == [1, 2, 3]
        assert space.row(key) == {"n": 1}
        assert space.nearest_neighbors(1, vector=[1, 2, 3]).keys == [key]
        space.flush()
    assert space.delete(key)
    assert key not in space


def test_keys_that_look_alike_are_different_keys(space: ks.Space) -> None:
    alike = ["é", "e\u0301", "E", "e", "e ", "е", "1", "01", "１"]  # noqa: RUF001  # that they look alike is the point
    space.multiset({key: [i, 1, 1] for i, key in enumerate(alike)})
    for _ in range(2):
        assert len(space) == len(alike)
        assert [space.get(key)[0] for key in alike] == list(range(len(alike)))
        space.flush()


def test_subclasses_of_str_are_str_keys_and_come_back_plain(space: ks.Space) -> None:
    space.set(Text("a"), [1, 2, 3])
    space.set(np.str_("b"), [1, 2, 3])
    assert "a" in space
    assert [type(key) for key in space.keys()] == [str, str]  # noqa: SIM118


@pytest.mark.parametrize("key", [0, -1, 2**63 - 1, -(2**63)])
def test_an_int64_is_an_int_key(hub: ks.Hub, key: int) -> None:
    space = hub.create_space("ints", dims=1, key_type="int")
    space.set(5, [5])
    space.set(key, [1], n="x")
    for _ in range(2):
        assert list(space.keys()) == [5, key]
        assert space.get(key).tolist() == [1]
        assert space.row(key) == {"n": "x"}
        space.flush()


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.uint64, np.int64])
def test_numpy_integers_count_as_int_and_come_back_plain(hub: ks.Hub, kind: Any) -> None:
    space = hub.create_space("ints", dims=1, key_type="int")
    space.set(kind(7), [1])
    space.load(keys=np.array([8, 9], kind), vectors=[[1], [1]])
    assert list(space.keys()) == [7, 8, 9]
    assert {type(key) for key in space.keys()} == {int}  # noqa: SIM118
    assert 7 in space
    assert kind(8) in space


def test_keys_of_a_frame_are_not_converted(hub: ks.Hub, space: ks.Space) -> None:
    ints = hub.create_space("ints", dims=1, key_type="int")
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="str"):
        space.load(pl.DataFrame({"key": [1, 2], "vector": [[1.0, 2.0, 3.0]] * 2}))
    with unchanged(hub, "ints"):
        with pytest.raises(ks.InvalidInput, match="int"):
            ints.load(pl.DataFrame({"key": ["1", "2"], "vector": [[1.0]] * 2}))
        with pytest.raises(ks.InvalidInput, match="int"):
            ints.load(pl.DataFrame({"key": [1.0, 2.0], "vector": [[1.0]] * 2}))


def test_a_null_key_in_a_frame_is_refused(hub: ks.Hub, space: ks.Space) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="None"):
        space.load(pl.DataFrame({"key": ["a", None], "vector": [[1.0, 2.0, 3.0]] * 2}))


def test_the_key_s_type_is_fixed_for_good(hub: ks.Hub) -> None:
    hub.create_space("ints", dims=1, key_type="int")
    with ks.connect(hub.path) as again, pytest.raises(ks.InvalidInput, match="int"):
        again.get_space("ints").set("a", [1])
