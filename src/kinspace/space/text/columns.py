"""Which columns of a space are searched as text, and in which language: kept in its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import Corrupt, InvalidInput
from ...text.analysis import GAP, parse_language

if TYPE_CHECKING:
    import polars as pl

    from ..state.store import Store
    from ..state.view import View


class TextColumns(NamedTuple):
    """A row's text is that of these columns, one after another; of none if there is no full text."""

    names: tuple[str, ...]
    language: str

    def as_dict(self) -> dict[str, Any]:
        """What the state holds."""
        return {"columns": list(self.names), "language": self.language}


def text_columns(view: View) -> TextColumns | None:
    """What is searched as text; None if nothing is."""
    found = parse_stored(view.state.full_text)
    return found if found and found.names else None


def parse_stored(stored: dict[str, Any] | None) -> TextColumns | None:
    """What as_dict() gave."""
    if stored is None:
        return None
    try:
        names, language = stored["columns"], parse_language(stored["language"])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"columns are {names!r}")
        return TextColumns(tuple(names), language)
    except (InvalidInput, LookupError, TypeError) as error:
        raise Corrupt(f"what a space says of its full text can't be read: {error}") from error


def index_text(store: Store, names: Sequence[object], language: object) -> bool:
    """Have these columns searched as text from now on, of none no more; whether that is a change."""
    for name in names:
        if not isinstance(name, str):
            raise InvalidInput(f"columns are given by their names, each a str; got {name!r}")
    wanted = TextColumns(tuple(dict.fromkeys(map(str, names))), parse_language(language))
    with store.write("choosing the columns of full text", rows=False) as transaction:
        for name in wanted.names:
            _check(transaction.view, name)
        if parse_stored(transaction.view.state.full_text) == wanted:
            return False
        transaction.set_full_text(wanted.as_dict())
    return True


def _check(view: View, name: str) -> None:
    """InvalidInput unless it is a column of text."""
    if name not in view.schema:
        there = ", ".join(view.schema) or "none"
        raise InvalidInput(f"space has no column {name!r} that could be searched as text; it has: {there}")
    dtype = view.schema[name]
    if not is_text(dtype):
        raise InvalidInput(f"full text is of columns of str, or of lists of str; column {name!r} holds {dtype}")


def is_text(dtype: pl.DataType) -> bool:
    """Whether a column of that type can be searched as text."""
    import polars as pl

    return dtype in (pl.String, pl.List(pl.String))


def texts_of(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """Each row's text: of the columns that there are and hold any, with gaps that no phrase spans; null is none."""
    import polars as pl

    parts = []
    for name in names:
        if name in frame.columns and is_text(frame.schema[name]):
            column = pl.col(name) if frame.schema[name] == pl.String else pl.col(name).list.join(GAP, ignore_nulls=True)
            parts.append(column.fill_null(""))
    if not parts:
        return [""] * frame.height
    if len(parts) == len(names) == 1 and frame.schema[names[0]] == pl.String:
        plain: list[str] = frame.get_column(names[0]).fill_null("").to_list()
        return plain
    joined = parts[0] if len(parts) == 1 else pl.concat_str(parts, separator=GAP)
    texts: list[str] = frame.select(joined.alias("text")).to_series().to_list()
    return texts
