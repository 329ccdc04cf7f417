"""A view as a Polars LazyFrame: it reads the columns that a query needs, of the rows that its filter lets through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.io.plugins import register_io_source

from ...errors import InvalidInput
from ..columns.masks import full_schema, matching, predicate_of

if TYPE_CHECKING:
    from ..state.view import View

_ROWS = 65_536  # of a batch, at most
_BYTES = 8 << 20  # of a batch's vectors, at most


def lazy_frame(view: View, name: str) -> pl.LazyFrame:
    """The key, the columns and the vector of every live row, in insertion order."""

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        return batches(view, list(full_schema(view)) if columns is None else columns, predicate, rows, size)

    return register_io_source(
        read, schema=full_schema(view), is_pure=True, explain_name="kinspace", explain_detail=name
    )


def batches(
    view: View,
    wanted: Sequence[str],
    predicate: pl.Expr | None = None,
    rows: int | None = None,
    size: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Frames of those columns, at least one: of the rows that match, and the first `rows` of them if that is given."""
    kept = None
    if predicate is not None:
        try:
            kept = _matching(view, predicate)
            predicate = None
        except InvalidInput:
            pass  # more than a filter looks at; Polars does, frame by frame
    names = [one for one in wanted if one not in ("key", "vector")]
    most = max(1, _BYTES // (4 * view.meta.dims)) if "vector" in wanted else _ROWS
    most = min(most, _ROWS, _ROWS if size is None else max(1, size))
    left = len(view) if rows is None else rows
    some = False
    for piece in view.in_order():
        positions = piece if kept is None else piece[kept[piece]]
        for start in range(0, len(positions), most):
            if left <= 0:
                return
            here = positions[start : start + most]
            if predicate is None:
                here = here[:left]
            frame = view.take(here, names)
            if "vector" in wanted:
                vectors = pl.Series("vector", view.vectors(here), dtype=pl.Array(pl.Float32, view.meta.dims))
                frame = frame.with_columns(vectors)
            frame = frame.select(wanted)
            if predicate is not None:
                frame = frame.filter(predicate).head(left)
            left -= frame.height
            some = True
            yield frame
    if not some:
        schema = full_schema(view)
        yield pl.DataFrame(schema={one: schema[one] for one in wanted})


def _matching(view: View, predicate: pl.Expr) -> NDArray[np.bool_]:
    """Whether each position matches."""
    kept = np.zeros(view.starts[-1], np.bool_)
    kept[matching(view, predicate_of(view, predicate))] = True
    return kept
