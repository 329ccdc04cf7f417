"""What a hub holds, read through every door there is."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import numpy as np

import kinspace as ks
from workload import DIMS, FORK, SPACE, TEMPORARY, Model, Row


def observe(path: str) -> Model:
    """Open the hub, read all of it, check that the doors agree, and close it."""
    with ks.connect(path) as hub:
        return observe_hub(hub)


def observe_hub(hub: Any) -> Model:
    """Read all of a hub that is open."""
    names = set(hub.list_spaces())
    assert names <= {SPACE, TEMPORARY, FORK}, names
    others: dict[str, dict[str, Row]] = {}
    for name in names & {TEMPORARY, FORK}:
        with suppress(ks.SpaceNotFound):  # its deletion was begun, and nobody can write to it any more
            others[name] = read_rows(hub.get_space(name))
    assert not others.get(TEMPORARY)
    space = hub.get_space(SPACE)
    snapshots = {one.name: read_rows(space.at(one.name)) for one in space.snapshots()}
    return Model(read_rows(space), TEMPORARY in others, snapshots, others.get(FORK))


def read_rows(space: Any) -> dict[str, Row]:
    """Return the rows in insertion order, having asked for them in several ways."""
    keys = list(space.keys())
    assert len(keys) == len(set(keys)) == len(space)
    rows: dict[str, Row] = {}
    for batch in space.scan():
        vectors = batch["vector"].to_numpy()
        marks, notes = (batch[name] if name in batch.columns else [None] * len(batch) for name in ("mark", "note"))
        for key, vector, mark, note in zip(batch["key"], vectors, marks, notes, strict=True):
            assert key not in rows, f"{key} twice in a scan"
            rows[key] = Row(np.asarray(vector, np.float32).tobytes(), mark, note)
    assert list(rows) == keys
    for key, vector in zip(keys, space.multiget(keys), strict=True):
        assert vector.tobytes() == rows[key].vector, f"multiget of {key}"
    for key in keys[:: max(1, len(keys) // 5)]:
        assert key in space
        assert space.get(key).tobytes() == rows[key].vector, f"get of {key}"
        assert space.row(key).get("mark") == rows[key].mark, f"row of {key}"
    if rows:
        _check_neighbours(space, rows)
    if space.text_columns:
        _check_text(space, rows)
    return rows


def _check_neighbours(space: Any, rows: dict[str, Row]) -> None:
    """Search agrees with a scan in double precision: nothing deleted is found, nothing stored is missed."""
    matrix = np.array([np.frombuffer(row.vector, np.float32) for row in rows.values()], np.float64)
    query = np.random.default_rng(len(rows)).standard_normal(DIMS).astype(np.float32)
    distances = 1 - matrix @ query / np.linalg.norm(matrix, axis=1) / np.linalg.norm(query.astype(np.float64))
    order = np.argsort(distances, kind="stable")[:20]
    hits = space.nearest_neighbors(20, vector=query, exact=True)
    assert list(hits.keys) == [list(rows)[i] for i in order]
    np.testing.assert_allclose(hits.distances, distances[order], atol=1e-12)
    found = list(space.nearest_neighbors(20, vector=query).keys)  # through an index, if there is one
    assert len(found) == len(set(found)) == len(order)
    assert rows.keys() >= set(found)


def _check_text(space: Any, rows: dict[str, Row]) -> None:
    """Text finds the rows that have a note, and each by what its note says."""
    noted = {key: row.note for key, row in rows.items() if row.note is not None}
    found = space.search("of", len(rows) + 1, mode="text").keys
    assert set(found) == {key for key, note in noted.items() if "of" in note.split()}
    for key, note in list(noted.items())[:: max(1, len(noted) // 3)]:
        assert key in space.search(f'"{note}"', len(rows), mode="text").keys, f"text of {key}"


def digest(model: Model) -> str:
    """The same for equal models, order included."""
    text = hashlib.sha256()
    for name, rows in [("", model.rows), *model.snapshots.items(), ("fork", model.forked or {})]:
        text.update(f"{name} {len(rows)} ".encode())
        for key, row in rows.items():
            text.update(repr((key, row.vector, row.mark, row.note)).encode())
    forked = "none" if model.forked is None else len(model.forked)
    return (
        f"{len(model.rows)} rows, temporary {model.temporary}, {len(model.snapshots)} snapshots, "
        f"forked {forked}, {text.hexdigest()}"
    )
