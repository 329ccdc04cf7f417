"""What may be asked of a ranking: examples, diversity, a boost; looked at before anything is searched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..types import BIT_METRICS, parse_count

STRATEGIES = ("average", "best")
EXPAND = 10  # candidates for each hit, unless the caller says how many
FEWEST = 100  # candidates for few hits


class Examples(NamedTuple):
    """What rows are to be like, and what they are not: keys and vectors, as the caller gave them."""

    positive: Sequence[Any]
    negative: Sequence[Any]
    strategy: str | None  # None: as the metric suggests


class Ranking(NamedTuple):
    """How candidates are ordered, if not by their distance alone."""

    diversity: float = 0.0  # in [0, 1]
    boost: Any = None  # an expression over columns
    candidates: int | None = None  # of how many the k are chosen

    def wanted(self, k: int) -> int:
        """How many candidates there are for k hits."""
        return max(k, max(FEWEST, EXPAND * k) if self.candidates is None else self.candidates)


def parse_examples(positive: object, negative: object, strategy: object) -> Examples | None:
    """The examples, or None if there are none; InvalidInput if these are no lists, or no such strategy is known."""
    if strategy is not None and strategy not in STRATEGIES:
        raise InvalidInput(f"strategy must be one of {', '.join(map(repr, STRATEGIES))}; got {strategy!r:.80}")
    if positive is None and negative is None:
        if strategy is not None:
            raise InvalidInput("strategy says what positive and negative mean together; give one of them, or leave it")
        return None
    liked, unliked = _listed(positive, "positive"), _listed(negative, "negative")
    if not (liked or unliked):
        raise InvalidInput("positive and negative are empty; give at least one key or vector")
    if strategy == "average" and not liked:
        raise InvalidInput("strategy='average' needs something positive; strategy='best' takes negative alone")
    return Examples(liked, unliked, None if strategy is None else str(strategy))


def _listed(examples: object, what: str) -> list[Any]:
    if examples is None:
        return []
    if isinstance(examples, (str, bytes)) or not isinstance(examples, Iterable):
        kind = type(examples).__name__
        raise InvalidInput(f"{what} takes a list of keys and vectors; got {examples!r:.80} ({kind}): put it in a list")
    found = list(examples)
    for one in found:
        if isinstance(one, (float, np.floating)):
            raise InvalidInput(
                f"{what} takes a list of keys and vectors; got a number, {one!r}: put the vector in a list"
            )
    return found


def averages(examples: Examples, metric: str, ranking: Ranking | None) -> bool:
    """Whether the examples make one query together; InvalidInput if they don't, and must."""
    bits = metric in BIT_METRICS
    if bits and examples.strategy == "average":
        raise InvalidInput(f"bits have no average (metric {metric!r}); leave strategy out, or give 'best'")
    if examples.strategy == "best" or bits or not examples.positive:
        if ranking is not None:
            raise InvalidInput("diversity and boost need distances to one query: they go with strategy='average' alone")
        return False
    return True


def parse_ranking(diversity: object, boost: object, candidates: object) -> Ranking | None:
    """How to order candidates, or None if by distance alone; InvalidInput if something is out of range.

    Examples
    --------
    >>> parse_ranking(0.3, None, None)
    Ranking(diversity=0.3, boost=None, candidates=None)
    >>> parse_ranking(0, None, None)  # the plain answer
    >>> parse_ranking(2, None, None)
    Traceback (most recent call last):
    ...
    kinspace.errors.InvalidInput: diversity must be a number in 0…1; got 2
    """
    share = 0.0 if diversity is None else _share(diversity)
    number = None if candidates is None else parse_count(candidates, "candidates")
    if number is not None and diversity is None and boost is None:
        raise InvalidInput("candidates are what diversity or boost chooses from; give one of them, or leave it out")
    return None if share == 0.0 and boost is None else Ranking(share, boost, number)


def _share(diversity: object) -> float:
    number = isinstance(diversity, (int, float, np.integer, np.floating)) and not isinstance(diversity, bool)
    if number and 0 <= diversity <= 1:  # type: ignore[operator]  # a number, then
        return float(diversity)  # type: ignore[arg-type]
    raise InvalidInput(f"diversity must be a number in 0…1; got {diversity!r:.80}")
