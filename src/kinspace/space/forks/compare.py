"""How answers differ between two states of a space, or two spaces: the same questions asked of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...embed.embedder import query_vectors
from ...errors import InvalidInput
from ..search.hits import Hits

if TYPE_CHECKING:
    import polars as pl

    from ..reading import Reading

_AT_ONCE = 64  # questions


@dataclass(frozen=True, eq=False)
class Comparison:
    """What became of the answers.

    Attributes
    ----------
    k : int
        Hits asked for.
    overlap : float
        overlap@k: the share of hits that both have, of the longer answer, averaged over the questions. In [0, 1].
    unchanged : float
        The share of questions with the same hits in the same order.
    queries : polars.DataFrame
        A row a question: `query` (its number, or the key it asked about), `overlap`, `moved` (mean of how many ranks
        the common hits moved), `entered` and `left` (keys).
    hits : polars.DataFrame
        A row for each hit of either: `query`, `key`, `rank_before`, `rank_after` (from 1, null where it is no hit),
        `distance_before`, `distance_after`.
    """

    k: int
    overlap: float
    unchanged: float
    queries: pl.DataFrame
    hits: pl.DataFrame

    def __repr__(self) -> str:
        return (
            f"<Comparison of {self.queries.height:,} queries: overlap@{self.k} {self.overlap:.3f}, "
            f"{self.unchanged:.1%} unchanged>"
        )


def compare(
    before: Reading, after: Reading, queries: Any, keys: Sequence[Any] | None, k: int, search: dict[str, Any]
) -> Comparison:
    """Ask both and put the answers side by side."""
    import polars as pl

    if (queries is None) == (keys is None):
        raise InvalidInput("give either queries (vectors or texts) or keys=")
    asked: list[Any] = list(keys) if keys is not None else list(range(len(queries)))
    if not asked:
        raise InvalidInput("there are no queries to compare by; give at least one")
    answers = [_answers(side, queries, asked if keys is not None else None, k, search) for side in (before, after)]
    rows, about, unchanged = [], [], 0
    for name, old, new in zip(asked, *answers, strict=True):
        was, now = ({hit.key: (rank, hit.distance) for rank, hit in enumerate(hits, 1)} for hits in (old, new))
        common = [key for key in now if key in was]
        overlap = len(common) / max(len(was), len(now), 1) if was or now else 1.0
        unchanged += list(was) == list(now)
        moved = float(np.mean([abs(now[key][0] - was[key][0]) for key in common])) if common else None
        entered, left = [key for key in now if key not in was], [key for key in was if key not in now]
        about.append((name, overlap, moved, entered, left))
        for key in dict.fromkeys((*now, *was)):
            (rank_before, far_before), (rank_after, far_after) = was.get(key, (None,) * 2), now.get(key, (None,) * 2)
            rows.append((name, key, rank_before, rank_after, far_before, far_after))
    key_type = pl.String if after.key_type == "str" else pl.Int64
    query_type = pl.Int64 if keys is None else key_type
    side = {"rank_before": pl.Int64, "rank_after": pl.Int64}
    far = {"distance_before": pl.Float64, "distance_after": pl.Float64}
    lists = {"entered": pl.List(key_type), "left": pl.List(key_type)}
    shape = {"query": query_type, "overlap": pl.Float64, "moved": pl.Float64, **lists}
    frame = pl.DataFrame(about, schema=shape, orient="row")
    hits = pl.DataFrame(rows, schema={"query": query_type, "key": key_type, **side, **far}, orient="row")
    return Comparison(k, float(np.mean([row[1] for row in about])), unchanged / len(asked), frame, hits)


def _answers(side: Reading, queries: Any, keys: Sequence[Any] | None, k: int, search: dict[str, Any]) -> list[Hits]:
    if keys is not None:
        return [side.nearest_neighbors(k, key=key, **search) for key in keys]
    if isinstance(queries, Sequence) and queries and all(isinstance(query, str) for query in queries):
        embedder = getattr(side, "embedder", None)
        if embedder is None:
            raise InvalidInput(f"space {side.name!r} has no embedder for texts; give vectors")
        queries = query_vectors(embedder, list(queries))
    found: list[Hits] = []
    for start in range(0, len(queries), _AT_ONCE):
        found += side.nearest_neighbors(k, vectors=queries[start : start + _AT_ONCE], **search)
    return found
