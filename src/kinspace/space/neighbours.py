"""The rows of a space that are nearest to what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, KeyNotFound
from ..explain import UNTRACED, Explanation, Trace
from ..length import parse_length
from ..ranking import parse_examples, parse_ranking
from ..storage.keys import parse_key
from ..types import Key, parse_k, parse_threads
from .columns.masks import masks_where
from .measuring import Measuring
from .parts.effort import parse_effort
from .parts.fit import space_queries, space_query
from .parts.traced import view_of
from .search.examples import Asked, examples_of
from .search.hits import Hits
from .search.ranked import search
from .search.rerank import nearest
from .state.slow import watched
from .state.trained import warn_if_untrained
from .state.view import View


class Neighbours(Measuring):
    """The search of a space. Every call sees every write acknowledged before it, and one state only."""

    def nearest_neighbors(
        self,
        k: int,
        *,
        key: Key | None = None,
        vector: Any = None,
        vectors: Any = None,
        positive: Sequence[Any] | None = None,
        negative: Sequence[Any] | None = None,
        strategy: str | None = None,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        exact: bool = False,
        recall: float | None = None,
        ef_search: int | None = None,
        dims: int | None = None,
        rerank: bool | None = None,
        expand: int | None = None,
        diversity: float | None = None,
        boost: Any = None,
        candidates: int | None = None,
        threads: int | None = None,
    ) -> Any:
        """The k rows nearest to a key's vector, to a vector, to each of many, or to what examples have in common.

        Parameters
        ----------
        k : int
            At least 0; with k above the number of rows all of them are returned.
        key, vector, vectors : exactly one of them, unless there are examples
            A key (which is itself left out of its neighbours), a vector (dims,), or many (n, dims).
        positive, negative : lists of keys and vectors, optional
            Instead: examples of what rows are to be like, and what they are not to be like. Those given by key are left
            out of the answer.
        strategy : str, optional
            "average": the rows nearest to 2 · mean(positive) − mean(negative), or to mean(positive) if nothing is
            negative; under cosine each example counts with its direction alone. "best": first the rows nearer to
            something positive than to anything negative, by their distance to the nearest positive, then the others,
            farthest from the nearest negative first. By default "average", and "best" of bits and without a positive.
        where : str, Expression, mapping or polars.Expr, optional
            Only rows for which it is true: ``"year >= :first AND section = 'games'"``, ``ks.col("year") >= 2020``,
            ``{"year": {"$gte": 2020}}``, or a Polars expression; what they say is on the page about filters. min(k,
            matching rows) are returned, however few match.
        params : mapping, optional
            What the ``:names`` in a SQL predicate stand for: ``{"first": 2020}``.
        exact : bool
            Ask for a proven answer, whatever recall and ef_search say: every row that may match is compared.
        recall : float, optional
            The share of the true k nearest to be found on average, above 0 and at most 1, where 1 is an exact search;
            .95 by default. Segments without an index, small ones among them, are compared row by row in any case.
        ef_search : int, optional
            Instead of recall: candidates kept while searching an index, in 1…65,536; fewer than k mean k.
        dims : int, optional
            Compare the first so many components of the vectors only, in 1…the space's dims, row by row. Under cosine
            these are as if scaled to length 1 again; under l2 and ip they are taken as they are. Vectors to ask for may
            have just so many components, or all.
        rerank : bool, optional
            With dims: take the k · expand rows found so as candidates, and return the k nearest of them by all
            components. By default True if what is asked for has all of them, and False if it has not. With False the
            distances are those of the first components.
        expand : int, optional
            Candidates for each hit, at least 1; 10 by default. Of a space with index_dims, in a search by index without
            dims, what was measured to be enough for the recall when the index was built.
        diversity : float, optional
            In 0…1: choose hits of the candidates that differ from those before them (maximal marginal relevance). 0 is
            the plain answer; at 1 only the first is chosen for being near.
        boost : str, Expression or polars.Expr, optional
            A number of each row's own by which it is ranked as nearer than it is, in units of distance, such as
            ``"0.05 * log1p(popularity)"`` or ``ks.col("stars") / 1000``; null is 0. Candidates are ordered by distance
            − boost, and with exact=True all rows.
        candidates : int, optional
            The so many nearest rows are what diversity and boost choose from; by default 10 for each hit and at least
            100.
        threads : int, optional
            At most so many; by default what the size of the work is worth.

        Returns
        -------
        Hits, or a list of Hits for vectors=
            Nearest first, or as diversity, boost and "best" order them; ties by insertion order. Their distances are
            those of an exact search: to the average of examples, or under "best" to the nearest positive (without one
            to the nearest negative). `exact` says whether it is proven that no row is nearer than these: by the first
            components if the distances are theirs; after a rerank only if every row that may match was a candidate, for
            exact=True makes sure of the candidates alone. With diversity it is that the candidates are the right ones,
            with a boost that no other row would come before these.

        Raises
        ------
        KeyNotFound
            If no row has that key.
        InvalidInput
            If an argument is out of range, or the filter names a column there is not.
        """
        store = self._store
        index_dims, slow = store.meta.index_dims, store.slow_query_seconds
        by_distance = positive is negative is boost is strategy is None and diversity is candidates is None
        by_distance = by_distance and params is None
        plain = key is vectors is threads is dims is rerank is expand is index_dims is slow is None
        if (
            plain
            and by_distance
            and exact is False
            and type(vector) is np.ndarray
            and vector.ndim == 1
            and type(k) is int
        ):
            try:  # this way costs little more than the core's own call
                view = store.view()
                masks = view.masks.get(where) if type(where) is str else None
                if where is not None and masks is None:
                    pass  # it has to be evaluated first
                elif ef_search is None:
                    if recall is None:
                        return Hits(view, *view.scan.nearest(vector, k, masks=masks))
                    if type(recall) is float:
                        return Hits(view, *view.scan.nearest(vector, k, masks=masks, recall=recall))
                elif recall is None and type(ef_search) is int and ef_search > 0:
                    return Hits(view, *view.scan.nearest(vector, k, masks=masks, ef=ef_search))
            except (TypeError, ValueError):
                pass  # the other way says what is wrong, or mends it
        ask = self._nearest_neighbors if slow is None else self._watched
        return ask(
            k,
            key=key,
            vector=vector,
            vectors=vectors,
            positive=positive,
            negative=negative,
            strategy=strategy,
            where=where,
            params=params,
            exact=exact,
            recall=recall,
            ef_search=ef_search,
            dims=dims,
            rerank=rerank,
            expand=expand,
            diversity=diversity,
            boost=boost,
            candidates=candidates,
            threads=threads,
        )

    def _explained(self, name: str, ask: Callable[[Trace], Any]) -> Explanation:
        """The answer, whose rows are fetched, and how it came to be."""
        asked = Trace(name, space=self._store.name)
        with watched(self._store, name, asked) as trace:
            answer = ask(trace)
            with trace.stage("fetch") as stage:
                frames = [hits.rows for hits in (answer if isinstance(answer, list) else [answer])]
                stage.note(rows=sum(frame.height for frame in frames), columns=frames[0].width if frames else 0)
        return Explanation(answer, trace.told())

    def _watched(self, k: int, **arguments: Any) -> Any:
        """The neighbours; if that takes as long as the hub was told to look out for, it is logged."""
        with watched(self._store, "nearest_neighbors") as trace:
            return self._nearest_neighbors(k, **arguments, trace=trace)

    def _nearest_neighbors(
        self,
        k: int,
        *,
        key: Key | None = None,
        vector: Any = None,
        vectors: Any = None,
        positive: Sequence[Any] | None = None,
        negative: Sequence[Any] | None = None,
        strategy: str | None = None,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        exact: bool = False,
        recall: float | None = None,
        ef_search: int | None = None,
        dims: int | None = None,
        rerank: bool | None = None,
        expand: int | None = None,
        diversity: float | None = None,
        boost: Any = None,
        candidates: int | None = None,
        threads: int | None = None,
        trace: Trace = UNTRACED,
    ) -> Any:
        """The neighbours, told to a trace."""
        with trace.stage("parse"):
            k = parse_k(k)
            examples = parse_examples(positive, negative, strategy)
            ranking = parse_ranking(diversity, boost, candidates)
            if (key is not None) + (vector is not None) + (vectors is not None) + (examples is not None) != 1:
                raise InvalidInput("give exactly one of key=, vector= and vectors=, or positive= and negative=")
            effort, workers = parse_effort(exact, ef_search, recall), parse_threads(threads)
            length = parse_length(self.dims, dims, rerank, expand)
            warn_if_untrained(self._store, length.dims, stacklevel=3 + trace.wanted)
        view = view_of(self._store, trace)
        with trace.stage("query"):
            exclude = -1 if key is None else self._find(view, key)
            queries: NDArray[np.float32] | Asked
            if examples is not None:
                queries = examples_of(view, examples, ranking, length, self._store.name)
            elif vectors is not None:
                queries = space_queries(self._store.meta, vectors, length)
            else:
                queries = space_query(self._store.meta, vector, length) if key is None else view.vector(exclude)
        masks = masks_where(view, where, params, trace)
        hits: list[Hits]
        if ranking is not None or isinstance(queries, Asked):
            found = search(
                view, queries, k, effort, length, ranking, masks=masks, exclude=exclude, threads=workers, trace=trace
            )
            hits = [Hits(view, *one) for one in found]
        else:
            positions, distances, proven, visited = nearest(
                view, queries, k, effort, length, masks=masks, exclude=exclude, threads=workers, trace=trace
            )
            if vectors is None:
                hits = [Hits(view, positions, distances, proven, visited)]
            else:
                each = zip(positions, distances, visited.tolist(), strict=True)
                hits = [Hits(view, ids, far, proven, seen) for ids, far, seen in each]
        if trace.wanted:
            many = {} if vectors is None else {"queries": len(hits)}
            trace.note(k=k, exact=all(one.exact for one in hits), **many)
            trace.note(hits=sum(map(len, hits)), visited=sum(one.visited for one in hits))
        return hits[0] if vectors is None else hits

    def _find(self, view: View, key: Key) -> int:
        kept, digest = parse_key(key, self._store.meta.key_type)
        position = view.find(kept, digest)
        if position < 0:
            raise KeyNotFound(self._no_such(kept))
        return position

    def _no_such(self, key: Key) -> str:
        return f"no row of space {self._store.name!r} has the key {key!r}"
