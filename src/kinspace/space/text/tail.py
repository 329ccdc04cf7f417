"""Full text of the log's rows: small indexes that are merged as they grow, so that each row is indexed a few times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ...text.fulltext import TextIndex, make_index
from ..parts.tail import Tail
from .columns import TextColumns, texts_of

if TYPE_CHECKING:
    from ..parts.part import Part
    from ..state.view import View


class TailText:
    """The indexes there are of a log's rows, by the columns they are of."""

    def __init__(self, columns: TextColumns) -> None:
        self.columns = columns
        self.lock = threading.Lock()
        self._indexes: tuple[TextIndex, ...] = ()

    def reach(self, view: View, part: Part) -> tuple[TextIndex, ...]:
        """Indexes that cover the part's rows, perhaps some more; those that came since are indexed now."""
        with self.lock:
            done = self._indexes[-1].stop if self._indexes else 0
            if done < part.rows:
                kept = list(self._indexes)
                start = done
                while kept and kept[-1].rows <= 2 * (part.rows - start):
                    start = kept.pop().first
                names = [name for name in self.columns.names if name in view.schema]
                texts = texts_of(part.frame(view.schema, names)[start:], names)
                made = make_index([texts], self.columns.language, part.rows - start, first=start)
                self._indexes = (*kept, made)
            return tuple(index for index in self._indexes if index.first < part.rows)


def tail_indexes(view: View, part: Part, columns: TextColumns) -> tuple[TextIndex, ...]:
    """The full text of the log's part."""
    tail = part.source
    assert isinstance(tail, Tail)
    if part.rows == 0:
        return ()
    text = tail.text
    if not isinstance(text, TailText) or text.columns != columns:
        text = tail.text = TailText(columns)
    return text.reach(view, part)
