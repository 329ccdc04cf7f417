"""The nearest rows of another space, or of the same, for every row of a space: batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...length import Length
from ..parts.bits import Words
from ..parts.effort import Effort
from ..state.view import View
from .rerank import nearest

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 1_024  # asked at once; 256 to 4,096 are equally fast
HITS = 1 << 18  # that one batch may have, whatever k is


def knn_join(
    left: View,
    right: View,
    k: int,
    effort: Effort,
    length: Length,
    masks: list[Words] | None,
    batch_size: int | None,
    threads: int,
) -> Iterator[pl.DataFrame]:
    """Frames of key, neighbor and _dist, in the left rows' insertion order; a row is no neighbour of its own."""
    import polars as pl

    itself = left is right
    k = min(k, len(right))
    asked = k + itself
    rows = max(1, min(BATCH_ROWS, HITS // max(asked, 1))) if batch_size is None else batch_size
    batches = in_batches(left.in_order(), rows)
    for here in chain([next(batches, np.empty(0, np.int64))], batches):
        queries = left.vectors(here)
        positions, distances, *_ = nearest(right, queries, asked, effort, length, masks=masks, threads=threads)
        kept = np.ones(positions.shape, np.bool_)
        if itself:
            kept = positions != here[:, None]
            if positions.shape[1] > k:  # where the row itself is not among the first k + 1, the last is one too many
                kept[kept.all(axis=1), -1] = False
        yield pl.DataFrame(
            [
                key_column("key", left, np.repeat(here, kept.sum(axis=1))),
                key_column("neighbor", right, positions[kept]),
                pl.Series("_dist", distances[kept]),
            ]
        )


def in_batches(pieces: Iterable[NDArray[np.int64]], rows: int) -> Iterator[NDArray[np.int64]]:
    """The same positions, `rows` at a time; the last may be fewer."""
    waiting: list[NDArray[np.int64]] = []
    count = 0
    for piece in pieces:
        rest = piece
        while count + len(rest) >= rows:
            cut = rows - count
            yield np.concatenate([*waiting, rest[:cut]])
            rest, waiting, count = rest[cut:], [], 0
        if len(rest):
            waiting.append(rest)
            count += len(rest)
    if waiting:
        yield np.concatenate(waiting)


def key_column(name: str, view: View, positions: NDArray[np.int64]) -> pl.Series:
    """The keys of positions, of which many may be the same, as a column."""
    import polars as pl

    once, places = np.unique(positions, return_inverse=True)
    keys = pl.Series(name, view.keys(once), dtype=pl.Int64 if view.meta.key_type == "int" else pl.String)
    return keys.gather(places)
