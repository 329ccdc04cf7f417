"""The rows of a space that are nearest to what is asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidInput, KeyNotFound
from ..length import parse_length
from ..storage.keys import parse_key
from ..types import Key, parse_k, parse_threads
from .effort import parse_effort
from .fit import space_queries, space_query
from .hits import Hits
from .masks import masks_where
from .measuring import Measuring
from .rerank import nearest
from .trained import warn_if_untrained
from .view import View


class Neighbours(Measuring):
    """The search of a space. Every call sees every write acknowledged before it, and one state only."""

    def nearest_neighbors(
        self,
        k: int,
        *,
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
    ) -> Any:
        """The k rows nearest to a key's vector, to a vector, or to each of many.

        Parameters
        ----------
        k : int
            At least 0; with k above the number of rows all of them are returned.
        key, vector, vectors : exactly one of them
            A key (which is itself left out of its neighbours), a vector (dims,), or many (n, dims).
        where : str or polars.Expr, optional
            Only rows for which it is true: a SQL predicate such as ``"year >= 2020 AND section = 'games'"``, or a
            Polars expression. min(k, matching rows) are returned, however few match.
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
        threads : int, optional
            At most so many; by default what the size of the work is worth.

        Returns
        -------
        Hits, or a list of Hits for vectors=
            Nearest first, ties by insertion order. Their distances are those of an exact search; `exact` says whether
            it is proven that no row is nearer than these: by the first components if the distances are theirs; after a
            rerank only if every row that may match was a candidate, for exact=True makes sure of the candidates alone.

        Raises
        ------
        KeyNotFound
            If no row has that key.
        InvalidInput
            If an argument is out of range, or the filter names a column there is not.
        """
        index_dims = self._store.meta.index_dims
        plain = key is vectors is where is threads is dims is rerank is expand is index_dims is None and exact is False
        if plain and type(vector) is np.ndarray and vector.ndim == 1 and type(k) is int:
            try:  # this way costs little more than the core's own call
                view = self._store.view()
                if ef_search is None:
                    if recall is None:
                        return Hits(view, *view.scan.nearest(vector, k))
                    if type(recall) is float:
                        return Hits(view, *view.scan.nearest(vector, k, recall=recall))
                elif recall is None and type(ef_search) is int and ef_search > 0:
                    return Hits(view, *view.scan.nearest(vector, k, ef=ef_search))
            except (TypeError, ValueError):
                pass  # the other way says what is wrong, or mends it
        k = parse_k(k)
        if (key is not None) + (vector is not None) + (vectors is not None) != 1:
            raise InvalidInput("give exactly one of key=, vector= and vectors=")
        effort, workers = parse_effort(exact, ef_search, recall), parse_threads(threads)
        length = parse_length(self.dims, dims, rerank, expand)
        warn_if_untrained(self._store, length.dims, stacklevel=2)
        view = self._store.view()
        exclude = -1 if key is None else self._find(view, key)
        if vectors is not None:
            queries = space_queries(self._store.meta, vectors, length)
        else:
            queries = space_query(self._store.meta, vector, length) if key is None else view.vector(exclude)
        masks = None if where is None else masks_where(view, where)
        found, distances, proven = nearest(
            view, queries, k, effort, length, masks=masks, exclude=exclude, threads=workers
        )
        if vectors is None:
            return Hits(view, found, distances, proven)
        return [Hits(view, *one, proven) for one in zip(found, distances, strict=True)]

    def _find(self, view: View, key: Key) -> int:
        kept, digest = parse_key(key, self._store.meta.key_type)
        position = view.find(kept, digest)
        if position < 0:
            raise KeyNotFound(self._no_such(kept))
        return position

    def _no_such(self, key: Key) -> str:
        return f"no row of space {self._store.name!r} has the key {key!r}"
