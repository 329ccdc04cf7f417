"""matryoshka=: the lengths a model was trained for are kept with the space, and others are warned of once."""

from __future__ import annotations

import json
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.space.parts.meta import Meta


def test_the_lengths_are_kept_ascending_and_once(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        hub.create_space("docs", dims=8, matryoshka=(8, 2, 4, 2))
    with ks.connect(tmp_path / "hub") as hub:
        assert hub.get_space("docs").stats()["matryoshka"] == [2, 4, 8]
        assert hub.create_space("docs", dims=8, matryoshka=[2, 4, 8], exist_ok=True).dims == 8
        with pytest.raises(ks.SpaceExists, match="other parameters"):
            hub.create_space("docs", dims=8, exist_ok=True)


def test_another_length_is_warned_of_once_a_space(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=8, matryoshka=[2, 4])
    space.set("a", list(range(1, 9)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for dims in (2, 4, 8, None):
            space.nearest_neighbors(1, vector=list(range(1, 9)), dims=dims)
    with pytest.warns(UserWarning, match="dims=3 .* trained for: 2, 4;") as told:
        space.nearest_neighbors(1, vector=[1, 2, 3], dims=3)
    assert [one.filename for one in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space.nearest_neighbors(1, vector=[1, 2, 3], dims=3)
        hub.get_space("docs").select("key").nearest([1, 2, 3, 4, 5], dims=5).collect()
    fork = space.fork("trial")
    with pytest.warns(UserWarning, match="'trial'") as told:
        fork.select("key").nearest([1, 2, 3], dims=3).collect()
    assert [one.filename for one in told] == [__file__]


def test_an_array_of_lengths_is_taken(hub: ks.Hub) -> None:
    space = hub.create_space("docs", dims=8, matryoshka=np.array([4, 2]))
    assert space.stats()["matryoshka"] == [2, 4]


def test_what_is_out_of_range_is_called_by_its_name(hub: ks.Hub) -> None:
    with pytest.raises(ks.InvalidInput, match=r"each length in matryoshka must be a whole number .* got 2\.0"):
        hub.create_space("docs", dims=8, matryoshka=[2.0])
    with pytest.raises(ks.InvalidInput, match="index_dims must be in 1…65,536; got 0"):
        hub.create_space("docs", dims=8, index_dims=0)


@pytest.mark.parametrize("given", [[], [0], [9], [2.0], [True], "24", 4, [2, None]])
def test_what_can_t_be_lengths_is_refused(hub: ks.Hub, given: object) -> None:
    with pytest.raises(ks.InvalidInput):
        hub.create_space("docs", dims=8, matryoshka=given)
    assert hub.list_spaces() == []


def test_a_catalog_without_them_reads_as_before(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        meta = hub.create_space("docs", dims=8)._store.meta
        folder = hub.get_space("docs")._store.folder
    assert not {"matryoshka", "index_dims"} & meta.as_dict().keys()
    with sqlite3.connect(folder / "catalog.sqlite") as connection:
        (body,) = connection.execute("SELECT body FROM meta").fetchone()
    connection.close()
    assert not {"matryoshka", "index_dims"} & json.loads(body).keys()
    assert Meta.of_stored(meta.as_dict()) == meta


@pytest.mark.parametrize("field", [{"matryoshka": [4, 2]}, {"matryoshka": [9]}, {"index_dims": 9}, {"index_dims": 8}])
def test_lengths_that_can_t_have_been_stored_are_corrupt(field: dict[str, object]) -> None:
    stored = Meta.parse(8, "l2", "float32", "int", None).as_dict()
    with pytest.raises(ks.Corrupt):
        Meta.of_stored({**stored, **field})
