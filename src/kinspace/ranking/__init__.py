"""Other orders than by one distance: more like these and less like those, rows that differ, rows that count more."""

from .asked import Examples, Ranking, averages, parse_examples, parse_ranking
from .average import average
from .best import best
from .ranked import ranked
from .searched import Searched

__all__ = [
    "Examples",
    "Ranking",
    "Searched",
    "average",
    "averages",
    "best",
    "parse_examples",
    "parse_ranking",
    "ranked",
]
