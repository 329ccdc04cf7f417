"""The builder: what to return of which rows, in what order, how many. Immutable; nothing runs before collect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..filter import Predicate, compile_predicate
from ..hnsw import Hnsw
from ..ranking import parse_examples, parse_ranking
from ..types import parse_k, parse_metric
from .projection import Projection, check_known
from .source import Frame, Rows, Source

NEAREST_ROWS = 10  # of a nearest without take


@dataclass(frozen=True)
class _Nearest:
    target: str | Hnsw | None
    query: Any
    metric: str | None
    effort: Mapping[str, Any]


@dataclass(frozen=True)
class _Sort:
    column: str
    descending: bool


@dataclass(frozen=True)
class _Group:
    column: str
    per: int


@dataclass(frozen=True, eq=False)
class Select:
    """A query being built; each method returns a new one and changes nothing.

    The parts apply in one order, whichever they were given in: where, then nearest, or sort and group, then take, and
    last what is returned of each row. Each can be given once, where any number of times (all must be true).
    """

    source: Source
    names: Sequence[str] = ()
    expressions: Mapping[str, str | pl.Expr] = field(default_factory=dict)
    _where: tuple[str | pl.Expr, ...] = ()
    _nearest: _Nearest | None = None
    _sort: _Sort | None = None
    _group: _Group | None = None
    _take: int | None = None

    def __post_init__(self) -> None:
        for name in self.names:
            if not isinstance(name, str):
                raise InvalidInput(f"columns are given by name; got {type(name).__name__}: write new_name={name!s:.40}")
        for name, value in self.expressions.items():
            if not isinstance(value, (str, pl.Expr)):
                kind = type(value).__name__
                raise InvalidInput(
                    f"{name}= must be a column's name or a Polars expression; got {value!r:.40} ({kind})"
                )
        given = [*self.names, *self.expressions]
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise InvalidInput(f"two columns of the result would be called {twice!r}; rename one: new_name={twice!r}")

    def where(self, predicate: str | pl.Expr) -> Select:
        """Keep the rows for which this is true.

        Parameters
        ----------
        predicate : str or polars.Expr
            A SQL predicate such as ``"year >= 2020 AND section = 'games'"``, or a Polars expression. Null is not true.
        """
        if not isinstance(predicate, (str, pl.Expr)):
            kind = type(predicate).__name__
            raise InvalidInput(f"where must be a SQL predicate (str) or a Polars expression; got {kind}")
        return replace(self, _where=(*self._where, predicate))

    def nearest(
        self,
        *target: Any,
        metric: str | None = None,
        exact: bool = False,
        recall: float | None = None,
        ef_search: int | None = None,
        dims: int | None = None,
        rerank: bool | None = None,
        expand: int | None = None,
        positive: Sequence[Any] | None = None,
        negative: Sequence[Any] | None = None,
        strategy: str | None = None,
        diversity: float | None = None,
        boost: str | pl.Expr | None = None,
        candidates: int | None = None,
    ) -> Select:
        """Return the rows nearest to a query, nearest first, ties by row order; ten of them unless take says else.

        Parameters
        ----------
        *target : a query, or a column's name and a query, or an index and a query
            The query is a vector, shape (dims,). On a frame the column, an Array or List of numbers, must be named; or
            an ``Hnsw`` given, whose row ids are the frame's row numbers.
        metric : str, optional
            "cosine", "l2" or "ip"; by default the space's or the index's own, and "cosine" on a frame.
        exact, recall, ef_search : optional
            How hard to look, as for ``Space.nearest_neighbors``. A frame's rows are always compared one by one, so that
            these mean nothing without an index.
        dims, rerank, expand : optional
            To compare the first ``dims`` components only, as for ``Space.nearest_neighbors``; not with an index.
        positive, negative, strategy : optional
            Examples instead of a query, as for ``Space.nearest_neighbors``; on a frame vectors alone, after the column.
        diversity, boost, candidates : optional
            Other orders, as for ``Space.nearest_neighbors``; not with an index. ``_dist`` is the distance in any case.
        """
        examples = parse_examples(positive, negative, strategy)
        if examples is not None:
            if len(target) > 1 or not all(isinstance(one, str) for one in target):
                raise InvalidInput(
                    "positive and negative stand for the query; give a column's name beside them at most"
                )
            target = (*(target or (None,)), None)
        if len(target) not in (1, 2):
            raise InvalidInput(f"nearest takes a query, or a column's name and a query; got {len(target)} arguments")
        by, query = target if len(target) == 2 else (None, target[0])
        if isinstance(query, (str, Hnsw)) or not (by is None or isinstance(by, (str, Hnsw))):
            raise InvalidInput(
                "nearest takes a query vector, after the column's name or an index if any: "
                '.nearest("emb", query), .nearest(index, query)'
            )
        self._once("nearest", self._nearest)
        measure = None if metric is None else parse_metric(metric)
        effort: dict[str, Any] = {"exact": exact, "recall": recall, "ef_search": ef_search}
        effort |= {"dims": dims, "rerank": rerank, "expand": expand}
        effort |= {"examples": examples, "ranking": parse_ranking(diversity, boost, candidates)}
        return replace(self, _nearest=_Nearest(by, query, measure, effort))._checked()

    def sort(self, column: str, descending: bool = False) -> Select:
        """Order the rows by a column, ties by row order, nulls last; not together with nearest, which orders too."""
        self._once("sort", self._sort)
        if not isinstance(descending, bool):
            raise InvalidInput(f"descending must be True or False; got {descending!r}")
        return replace(self, _sort=_Sort(_name(column, "sort"), descending))._checked()

    def group(self, column: str, per: int = 1) -> Select:
        """Keep the first `per` rows of each value of a column (null is one); not together with nearest."""
        self._once("group", self._group)
        return replace(self, _group=_Group(_name(column, "group"), _per(per)))._checked()

    def take(self, k: int) -> Select:
        """Return at most k rows, the first ones."""
        self._once("take", self._take)
        return replace(self, _take=parse_k(k))

    def collect(self) -> pl.DataFrame:
        """Run it.

        Returns
        -------
        polars.DataFrame
            The columns asked for, or the source's if none were; of no row, with the same types, if nothing matches.

        Raises
        ------
        InvalidInput
            If a column is named that isn't there (the message lists those there are), a filter or an expression
            cannot be evaluated, the query is no vector of the right length, a vector is null or not finite, or an index
            has other rows than the frame.
        """
        rows = self.source.open()
        projection = Projection(rows, self.names, self.expressions, self._nearest is not None)
        where = self._predicate(rows)
        if self._nearest is None:
            handles = self._ordered(rows, rows.matching(where))[: self._take]
            return projection.apply(handles, None)
        one = self._nearest
        k = NEAREST_ROWS if self._take is None else self._take
        if not isinstance(one.target, Hnsw):
            return projection.apply(*rows.nearest(one.target, one.query, k, one.metric, where, one.effort))
        if not isinstance(rows, Frame):
            raise InvalidInput("an index is of a frame's rows; leave it out here: .nearest(query)")
        return projection.apply(*rows.nearest_by(one.target, one.query, k, one.metric, where, one.effort))

    def _predicate(self, rows: Rows) -> Predicate | None:
        each = [compile_predicate(one, rows.schema) for one in self._where]
        if len(each) < 2:
            return each[0] if each else None
        return compile_predicate(pl.all_horizontal(one.expr for one in each), rows.schema)

    def _ordered(self, rows: Rows, handles: NDArray[np.int64]) -> NDArray[np.int64]:
        names = [one.column for one in (self._sort, self._group) if one is not None]
        if not names:
            return handles
        for name in names:
            check_known(name, rows.schema)
            if rows.schema[name] == pl.Object:
                raise InvalidInput(f"cannot sort or group by {name!r}: it holds Python objects")
        frame = rows.take(handles, list(dict.fromkeys(names)))
        try:
            if self._sort is not None:
                order = pl.arg_sort_by(
                    self._sort.column, descending=self._sort.descending, nulls_last=True, maintain_order=True
                )
                places = frame.select(order).to_series().to_numpy()
                frame, handles = frame[places], handles[places]
            if self._group is not None:
                rank = pl.int_range(pl.len()).over(self._group.column)
                handles = handles[frame.select(rank < self._group.per).to_series().to_numpy()]
        except pl.exceptions.PolarsError as error:
            types = ", ".join(f"{name!r} ({rows.schema[name]})" for name in names)
            raise InvalidInput(f"cannot sort or group by {types}: {error}") from error
        return handles

    def _once(self, part: str, given: object) -> None:
        if given is not None:
            raise InvalidInput(f"this select has a {part} already; it takes one")

    def _checked(self) -> Select:
        if self._nearest is not None and (self._sort is not None or self._group is not None):
            other = "sort" if self._sort is not None else "group"
            raise InvalidInput(f"nearest and {other} do not go together: nearest orders the rows itself")
        return self


def select(source: Any, /, *names: str, **expressions: str | pl.Expr) -> Select:
    """Begin a query over a frame or a space.

    Parameters
    ----------
    source : polars.DataFrame, LazyFrame, Arrow table or Space
        A LazyFrame is collected, once.
    *names : str
        Columns to return. With no name and no expression all the source has.
    **expressions : str or polars.Expr
        More columns under new names: a column's name (``d="_dist"``), or an expression over the rows returned
        (``mib=pl.col("kib") / 1024``). ``_dist`` (Float64) is the distance that ``nearest`` found.

    Returns
    -------
    Select
        To be continued by where, nearest, sort, group and take, and ended by collect.

    Raises
    ------
    InvalidInput
        If the source is nothing with rows, or two columns would have one name.

    Examples
    --------
    >>> vectors = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> frame = pl.DataFrame({"id": ["a", "b", "c"], "year": [2020, 2021, None], "emb": vectors})
    >>> select(frame, "id", d="_dist").where("year > 2000").nearest("emb", [1, 0]).take(2).collect().rows()
    [('a', 0.0), ('b', 1.0)]
    """
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    elif hasattr(source, "__arrow_c_stream__") and not isinstance(source, (pl.DataFrame, pl.Series)):
        source = pl.DataFrame(source)
    if isinstance(source, pl.DataFrame):
        return Select(Frame(source), names, expressions)
    made = source.select(*names, **expressions) if hasattr(source, "nearest_neighbors") else None
    if isinstance(made, Select):
        return made
    raise InvalidInput(
        f"select reads a Polars DataFrame or LazyFrame, an Arrow table or a Space; got {type(source).__name__}"
    )


def _name(column: object, part: str) -> str:
    if not isinstance(column, str):
        raise InvalidInput(f"{part} takes a column's name; got {column!r:.40} ({type(column).__name__})")
    return column


def _per(per: object) -> int:
    number = parse_k(per) if not isinstance(per, bool) else 0
    if number < 1:
        raise InvalidInput(f"per must be a whole number of at least 1; got {per!r}")
    return number
