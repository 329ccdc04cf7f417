"""What a search by words returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...text.question import Question
from ...text.snippets import snippet
from ...types import parse_count
from ..search.hits import Hits
from .columns import TextColumns, texts_of

if TYPE_CHECKING:
    from ..state.view import View


class TextHits(Hits):
    """The rows that answer a question best, best first.

    Attributes
    ----------
    mode : "hybrid", "vector" or "text"
        How it was searched.
    scores : float64, shape (hits,)
        Larger is better: BM25 by text; of a hybrid search what both scores, or the ranks, add up to; by vector the
        distance with a minus. `distances` are the scores with a minus, so that smaller is nearer everywhere.
    """

    __slots__ = ("_columns", "_question", "mode", "scores")

    def __init__(
        self,
        view: View,
        positions: NDArray[np.int64],
        scores: NDArray[np.float64],
        exact: bool,
        visited: int,
        mode: Literal["hybrid", "vector", "text"],
        question: Question,
        columns: TextColumns | None,
    ) -> None:
        super().__init__(view, positions, 0.0 - scores, exact, visited)
        self.mode = mode
        self.scores = scores
        self._question = question
        self._columns = columns

    def __repr__(self) -> str:
        if self.mode == "vector":
            return super().__repr__()
        shown = ", ".join(
            f"{key!r} {score:.4f}" for key, score in zip(self.keys[:5], self.scores.tolist(), strict=False)
        )
        return f"<{len(self)} hits by score: {shown}{', …' if len(self) > 5 else ''}>"

    def snippets(
        self,
        column: str | None = None,
        *,
        length: int = 160,
        before: str = "<b>",
        after: str = "</b>",
        escape: bool = True,
    ) -> list[str]:
        """For each hit the part of its text that holds most of what was asked, with these words marked.

        Parameters
        ----------
        column : str, optional
            Of this column only; by default of all that are searched as text, one after another.
        length : int
            Characters, at most, but for marks and "…", which stands where text was left out.
        before, after : str
            What is put around each word that was asked for.
        escape : bool
            Escape the text for HTML, so that nothing in it is markup but the marks.

        Returns
        -------
        list of str
            In hit order; the beginning of a text where it holds nothing of what was asked, as hits by vector may.

        Examples
        --------
        >>> import kinspace as ks
        >>> space = ks.connect(":memory:").create_space("docs", dims=2)
        >>> space.set("a", [1, 0], text="Flies like <i>bananas</i>")
        >>> space.index_text("text")
        >>> space.search("banana").snippets()
        ['Flies like &lt;i&gt;<b>bananas</b>&lt;/i&gt;']
        """
        size = parse_count(length, "length")
        if self._columns is None:
            raise InvalidInput("snippets are of columns that are searched as text; index_text chooses them")
        names = self._columns.names if column is None else (column,)
        if column is not None and column not in self._columns.names:
            raise InvalidInput(
                f"snippets are of columns that are searched as text: {', '.join(self._columns.names)}; got {column!r}"
            )
        frame = self._view.take(self._positions, [name for name in names if name in self._view.schema])
        return [
            snippet(
                text.replace("\1", " "),
                self._question,
                self._columns.language,
                length=size,
                before=before,
                after=after,
                escape=escape,
            )
            for text in texts_of(frame, names)
        ]
