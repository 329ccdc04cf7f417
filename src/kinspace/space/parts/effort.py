"""How hard a search is to try: by a share of the true neighbours, by candidates, or until the answer is proven."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import InvalidInput
from ...hnsw import parameters


class Effort(NamedTuple):
    """What the core is told."""

    exact: bool = False
    ef: int = 0  # 0: what was measured to be enough for recall
    recall: float = 0.95


DEFAULT = Effort()
EXACT = Effort(exact=True)


def parse_effort(exact: object, ef_search: object, recall: object) -> Effort:
    """The effort asked for: exact outdoes the others, which exclude each other; InvalidInput if one is out of range."""
    if not isinstance(exact, (bool, np.bool_)):
        raise InvalidInput(f"exact must be True or False; got {exact!r}")
    given = parameters.parse_effort(ef_search, recall)
    if exact or given.get("exact"):
        return Effort(exact=True)
    return Effort(False, given.get("ef", DEFAULT.ef), given.get("recall", DEFAULT.recall))
