"""The builder: what to return of which rows, in what order, how many. Immutable; nothing runs before it is asked to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ..errors import InvalidInput, Unavailable
from ..explain import UNTRACED, Explanation, Trace
from ..filter import Expression, check_column, compile_predicate, parse_filter
from ..filter.params import parse_params
from ..ranking import parse_examples, parse_ranking
from ..types import Key, parse_count, parse_distance, parse_k
from . import counting, page as paging
from .nearest import parse_nearest
from .order import ordered
from .page import Page
from .plan import Condition, Group, Plan, Sort
from .projection import Projection
from .source import Rows, Search, Source

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, eq=False)
class Select:
    """A query being built; each method returns a new one and changes nothing.

    The parts apply in one order, whichever they were given in: where, then nearest and within, or sort, then group,
    then offset, then take, and last what is returned of each row. Each can be given once, where any number of times
    (all must be true). ``collect``, ``rows``, ``to_arrow``, ``page``, ``count`` and ``facets`` answer it, each from the
    newest state of the source.

    Examples
    --------
    >>> import kinspace as ks
    >>> rows = {"key": ["a", "b", "c", "d"], "part": ["x", "x", "x", "y"], "emb": [[0.0], [1.0], [2.0], [9.0]]}
    >>> near = ks.select(pl.DataFrame(rows), "key", d="_dist").nearest("emb", [0.9], metric="l2")
    >>> near.offset(1).take(2).collect()["key"].to_list(), near.within(1).collect()["key"].to_list()
    (['a', 'c'], ['b', 'a'])
    >>> near.group("part").rows(named=False), near.count()
    ([('b', 0.1...), ('d', 8.1...)], 4)
    >>> near.within(2).facets("part").rows()
    [('x', 3)]
    >>> ks.select(pl.DataFrame(rows), "key").sort("part", "key", descending=[True, False]).take(2).rows()
    [{'key': 'd'}, {'key': 'a'}]
    """

    source: Source
    names: Sequence[str] = ()
    expressions: Mapping[str, str | Expression | pl.Expr] = field(default_factory=dict)
    _plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        for name in self.names:
            if not isinstance(name, str):
                raise InvalidInput(f"columns are given by name; got {type(name).__name__}: write new_name={name!s:.40}")
        for name, value in self.expressions.items():
            if not isinstance(value, (str, Expression, pl.Expr)):
                kind = type(value).__name__
                raise InvalidInput(
                    f"{name}= must be a column's name, or an expression of ks.col or Polars; got {value!r:.40} ({kind})"
                )
        given = [*self.names, *self.expressions]
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise InvalidInput(f"two columns of the result would be called {twice!r}; rename one: new_name={twice!r}")

    def where(self, predicate: Any, params: Mapping[str, Any] | None = None) -> Select:
        """Keep the rows for which this is true.

        Parameters
        ----------
        predicate : str, Expression, mapping or polars.Expr
            ``"year >= :first AND section = 'games'"``, ``ks.col("year") >= 2020``, ``{"year": {"$gte": 2020}}``, or a
            Polars expression. Null is not true.
        params : mapping, optional
            What the ``:names`` in a SQL predicate stand for.
        """
        given = parse_filter(predicate)
        fixed = self.source.fixed
        compiled = None if fixed is None else compile_predicate(given, fixed, params)
        kept = compiled if compiled is not None and compiled.lasting else None
        return self._with(
            where=(*self._plan.where, Condition(given, None if params is None else parse_params(params), kept))
        )

    def nearest(
        self,
        *target: Any,
        key: Key | None = None,
        text: str | None = None,
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
        *target : a vector, or a column's name and a vector, or an index and a vector
            The vector has shape (dims,). On a frame the column, an Array or List of numbers, must be named; or an
            ``Hnsw`` given, whose row ids are the frame's row numbers. Beside key= and text= the column's name alone.
        key : str or int, optional
            Near this row, which is left out itself. In a frame it is the one whose column ``key`` has that value.
        text : str, optional
            Near these words, by the space's embedder.
        metric : str, optional
            "cosine", "l2" or "ip"; by default the space's or the index's own, and "cosine" on a frame.
        exact, recall, ef_search : optional
            How hard to look, as for ``Space.nearest_neighbors``. A frame's rows are always compared one by one, so that
            these mean nothing without an index; with within, group and page every search is exact.
        dims, rerank, expand : optional
            To compare the first ``dims`` components only, as for ``Space.nearest_neighbors``; not with an index.
        positive, negative, strategy : optional
            Examples instead of a query, as for ``Space.nearest_neighbors``; on a frame vectors alone, after the column.
        diversity, boost, candidates : optional
            Other orders, as for ``Space.nearest_neighbors``; not with an index. ``_dist`` is the distance in any case.

        Raises
        ------
        InvalidInput
            If it isn't exactly one of a vector, key=, text= and examples, or can't be asked of this source.
        """
        self._once("nearest")
        examples, ranking = parse_examples(positive, negative, strategy), parse_ranking(diversity, boost, candidates)
        others = {"metric": metric, "recall": recall, "ef_search": ef_search}
        others |= {"dims": dims, "rerank": rerank, "expand": expand}
        asked = parse_nearest(target, key, text, examples, ranking, exact, others)
        return self._with(nearest=self.source.checked(asked))

    def within(self, distance: float) -> Select:
        """Keep the rows at most this far from what nearest was given, all of them unless take says else; exactly.

        Parameters
        ----------
        distance : float
            In the metric's own terms: 1 − cos in [0, 2] for "cosine", minus the inner product for "ip".
        """
        self._once("within")
        return self._with(within=parse_distance(distance, "within"))

    def sort(self, *columns: str, descending: bool | Sequence[bool] = False) -> Select:
        """Order the rows by columns, the first foremost; not together with nearest, which orders too.

        Parameters
        ----------
        *columns : str
            At least one. Nulls come last either way, rows that are equal in all of them in row order.
        descending : bool or sequence of bool
            For all columns, or one for each.
        """
        self._once("sort")
        names = tuple(self._named(column, "sort") for column in columns)
        if not names or len(set(names)) < len(names):
            raise InvalidInput(f"sort takes at least one column, each once; got {names}")
        each = (descending,) * len(names) if isinstance(descending, bool) else descending
        if not isinstance(each, Sequence) or len(each) != len(names) or not all(type(one) is bool for one in each):
            raise InvalidInput(f"descending must be True or False, or one of these for each column; got {descending!r}")
        return self._with(sort=Sort(names, tuple(each)))

    def group(self, column: str, per: int = 1) -> Select:
        """Keep the first `per` rows of each value of a column (null is one): the nearest, or the first by sort.

        The rows stay in their order, and take counts rows. With nearest it is exact, however rare a value is.
        """
        self._once("group")
        return self._with(group=Group(self._named(column, "group"), parse_count(per, "per")))

    def offset(self, n: int) -> Select:
        """Pass over the first n rows."""
        self._once("offset")
        return self._with(offset=parse_count(n, "offset", 0))

    def take(self, k: int) -> Select:
        """Return at most k rows, the first ones; in pages, at most k in all."""
        self._once("take")
        return self._with(take=parse_k(k))

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
        KeyNotFound
            If no row has the key that nearest was given.
        """
        return self._run(UNTRACED)

    def explain(self) -> Explanation:
        """Run it, and tell how.

        Returns
        -------
        Explanation
            Its ``answer`` is what collect returns; printed, it is a tree of stages with their times.
        """
        trace = Trace("select")
        return Explanation(self._run(trace), trace.told())

    def _run(self, trace: Trace) -> pl.DataFrame:
        plan, start = self._plan, self._plan.offset or 0
        wanted = None if plan.limit is None else start + plan.limit
        with self._opened(trace) as (rows, projection, search):
            handles, distances = ordered(rows, plan, search, wanted)
            if start or len(handles) != wanted:
                handles = handles[start:wanted]
                distances = None if distances is None else distances[start:wanted]
            return projection.apply(handles, distances)

    def rows(self, *, named: bool = True) -> list[Any]:
        """Run it, and return the rows as dicts, or as tuples with ``named=False``."""
        return self.collect().rows(named=named)  # type: ignore[call-overload,no-any-return]  # of a bool

    def to_arrow(self) -> pyarrow.Table:
        """Run it, and return a ``pyarrow.Table``; Unavailable if pyarrow is not installed."""
        try:
            import pyarrow
        except ImportError as error:
            raise Unavailable("to_arrow() needs pyarrow: pip install pyarrow") from error
        frame = self.collect()
        objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
        if objects:
            raise InvalidInput(f"column {objects[0]!r} holds Python objects, which Arrow has no type for")
        return pyarrow.table(frame)

    def page(self, size: int, after: str | None = None) -> Page:
        """Run it for one page: the first, or the one after another.

        A page begins after the last row of the one before, in (distance, row order), (sorted values, row order) or
        row order, so that rows written or deleted meanwhile make none of the others come twice or never. Searches are
        exact. take counts the rows of all pages, offset applies to the first, and nearest alone has no ten rows' bound.

        Parameters
        ----------
        size : int
            Rows of the page at most, at least 1.
        after : str, optional
            The ``next`` of the page before: of an equal select, in any process, however long ago.

        Returns
        -------
        Page
            ``frame``, ``rows()`` and ``next``.

        Raises
        ------
        InvalidInput
            As ``collect``; if the token is damaged or another select's; if dims= orders candidates (rerank), for
            which there is no one order; if the rows are sorted by lists or structs.

        Examples
        --------
        >>> import kinspace as ks
        >>> query = ks.select(pl.DataFrame({"n": [3, 1, 2]})).sort("n")
        >>> first = query.page(2)
        >>> first.rows(named=False), query.page(2, after=first.next).rows(named=False)
        ([(1,), (2,)], [(3,)])
        """
        number = parse_count(size, "size")
        with self._opened() as (rows, projection, search):
            return paging.page(rows, self._plan, projection, search, number, after)

    def count(self) -> int:
        """The number of rows there are before offset and take (and before the ten of nearest)."""
        with self._opened() as (rows, _, search):
            return counting.count(rows, self._plan, search)

    def facets(self, column: str, limit: int | None = None) -> pl.DataFrame:
        """How many rows have each value of a column, among those that where and within let through.

        Parameters
        ----------
        column : str
            Of a list each element counts once a row. Null is not counted.
        limit : int, optional
            At most so many values; by default all.

        Returns
        -------
        polars.DataFrame
            The column, and ``_count`` (Int64): the most frequent value first, equally frequent ones ascending.
        """
        name = self._named(column, "facets")
        most = None if limit is None else parse_count(limit, "limit", 0)
        with self._opened() as (rows, _, search):
            return counting.facets(rows, self._plan, search, name, most)

    @contextmanager
    def _opened(self, trace: Trace = UNTRACED) -> Iterator[tuple[Rows, Projection, Search | None]]:
        plan = self._plan
        plan.check()
        with self.source.open(trace) as rows:
            projection = Projection(rows, self.names, self.expressions, plan.nearest is not None)
            search = None if plan.nearest is None else rows.search(plan.nearest, plan.predicate(rows))
            yield rows, projection, search

    def _with(self, **parts: Any) -> Select:
        plan = replace(self._plan, **parts)
        if plan.nearest is not None and plan.sort is not None:
            raise InvalidInput("nearest and sort do not go together: nearest orders the rows itself")
        return replace(self, _plan=plan)

    def _once(self, part: str) -> None:
        if getattr(self._plan, part) is not None:
            raise InvalidInput(f"this select has a {part} already; it takes one")

    def _named(self, column: object, part: str) -> str:
        if not isinstance(column, str):
            raise InvalidInput(f"{part} takes a column's name; got {column!r:.40} ({type(column).__name__})")
        if self.source.fixed is not None:
            check_column(column, self.source.fixed)
        return column
