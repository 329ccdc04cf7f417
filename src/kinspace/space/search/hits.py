"""What a search returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...types import Hit, Key

if TYPE_CHECKING:
    import polars as pl

    from ..state.view import View


class Hits:
    """The nearest rows, nearest first, or as examples, diversity and a boost order them.

    Attributes
    ----------
    keys : list of str or int
    distances : float64, shape (hits,)
        Smaller is nearer. To what was asked for, whatever the order.
    exact : bool
        True if these are proven to be the answer of a float64 scan of every row.
    visited : int
        Rows whose code or vector was compared with the query. One that is then looked at more closely counts once; one
        that a scan comes to after an index gave up counts in both, and of equal vectors an index compares one.
    rows : polars.DataFrame
        "key" and the space's columns, in hit order, as of the search; read when first asked for.
    """

    __slots__ = ("_keys", "_positions", "_rows", "_view", "distances", "exact", "visited")

    def __init__(
        self, view: View, positions: NDArray[np.int64], distances: NDArray[np.float64], exact: bool, visited: int
    ) -> None:
        self.distances = distances
        self.exact = exact
        self.visited = visited
        self._view = view
        self._positions = positions
        self._keys: list[Key] | None = None
        self._rows: pl.DataFrame | None = None

    @property
    def keys(self) -> list[Key]:
        """The keys, in hit order."""
        if self._keys is None:
            self._keys = self._view.keys(self._positions)
        return self._keys

    @property
    def rows(self) -> pl.DataFrame:
        """The key and the space's columns, in hit order."""
        if self._rows is None:
            self._rows = self._view.take(self._positions)
        return self._rows

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[Hit]:
        return map(Hit, self.keys, self.distances.tolist())

    def __getitem__(self, place: int) -> Hit:
        return Hit(self.keys[place], float(self.distances[place]))

    def __repr__(self) -> str:
        shown = ", ".join(f"{key!r} {distance:.4f}" for key, distance in list(self)[:5])
        more = ", …" if len(self) > 5 else ""
        return f"<{len(self)} hits: {shown}{more}>"
