"""What filters and facets cost at a million rows: cold, by index, cached, beside DuckDB, LanceDB, Polars and SQLite."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import harness

DIMS = 16  # the columns are what is measured
SECTIONS, TAGS, BATCH = 60, 40, 32_768
INDEXED = ("section", "year", "tags", "name")
BUDGETS = {"numeric": 10.0, "section": 1.0, "facets": 20.0}  # ms
_Counting = dict[str, Callable[[int], int]]  # question -> what answers it; a number makes it another question each time


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument("--rows", type=int, help="rows (default 1,000,000; 100,000 with --short)")
    options = parser.parse_args()
    rows = options.rows or (100_000 if options.short else 1_000_000)
    passes = options.passes or (5 if options.short else 15)
    frame = columns(rows)
    with harness.scratch() as folder:
        own = _kinspace(frame, folder, passes)
        contestants = {"kinspace": own.pop("questions"), **dict(_peers(frame, folder))}
        found = _in_turn(contestants, passes)
        own["cached"] = _cached(own.pop("space"), passes)
        own.pop("hub").close()
    _show(rows, found, own)
    harness.keep("filters", {"rows": rows, "milliseconds": found, **own})


def columns(rows: int) -> pl.DataFrame:
    """Packages, about: a skewed section, a size, an ascending year, three tags of forty, a name of its own."""
    rng = np.random.default_rng(7)
    share = 1 / np.arange(1, SECTIONS + 1) ** 1.1
    return pl.DataFrame(
        {
            "key": [f"k{row}" for row in range(rows)],
            "section": np.array([f"section-{i:02d}" for i in range(SECTIONS)])[
                rng.choice(SECTIONS, rows, p=share / share.sum())
            ],
            "installed_kib": rng.lognormal(6, 2, rows).astype(np.int64),
            "year": np.sort(rng.integers(1990, 2026, rows)),
            "tags": pl.Series(np.array([f"tag-{i}" for i in range(TAGS)])[rng.choice(TAGS, (rows, 3))]).arr.to_list(),
            "name": [f"package-{number}" for number in rng.permutation(rows)],
        }
    )


def _kinspace(frame: pl.DataFrame, folder: Path, passes: int) -> dict[str, Any]:
    import kinspace as ks
    from kinspace.space.columns.counting import count, facet_counts
    from kinspace.space.columns.masks import predicate_of

    rng = np.random.default_rng(8)
    hub = ks.connect(folder / "hub")
    space = hub.create_space("docs", dims=DIMS)
    for start in range(0, frame.height, BATCH):
        batch = frame[start : start + BATCH]
        vectors = rng.standard_normal((batch.height, DIMS)).astype(np.float32)
        space.load(batch.with_columns(vector=pl.Series(vectors)))
    space.compact()
    begin = time.perf_counter()
    space.index_column(*INDEXED)
    indexing = time.perf_counter() - begin
    space.index()

    def counted(where: str) -> int:
        view = space._store.view()
        return count(view, predicate_of(view, where))

    def faceted(column: str, where: str | None) -> int:
        view = space._store.view()
        return len(facet_counts(view, column, None if where is None else predicate_of(view, where), 10)[0])

    hub.close()
    hub = ks.connect(folder / "hub")  # nothing has been read
    space = hub.get_space("docs")
    view = space._store.view()
    equality, numeric = (predicate_of(view, where) for where in ("section = 'section-07'", "installed_kib < 999"))
    first = {
        "indexed equality": _milliseconds(lambda: count(view, equality)),
        "numeric filter": _milliseconds(lambda: count(view, numeric)),
    }
    numbers = itertools.count()
    compiling = _milliseconds(lambda: predicate_of(view, f"section = 'x' AND year < {next(numbers)}"), 50)
    questions: _Counting = {
        "numeric": lambda turn: counted(f"installed_kib < {1_000 + turn}"),
        "clustered": lambda turn: counted(f"year >= 2020 AND installed_kib < {1_000 + turn}"),
        "none": lambda turn: counted(f"year > {2_030 + turn}"),
        "section": lambda turn: counted(f"section = 'section-{turn % SECTIONS:02d}'"),
        "equality": lambda turn: counted(f"section = 'section-{turn % SECTIONS:02d}' AND year < {2_030 + turn}"),
        "unique": lambda turn: counted(f"name = 'package-{turn}'"),
        "facets": lambda turn: faceted("section", "installed_kib < 900"),
        "tag facets": lambda turn: faceted("tags", "installed_kib < 900"),
    }
    return {
        "space": space,
        "hub": hub,
        "questions": questions,
        "indexing": indexing,
        "first": first,
        "compiling": compiling,
    }


def _peers(frame: pl.DataFrame, folder: Path) -> Iterator[tuple[str, _Counting]]:
    """Each with its columns in memory if it has a way, and indexes on section and name where it has some."""
    yield "polars", _polars(frame)
    yield "sqlite", _sqlite(frame, folder / "rows.sqlite")
    for name, make in (("duckdb", _duckdb), ("lancedb", _lancedb)):
        try:
            yield name, make(frame, folder / name)
        except ImportError:
            print(f"{name} is not installed: left out")


def _polars(frame: pl.DataFrame) -> _Counting:
    def counted(*terms: pl.Expr) -> int:
        return int(frame.lazy().filter(*terms).select(pl.len()).collect().item())

    kib, year, section = pl.col("installed_kib"), pl.col("year"), pl.col("section")
    return {
        "numeric": lambda turn: counted(kib < 1_000 + turn),
        "clustered": lambda turn: counted(year >= 2020, kib < 1_000 + turn),
        "none": lambda turn: counted(year > 2_030 + turn),
        "section": lambda turn: counted(section == f"section-{turn % SECTIONS:02d}"),
        "equality": lambda turn: counted(section == f"section-{turn % SECTIONS:02d}", year < 2_030 + turn),
        "unique": lambda turn: counted(pl.col("name") == f"package-{turn}"),
        "facets": lambda turn: (
            frame.lazy().filter(kib < 900).group_by("section").len().top_k(10, by="len").collect().height
        ),
        "tag facets": lambda turn: (
            frame.lazy().filter(kib < 900).explode("tags").group_by("tags").len().top_k(10, by="len").collect().height
        ),
    }


def _sql(run: Callable[[str], int]) -> _Counting:
    """What DuckDB and SQLite understand alike."""
    where = "SELECT count(*) FROM rows WHERE"
    return {
        "numeric": lambda turn: run(f"{where} installed_kib < {1_000 + turn}"),
        "clustered": lambda turn: run(f"{where} year >= 2020 AND installed_kib < {1_000 + turn}"),
        "none": lambda turn: run(f"{where} year > {2_030 + turn}"),
        "section": lambda turn: run(f"{where} section = 'section-{turn % SECTIONS:02d}'"),
        "equality": lambda turn: run(f"{where} section = 'section-{turn % SECTIONS:02d}' AND year < {2_030 + turn}"),
        "unique": lambda turn: run(f"{where} name = 'package-{turn}'"),
        "facets": lambda turn: run(
            "SELECT count(*) FROM (SELECT section, count(*) AS n FROM rows WHERE installed_kib < 900 "
            "GROUP BY section ORDER BY n DESC LIMIT 10) AS found"
        ),
    }


def _sqlite(frame: pl.DataFrame, path: Path) -> _Counting:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE rows (key TEXT, section TEXT, installed_kib INTEGER, year INTEGER, name TEXT)")
    connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", frame.drop("tags").iter_rows())
    for column in ("section", "year", "name"):
        connection.execute(f"CREATE INDEX by_{column} ON rows ({column})")
    connection.execute("ANALYZE")
    connection.commit()
    return _sql(lambda statement: int(connection.execute(statement).fetchone()[0]))


def _duckdb(frame: pl.DataFrame, path: Path) -> _Counting:
    import duckdb

    parquet = path.with_suffix(".parquet")
    frame.write_parquet(parquet)
    connection = duckdb.connect(str(path))
    connection.execute(f"CREATE TABLE rows AS SELECT * FROM '{parquet}'")
    connection.execute("CREATE INDEX by_name ON rows (name)")
    connection.execute("CREATE INDEX by_section ON rows (section)")

    def run(statement: str) -> int:
        return int(connection.execute(statement).fetchall()[0][0])

    return {
        **_sql(run),
        "tag facets": lambda turn: run(
            "SELECT count(*) FROM (SELECT tag, count(*) AS n FROM (SELECT unnest(tags) AS tag FROM rows "
            "WHERE installed_kib < 900) GROUP BY tag ORDER BY n DESC LIMIT 10)"
        ),
    }


def _lancedb(frame: pl.DataFrame, path: Path) -> _Counting:
    import lancedb
    import pyarrow as pa
    from lancedb.index import Bitmap, BTree

    narrow = pa.schema({"key": pa.string(), "section": pa.string(), "installed_kib": pa.int64(), "year": pa.int64()})
    narrow = narrow.append(pa.field("name", pa.string()))  # it has no index of large strings
    table = lancedb.connect(path).create_table("rows", frame.drop("tags").to_arrow().cast(narrow))
    table.create_index("section", config=Bitmap())
    for column in ("year", "name", "installed_kib"):
        table.create_index(column, config=BTree())
    return {
        "numeric": lambda turn: table.count_rows(f"installed_kib < {1_000 + turn}"),
        "clustered": lambda turn: table.count_rows(f"year >= 2020 AND installed_kib < {1_000 + turn}"),
        "none": lambda turn: table.count_rows(f"year > {2_030 + turn}"),
        "section": lambda turn: table.count_rows(f"section = 'section-{turn % SECTIONS:02d}'"),
        "equality": lambda turn: table.count_rows(
            f"section = 'section-{turn % SECTIONS:02d}' AND year < {2_030 + turn}"
        ),
        "unique": lambda turn: table.count_rows(f"name = 'package-{turn}'"),
    }


def _in_turn(contestants: dict[str, _Counting], passes: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Milliseconds by question and contestant; each question once before, which is not counted."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for question in contestants["kinspace"]:
        asked = {name: each[question] for name, each in contestants.items() if question in each}
        turns = {name: itertools.count() for name in asked}
        answers = {name: ask(500) for name, ask in asked.items()}
        if len(set(answers.values())) > 1:
            raise SystemExit(f"{question}: the answers differ: {answers}")

        def once(name: str, ask: Callable[[int], int], turns: Any = turns) -> Callable[[], float]:
            return lambda: _milliseconds(lambda: ask(next(turns[name])))

        measured = harness.in_turn({name: once(name, ask) for name, ask in asked.items()}, passes, more_is_better=False)
        found[question] = {name: one.json() for name, one in measured.items()}
    return found


def _cached(space: Any, passes: int) -> dict[str, float]:
    """Microseconds that a filter which has been asked before adds to a query that it allows every row of."""
    from kinspace.space.columns.masks import masks_where

    where = "installed_kib >= 0"
    query = np.random.default_rng(9).standard_normal(DIMS).astype(np.float32)
    view = space._store.view()
    masks = masks_where(view, where)
    calls = {
        "looked up": lambda: masks_where(view, where),
        "without": lambda: space.nearest_neighbors(10, vector=query),
        "with": lambda: space.nearest_neighbors(10, vector=query, where=where),
        "core without": lambda: view.scan.nearest(query, 10),
        "core with": lambda: view.scan.nearest(query, 10, masks=masks),
        "two rows": lambda: space.nearest_neighbors(10, vector=query, where="name IN ('package-1', 'package-2')"),
    }
    return {name: min(_milliseconds(call, 200) for _ in range(passes + 1)) * 1e3 for name, call in calls.items()}


def _milliseconds(work: Callable[[], object], times: int = 1) -> float:
    """Of one call: the quickest."""
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best * 1e3


def _show(rows: int, found: dict[str, dict[str, dict[str, Any]]], own: dict[str, Any]) -> None:
    names = list(found["numeric"])
    told = {
        "numeric": "installed_kib < x, never asked before",
        "clustered": "year >= 2020 AND installed_kib < x",
        "none": "year > x, which no row is",
        "section": "section = x, indexed",
        "equality": "section = x AND year < y, indexed",
        "unique": "name = x, indexed, one row",
        "facets": "section's ten most frequent, filtered",
        "tag facets": "tags' ten most frequent, filtered",
    }
    table = [
        [
            told[question],
            *(f"{each[name]['best']:.2f} ms" if name in each else "–" for name in names),
            f"{BUDGETS[question]:.0f} ms" if question in BUDGETS else "",
        ]
        for question, each in found.items()
    ]
    harness.show(f"**{rows:,} rows**, counting those that match", ["", *names, "budget"], table)
    cached, first = own["cached"], own["first"]
    added = cached["core with"] - cached["core without"]
    table = [
        ["a cached filter is looked up", f"{cached['looked up']:.1f} µs", ""],
        ["… and adds to a search by index that it allows every row of", f"{added:.1f} µs", "20 µs"],
        ["nearest_neighbors without, with it", f"{cached['without']:.0f}, {cached['with']:.0f} µs", ""],
        ["nearest_neighbors among two rows", f"{cached['two rows']:.0f} µs", ""],
        ["indexed equality, first question to a space just opened", f"{first['indexed equality']:.1f} ms", ""],
        ["numeric filter, likewise: the column is read and checked", f"{first['numeric filter']:.1f} ms", ""],
        ["of each question: the SQL is parsed and checked", f"{own['compiling']:.2f} ms", ""],
        [f"index_column({', '.join(INDEXED)})", f"{own['indexing']:.1f} s", ""],
    ]
    harness.show("**Kinspace alone**", ["", "measured", "budget"], table)


if __name__ == "__main__":
    main()
