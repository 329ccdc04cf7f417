"""The functions of a filter: how each is called, what it takes, and what Polars makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import polars as pl

from ..errors import InvalidInput
from .compare import compared
from .typed import Typed, check_kinds

_Build = Callable[..., pl.Expr]


@dataclass(frozen=True, slots=True)
class Function:
    """One function; ``kinds`` has what each argument may be ("string list"), the last of them for all that follow."""

    least: int
    most: int
    kinds: tuple[str, ...]
    build: _Build


def apply(name: str, arguments: Sequence[Typed]) -> pl.Expr:
    """Call a function of ``FUNCTIONS``.

    Raises
    ------
    InvalidInput
        If there is none of that name (the message lists those there are), or the arguments are too few, too many or of
        another kind.
    """
    function = FUNCTIONS.get(name)
    if function is None:
        raise InvalidInput(f"there is no function {name}(); the functions are: {', '.join(sorted(FUNCTIONS))}, cast")
    if not function.least <= len(arguments) <= function.most:
        wanted = str(function.least) if function.least == function.most else f"{function.least}…{function.most}"
        raise InvalidInput(f"{name}() takes {wanted} arguments; got {len(arguments)}")
    for number, one in enumerate(arguments):
        kinds = function.kinds[min(number, len(function.kinds) - 1)].split()
        if kinds != ["any"] and one.kind not in (*kinds, "null"):
            raise InvalidInput(f"{name}() takes a {' or '.join(kinds)} as argument {number + 1}; {one}")
    return function.build(*arguments)


def _plain(build: Callable[[pl.Expr], pl.Expr]) -> _Build:
    return lambda one: build(one.expr)


def _length(one: Typed) -> pl.Expr:
    if one.kind == "list":
        return one.expr.arr.len() if isinstance(one.dtype, pl.Array) else one.expr.list.len()
    return _text(one).str.len_chars()


def _text(one: Typed) -> pl.Expr:
    return one.expr.cast(pl.String) if one.kind == "null" else one.expr


def _number(one: Typed) -> pl.Expr:
    return one.expr.cast(pl.Float64)


def _round(one: Typed, places: Typed | None = None) -> pl.Expr:
    digits = 0 if places is None else _whole_number(places, "round() takes decimals in 0…30 as argument 2")
    if not 0 <= digits <= 30:
        raise InvalidInput(f"round() takes decimals in 0…30 as argument 2; got {digits}")
    return one.expr.round(digits)


def _substring(one: Typed, start: Typed, length: Typed | None = None) -> pl.Expr:
    first = _whole_number(start, "substring() takes a whole number as argument 2") - 1
    if length is None:
        return _text(one).str.slice(max(first, 0))
    wanted = _whole_number(length, "substring() takes a length of at least 0 as argument 3")
    if wanted < 0:
        raise InvalidInput(f"substring() takes a length of at least 0 as argument 3; got {wanted}")
    begin = max(first, 0)
    return _text(one).str.slice(begin, max(first + wanted - begin, 0))


def _whole_number(one: Typed, wanted: str) -> int:
    if not one.known or not isinstance(one.value, int) or isinstance(one.value, bool) or abs(one.value) > 1 << 30:
        raise InvalidInput(f"{wanted}, the same for every row; got {one.called}")
    return one.value


def _coalesce(*some: Typed) -> pl.Expr:
    for other in some[1:]:
        check_kinds(some[0], other, "coalesce")
    return pl.coalesce([one.expr for one in some])


def _concat(*some: Typed) -> pl.Expr:
    return reduce(lambda a, b: a + b, map(_text, some))


def _case(*some: Typed) -> pl.Expr:
    values = [*some[1:-1:2], some[-1]]
    for condition in some[:-1:2]:
        if condition.kind not in ("boolean", "null"):
            raise InvalidInput(f"CASE WHEN takes what is true or false; {condition}")
    for other in values[1:]:
        check_kinds(values[0], other, "return")
    made: Any = pl
    for condition, value in zip(some[:-1:2], some[1:-1:2], strict=True):
        made = made.when(condition.expr.cast(pl.Boolean)).then(value.expr)
    return made.otherwise(some[-1].expr)  # type: ignore[no-any-return]  # Polars has a type for each step


def _matches(one: Typed, pattern: Typed) -> pl.Expr:
    if not pattern.known:
        raise InvalidInput("regexp_like() takes a pattern that is the same for every row")
    try:
        pl.Series([""]).str.contains(str(pattern.value))
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"{pattern.called} is no regular expression: {error!s:.200}") from None
    return _text(one).str.contains(_text(pattern))


def _nullif(one: Typed, other: Typed) -> pl.Expr:
    return pl.when(compared("=", one, other).fill_null(False)).then(None).otherwise(one.expr)


_NUMBER, _STRING, _DATE = ("numeric",), ("string",), ("date",)
FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, 1, _NUMBER, _plain(pl.Expr.abs)),
    "case": Function(3, 4_096, ("any",), _case),
    "ceil": Function(1, 1, _NUMBER, _plain(pl.Expr.ceil)),
    "coalesce": Function(1, 4_096, ("any",), _coalesce),
    "concat": Function(1, 4_096, _STRING, _concat),
    "contains": Function(2, 2, _STRING, lambda a, b: _text(a).str.contains(_text(b), literal=True)),
    "day": Function(1, 1, _DATE, _plain(lambda e: e.dt.day())),
    "ends_with": Function(2, 2, _STRING, lambda a, b: _text(a).str.ends_with(_text(b))),
    "exp": Function(1, 1, _NUMBER, lambda a: _number(a).exp()),
    "floor": Function(1, 1, _NUMBER, _plain(pl.Expr.floor)),
    "hour": Function(1, 1, ("date time",), _plain(lambda e: e.cast(pl.Time).dt.hour())),
    "length": Function(1, 1, ("string list",), _length),
    "ln": Function(1, 1, _NUMBER, lambda a: _number(a).log()),
    "log10": Function(1, 1, _NUMBER, lambda a: _number(a).log10()),
    "log1p": Function(1, 1, _NUMBER, lambda a: _number(a).log1p()),
    "lower": Function(1, 1, _STRING, lambda a: _text(a).str.to_lowercase()),
    "minute": Function(1, 1, ("date time",), _plain(lambda e: e.cast(pl.Time).dt.minute())),
    "month": Function(1, 1, _DATE, _plain(lambda e: e.dt.month())),
    "nullif": Function(2, 2, ("any",), _nullif),
    "power": Function(2, 2, _NUMBER, lambda a, b: _number(a).pow(_number(b))),
    "quarter": Function(1, 1, _DATE, _plain(lambda e: e.dt.quarter())),
    "regexp_like": Function(2, 2, _STRING, _matches),
    "round": Function(1, 2, _NUMBER, _round),
    "second": Function(1, 1, ("date time",), _plain(lambda e: e.cast(pl.Time).dt.second())),
    "sqrt": Function(1, 1, _NUMBER, lambda a: _number(a).sqrt()),
    "starts_with": Function(2, 2, _STRING, lambda a, b: _text(a).str.starts_with(_text(b))),
    "substring": Function(2, 3, ("string", "numeric"), _substring),
    "trim": Function(1, 1, _STRING, lambda a: _text(a).str.strip_chars(" ")),
    "upper": Function(1, 1, _STRING, lambda a: _text(a).str.to_uppercase()),
    "weekday": Function(1, 1, _DATE, _plain(lambda e: e.dt.weekday())),
    "year": Function(1, 1, _DATE, _plain(lambda e: e.dt.year())),
}
