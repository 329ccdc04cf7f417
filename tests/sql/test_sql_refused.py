"""No text reaches anything but the spaces of its hub, and what is refused is refused at once, as InvalidInput."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks
from kinspace import Hub

DOCS = "select id from docs"
DISTANCE = "emb <=> '[1,2,3,4]'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one SELECT"),
        (";", "one SELECT"),
        ("drop table docs", "one SELECT"),
        ("insert into docs values (1)", "one SELECT"),
        ("copy docs to '/tmp/x'", "one SELECT"),
        ("set hnsw.ef_search = 3", "one SELECT"),
        ("values (1)", "one SELECT"),
        ("from docs select id", "one SELECT"),
        ("explain select id from docs", "one SELECT"),
        ("(select id from docs)", "one SELECT"),
        ("with a as (select 1) select * from a", "one SELECT"),
        (f"{DOCS}; drop table docs", "several statements"),
        (f"{DOCS};;{DOCS}", "several statements"),
        (f"{DOCS} union {DOCS}", "UNION"),
        ("select 1", "no FROM"),
        ("select from docs", "no columns"),
        ("select id from docs, l2", "joins"),
        ("select id from docs join l2 using (key)", "DuckDB"),
        ("select id from docs d cross join lateral (select 1) x", "joins"),
        ("select id from (select * from docs) d", "space's name"),
        ("select id from read_csv('/etc/passwd')", "no function"),
        ("select id from read_parquet('x')", "no function"),
        ("select id from unnest([1,2])", "space's name|SELECT"),
        ("select id from public.docs", "a schema"),
        ("select id from docs tablesample (3)", "SAMPLE"),
        ("select id from only docs", "ONLY"),
        ("select id from docs as d(a, b)", "COLUMNS"),
        (f"{DOCS} for update", "FOR UPDATE"),
        ("select id into x from docs", "INTO"),
        ("select distinct section from docs", "group by section"),
        ("select distinct on (section) id from docs", "group by section"),
        ("select section, count(*) from docs group by section having count(*) > 3", "HAVING"),
        (f"{DOCS} window w as (order by id)", "windows"),
        ("select row_number() over () as r from docs", "count"),
        ("select sum(score) as s from docs", "count"),
        ("select count(score) from docs", "count"),
        ("select count(distinct section) from docs", "count"),
        ("select avg(embedding) from docs", "count"),
        ("select id, count(*) from docs", "GROUP BY"),
        ("select count(*) from docs order by id", "one row"),
        ("select section, year, count(*) from docs group by section, year", "one column"),
        ("select year, count(*) from docs group by section", "the column and count"),
        ("select tags, count(*) from docs group by tags", "cannot group"),
        ("select section from docs group by section order by year", "ordered by"),
        ("select section from docs group by rollup (section)", "one SELECT|one column"),
        ("select title, score + 1 from docs", "needs a name"),
        ("select id, id from docs", "called 'id'"),
        ("select *, title from docs", "called 'title'"),
        ("select l2.* from docs", "no table"),
        ("select docs.id from docs d", "no column"),
        ("select nothing from docs", "no column 'nothing'"),
        ("select pg_read_file('/etc/passwd') as x from docs", "no function pg_read_file"),
        ("select (select 1) as x from docs", "subquery"),
        (f"{DOCS} where id = (select key from docs limit 1)", "subquery"),
        (f"{DOCS} where exists (select 1)", "subquery"),
        (f"{DOCS} where id in (select key from docs)", "subquery"),
        (f"{DOCS} where /* x */ id = 'a' /* y */ and id = 'b'", "comment"),
        (f"{DOCS} where id = E'a'", "prefixed|not a SQL|cannot"),
        (f"{DOCS} where id = $$a$$", "not a SQL|where"),
        (f"{DOCS} where score ~ 'a'", "."),
        (f"{DOCS} where {DISTANCE} > 0.3", "one bound"),
        (f"{DOCS} where {DISTANCE} < score", "one bound"),
        (f"{DOCS} where {DISTANCE} = 0.3", "one bound"),
        (f"{DOCS} where not {DISTANCE} < 0.3", "one bound"),
        (f"{DOCS} where {DISTANCE} < 0.3 or year > 3", "one bound"),
        (f"{DOCS} where {DISTANCE} between 0 and 1", "one bound"),
        (f"{DOCS} where {DISTANCE} < 0.3 and {DISTANCE} < 0.2", "two bounds"),
        (f"{DOCS} where {DISTANCE} < {DISTANCE}", "one bound"),
        (f"{DOCS} order by {DISTANCE} desc", "nearest first"),
        (f"{DOCS} order by {DISTANCE}, id", "nearest first"),
        (f"{DOCS} where {DISTANCE} < 1 order by year", "ordered by it"),
        (f"{DOCS} order by emb <-> '[1,2,3,4]'", "measured by cosine, whose operator is <=>"),
        (f"{DOCS} order by emb <+> '[1,2,3,4]'", "no space is measured by l1"),
        (f"{DOCS} order by title <=> '[1,2,3,4]'", "called 'vector'"),
        (f"{DOCS} order by emb <=> title", "stands between"),
        (f"{DOCS} order by emb <=> 3", "a distance is from"),
        (f"{DOCS} order by emb <=> random()", "a distance is from"),
        (f"{DOCS} order by emb <=> '[1,2,3,4]'::text", "cast to"),
        (f"{DOCS} order by emb <=> (select emb from docs)", "row's vector"),
        (f"{DOCS} order by emb <=> (select emb from docs where title = 'a')", "by its key"),
        (f"{DOCS} order by emb <=> (select emb from docs where id = 'a' limit 1)", "row's vector"),
        ("select 1 - emb <=> '[1,2,3,4]' as s from docs", "stands between"),
        ("select id, _dist from docs", "no nearest|no query|_dist"),
        (f"{DOCS} where _dist < 0.3", "_dist"),
        (f"{DOCS} order by _dist", "_dist"),
        (f"{DOCS} order by 1", "by their names"),
        (f"{DOCS} order by year + 1", "by their names"),
        (f"{DOCS} order by made.by", "no fields"),
        (f"{DOCS} order by year nulls first", "nulls come last"),
        (f"{DOCS} order by year using >", "not a SQL|one SELECT|among"),
        (f"{DOCS} limit 1.5", "whole number"),
        (f"{DOCS} limit -1", "whole number"),
        (f"{DOCS} limit (select 1)", "whole number"),
        (f"{DOCS} fetch first 3 rows only", "LIMIT and OFFSET"),
        (f"{DOCS} limit 3 with ties", "not a SQL|LIMIT"),
        ("select id from docs where title = '\ud800'", "Unicode"),
        ("select id from docs where title = 'a\x00", "not a SQL"),
        ("select id, from_ from docs where", "."),
        (f"select {'(' * 40}1{')' * 40} as x from docs", "nested too deeply"),
        (f"{DOCS} where {'not ' * 3000}true", "nested too deeply|words"),
        (f"{DOCS} where year in ({','.join(['1'] * 9000)})", "more than 10,000 words"),
        (f"{DOCS} where title = '{'x' * 70_000}'", "longer than"),
    ],
)
def test_what_is_no_select_of_one_space_is_refused(hub: Hub, text: str, message: str) -> None:
    with pytest.raises(ks.InvalidInput, match=message):
        hub.sql(text)


@pytest.mark.parametrize("text", [3, None, b"select id from docs", ["select"]])
def test_a_statement_is_text(hub: Hub, text: Any) -> None:
    with pytest.raises(ks.InvalidInput, match="statement"):
        hub.sql(text)


def test_no_file_is_a_table(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    hub.get_space("docs").to_polars().write_parquet(path)
    for source in (
        f"'{path}'",
        f'"{path}"',
        '"information_schema"',
        "pg_catalog",
        '"hub.sqlite"',
        '"../docs"',
        '"docs@"',
    ):
        with pytest.raises((ks.SpaceNotFound, ks.SnapshotNotFound)):
            hub.sql(f"select * from {source}")


def test_a_comment_between_clauses_says_nothing(hub: Hub) -> None:
    text = "select id -- drop table docs\n from docs /* where */ where year > 2020 -- and so on"
    assert hub.sql(text).equals(hub.sql("select id from docs where year > 2020"))


def test_whatever_the_words_are_the_answer_is_a_frame_or_an_error_of_ours(hub: Hub) -> None:
    words = """select from where group by order limit offset and or not in between is null as distinct union all docs
        id key vector emb title section count(*) . , ( ) [ ] * + - / % < <= = <> <=> <-> <#> :q $1 ? %s ::
        '[1,2,3,4]' 'a' 3 0.5 -- /* ; " ' E' b'101' sum( _dist date any( exists( over() cast( array[1] @ #
        | ~ for lateral desc nulls"""
    base = f"select id , _dist from docs where year > 2000 and {DISTANCE} < 0.9 order by {DISTANCE} limit 3".split()
    choice = random.Random(3)
    answered = 0
    for _ in range(400):
        text = list(base)
        for _ in range(choice.randint(1, 4)):
            at = choice.randrange(len(text))
            text[at : at + choice.randint(0, 1)] = [choice.choice(words.split())]
        try:
            hub.sql(" ".join(text), choice.choice([None, {"q": [1, 2, 3, 4]}, [[1, 2, 3, 4]]]))
            answered += 1
        except (ks.InvalidInput, ks.SpaceNotFound, ks.KeyNotFound):
            pass
    assert answered


@pytest.mark.parametrize(
    "unit", ["array[1,", "int[", "date(", "struct(", "f(", "(", "cast(", "case when ", "x[", "(a = "]
)
def test_nested_brackets_take_no_long_time_to_read(hub: Hub, unit: str) -> None:
    closing = {"array[1,": "]", "int[": "]", "x[": "]", "cast(": " as int)", "case when ": " then 1 end"}.get(unit, ")")
    begin = time.process_time()
    with pytest.raises(ks.InvalidInput):
        hub.sql(f"select {unit * 30}nothing{closing * 30} as x from docs")
    assert time.process_time() - begin < 2


def test_a_closed_hub_answers_nothing() -> None:
    hub = ks.connect(":memory:")
    hub.create_space("docs", dims=1)
    hub.close()
    with pytest.raises(ks.Closed):
        hub.sql("select id from docs")
