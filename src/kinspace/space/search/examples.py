"""Examples of what rows are to be like and what not: their vectors, and the rows that are left out for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, KeyNotFound
from ...length import Length
from ...ranking import Examples, Ranking, average, averages
from ...storage.keys import parse_key
from ..parts.bits import Words, all_set, cleared
from ..parts.fit import space_query
from ..state.view import View


@dataclass(frozen=True)
class Asked:
    """Examples as a space has them: what is left out of the answer, and vectors of one length."""

    positive: NDArray[np.float32]
    negative: NDArray[np.float32]
    keys: NDArray[np.int64]  # positions of those that were given by key
    averaged: bool

    def query(self, metric: str) -> NDArray[np.float32]:
        """The one query they make together."""
        return average(self.positive, self.negative, metric)


def examples_of(view: View, examples: Examples, ranking: Ranking | None, length: Length, name: str) -> Asked:
    """What the examples are; KeyNotFound, or InvalidInput if one is neither a key nor a vector that fits."""
    averaged = averages(examples, view.meta.metric, ranking)
    positions: list[int] = []

    def vector(example: Any, what: str) -> NDArray[np.float32]:
        if not isinstance(example, (str, bytes, int, np.integer, np.bool_)):
            try:
                return space_query(view.meta, example, length)
            except InvalidInput as error:
                raise InvalidInput(f"{what}: {error}") from error
        key, digest = parse_key(example, view.meta.key_type)
        position = view.find(key, digest)
        if position < 0:
            raise KeyNotFound(f"no row of space {name!r} has the key {key!r}, which is among the {what}")
        positions.append(position)
        return view.vector(position)

    both = [vector(one, "positive examples") for one in examples.positive]
    both += [vector(one, "negative examples") for one in examples.negative]
    components = min(map(len, both))
    cut = np.stack([one[:components] for one in both])
    split = len(examples.positive)
    return Asked(cut[:split], cut[split:], np.unique(np.array(positions, np.int64)), averaged)


def without(view: View, masks: Sequence[Words | None] | None, positions: NDArray[np.int64]) -> list[Words | None]:
    """The masks with those rows' bits cleared; a part that needs no mask has none."""
    found: list[Words | None] = [None] * len(view.parts) if masks is None else list(masks)
    for number, part in enumerate(view.parts):
        start = view.starts[number]
        rows = positions[(positions >= start) & (positions < start + part.rows)] - start
        if len(rows):
            words = found[number]
            found[number] = cleared(all_set(part.rows) if words is None else words, rows)
    return found
