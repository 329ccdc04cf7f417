"""What became of a re-embedding: how long it took, and how the two spaces' answers differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InvalidInput
from ...types import parse_count, parse_k
from ..exchange.progress import Progress
from .compare import Comparison, compare
from .reembed import Refill

if TYPE_CHECKING:
    import polars as pl

    from ..reading import Reading
    from ..space import Space
    from ..versions import Versions

_SEED = 0  # of the rows that are asked about


@dataclass(frozen=True, eq=False)
class Reembedding:
    """What a re-embedding did. ``print`` it for a table.

    Attributes
    ----------
    space : Space
        The new one.
    rows, embedded : int
        Its rows, and how many were embedded by this call: the others were there from one that was interrupted.
    seconds : float
        What this call took, without the comparison.
    seq : int
        The new space holds what the source held before the write of this seq.
    comparison : Comparison or None
        How answers differ; None if none were compared.
    frame : polars.DataFrame
        ``what``, ``before``, ``after``: the two spaces side by side, as text.
    """

    space: Space
    rows: int
    embedded: int
    seconds: float
    seq: int
    comparison: Comparison | None
    frame: pl.DataFrame

    @property
    def overlap(self) -> float | None:
        """overlap@k: the share of hits that both spaces have, averaged over the queries; None if none were asked."""
        return None if self.comparison is None else self.comparison.overlap

    def __str__(self) -> str:
        rows = [("", "before", "after"), *self.frame.iter_rows()]
        wide = [max(len(row[place]) for row in rows) for place in range(3)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]
        each = self.embedded / self.seconds if self.seconds > 0 else 0.0
        lines.append(f"{self.embedded:,} rows embedded in {self.seconds:.1f} s ({each:,.0f} a second)")
        if self.comparison is not None:
            one = self.comparison
            told = f"{one.queries.height:,} queries: overlap@{one.k} {one.overlap:.3f}"
            lines.append(f"{told}, {one.unchanged:.1%} of the answers unchanged")
        return "\n".join(lines)


def reembed(
    source: Versions,
    embedder: Any,
    into: str,
    text: str,
    batch_size: int | None,
    progress: Any,
    queries: Any,
    k: int,
) -> Reembedding:
    """Re-embed a space and compare; see Space.reembed."""
    asked, hits = _parse_queries(queries), parse_k(k)
    if progress is not None and not callable(progress) and type(progress) is not bool:
        raise InvalidInput(f"progress is True, False or a function of rows done and rows in all; got {progress!r}")
    refill = Refill(source._store, source._hub, source._background, embedder, into, text, batch_size)
    started = time.perf_counter()
    with Progress(into, len(source), wanted=progress is not False and not callable(progress)) as bar:
        view = refill.run(progress if callable(progress) else _counting(bar))
    seconds = time.perf_counter() - started
    made = source._hub.get_space(into, embedder=embedder)
    return Reembedding(
        made,
        len(view),
        refill.embedded,
        seconds,
        view.state.next_seq,
        _compared(source, made, asked, hits),
        _side_by_side(source, made),
    )


def _counting(bar: Progress) -> Callable[[int, int], None]:
    shown = 0

    def told(done: int, _: int) -> None:
        nonlocal shown
        bar.advance(max(0, done - shown))
        shown = max(shown, done)

    return told


def _parse_queries(queries: Any) -> int | list[str]:
    """How many rows to ask about, or the texts to ask for."""
    if isinstance(queries, Sequence) and not isinstance(queries, str):
        if all(isinstance(query, str) for query in queries):
            return list(queries)
        raise InvalidInput("queries are texts, or how many rows to ask about")
    return parse_count(queries, "queries", 0)


def _compared(before: Versions, after: Space, asked: int | list[str], k: int) -> Comparison | None:
    """Ask both for texts, each in its own way, or for the neighbours of rows, each but the row itself."""
    search = {"exact": True, "where": None}
    if isinstance(asked, list):
        return compare(before, after, asked, None, k, search) if asked else None
    positions = np.concatenate([np.empty(0, np.int64), *after._store.view().in_order()])
    drawn = np.random.default_rng(_SEED).permutation(positions)[:asked]
    keys = [key for key in after._store.view().keys(np.sort(drawn)) if key in before]
    return compare(before, after, None, keys, k, search) if keys else None


def _side_by_side(before: Reading, after: Reading) -> pl.DataFrame:
    import polars as pl

    metas = [before._store.meta, after._store.meta]
    identities = [meta.embedder or {} for meta in metas]
    fields = [name for name in dict.fromkeys(key for one in identities for key in one) if name not in ("name", "dims")]
    rows = [
        ("space", before.name, after.name),
        ("rows", f"{len(before):,}", f"{len(after):,}"),
        ("embedder", *(str(one.get("name", "none")) for one in identities)),
        ("dims", *(str(meta.dims) for meta in metas)),
        *((name, *(_short(one.get(name)) for one in identities)) for name in fields),
    ]
    return pl.DataFrame(rows, schema=["what", "before", "after"], orient="row")


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
