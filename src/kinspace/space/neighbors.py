"""The neighbours of a key, of a vector or of many: arguments, view, filter and search, each a stage of a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..explain import UNTRACED, Explanation, Trace
from ..length import parse_length
from ..types import Key, parse_k, parse_threads
from .effort import parse_effort
from .fit import space_queries, space_query
from .hits import Hits
from .masks import masks_where
from .rerank import nearest
from .slow import watched
from .traced import view_of
from .trained import warn_if_untrained

if TYPE_CHECKING:
    from .reading import Reading


def nearest_neighbors(
    space: Reading,
    k: int,
    key: Key | None = None,
    vector: Any = None,
    vectors: Any = None,
    where: Any = None,
    exact: bool = False,
    recall: float | None = None,
    ef_search: int | None = None,
    dims: int | None = None,
    rerank: bool | None = None,
    expand: int | None = None,
    threads: int | None = None,
    *,
    trace: Trace = UNTRACED,
) -> Any:
    """As the space's own, told to a trace."""
    store = space._store
    with trace.stage("parse"):
        k = parse_k(k)
        if (key is not None) + (vector is not None) + (vectors is not None) != 1:
            raise InvalidInput("give exactly one of key=, vector= and vectors=")
        effort, workers = parse_effort(exact, ef_search, recall), parse_threads(threads)
        length = parse_length(store.meta.dims, dims, rerank, expand)
        warn_if_untrained(store, length.dims, stacklevel=3 + trace.wanted)
    view = view_of(store, trace)
    with trace.stage("query"):
        exclude = -1 if key is None else space._find(view, key)
        if vectors is not None:
            queries = space_queries(store.meta, vectors, length)
        else:
            queries = space_query(store.meta, vector, length) if key is None else view.vector(exclude)
    masks = None if where is None else masks_where(view, where, trace)
    found, distances, proven, visited = nearest(
        view, queries, k, effort, length, masks=masks, exclude=exclude, threads=workers, trace=trace
    )
    if trace.wanted:
        many = {} if vectors is None else {"queries": len(found)}
        trace.note(
            k=k, exact=proven, **many, hits=found.size, visited=visited if vectors is None else int(visited.sum())
        )
    if vectors is None:
        return Hits(view, found, distances, proven, visited)
    return [
        Hits(view, positions, far, proven, seen)
        for positions, far, seen in zip(found, distances, visited.tolist(), strict=True)
    ]


def answered(space: Reading, *arguments: Any) -> Any:
    """The neighbours; if it takes long and the hub was told to, that is logged."""
    with watched(space._store, "nearest_neighbors") as trace:
        return nearest_neighbors(space, *arguments, trace=trace)


def explained(space: Reading, k: int, arguments: dict[str, Any]) -> Explanation:
    """The neighbours, their rows fetched, and how."""
    with watched(space._store, "nearest_neighbors", Trace("nearest_neighbors", space=space.name)) as trace:
        answer = nearest_neighbors(space, k, **arguments, trace=trace)
        with trace.stage("fetch") as stage:
            frames = [hits.rows for hits in (answer if isinstance(answer, list) else [answer])]
            stage.note(rows=sum(frame.height for frame in frames), columns=frames[0].width if frames else 0)
    return Explanation(answer, trace.told())
