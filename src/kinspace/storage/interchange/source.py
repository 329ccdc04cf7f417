"""What goes between a space and a file: rows that a file holds, and rows to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import Column
from ...arrays.column import Names
from ...errors import Corrupt, InvalidInput, KinspaceError, Unavailable
from ...types import BIT_METRICS, DTYPES, MAX_DIMS, METRICS
from ..keys import KeyType

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1  # of what an export says of itself


@dataclass
class FileRows:
    """The rows of a file, looked at but not read. Close it when they are."""

    path: Path
    rows: int
    dims: int | None  # None: the file has no vectors, or none that says
    key_type: KeyType | None  # None: it has no keys, and row numbers take their place
    vectors: Column | None  # None: they are a column of the frames, if anywhere
    key: str = "key"  # the column of the frames that holds keys
    metric: str | None = None  # the one that the file names
    table: Callable[[int], Iterator[pl.DataFrame]] | None = None  # batches of so many rows: key and columns
    numbered: bool = False  # of a format that never has keys: a row's number, in decimal, will do for a str key
    dtype: str | None = None  # that of the space it was exported from
    close: Callable[[], None] = field(default=lambda: None)  # twice is fine

    def frames(self, size: int) -> Iterator[pl.DataFrame]:
        """Key and columns of every row in order, about `size` rows at a time."""
        if self.table is not None:
            yield from self.table(size)
            return
        import polars as pl

        for start in range(0, self.rows, size):
            numbers = pl.int_range(start, min(start + size, self.rows), dtype=pl.Int64, eager=True)
            yield pl.DataFrame({self.key: numbers})


@dataclass(frozen=True)
class Outgoing:
    """One view of a space, to be written: each call goes through all rows in order, some at a time."""

    rows: int
    dims: int
    key_type: KeyType
    metric: str
    dtype: str  # the space's; the vectors are float32 in the file, whichever it is
    schema: dict[str, pl.DataType]  # the key and the columns
    keys: Callable[[int], Iterator[list[Any]]]  # exactly so many a time, but for the last
    vectors: Callable[[int], Iterator[NDArray[np.float32]]]  # likewise
    columns: Callable[[int], Iterator[pl.DataFrame]]  # the key and the columns, likewise
    whole: Callable[[int], Iterator[pl.DataFrame]]  # and the vector with them

    def told(self, **more: Any) -> dict[str, Any]:
        """What an export says of itself, for whoever reads it."""
        about = {"format": FORMAT, "kind": "export", "rows": self.rows, "dims": self.dims}
        return {**about, "key_type": self.key_type, "metric": self.metric, "dtype": self.dtype, **more}


def named(told: dict[str, Any]) -> tuple[str | None, str | None]:
    """The metric and the dtype that an export says it is of, each None unless it is one there is."""
    metric, dtype = (value if isinstance(value, str) else "" for value in (told.get("metric"), told.get("dtype")))
    return metric if metric in (*METRICS, *BIT_METRICS) else None, dtype if dtype in DTYPES else None


class FileVectors(Column):
    """Vectors in a file: `fetch(start, stop)` reads some of them."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], fetch: Callable[[int, int], NDArray[Any]]
    ) -> None:
        check_shape(path, shape, dtype)
        super().__init__(Names(f"the vectors of {path}"), shape[0], shape[1], dtype)
        self._fetch = fetch

    def read(self, start: int, stop: int) -> NDArray[Any]:
        return self._fetch(start, stop)


def check_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise InvalidInput unless an array can be vectors."""
    if len(shape) != 2 or dtype.kind not in "fiu":
        raise InvalidInput(f"{path} must hold numbers of shape (rows, dims); it holds {dtype} of shape {shape}")
    if shape[0] < 0 or not 1 <= shape[1] <= MAX_DIMS:
        raise InvalidInput(f"{path} says its shape is {shape}; expected dims in 1…{MAX_DIMS:,} and no negative length")


@contextmanager
def reading(path: Path, what: str = "it") -> Iterator[None]:
    """Turn what a library raises while it decodes a file into Corrupt, what the system raises into Unavailable."""
    try:
        yield
    except (KinspaceError, MemoryError):
        raise
    except OSError as error:
        if error.errno is None:  # not the system's: HDF5 and codecs raise it too
            raise Corrupt(f"{path} is damaged: {what} can't be read: {error}") from error
        raise Unavailable(f"{path} can't be read: {error}") from error
    except Exception as error:
        raise Corrupt(f"{path} is damaged: {what} can't be read: {error}") from error
