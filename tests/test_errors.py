"""The error tree: what a caller may catch, and that every error survives the way to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

import kinspace as ks
from kinspace import errors

TREE = {
    ks.InvalidInput: (ks.KinspaceError, ValueError),
    ks.KeyNotFound: (ks.KinspaceError, KeyError),
    ks.SpaceNotFound: (ks.KinspaceError, KeyError),
    ks.SnapshotNotFound: (ks.KinspaceError, KeyError),
    ks.SpaceExists: (ks.KinspaceError,),
    ks.Frozen: (ks.KinspaceError,),
    ks.Conflict: (ks.KinspaceError,),
    ks.Corrupt: (ks.KinspaceError,),
    ks.Unavailable: (ks.KinspaceError, OSError),
    ks.Closed: (ks.KinspaceError,),
}


def test_the_tree_is_whole() -> None:
    defined = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert defined == {*TREE, ks.KinspaceError}
    for error, bases in TREE.items():
        assert all(issubclass(error, base) for base in bases)


def test_every_kind_is_its_own() -> None:
    assert len({error.kind for error in TREE}) == len(TREE)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_pickles_and_copies_with_all_it_carries(kind: type[ks.KinspaceError]) -> None:
    error = kind("no row has the key 'a'")
    error.stored = 7
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301  # our own
        assert type(twin) is kind
        assert str(twin) == "no row has the key 'a'"
        assert twin.stored == 7
        assert twin.kind == kind.kind


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_text_is_shown_as_it_was_written(kind: type[ks.KinspaceError]) -> None:
    assert str(kind("it's 'quoted'")) == "it's 'quoted'"


def test_an_error_a_call_raised_pickles(space: ks.Space) -> None:
    for call in (
        lambda: space.get("absent"),
        lambda: space.set("a", [1]),
        lambda: space.load(((f"k{i}", [1] * (3 if i < 4 else 2)) for i in range(5)), batch_size=2),
    ):
        with pytest.raises(ks.KinspaceError) as caught:
            call()
        twin = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own
        assert (type(twin), str(twin), twin.stored) == (type(caught.value), str(caught.value), caught.value.stored)
