"""Rows for whatever reads Arrow's PyCapsule interface: DuckDB, pyarrow, pandas, Polars and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


class ArrowRows:
    """The rows of one state of a space, as a stream of Arrow batches that can be read any number of times.

    Attributes
    ----------
    schema : polars.Schema
        The columns; ``vector`` is a fixed-size list of float32.
    """

    def __init__(self, rows: pl.LazyFrame, schema: pl.Schema) -> None:
        self.schema = schema
        self._rows = rows

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return stream(self._rows)

    def __repr__(self) -> str:
        return f"<ArrowRows of {', '.join(self.schema)}>"


def stream(rows: pl.LazyFrame) -> object:
    """A capsule of a stream of batches, in order, each made when it is asked for."""
    batches = rows.collect_batches(maintain_order=True)
    capsule: object = batches.__arrow_c_stream__()
    return capsule
