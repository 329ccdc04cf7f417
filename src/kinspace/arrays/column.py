"""What a column is to the rest: rows of float32, whole where they lie so in memory, block by block everywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InvalidInput
from .vector import BEYOND, FLOAT32, FLOAT64

if TYPE_CHECKING:
    from concurrent.futures import Future

BLOCK_BYTES = 8 << 20  # a block's float32 rows; a chunk of a zarr array that is larger makes one block
AHEAD_BYTES = 64 << 20  # blocks being read while one is in use: no more than so many bytes, but at least one block
AHEAD = 4  # and never more blocks than this


class Block(NamedTuple):
    """Some consecutive rows: the id of the first, and the rows, (n, dims), last axis contiguous."""

    first: int
    rows: NDArray[Any]


class Names(NamedTuple):
    """What to call a column, and its rows when they have keys, in an error's text."""

    column: str = "the column"
    keys: Sequence[Any] | None = None

    def row(self, row: int) -> str:
        """Return what to call one row."""
        if self.keys is not None and row < len(self.keys):
            return f"the vector of key {self.keys[row]!r}"
        return f"row {row} of {self.column}"


class Column(ABC):
    """n vectors of dims components; row ids are 0…n − 1. The caller's array is never written to.

    ``dims`` is 0 if there are no rows to tell it from. ``dtype`` is float64 if the source's is, else float32.
    """

    def __init__(self, names: Names, n: int, dims: int, dtype: np.dtype[Any]) -> None:
        if n and not dims:
            raise InvalidInput(f"{names.column} has rows of no components; a vector has at least 1")
        self.names = names
        self.n = n
        self.dims = dims
        self.dtype: np.dtype[Any] = FLOAT64 if dtype.kind == "f" and dtype.itemsize >= 8 else FLOAT32

    def whole(self) -> list[NDArray[np.float32]] | None:
        """Return the rows as they lie in memory, in order, if they are float32 there; else None."""
        return None

    @abstractmethod
    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows start…stop − 1 as numbers of any type, (stop − start, dims); from any thread."""

    def bounds(self) -> Iterator[tuple[int, int]]:
        """Yield start and stop of each block, in order."""
        step = block_rows(self.dims)
        for start in range(0, self.n, step):
            yield start, min(start + step, self.n)

    def blocks(self, wanted: NDArray[np.bool_] | None = None, dtype: np.dtype[Any] = FLOAT32) -> Iterator[Block]:
        """Yield the rows in order as that float type; a block with no row in wanted is not read.

        A few blocks are read ahead, in threads. A value that overflows becomes infinity: whoever uses the rows
        says which one is not finite.
        """

        def fetch(bounds: tuple[int, int]) -> Block:
            return Block(bounds[0], convert(self.read(*bounds), dtype))

        pieces = (piece for piece in self.bounds() if wanted is None or wanted[piece[0] : piece[1]].any())
        head = list(islice(pieces, 2))
        if len(head) < 2 or (dtype == FLOAT32 and self.whole() is not None):  # nothing to gain from threads
            return map(fetch, chain(head, pieces))
        size = max(stop - start for start, stop in head) * self.dims * 4
        return _ahead(fetch, chain(head, pieces), max(1, min(AHEAD, AHEAD_BYTES // size)))

    def finite(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return rows start…stop − 1 as finite float32 in C order, perhaps the caller's memory; else InvalidInput."""
        rows: NDArray[np.float32] = np.require(convert(self.read(start, stop), FLOAT32), FLOAT32, ["C", "A"])
        if len(rows) and (bad := _core.first_nonfinite(rows)) >= 0:
            raise self.refuse(start + bad)
        return rows

    def check_dims(self, dims: int, what: str = "the query") -> None:
        """Raise InvalidInput unless the rows have that many components; a column of no rows may have any."""
        if self.n and self.dims != dims:
            raise InvalidInput(f"{what} has {dims} dims and {self.names.column} has {self.dims}; they must be equal")

    def refuse(self, row: int) -> InvalidInput:
        """Return the error that says a row is not finite."""
        return InvalidInput(f"{self.names.row(row)} is not finite: it holds NaN, infinity or a value {BEYOND}")


def block_rows(dims: int) -> int:
    """Return how many rows make a block."""
    return max(1, BLOCK_BYTES // (4 * max(1, dims)))


def lies_well(rows: NDArray[Any]) -> bool:
    """Whether the core can read these 2-d rows where they lie."""
    if rows.dtype != FLOAT32 or not rows.flags.aligned:
        return False
    between, within = rows.strides
    return within == 4 and (rows.flags.c_contiguous or (between >= 4 * rows.shape[1] and between % 4 == 0))


def convert(rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return 2-d rows as that float type, last axis contiguous; the same memory if that can be."""
    if dtype == FLOAT32 and lies_well(rows):
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        return np.require(rows, dtype, ["C", "A"])


def _ahead(fetch: Callable[[tuple[int, int]], Block], pieces: Iterator[tuple[int, int]], ahead: int) -> Iterator[Block]:
    from concurrent.futures import ThreadPoolExecutor  # brings logging along

    waiting: deque[Future[Block]] = deque()
    pool = ThreadPoolExecutor(ahead, thread_name_prefix="kinspace-read")
    try:
        for piece in pieces:
            waiting.append(pool.submit(fetch, piece))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=not waiting, cancel_futures=True)  # after an error or Ctrl-C nobody waits for a slow store
