"""What nearest was asked: rows near a vector, near a row, or near words; by what measure, and how hard to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..hnsw import Hnsw
from ..length import Length, parse_length
from ..ranking import Examples, Ranking
from ..types import MAX_DIMS, Key

HOW = '.nearest(vector), .nearest("emb", vector), .nearest(index, vector), .nearest(key="a") or .nearest(text="words")'


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """As the caller gave it, but for what can be wrong whatever the rows; a source makes ``vector`` float32."""

    column: str | None = None
    index: Hnsw | None = None
    vector: Any = None  # of vector, key, text and examples just one is given
    key: Key | None = None
    text: str | None = None
    metric: str | None = None
    exact: bool = False
    recall: float | None = None
    ef_search: int | None = None
    dims: int | None = None
    rerank: bool | None = None
    expand: int | None = None
    examples: Examples | None = None  # instead of vector, key and text
    ranking: Ranking | None = None

    def length(self, full: int) -> Length:
        """How much of vectors of that length is compared; InvalidInput if there is less."""
        return parse_length(full, self.dims, self.rerank, self.expand)


def parse_nearest(
    target: tuple[Any, ...],
    key: Any,
    text: Any,
    examples: Examples | None,
    ranking: Ranking | None,
    exact: Any,
    others: dict[str, Any],
) -> Nearest:
    """What was asked, or InvalidInput; `others` are metric, recall, ef_search, dims, rerank and expand."""
    by, vector = _by_and_vector(target, given=not (key is text is examples is None))
    if sum(one is not None for one in (vector, key, text, examples)) != 1:
        raise InvalidInput(f"nearest takes exactly one of a vector, key=, text= and examples: {HOW}")
    if text is not None and not isinstance(text, str):
        raise InvalidInput(f"text must be a str; got {type(text).__name__}")
    if isinstance(by, Hnsw) and vector is None:
        raise InvalidInput("an index takes a vector: .nearest(index, vector)")
    if isinstance(by, Hnsw) and ranking is not None:
        raise InvalidInput("an index answers by distance alone; for diversity and boost name the column")
    if not isinstance(exact, (bool, np.bool_)):
        raise InvalidInput(f"exact must be True or False; got {exact!r}")
    parse_length(MAX_DIMS, others["dims"], others["rerank"], others["expand"])
    return Nearest(
        column=by if isinstance(by, str) else None,
        index=by if isinstance(by, Hnsw) else None,
        vector=vector,
        key=key,
        text=text,
        exact=bool(exact),
        examples=examples,
        ranking=ranking,
        **others,
    )


def _by_and_vector(target: tuple[Any, ...], *, given: bool) -> tuple[str | Hnsw | None, Any]:
    """The column's name or the index, if any, and the vector, None where key= or text= is in its place."""
    if given:
        if len(target) > 1 or not all(isinstance(one, (str, Hnsw)) for one in target):
            raise InvalidInput(f"key=, text= and examples stand for the query; give a column's name at most: {HOW}")
        return (target[0] if target else None), None
    if len(target) not in (1, 2):
        raise InvalidInput(
            f"nearest takes a vector, or a column's name or an index before it; got {len(target)}: {HOW}"
        )
    by, vector = target if len(target) == 2 else (None, target[0])
    if vector is None or isinstance(vector, (str, Hnsw)) or not (by is None or isinstance(by, (str, Hnsw))):
        raise InvalidInput(f"nearest takes a vector, or a column's name or an index before it: {HOW}")
    return by, vector
