"""What recommend_dims answers: a table to choose from, as text, as a DataFrame and as a plot."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import polars as pl

_INK, _MUTED, _ALONE, _RERANKED = "#1f2933", "#7b8794", "#c2570c", "#1d5fa8"


class Row(NamedTuple):
    """One length: what searches by it find and cost."""

    dims: int
    recall: float
    recall_reranked: float
    overlap: float
    queries_per_second: float
    bytes: int


@dataclass(frozen=True)
class Recommendation:
    """Which length to search at, and what each would give. ``print`` it for a table.

    Attributes
    ----------
    recommended : int
        The fewest dims that reach the recall after a rerank: ``nearest_neighbors(k, …, dims=recommended)``.
    recall : float
        What was to be reached.
    k, expand, queries : int
        Hits of each search, candidates for each hit, and how many searches were measured.
    table : tuple of Row
        A row for each length, ascending; the last is that of all components.
    """

    recommended: int
    recall: float
    k: int
    expand: int
    queries: int
    table: tuple[Row, ...]

    @property
    def frame(self) -> pl.DataFrame:
        """The table as a DataFrame.

        ``dims``; ``recall``, the share of the true k nearest found by the first dims alone; ``recall_reranked``, found
        after a rerank; ``overlap``, the share of keys common to the reranked and the true answer, which differs where
        distances are equal; ``queries_per_second``, with the rerank, one after another; ``bytes``, of so many
        components of a vector as stored.
        """
        import polars as pl

        types = {"dims": pl.Int64, "bytes": pl.Int64}
        return pl.DataFrame(
            list(zip(*self.table, strict=True)),
            schema={name: types.get(name, pl.Float64) for name in Row._fields},
            orient="col",
        )

    def __str__(self) -> str:
        heads = ["dims", f"recall@{self.k}", "reranked", "overlap", "queries/s", "bytes"]
        rows = [
            [
                f"{one.dims}",
                f"{one.recall:.3f}",
                f"{one.recall_reranked:.3f}",
                f"{one.overlap:.3f}",
                f"{one.queries_per_second:,.0f}",
                f"{one.bytes:,}",
            ]
            for one in self.table
        ]
        wide = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
        marks = ["", *("  ← recommended" if one.dims == self.recommended else "" for one in self.table)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)) + mark
            for row, mark in zip([heads, *rows], marks, strict=True)
        ]
        about = f"{self.queries} queries, k={self.k}, expand={self.expand}: recall {self.recall:g} is reached by dims="
        return "\n".join([*lines, f"{about}{self.recommended}"])

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw recall and speed over the length.

        Parameters
        ----------
        path : str or path, optional
            Where to write the drawing, too; its suffix says the format: .png, .svg, .pdf.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        Unavailable
            If matplotlib is not installed (``pip install "kinspace[plot]"``), or the file can't be written.
        InvalidInput
            If there is no such format.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise Unavailable('plot() needs matplotlib: pip install "kinspace[plot]"') from error
        figure = Figure(figsize=(7.2, 5.6), layout="constrained", facecolor="white")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        self._draw_recall(above)
        self._draw_speed(below)
        if path is not None:
            try:
                figure.savefig(path, dpi=150)
            except ValueError as error:
                raise InvalidInput(f"can't draw to {os.fspath(path)!r}: {error}") from error
            except OSError as error:
                raise Unavailable(f"the plot can't be written: {error}") from error
        return figure

    def _draw_recall(self, axes: Any) -> None:
        dims = [one.dims for one in self.table]
        alone, reranked = [one.recall for one in self.table], [one.recall_reranked for one in self.table]
        axes.axhline(self.recall, color=_MUTED, linestyle=(0, (4, 3)), linewidth=1)
        axes.axvline(self.recommended, color=_RERANKED, alpha=0.15, linewidth=9)
        axes.plot(dims, alone, color=_ALONE, marker="o", markersize=5, label="first dims alone")
        axes.plot(dims, reranked, color=_RERANKED, marker="o", markersize=5, label="reranked by all")
        low = min([*alone, self.recall])
        axes.set_ylim(max(0.0, low - 0.08 * (1 - low) - 0.01), 1 + 0.05 * (1.02 - low))
        axes.set_ylabel(f"recall@{self.k}")
        axes.set_title(
            f"dims={self.recommended} reaches recall {self.recall:g} after a rerank (expand={self.expand})",
            loc="left",
            fontsize=11,
            color=_INK,
        )
        axes.legend(loc="lower right", frameon=False)
        _plain(axes)

    def _draw_speed(self, axes: Any) -> None:
        dims = [one.dims for one in self.table]
        axes.axvline(self.recommended, color=_RERANKED, alpha=0.15, linewidth=9)
        axes.plot(dims, [one.queries_per_second for one in self.table], color=_RERANKED, marker="o", markersize=5)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_ylabel("queries/s")
        axes.set_xlabel("dims compared")
        axes.set_xscale("log", base=2)
        axes.set_xticks(dims, [str(length) for length in dims])
        axes.minorticks_off()
        _plain(axes)


def _plain(axes: Any) -> None:
    """No box, a quiet grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_MUTED)
    axes.tick_params(color=_MUTED, labelcolor=_INK)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
