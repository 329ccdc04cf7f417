"""Where an index keeps its vectors: slots in chunks of memory, each with the row id that is in it, or free."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..arrays import Column
from ..storage.segment import chunk_rows


class Slots:
    """Slots 0…used − 1; a row that is removed leaves its slot free for another, and ids are never given twice.

    Only free slots are written to, so that what has been handed to the core never changes under it.
    """

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self.used = 0
        self.taken = 0  # of those used
        self.next_id = 0
        self.live = np.empty(0, np.bool_)  # of each slot that there is memory for
        self.ids: NDArray[np.int64] | None = None  # the id in each; None while every row's slot is its id
        self._step = chunk_rows(1 << 40, 4 * dims)[0]  # slots of a chunk
        self._chunks: list[NDArray[np.float32]] = []
        self._whole: NDArray[np.float32] | None = None  # all chunks, as long as they are one piece
        self._mapped: set[int] = set()  # chunks that are a file's, to be copied before they are written to

    @classmethod
    def of_column(cls, column: Column, dims: int) -> Slots:
        """Copy a column, block by block; row i is in slot i."""
        slots = cls(dims)
        new = slots.find(column.n)
        slots.write(column, new)
        slots.take(new)
        return slots

    @classmethod
    def of_chunks(cls, chunks: list[NDArray[np.float32]], dims: int, ids: NDArray[np.int64], next_id: int) -> Slots:
        """Take chunks as they lie in a file; ids has −1 where a slot is free."""
        slots = cls(dims)
        slots.used, slots.next_id = len(ids), next_id
        slots.live = ids >= 0
        slots.taken = int(np.count_nonzero(slots.live))
        if next_id != len(ids) or not np.array_equal(ids[slots.live], np.flatnonzero(slots.live)):
            slots.ids = np.maximum(ids, 0)
        sizes = [len(chunk) for chunk in chunks]
        if all(size == slots._step for size in sizes[:-1]) and max(sizes, default=0) <= slots._step:
            slots._chunks = list(chunks)
            slots._mapped = set(range(len(chunks)))
        else:  # another version's, cut otherwise
            slots._reserve(len(ids))
            assert slots._whole is not None
            np.concatenate(chunks, out=slots._whole[: len(ids)])
        return slots

    def rows(self, stop: int) -> _core.Rows:
        """Slots 0…stop − 1 as the core sees them."""
        order = None if self.ids is None else self.ids[:stop].view(np.uint64)
        if self._whole is not None:
            return _core.Rows([self._whole[:stop]], order=order)
        full, rest = divmod(stop, self._step)
        chunks = self._chunks[:full]
        if rest:
            chunks.append(self._chunks[full][:rest])
        return _core.Rows(chunks, order=order, dims=self.dims)

    def find(self, count: int) -> NDArray[np.int64]:
        """Slots for so many new rows, ascending: the free ones first, then new ones, for which memory is made."""
        free = np.flatnonzero(~self.live[: self.used])[:count] if self.taken < self.used else np.empty(0, np.int64)
        new = np.arange(self.used, self.used + count - len(free))
        self._reserve(self.used + len(new))
        return np.concatenate([free, new]).astype(np.int64, copy=False)

    def write(self, column: Column, slots: NDArray[np.int64]) -> None:
        """Copy a column's rows into free slots; InvalidInput names a row that is not finite."""
        for first, rows in column.blocks():
            if (bad := _core.first_nonfinite(rows)) >= 0:
                raise column.refuse(first + bad)
            places = slots[first : first + len(rows)]
            edges = np.flatnonzero(np.diff(places // self._step)) + 1
            for part, there in zip(np.split(rows, edges), np.split(places, edges), strict=True):
                chunk, low, high = int(there[0]) // self._step, int(there[0] % self._step), int(there[-1] % self._step)
                self._own(chunk)
                close = high - low + 1 == len(there)
                self._chunks[chunk][slice(low, high + 1) if close else there % self._step] = part

    def name(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Write the next ids into free slots; they count as given once the slots are taken."""
        ids = np.arange(self.next_id, self.next_id + len(slots), dtype=np.int64)
        if self.ids is None and not np.array_equal(slots, ids):
            self.ids = np.arange(len(self.live), dtype=np.int64)
        if self.ids is not None:
            self.ids[slots] = ids
        return ids

    def take(self, slots: NDArray[np.int64]) -> None:
        """From now on those slots hold the rows of the next ids."""
        self.live[slots] = True
        self.taken += len(slots)
        self.next_id += len(slots)
        self.used = max(self.used, int(slots[-1]) + 1 if len(slots) else 0)

    def leave(self, slots: NDArray[np.int64]) -> None:
        """From now on those slots are free."""
        self.live[slots] = False
        self.taken -= len(slots)

    def of_ids(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which slots hold a row that is wanted, of a mask over all ids ever given."""
        live = self.live[: self.used]
        if not len(wanted):
            return live
        if self.ids is not None:
            wanted = wanted.take(self.ids[: self.used], mode="clip")
        return wanted if self.taken == self.used else wanted & live

    def row_ids(self) -> NDArray[np.int64]:
        """The id in each slot, −1 where there is none."""
        ids = np.arange(self.used, dtype=np.int64) if self.ids is None else self.ids[: self.used]
        return np.where(self.live[: self.used], ids, np.int64(-1))

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """A copy of those slots' vectors, zeros where a slot is free: what was removed is not kept."""
        out = np.zeros((stop - start, self.dims), np.float32)
        for chunk, low, high in self._pieces(start, stop):
            base = chunk * self._step
            out[base + low - start : base + high - start] = self._chunks[chunk][low:high]
        out[~self.live[start:stop]] = 0.0
        return out

    @property
    def nbytes(self) -> int:
        """Of vectors in memory; those in a file that is mapped are not counted."""
        own = sum(chunk.nbytes for number, chunk in enumerate(self._chunks) if number not in self._mapped)
        return own + self.live.nbytes + (0 if self.ids is None else self.ids.nbytes)

    def _pieces(self, start: int, stop: int) -> Iterable[tuple[int, int, int]]:
        for chunk in range(start // self._step, -(-stop // self._step)):
            base = chunk * self._step
            yield chunk, max(start - base, 0), min(stop - base, self._step)

    def _reserve(self, slots: int) -> None:
        held = len(self._chunks)
        lacking = -(-slots // self._step) - held
        if lacking > 0:
            made = np.empty((lacking * self._step, self.dims), np.float32)  # the system gives pages when written to
            self._chunks.extend(made[at : at + self._step] for at in range(0, len(made), self._step))
            self._whole = made if held == 0 else None
        room = len(self._chunks) * self._step
        if room > len(self.live):
            self.live = np.concatenate([self.live, np.zeros(room - len(self.live), np.bool_)])
            if self.ids is not None:
                self.ids = np.concatenate([self.ids, np.zeros(room - len(self.ids), np.int64)])

    def _own(self, chunk: int) -> None:
        """Copy a chunk out of the file it is mapped from."""
        if chunk in self._mapped:
            old = self._chunks[chunk]
            made = np.empty((self._step, self.dims), np.float32)
            made[: len(old)] = old
            self._chunks[chunk] = made
            self._mapped.discard(chunk)
