"""Full text of the log's rows: small indexes that are merged as they grow, so that each row is indexed a few times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..text.fulltext import Piece, make_pieces
from .tail import Tail
from .text_columns import TextColumns, texts_of

if TYPE_CHECKING:
    from .part import Part
    from .view import View


class TailText:
    """The pieces there are of a log's rows, by the columns they are of."""

    def __init__(self, columns: TextColumns) -> None:
        self.columns = columns
        self.lock = threading.Lock()
        self._pieces: tuple[Piece, ...] = ()

    def reach(self, view: View, part: Part) -> tuple[Piece, ...]:
        """Pieces that cover the part's rows, perhaps some more; those that came since are indexed now."""
        with self.lock:
            done = self._pieces[-1].stop if self._pieces else 0
            if done < part.rows:
                kept = list(self._pieces)
                start = done
                while kept and kept[-1].stop - kept[-1].first <= 2 * (part.rows - start):
                    start = kept.pop().first
                names = [name for name in self.columns.names if name in view.schema]
                texts = texts_of(part.frame(view.schema, names)[start:], names)
                self._pieces = (*kept, *make_pieces([texts], self.columns.language, first=start))
            return tuple(piece for piece in self._pieces if piece.first < part.rows)


def tail_pieces(view: View, part: Part, columns: TextColumns) -> tuple[Piece, ...]:
    """The full text of the log's part."""
    tail = part.source
    assert isinstance(tail, Tail)
    if part.rows == 0:
        return ()
    text = tail.text
    if not isinstance(text, TailText) or text.columns != columns:
        text = tail.text = TailText(columns)
    return text.reach(view, part)
