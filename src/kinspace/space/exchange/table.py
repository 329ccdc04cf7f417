"""A space as a plain table, for Polars, DuckDB and whatever else reads Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InvalidInput
from ..state.store import Store

if TYPE_CHECKING:
    import polars as pl

    from .arrow import ArrowRows


class Table:
    """What other programs see of a space: one table of key, columns and vector, in insertion order.

    A space is itself a stream of Arrow batches (``__arrow_c_stream__``) of the rows it has when it is read, so that
    ``duckdb.sql("select … from docs")`` works where ``docs`` is a space.
    """

    _store: Store

    def lazy(self) -> pl.LazyFrame:
        """The rows as they are now, as a Polars LazyFrame, which reads what a query needs and nothing before.

        Of the columns those that are used are read, of the rows those that the query's filters let through, in batches.

        Returns
        -------
        polars.LazyFrame
            "key", the columns, and "vector" (Array(Float32, dims)), in insertion order. It stays at this state,
            whatever is written later, and can be collected any number of times.

        Examples
        --------
        >>> import kinspace as ks, polars as pl
        >>> hub = ks.connect(":memory:")
        >>> docs = hub.create_space("docs", dims=2)
        >>> _ = docs.multiset([("a", [1, 0], {"year": 2020}), ("b", [0, 1], {"year": 2024})])
        >>> docs.lazy().filter(pl.col("year") > 2021).select("key", pl.col("vector").arr.sum()).collect().rows()
        [('b', 1.0)]
        """
        from .lazy import lazy_frame

        return lazy_frame(self._store.view(), self._store.name)

    def to_polars(self, *, vectors: bool = False) -> pl.DataFrame:
        """Every row as it is now, in insertion order, in memory.

        Parameters
        ----------
        vectors : bool
            With "vector" (Array(Float32, dims)), which takes 4 · dims bytes a row.

        Returns
        -------
        polars.DataFrame
            "key" and the columns.
        """
        import polars as pl

        from .lazy import batches

        if not isinstance(vectors, bool):
            raise InvalidInput(f"vectors must be True or False; got {vectors!r}")
        view = self._store.view()
        names = ["key", *view.schema, *(["vector"] if vectors else [])]
        return pl.concat(batches(view, names))

    def to_arrow(self, *columns: str) -> ArrowRows:
        """The rows as they are now, as a stream of Arrow batches that can be read any number of times.

        DuckDB, pyarrow, pandas and Polars take it as a table; it is read a batch at a time, in bounded memory.

        Parameters
        ----------
        *columns : str
            "key", "vector" (a fixed-size list of float32) and any of the columns; by default all, the vector last.

        Raises
        ------
        InvalidInput
            If there is no such column (the message lists those there are), or one is given twice.

        Examples
        --------
        >>> import kinspace as ks, polars as pl
        >>> hub = ks.connect(":memory:")
        >>> docs = hub.create_space("docs", dims=2)
        >>> _ = docs.multiset([("a", [1, 0], {"year": 2020}), ("b", [0, 1], {"year": 2024})])
        >>> pl.DataFrame(docs.to_arrow("year", "key")).rows()
        [(2020, 'a'), (2024, 'b')]
        """
        import polars as pl

        from .arrow import ArrowRows
        from .lazy import lazy_frame

        rows = lazy_frame(self._store.view(), self._store.name)
        schema = rows.collect_schema()
        from ...filter import check_column

        names = list(columns or schema)
        for number, name in enumerate(names):
            check_column(name, schema)
            if name in names[:number]:
                raise InvalidInput(f"the table would have two columns {name!r}; give each once")
        return ArrowRows(rows.select(names), pl.Schema({name: schema[name] for name in names}))

    def __arrow_c_schema__(self) -> object:
        return self.to_arrow().__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)
