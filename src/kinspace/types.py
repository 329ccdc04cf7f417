"""Ground floor: the words every other module shares."""

from __future__ import annotations

import contextlib
import math
from typing import Literal, NamedTuple, get_args

from .errors import InvalidInput

Metric = Literal["cosine", "l2", "ip"]
BitMetric = Literal["hamming", "jaccard"]
Dtype = Literal["float32", "float16", "bfloat16", "int8", "bit"]
Key = str | int

METRICS: tuple[str, ...] = get_args(Metric)
BIT_METRICS: tuple[str, ...] = get_args(BitMetric)
DTYPES: tuple[str, ...] = get_args(Dtype)
MAX_DIMS = 65_536  # dims are 1…MAX_DIMS
MAX_KEY_BYTES = 1_024  # of UTF-8


class Hit(NamedTuple):
    """One neighbour: its key and its distance (float64; smaller is nearer)."""

    key: Key
    distance: float


def parse_metric(metric: object) -> Metric:
    """Return the metric, or raise InvalidInput naming the three there are."""
    if isinstance(metric, str) and metric in METRICS:
        return metric  # type: ignore[return-value]  # narrowed by the line above
    raise InvalidInput(f"metric must be one of {', '.join(map(repr, METRICS))}; got {metric!r}")


def parse_dtype(dtype: object) -> Dtype:
    """Return how a space stores its vectors, or raise InvalidInput naming the ways there are."""
    if isinstance(dtype, str) and dtype in DTYPES:
        return dtype  # type: ignore[return-value]  # narrowed by the line above
    raise InvalidInput(f"dtype must be one of {', '.join(map(repr, DTYPES))}; got {dtype!r}")


def parse_space_metric(metric: object, dtype: Dtype) -> Metric | BitMetric:
    """Return the metric of a space of that dtype, by default "cosine", of bits "hamming"; InvalidInput if none of its.

    Examples
    --------
    >>> parse_space_metric(None, "bit"), parse_space_metric("l2", "int8")
    ('hamming', 'l2')
    """
    fitting = BIT_METRICS if dtype == "bit" else METRICS
    if metric is None:
        return "hamming" if dtype == "bit" else "cosine"
    if isinstance(metric, str) and metric in fitting:
        return metric  # type: ignore[return-value]  # narrowed by the line above
    raise InvalidInput(f"metric of dtype {dtype!r} must be one of {', '.join(map(repr, fitting))}; got {metric!r}")


def parse_k(k: object) -> int:
    """Return k as a Python int; a bool, a float or a negative number is InvalidInput."""
    return parse_count(k, "k", 0)


def parse_count(count: object, what: str, least: int = 1) -> int:
    """Return how many were asked for as a Python int, at least so many; InvalidInput otherwise, which calls it that.

    Examples
    --------
    >>> parse_count(0, "batch_size")
    Traceback (most recent call last):
    ...
    kinspace.errors.InvalidInput: batch_size must be at least 1; got 0
    """
    if type(count) is int:  # the common case, first
        number = count
    elif isinstance(count, bool) or not hasattr(count, "__index__"):
        raise InvalidInput(f"{what} must be a whole number of at least {least}; got {count!r} ({type(count).__name__})")
    else:
        number = count.__index__()
    if number < least:
        raise InvalidInput(f"{what} must be at least {least}; got {number}")
    return number


def parse_distance(distance: object, what: str) -> float:
    """Return a distance as a float; InvalidInput, which calls it that, unless it is a finite number."""
    number = math.nan
    if not isinstance(distance, (str, bytes)) and "bool" not in type(distance).__name__:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(distance)  # type: ignore[arg-type]  # what isn't a number is told below
    if not math.isfinite(number):
        raise InvalidInput(f"{what} must be a distance, a finite number; got {distance!r:.100}")
    return number


def parse_dims(dims: object, what: str = "dims") -> int:
    """Return a length of vectors as a Python int in 1…65,536, or raise InvalidInput, which calls it that."""
    if isinstance(dims, bool) or not hasattr(dims, "__index__"):
        raise InvalidInput(f"{what} must be a whole number in 1…{MAX_DIMS:,}; got {dims!r} ({type(dims).__name__})")
    number: int = dims.__index__()
    if not 1 <= number <= MAX_DIMS:
        raise InvalidInput(f"{what} must be in 1…{MAX_DIMS:,}; got {number}")
    return number


def parse_threads(threads: object) -> int:
    """Return the number of threads, 0 for None ("as the work is worth"); anything below 1 is InvalidInput."""
    if threads is None:
        return 0
    if isinstance(threads, bool) or not hasattr(threads, "__index__") or threads.__index__() < 1:
        raise InvalidInput(f"threads must be a whole number of at least 1, or None; got {threads!r}")
    return int(threads.__index__())
