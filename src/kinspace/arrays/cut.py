"""A column cut to the first components of its vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .column import Column


class Cut(Column):
    """The first `dims` components of each row of another column, which has at least as many."""

    def __init__(self, column: Column, dims: int) -> None:
        super().__init__(column.names, column.n, dims, column.dtype)
        self._column = column

    def whole(self) -> list[NDArray[np.float32]] | None:
        """Return them where they lie, if the column does."""
        lying = self._column.whole()
        return None if lying is None else [rows[:, : self.dims] for rows in lying]

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return those of some rows."""
        return self._column.read(start, stop)[:, : self.dims]

    def bounds(self) -> Iterator[tuple[int, int]]:
        """Yield those of the column."""
        return self._column.bounds()
