"""What a process that has a space open sees, kept up from commit to commit, is what one that opens it now reads."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.space import space as writing
from kinspace.space.segments import compact as compacting
from kinspace.space.segments.background import Background
from kinspace.space.segments.compact import compact
from kinspace.space.state.view import View


def held(view: View) -> dict[str, Any]:
    """All that a view is made of, in a form that compares."""
    parts = {}
    for part in view.every[:-1]:
        parts[part.source.entry.id] = (part.rows, part.live_rows().tolist(), part.dead)  # type: ignore[union-attr]
    tail = view.tail
    return {
        "state": view.state,
        "parts": parts,
        "log": (tail.rows, tail.seqs(tail.live_rows()).tolist(), tail.keys(tail.live_rows()), tail.dead),
        "buried": {part.source.entry.id for part in view.buried},  # type: ignore[union-attr]
        "snapshots": view.known.snapshots,
    }


def pinned(view: View) -> list[int]:
    """Of each segment's dead rows, how many a snapshot may see."""
    return [part.pinned for part in view.segments]


def found(space: ks.Space, keys: list[str]) -> list[Any]:
    """What looking up each key gives, one by one and all at once."""
    view = space._store.view()
    one = [space.get(key).tobytes() if key in space else None for key in keys]
    from kinspace.storage.keys import parse_keys

    places = view.find_many(*parse_keys(keys, "str"))
    assert [None if place < 0 else view.vector(int(place)).tobytes() for place in places] == one
    return one


@pytest.mark.parametrize("seed", range(3))
def test_a_view_kept_up_is_the_view_read_anew(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(writing, "SEGMENT_ROWS", 6)
    monkeypatch.setattr(compacting, "TIER_BASE", 4)
    monkeypatch.setattr(Background, "look_after", lambda *_: None)  # it would merge between two looks
    draw = random.Random(seed)
    keys = [f"k{number}" for number in range(12)]
    with ks.connect(":memory:") as owner, ks.connect(owner.path) as other:
        owner.create_space("s", dims=2)
        spaces = [hub.get_space("s") for hub in (owner, other)]
        seqs = [0]

        def some(most: int) -> list[str]:
            return draw.sample(keys, draw.randint(1, most))

        def restore(space: ks.Space) -> None:
            try:
                space.restore(draw.choice([one.name for one in space.snapshots()] + draw.sample(seqs, 1)))
            except ks.SnapshotNotFound:
                pass

        def drop(space: ks.Space) -> None:
            for one in space.snapshots()[-1:]:
                space.drop_snapshot(one.name)

        def fork(space: ks.Space) -> None:
            draw.choice([space, *(space.at(one.name) for one in space.snapshots())]).write_to_space(
                "f", overwrite=True
            ).set(draw.choice(keys), [7, draw.random()])
            owner.merge("f", space, on_conflict=draw.choice(["ours", "theirs"]))

        actions = [
            lambda space: space.set(draw.choice(keys), [1, draw.random()], n=draw.choice([1, 2.5, None])),
            lambda space: space.multiset({key: [2, draw.random()] for key in some(5)}),
            lambda space: space.multiset({key: [3, draw.random()] for key in draw.sample(keys, 8)}),
            lambda space: space.delete(draw.choice(keys)),
            lambda space: space.multidelete(some(6)),
            lambda space: space.delete_all() if draw.random() < 0.3 else None,
            lambda space: space.flush(),
            lambda space: space.compact(),
            lambda space: compact(space._store, everything=False),
            lambda space: space.snapshot(f"s{len(seqs)}"),
            drop,
            restore,
            fork,
        ]
        for _ in range(40):
            draw.choice(actions)(draw.choice(spaces))
            seqs.append(spaces[0].seq)
            looked = [space for space in spaces if draw.random() < 0.7]  # the others have more to catch up with
            with ks.connect(owner.path) as third:
                fresh = third.get_space("s")
                for space in looked:
                    assert held(space._store.view()) == held(fresh._store.view())
                    assert all(np.greater_equal(pinned(space._store.view()), pinned(fresh._store.view())))
                    assert found(space, keys) == found(fresh, keys)
                for one in fresh.snapshots() if draw.random() < 0.3 else ():
                    assert len(fresh.at(one.name)) == one.rows
        assert np.all([space.check().ok for space in spaces])
