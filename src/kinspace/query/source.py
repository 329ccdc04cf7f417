"""What a select reads: the protocols that a source, its rows and a search among them keep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..explain import UNTRACED, Trace
from ..filter import Predicate
from .nearest import Nearest


class Search(Protocol):
    """What nearest asked, made ready for the rows in one state: it can be answered any number of times."""

    @property
    def query(self) -> NDArray[np.float32]:
        """The vector that distances are from, shape (dims,); the examples (n, dims), if they make no one vector."""

    @property
    def left_out(self) -> NDArray[np.int64]:
        """The handles of rows that are not found though where lets them through: those that were given by key."""

    @property
    def by_candidates(self) -> bool:
        """Whether the order is not that of the distances, or depends on how many are asked for, as after a rerank."""

    def nearest(self, k: int, *, exact: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return handles and distances of the min(k, rows allowed) nearest rows, ties by row order.

        With ``exact`` as a float64 scan would, else as hard as was asked; ``k`` is at least 0.
        """


class Rows(Protocol):
    """The rows of a source in one state, which doesn't change while a select is answered.

    A handle is an int64 that names a row within this state; what it counts is the source's own business.
    """

    @property
    def schema(self) -> pl.Schema:
        """Every column that may be named, with its type."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns of a select that names none, in order; all of them are in ``schema``."""

    def matching(self, where: Predicate | None) -> NDArray[np.int64]:
        """Return the handles of the rows for which ``where`` (compiled for ``schema``) is true, in row order."""

    def seqs(self, handles: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the number of each row: ascending in row order, and the row's own in every later state."""

    def search(self, asked: Nearest, where: Predicate | None) -> Search:
        """Return a search among the rows for which ``where`` is true. InvalidInput if there are no such vectors."""

    def take(self, handles: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Return those rows in that order: a frame of exactly these columns, each of its type in ``schema``."""

    def count(self, where: Predicate | None) -> int:
        """Return for how many rows ``where`` is true."""

    def facets(self, column: str, where: Predicate | None, limit: int | None) -> tuple[pl.Series, NDArray[np.int64]]:
        """Return the values that a column has where ``where`` is true, and how many rows have each.

        The most frequent first, equally frequent ones ascending, null left out. Each element of a list counts once a
        row.
        """


class Source(Protocol):
    """Where a select gets its rows."""

    @property
    def fixed(self) -> pl.Schema | None:
        """The schema of the rows, if it can't change before they are opened: names are then checked at once."""

    def checked(self, asked: Nearest) -> Nearest:
        """Return what nearest asked with its vector as float32 of its own; InvalidInput for what no rows can answer."""

    def open(self, trace: Trace = UNTRACED) -> AbstractContextManager[Rows]:
        """The rows as they are now, for one answer; what is done with them is told to the trace."""
