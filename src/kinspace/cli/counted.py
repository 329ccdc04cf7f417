"""kinspace query --count and --facets: how many rows there are, and how many have each value of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..query import Select
    from ..space.space import Space


def show_count(space: Space, query: Select, *, as_json: bool) -> None:
    """Print the number of rows."""
    from . import screen

    rows = query.count()
    if as_json:
        screen.print_json({"space": space.name, "rows": rows})
    else:
        screen.console().print(f"{rows:,} of {len(space):,} rows")


def show_facets(space: Space, query: Select, column: str, limit: int, *, as_json: bool) -> None:
    """Print the values of a column that most rows have, with their numbers."""
    from . import screen

    counted = query.facets(column, limit)
    if as_json:
        values = [{"value": value, "rows": rows} for value, rows in counted.rows()]
        screen.print_json({"space": space.name, "column": column, "values": values})
        return
    out = screen.console()
    if len(counted):
        out.print(screen.table(counted.rows(named=True), counted.columns, out.width, first=column))
    out.print(f"{len(counted)} values, of {len(space):,} rows", style="dim")
