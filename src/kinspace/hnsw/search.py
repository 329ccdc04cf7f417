"""A search of an index with arguments of any kind: checked, converted, filtered by row ids, padded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..arrays import as_matrix, as_query, is_column
from ..errors import InvalidInput
from ..types import parse_k, parse_threads
from .changes import Changes
from .parameters import parse_effort
from .slots import Slots

Found = tuple[NDArray[np.int64], NDArray[np.float64]]


def search(
    opened: Callable[[], tuple[_core.Graph, Slots]],
    changes: Changes,
    query: Any,
    k: Any,
    ef_search: Any,
    where: Any,
    recall: Any,
    threads: Any,
) -> Found:
    """As ``Hnsw.search``, in an index that says what it has now, or Closed."""
    wanted, effort, workers = parse_k(k), parse_effort(ef_search, recall), parse_threads(threads)
    dims = opened()[0].dims
    many = is_column(query)
    queries = as_matrix(query, dims, what="the queries") if many else as_query(query, dims)

    def look() -> Found:
        graph, slots = opened()
        mask = None
        if where is not None:
            from ..filter.bitmap import pack_bits

            mask = pack_bits(slots.of_ids(id_mask(where, slots, "where")))
        return graph.search(queries, min(wanted, graph.n), mask=mask, threads=workers, **effort)

    ids, distances = look() if where is None else changes.undisturbed(look)
    return _padded(ids, distances, wanted) if many else (ids, distances)


def id_mask(which: Any, slots: Slots, what: str) -> NDArray[np.bool_]:
    """A mask over all ids ever given, from one or from row ids."""
    from ..filter.bitmap import mask_or_rows

    try:
        mask = mask_or_rows(which, slots.next_id, what)
    except InvalidInput as error:
        if slots.next_id == slots.taken:
            raise
        raise InvalidInput(f"{error} (rows that were removed count too)") from None
    if mask is None:
        raise InvalidInput(f"{what} is None; give row ids or a mask")
    return mask


def _padded(ids: NDArray[np.int64], distances: NDArray[np.float64], k: int) -> Found:
    many, found = ids.shape
    if found == k:
        return ids, distances
    if max(many, 1) * k > 1 << 56:
        raise MemoryError(f"an answer of {many} × {k} hits has no room in memory")
    out = np.full((many, k), -1, np.int64), np.full((many, k), np.inf)
    out[0][:, :found], out[1][:, :found] = ids, distances
    return out
