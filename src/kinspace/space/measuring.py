"""What a space can say of its own searches: what they find, and what fewer components would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..length import EXPAND, Length, parse_length
from ..types import parse_count, parse_k
from .columns.masks import masks_where
from .parts.effort import parse_effort
from .parts.fit import space_queries
from .search.recall import measure
from .search.recommend import recommend
from .search.recommendation import Recommendation
from .segments.indexing import make_planes
from .state.store import Store
from .state.trained import warn_if_untrained
from .state.view import View


class Measuring:
    """Measurements of searches, on the space's own rows or on queries."""

    _store: Store

    @property
    def dims(self) -> int:
        """The length of every vector."""
        return self._store.meta.dims

    def measure_recall(
        self,
        k: int = 10,
        sample: int = 200,
        *,
        queries: Any = None,
        recall: float | None = None,
        ef_search: int | None = None,
        dims: int | None = None,
        rerank: bool | None = None,
        expand: int | None = None,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> float:
        """The share of the true k nearest that searches like these find, measured on rows of the space or on queries.

        Parameters
        ----------
        k : int
            Hits of each search.
        sample : int
            Rows to ask for the neighbours of, at least 1: drawn at random, the same ones for the same rows.
        queries : array-like (m, dims), optional
            What to ask for instead: what is asked of the space in use, if that is other than what it holds.
        recall, ef_search, dims, rerank, expand, where, params
            As for nearest_neighbors, where each row or query asks with all its components.

        Returns
        -------
        float
            In [0, 1]. A row's search leaves out the row itself; a hit counts if it is as near, by all components,
            as the k-th of the exact answer, so that among equal distances any will do. 1.0 if there is nothing to find.
        """
        rows = parse_count(sample, "sample")
        effort, length = parse_effort(False, ef_search, recall), parse_length(self.dims, dims, rerank, expand)
        warn_if_untrained(self._store, length.dims, stacklevel=2)
        view = self._measured_view()
        masks = masks_where(view, where, params)
        asked = None if queries is None else space_queries(self._store.meta, queries, Length(self.dims, self.dims))
        return measure(view, parse_k(k), rows if asked is None else asked, effort, length, masks)

    def recommend_dims(
        self, queries: Any = None, k: int = 10, recall: float = 0.99, *, expand: int = EXPAND
    ) -> Recommendation:
        """What searches on the first components of vectors find, by length, and how fast: a table to choose dims by.

        Tried are the lengths the space's model was trained for, if it was told them, or else powers of two, and all
        components. Every length is scanned exactly, without an index.

        Parameters
        ----------
        queries : array-like (m, dims) or int, optional
            What will be asked; or of how many rows, drawn at random, the neighbours are to be found. 100 by default.
        k : int
            Hits of each search, at least 1.
        recall : float
            The share of the true k nearest to be found, above 0 and at most 1.
        expand : int
            Candidates for each hit, at least 1.

        Returns
        -------
        Recommendation
            ``recommended`` dims, a ``frame``, a ``plot()``; as text, a table.

        Raises
        ------
        InvalidInput
            If an argument is out of range, or the space has no row to be found.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     space = hub.create_space("docs", dims=4)
        ...     stored = space.multiset({"a": [9, 1, 0, 0], "b": [7, 7, 0, 0], "c": [1, 9, 0, 1]})
        ...     space.recommend_dims(k=1, recall=0.9).recommended
        1
        """
        return recommend(self._measured_view(), queries, k, recall, expand)

    def _measured_view(self) -> View:
        """The newest view. What has no axes yet is compared whole, which says nothing of searches that come later."""
        if self._store.meta.rotate is not None:
            make_planes(self._store)
        return self._store.view()
