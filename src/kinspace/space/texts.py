"""Words: which columns are searched as text, and searching by text, by vector or by both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..embed.embedder import query_vector
from ..errors import InvalidInput
from ..explain import Explanation, Trace
from .state.slow import watched
from .versions import Versions

if TYPE_CHECKING:
    from .text.hits import TextHits


class Texts(Versions):
    """What a space has to do with words."""

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that are searched as text, in order; () if there are none."""
        from .text.columns import text_columns

        found = text_columns(self._store.view())
        return () if found is None else found.names

    def index_text(self, *columns: str, language: str = "english") -> None:
        """Have columns searched as text from now on, by search(): those and no others.

        The choice is kept with the space, its forks and copies. Rows are found as soon as they are stored: those that
        no index has yet are indexed by the first search, or before that in the background.

        Parameters
        ----------
        *columns : str
            Of str, or of lists of str. Their texts make up the row's, one after another.
        language : str
            Whose words are taken for the same in all their forms, as in "english"; or "simple", for words as they are.
            Case and the accents of Latin letters never count.

        Raises
        ------
        InvalidInput
            If the space has no such column, it holds something else, or the language is not known (the message lists
            those that are).

        Examples
        --------
        >>> import kinspace as ks
        >>> space = ks.connect(":memory:").create_space("docs", dims=2)
        >>> space.set("a", [1, 0], title="Compressing files", year=2020)
        >>> space.set("b", [0, 1], title="Files and folders", year=2024)
        >>> space.index_text("title")
        >>> space.search("file compression").keys
        ['a', 'b']
        >>> space.search('"files and folders"').keys, space.search("fold*", where="year < 2024").keys
        (['b'], [])
        """
        from .text.columns import index_text

        if not columns:
            raise InvalidInput("index_text takes the names of columns; drop_text() leaves none")
        if index_text(self._store, columns, language):
            self._background.index(self._store)

    def drop_text(self) -> None:
        """Search no column as text any more; the indexes go with their segments."""
        from .text.columns import index_text

        index_text(self._store, (), "simple")

    def search(
        self,
        text: str,
        k: int = 10,
        *,
        mode: str | None = None,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        vector: Any = None,
        fusion: str = "weighted",
        weights: Any = None,
        candidates: int | None = None,
        exact: bool = False,
    ) -> TextHits:
        """The k rows that answer a question in words best.

        Parameters
        ----------
        text : str
            For text: ``words``, any of which may be there; ``"a phrase"``; ``pre*``; ``+must``; ``-never``. Anything
            else in it is passed over. For the vector: the text as it is.
        k : int
            At least 0. By text alone, rows that hold nothing of what is asked are no hits.
        mode : "hybrid", "vector" or "text", optional
            By default hybrid if the space has an embedder (or `vector` is given) and columns that are searched as text;
            else what it has.
        where, params : optional
            As for nearest_neighbors: min(k, rows that match and can be hits) are returned, however few match.
        vector : array-like, shape (dims,), optional
            Instead of the embedder's.
        fusion : "weighted" or "rrf"
            How a hybrid search makes one ranking of two: each gives a row its weight / (60 + rank); or its weight · how
            near the row is, from 1 for the nearest candidate to 0 for the farthest, and likewise how high its BM25 is
            as a share of the highest.
        weights : two floats, optional
            Of the vector's ranking and of the text's, at least 0; by default 1 and 1.
        candidates : int, optional
            Of each ranking in a hybrid search, at least k; 50 by default.
        exact : bool
            Have the vector's ranking proven, as for nearest_neighbors.

        Returns
        -------
        TextHits
            Best first, ties by insertion order: Hits that have `scores` and `snippets()` too. Distances by text and of
            a hybrid search are the scores with a minus. Scores by text are BM25 (k1 1.2, b 0.75) over the live rows as
            they are now, filtered or not, however they lie in segments; `exact` says whether the vector's ranking is
            proven.

        Raises
        ------
        InvalidInput
            If an argument is out of range, or the space lacks what the mode needs.

        Examples
        --------
        >>> import kinspace as ks
        >>> space = ks.connect(":memory:").create_space("docs", embedder=ks.embed.Hashing(256))
        >>> space.add_texts(["a", "b"], ["How to compress files.", "Playing chess by mail."])
        2
        >>> space.search("chess", 1).keys, space.search("-chess compress", mode="text").keys
        (['b'], ['a'])
        """
        with watched(self._store, "search") as trace:
            return self._search(trace, text, k, mode, where, params, vector, fusion, weights, candidates, exact=exact)

    def explain(self, k: int, *, text: str | None = None, **arguments: Any) -> Explanation:
        """Run a search, fetch the rows it finds, and tell how it was done.

        Parameters
        ----------
        k : int
        text : str, optional
            Words to search for.
        **arguments
            As for nearest_neighbors; with words, as for search.

        Returns
        -------
        Explanation
            Its ``answer`` is what nearest_neighbors, or search, returns; printed, it is a tree of stages with their
            times: how far the view had to be brought up to date, how the filter was evaluated, how each segment was
            searched and why, what was compared with the query, and how often. ``to_dict()`` has the same.

        Raises
        ------
        KeyNotFound, InvalidInput
            As nearest_neighbors, or search.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     space = hub.create_space("docs", dims=2)
        ...     _ = space.multiset({"a": [1, 0], "b": [0, 1], "c": [1, 1]})
        ...     explanation = space.explain(1, vector=[1, 0.2])
        ...     explanation.answer.keys, explanation.to_dict()["visited"]
        (['a'], 3)
        """
        _check_arguments("explain", Texts.search if text is not None else Texts.nearest_neighbors, arguments)
        if text is None:
            return self._explained(
                "nearest_neighbors", lambda trace: self._nearest_neighbors(k, **arguments, trace=trace)
            )
        return self._explained("search", lambda trace: self._search(trace, text, k, **arguments))

    def _search(
        self,
        trace: Trace,
        text: str,
        k: int,
        mode: str | None = None,
        where: Any = None,
        params: Mapping[str, Any] | None = None,
        vector: Any = None,
        fusion: str = "weighted",
        weights: Any = None,
        candidates: int | None = None,
        *,
        exact: bool = False,
    ) -> TextHits:
        """The answer, told to a trace."""
        from .text.hybrid import default_mode, parse_search, search

        if not isinstance(text, str):
            raise InvalidInput(f"search takes words as a str; got {type(text).__name__}")
        vectors = vector is not None or self._embedder is not None
        default = default_mode(self._store.view(), vectors=vectors)
        how = parse_search(mode, default, k, candidates, fusion, weights, exact)
        if how.mode == "text" and vector is not None:
            raise InvalidInput("a search by text takes no vector; leave vector or mode out")
        if how.mode != "text" and vector is None:
            with trace.stage("embed"):
                vector = query_vector(self._need_embedder("search"), text)
        hits = search(self._store, text, vector, how, where, params, trace)
        if trace.wanted:
            trace.note(exact=hits.exact, hits=len(hits), visited=hits.visited)
        return hits

    def _need_embedder(self, call: str) -> Any:
        if self._embedder is None:
            stored = self._store.meta.embedder
            how = "create_space(embedder=…)" if stored is None else f"get_space(embedder=…): it was made with {stored}"
            own = "; or give vector=" if call == "search" else ""
            raise InvalidInput(f"{call} needs the space's embedder; give it to {how}{own}")
        return self._embedder


def _check_arguments(call: str, as_of: Callable[..., object], arguments: Mapping[str, object]) -> None:
    """InvalidInput unless these are names of arguments that another call has."""
    known = [name for name in signature(as_of).parameters if name not in ("self", "k", "text")]
    for name in arguments:
        if name not in known:
            raise InvalidInput(
                f"{call} takes no {name}=; beside k it takes what {as_of.__name__} does: {', '.join(known)}"
            )
