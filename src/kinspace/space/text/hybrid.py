"""Search by words: by their text, by their vector, or by both, whose rankings are made one."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...explain import UNTRACED, Trace
from ...length import parse_length
from ...text.analysis import SIMPLE
from ...text.question import parse_question
from ...types import parse_count, parse_k
from ..columns.masks import masks_where
from ..parts.effort import EXACT, Effort
from ..parts.fit import space_query
from ..parts.traced import view_of
from ..search.rerank import nearest
from ..state.view import Answer
from .columns import text_columns
from .hits import TextHits
from .view import view_text

if TYPE_CHECKING:
    from ..state.store import Store
    from ..state.view import View

Mode = Literal["hybrid", "vector", "text"]
Fusion = Literal["rrf", "weighted"]
CANDIDATES = 50  # of each ranking, unless the caller says how many
_HEAVIEST = 1e9
RANK_CONSTANT = 60  # Cormack, Clarke and Büttcher 2009


class Search(NamedTuple):
    """How to search, checked."""

    mode: Mode
    k: int
    candidates: int
    fusion: Fusion
    weights: tuple[float, float]  # of the vector's ranking, and of the text's
    effort: Effort


def parse_search(
    mode: object, default: Mode, k: object, candidates: object, fusion: object, weights: object, exact: object
) -> Search:
    """Check how to search; InvalidInput says what was expected."""
    chosen = default if mode is None else mode
    if chosen not in get_args(Mode):
        raise InvalidInput(f"mode must be 'hybrid', 'vector' or 'text'; got {mode!r}")
    if fusion not in get_args(Fusion):
        raise InvalidInput(f"fusion must be 'rrf' or 'weighted'; got {fusion!r}")
    if not isinstance(exact, (bool, np.bool_)):
        raise InvalidInput(f"exact must be True or False; got {exact!r}")
    wanted = parse_k(k)
    least = CANDIDATES if candidates is None else parse_count(candidates, "candidates")
    return Search(
        chosen,  # type: ignore[arg-type]  # looked up above
        wanted,
        max(wanted, least),
        fusion,  # type: ignore[arg-type]
        _weights(weights),
        EXACT if exact else Effort(),
    )


def search(
    store: Store, text: str, vector: Any, how: Search, where: Any, params: Any = None, trace: Trace = UNTRACED
) -> TextHits:
    """The k rows of one state of the space that answer best."""
    trace.note(mode=how.mode, k=how.k)
    view = view_of(store, trace)
    masks = masks_where(view, where, params, trace)
    query = None
    if how.mode != "text":
        query = space_query(store.meta, vector, parse_length(store.meta.dims, None, None, None))
    if query is not None and how.mode == "vector":
        columns = text_columns(view)
        question = parse_question(text, SIMPLE if columns is None else columns.language)
        positions, distances, proven, visited = _by_vector(view, query, how.k, how, masks, trace)
        return TextHits(view, positions, -distances, proven, visited, how.mode, question, columns)
    with trace.stage("text indexes"):
        words = view_text(store, view)
    question = parse_question(text, words.columns.language)
    if query is None:
        positions, found, visited = words.search(question, how.k, masks, trace)
        return TextHits(view, positions, found, True, visited, how.mode, question, words.columns)
    masks = words.limited(question, masks)
    near, distances, proven, visited = _by_vector(view, query, how.candidates, how, masks, trace)
    held = words.search(question, how.candidates, masks, trace)
    with trace.stage("fuse", by=how.fusion) as stage:
        if how.fusion == "rrf":
            positions, scores = _by_ranks(near, held.positions, how.weights)
        else:
            positions = np.union1d(near, held.positions)
            scores = how.weights[0] * _closeness(view.distances(query, positions), distances)
            scores += how.weights[1] * _share(words.scores(question, positions, held), held.scores)
        order = np.lexsort((view.seqs(positions), -scores))[: how.k]
        stage.note(candidates=len(positions))
    return TextHits(
        view, positions[order], scores[order], proven, visited + held.scored, how.mode, question, words.columns
    )


def default_mode(view: View, *, vectors: bool) -> Mode:
    """By both if the space has both, else by what there is."""
    if text_columns(view) is None:
        return "vector"
    return "hybrid" if vectors else "text"


def _by_vector(view: View, query: NDArray[np.float32], k: int, how: Search, masks: Any, trace: Trace) -> Answer:
    length = parse_length(view.meta.dims, None, None, None)
    return nearest(view, query, k, how.effort, length, masks=masks, trace=trace)


def _by_ranks(
    near: NDArray[np.int64], holding: NDArray[np.int64], weights: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Reciprocal rank fusion: each ranking gives a row its weight / (60 + rank), the first rank being 1."""
    positions = np.union1d(near, holding)
    scores = np.zeros(len(positions))
    for ranking, weight in zip((near, holding), weights, strict=True):
        scores[np.searchsorted(positions, ranking)] += weight / (RANK_CONSTANT + np.arange(1, len(ranking) + 1))
    return positions, scores


def _closeness(distances: NDArray[np.float64], candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for the nearest candidate, 0 for the farthest and whatever is farther."""
    if len(candidates) == 0:
        return np.zeros(len(distances))
    low, high = float(candidates[0]), float(candidates[-1])
    if high <= low:
        return (distances <= low).astype(np.float64)
    return np.clip((high - distances) / (high - low), 0.0, 1.0)


def _share(scores: NDArray[np.float64], candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The score as a share of the best one."""
    best = float(candidates[0]) if len(candidates) else 0.0
    return scores / best if best > 0 else np.zeros(len(scores))


def _weights(weights: object) -> tuple[float, float]:
    if weights is None:
        return 1.0, 1.0
    if isinstance(weights, (Sequence, np.ndarray)) and not isinstance(weights, str) and len(weights) == 2:
        given = [float(one) for one in weights if isinstance(one, Real) and not isinstance(one, (bool, np.bool_))]
        if len(given) == 2 and all(0 <= one <= _HEAVIEST for one in given) and sum(given) > 0:
            return given[0], given[1]
    raise InvalidInput(
        f"weights are two numbers in 0…{_HEAVIEST:g}, of the vector and of the text, not both 0; got {weights!r}"
    )
