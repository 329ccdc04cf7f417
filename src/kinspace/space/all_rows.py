"""What is asked of all rows of a space at once: the neighbours of each, and which are near duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import InvalidInput
from ..length import parse_length
from ..types import parse_count, parse_distance, parse_k, parse_threads
from .columns.masks import masks_where
from .parts.effort import parse_effort
from .reading import Reading
from .search.rerank import check_answerable
from .state.trained import warn_if_untrained

if TYPE_CHECKING:
    import polars as pl


class AllRows(Reading):
    """Questions about every row of one state of the space. Answers stream; they may be left off at any time."""

    def knn_join(
        self,
        other: Reading,
        k: int,
        *,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        exact: bool | None = None,
        recall: float | None = None,
        ef_search: int | None = None,
        dims: int | None = None,
        rerank: bool | None = None,
        expand: int | None = None,
        batch_size: int | None = None,
        threads: int | None = None,
    ) -> Iterator[pl.DataFrame]:
        """For each row the k nearest rows of another space, of a snapshot, or of the space itself.

        Both are seen as they are when this is called, whatever is written while the answers stream.

        Parameters
        ----------
        other : Space
            Of the same dims and metric, in this hub or another. If it is this space in the same state, a row is left
            out of its own neighbours; in a snapshot of it, a row's earlier self is a row like any other.
        k : int
            At least 0; with k above the number of rows of `other` all of them are returned.
        where, params : optional
            Only rows of `other` for which the filter is true, as for nearest_neighbors. Every row here is asked.
        exact : bool, optional
            Compare all rows, so that the answers are proven (with dims: the candidates); by default so unless recall
            or ef_search is given.
        recall, ef_search : optional
            As for nearest_neighbors, where `other` has indexes.
        dims, rerank, expand : optional
            As for nearest_neighbors: compare the first dims, and order what that finds by all, unless rerank is False.
        batch_size : int, optional
            Rows of this space that a frame answers for, at least 1; by default 1,024, or fewer if k is above 255.
        threads : int, optional
            At most so many; by default what the size of the work is worth.

        Yields
        ------
        polars.DataFrame
            ``key`` (of this space), ``neighbor`` (a key of `other`) and ``_dist`` (Float64): min(k, rows that may be
            found) rows for each row, in insertion order, nearest first, ties by insertion order. There is at least one
            frame, so that they can be put together; it may have no rows.

        Raises
        ------
        InvalidInput
            At once, if dims or metric differ, an argument is out of range, or the filter names no column of `other`.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     space = hub.create_space("docs", dims=2)
        ...     _ = space.multiset({"a": [1, 0], "b": [1, 0.1], "c": [0, 1]})
        ...     for frame in space.knn_join(space, 1):
        ...         print(frame["key"].to_list(), frame["neighbor"].to_list())
        ['a', 'b', 'c'] ['b', 'a', 'b']
        """
        from .search.join import knn_join

        if not isinstance(other, Reading):
            raise InvalidInput(f"knn_join takes another space; got {type(other).__name__}")
        if (self.dims, self.metric) != (other.dims, other.metric):
            mine, theirs = (f"{one.name!r} has {one.dims} dims and {one.metric}" for one in (self, other))
            raise InvalidInput(f"spaces that are joined need the same dims and metric: {mine}, {theirs}")
        k, workers = parse_k(k), parse_threads(threads)
        rows = None if batch_size is None else parse_count(batch_size, "batch_size")
        proven = recall is ef_search is None if exact is None else exact
        effort, length = parse_effort(proven, ef_search, recall), parse_length(self.dims, dims, rerank, expand)
        check_answerable(other._store.meta, length, self.dims)
        warn_if_untrained(other._store, length.dims, stacklevel=2)
        left = self._store.view()
        right = left if other._store is self._store else other._store.view()
        masks = masks_where(right, where, params)
        return knn_join(left, right, k, effort, length, masks, rows, workers)

    @overload
    def near_duplicates(
        self,
        threshold: float,
        *,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        groups: Literal[False] = False,
        threads: int | None = None,
    ) -> Iterator[pl.DataFrame]: ...
    @overload
    def near_duplicates(
        self,
        threshold: float,
        *,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        groups: Literal[True],
        threads: int | None = None,
    ) -> pl.DataFrame: ...
    @overload
    def near_duplicates(
        self,
        threshold: float,
        *,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        groups: bool,
        threads: int | None = None,
    ) -> Iterator[pl.DataFrame] | pl.DataFrame: ...
    def near_duplicates(
        self,
        threshold: float,
        *,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        groups: bool = False,
        threads: int | None = None,
    ) -> Iterator[pl.DataFrame] | pl.DataFrame:
        """Every pair of rows whose distance is at most a threshold, none missed; or the groups they form.

        Parameters
        ----------
        threshold : float
            A distance of the space's metric. 0.0 finds equal vectors; under cosine vectors that differ in length alone
            may come out at 1e-16 (1e-12 finds them all), and zero vectors are at 1.0 from each other.
        where, params : optional
            Only among rows for which the filter is true, as for nearest_neighbors.
        groups : bool
            Return groups instead: two rows are in the same one if a chain of pairs leads from one to the other.
        threads : int, optional
            At most so many; by default what the size of the work is worth.

        Returns
        -------
        iterator of polars.DataFrame, or with groups a polars.DataFrame
            Pairs: ``key``, ``neighbor`` and ``_dist`` (Float64), each pair once, ``key`` the earlier in insertion
            order; all pairs of a key are in one frame, nearest first. n copies of a vector make n · (n − 1) / 2 pairs,
            which stream; what is held at a time is bounded by the pairs of one row. There is at least one frame, so
            that they can be put together.

            Groups: ``group`` (Int64, from 0) and ``key``, of the rows that have a duplicate, in insertion order within
            a group, groups by their first row. It takes some 30 bytes a row of the space, and no pair is kept.

        Raises
        ------
        InvalidInput
            If the threshold is not a finite number, or the filter names a column there is not.

        Examples
        --------
        Keep the first row of each group:

        >>> import kinspace as ks, polars as pl
        >>> with ks.connect(":memory:") as hub:
        ...     space = hub.create_space("docs", dims=2)
        ...     _ = space.multiset({"a": [1, 0], "b": [0, 1], "c": [1, 0.01], "d": [1, 0.02]})
        ...     groups = space.near_duplicates(0.01, groups=True)
        ...     space.multidelete(groups.filter(~pl.col("group").is_first_distinct())["key"])
        ...     list(space)
        2
        ['a', 'b']
        """
        from .search.duplicates import in_groups, in_pairs

        number, workers = parse_distance(threshold, "threshold"), parse_threads(threads)
        if not isinstance(groups, bool):
            raise InvalidInput(f"groups must be True or False; got {groups!r}")
        view = self._store.view()
        masks = masks_where(view, where, params)
        return (in_groups if groups else in_pairs)(view, number, masks, workers)
