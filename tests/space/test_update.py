"""update merges columns into a row; the vector stays, and the row moves to the end."""

from __future__ import annotations

import numpy as np
import pytest

import kinspace as ks
from oracle import unchanged

THIRD = np.array([1 / 3, -0.0, 1e-45], np.float32)


@pytest.fixture(params=[False, True], ids=["log", "segment"])
def kept(space: ks.Space, request: pytest.FixtureRequest) -> ks.Space:
    space.set("a", THIRD, title="alpha", n=1)
    space.set("b", [1, 2, 3], title="beta")
    if request.param:
        space.flush()
    return space


def test_update_merges_columns_and_keeps_the_vector_to_the_bit(kept: ks.Space) -> None:
    kept.update("a", n=2, fresh=True)
    assert kept.row("a") == {"title": "alpha", "n": 2, "fresh": True}
    assert kept.row("b") == {"title": "beta", "n": None, "fresh": None}
    assert kept.get("a").tobytes() == THIRD.tobytes()


def test_update_moves_the_row_to_the_end_as_set_does(kept: ks.Space) -> None:
    kept.update("a", n=2)
    assert list(kept.keys()) == ["b", "a"]
    assert len(kept) == 2


def test_update_with_null_empties_a_column(kept: ks.Space) -> None:
    kept.update("a", title=None)
    assert kept.row("a") == {"title": None, "n": 1}


def test_update_of_a_missing_key_is_key_not_found_and_changes_nothing(hub: ks.Hub, kept: ks.Space) -> None:
    with unchanged(hub), pytest.raises(ks.KeyNotFound, match="'absent'"):
        kept.update("absent", title="x")


def test_update_with_a_wrong_type_is_refused_naming_key_and_column(hub: ks.Hub, kept: ks.Space) -> None:
    with unchanged(hub), pytest.raises(ks.InvalidInput, match="'a'.*'title'"):
        kept.update("a", title=7)


def test_update_widens_an_int_column(kept: ks.Space) -> None:
    kept.update("a", n=2.5)
    assert kept.row("a")["n"] == 2.5


def test_update_in_two_hubs_by_turns_loses_no_column(hub: ks.Hub, kept: ks.Space) -> None:
    with ks.connect(hub.path) as second:
        other = second.get_space("docs")
        for i in range(10):
            kept.update("a", left=i)
            other.update("a", right=i)
        assert kept.row("a") == other.row("a") == {"title": "alpha", "n": 1, "left": 9, "right": 9}
