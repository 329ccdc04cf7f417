"""Texts -> validated batches: embedded as many at a time as suits the embedder, and an error names the keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import as_matrix
from ...errors import InvalidInput, KinspaceError
from ...types import parse_count
from ..parts.fit import as_numbers
from ..parts.meta import Meta
from . import tables
from .batch import table_batch
from .load import Piece, Pieces, batch_size


def batches_of_texts(
    meta: Meta, embedder: Any, keys: Iterable[Any], texts: Iterable[str], store_as: str | None, columns: dict[str, Any]
) -> Pieces:
    """The batches of what add_texts() was given."""
    for what, given in (("keys", keys), ("texts", texts), *columns.items()):
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise InvalidInput(f"add_texts takes many rows; {what} is {tables.short(given)}: put it in a list")
    whole = all(isinstance(part, (Sequence, np.ndarray)) for part in (keys, texts, *columns.values()))
    if store_as is not None and store_as in columns:
        raise InvalidInput(
            f"the texts themselves go to column {store_as!r}; name another with store_as=, or store_as=None"
        )

    def pieces() -> Iterator[Piece]:
        size = None if whole else batch_rows(embedder, meta)
        for rows in tables.chunks(_level(keys, texts, *columns.values()), size):
            names, words, *others = (list(part) for part in zip(*rows, strict=True))
            kept = {} if store_as is None else {store_as: words}
            frame = tables.frame_of(kept | dict(zip(columns, others, strict=True)))
            vectors = embedded(embedder, meta, names, words)
            yield Piece(table_batch(meta, names, vectors, frame if frame.width else None), len(rows))

    return Pieces(pieces(), whole, None)


def batch_rows(embedder: Any, meta: Meta) -> int:
    """How many texts to hand to an embedder at a time."""
    wanted = getattr(embedder, "batch_rows", None)
    return batch_size(meta, None) if wanted is None else parse_count(wanted, "the embedder's batch_rows")


def embedded(embedder: Any, meta: Meta, keys: list[Any], texts: list[Any]) -> NDArray[np.float32]:
    """The texts' vectors (n, dims); what goes wrong is raised with the keys of the texts."""
    for key, text in zip(keys, texts, strict=True):
        if not isinstance(text, str):
            raise InvalidInput(f"key {key!r}: a text is a str; got {type(text).__name__}")
    try:
        found = embedder.embed(texts)
    except KinspaceError as error:
        raise type(error)(f"embedding {_named(keys, getattr(error, 'texts', None))} failed: {error}") from error
    except Exception as error:
        error.add_note(f"while embedding {_named(keys, None)}")
        raise
    return as_matrix(as_numbers(found, meta), meta.dims, keys)


def _named(keys: list[Any], part: range | None) -> str:
    """Which texts, by their keys."""
    here = keys if part is None else keys[part.start : part.stop]
    if len(here) == 1:
        return f"the text of key {here[0]!r}"
    return f"the {len(here):,} texts of keys {here[0]!r} … {here[-1]!r}"


def _level(*parts: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows of things that must be of one length."""
    iterators = [iter(part) for part in parts]
    missing = object()
    while True:
        row = tuple(next(iterator, missing) for iterator in iterators)
        if all(value is missing for value in row):
            return
        if any(value is missing for value in row):
            raise InvalidInput("keys, texts and columns differ in length; give one of each a row")
        yield row
