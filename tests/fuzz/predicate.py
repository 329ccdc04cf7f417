"""Fuzzing of SQL predicates: any text is a filter that can be evaluated, or InvalidInput."""

from __future__ import annotations

from pathlib import Path

from driver import Target, main

SEEDS = [
    "n > 3 AND t = 'a'",
    "n IN (1, 2, 3) OR NOT (x < 0.5)",
    "t LIKE 'a%' AND n IS NOT NULL",
    "n BETWEEN 1 AND 5",
    "day >= DATE '2024-01-31'",
    "array_contains(l, 'a')",
    "b IS TRUE OR b IS NOT FALSE",
    "lower(t) || upper(t) = 'aA'",
    "n IS DISTINCT FROM 3",
    "CAST(n AS VARCHAR) = '1'",
    "CASE WHEN n > 1 THEN b ELSE NOT b END",
    '"n" % 2 = 0 AND `x` + 1.5e3 <> -n::DOUBLE',
    "substring(t FROM 1 FOR 2) = 'ab' OR extract(year FROM day) = 2024",
    "'a' = ANY(l) AND 'b' <> ALL(l)",
    "day > current_date - INTERVAL '7 days'",
    "t LIKE '!%%' ESCAPE '!' OR t::date = day",
    "CASE n WHEN 1 THEN 'a' ELSE t END IN ('a', 'b')",
]
LEXICON = """
AND OR NOT IN BETWEEN LIKE ILIKE IS NULL TRUE FALSE DISTINCT FROM CASE WHEN THEN ELSE END CAST AS DATE INTERVAL EXISTS
SELECT VALUES ANY ALL ESCAPE TIMESTAMP UNION OVER ORDER BY
lower( upper( abs( round( coalesce( nullif( length( strpos( array_contains(
array_length( unnest( count( sum( max( read_csv( year day n t x b l
( ) , ' " ` :: <=> <> <= >= = == || -- /* */ ; $$ ? : @
E' X' 0x 1e308 9223372036854775808 \\ [ ] { }
"""


def make(_: Path) -> tuple[Target, list[bytes]]:
    """The target, over a few rows with a column of every kind."""
    from datetime import date

    import polars as pl

    from kinspace.errors import InvalidInput
    from kinspace.filter.predicate import compile_predicate

    frame = pl.DataFrame(
        {
            "n": [1, None, -3],
            "x": [0.5, float("nan"), None],
            "t": ["a", "", None],
            "b": [True, False, None],
            "day": [date(2024, 1, 31), None, date(1, 1, 1)],
            "l": [["a"], [], None],
        }
    )

    def target(data: bytes) -> None:
        try:
            found = compile_predicate(data.decode(errors="replace"), frame.schema).evaluate(frame)
        except InvalidInput:
            return
        assert found.shape == (3,)
        assert found.dtype == bool

    return target, [seed.encode() for seed in SEEDS]


if __name__ == "__main__":
    main("predicate", make, LEXICON.split())
