"""No text reaches anything but the rows: whatever it is, it is a predicate over the columns or InvalidInput."""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from kinspace import InvalidInput
from kinspace.filter import compile_predicate
from kinspace.filter.sql import _READERS
from rows import FRAME, keys
from thorough import rounds, some

SCHEMA = FRAME.schema


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("kib\n100\n")
    return path


ATTEMPTS = [
    "kib IN (SELECT kib FROM read_csv('{}'))",
    "kib IN (FROM read_csv('{}'))",
    "kib = (TABLE read_csv('{}'))",
    "kib IN (WITH x AS (SELECT 1) SELECT * FROM x)",
    "kib = 1 UNION ALL SELECT kib FROM read_csv('{}')",
    "kib = 1 INTERSECT SELECT 1",
    "kib = 1; COPY x TO '{}'",
    "kib = 1; ATTACH '{}'",
    "read_csv('{}') = 1",
    "read_text('{}') = 'x'",
    "load_extension('{}')",
    "getenv('HOME') = 'x'",
    "pg_read_file('{}') = 'x'",
    "eval('1') = 1",
    "kib = ANY(SELECT 1)",
    "kib = ALL(VALUES (1))",
    "EXISTS(SELECT 1)",
    "'{}' IN (FROM x)",
    "title = E'\\' OR kib IN (SELECT 1) --'",
    "title = $$x$$",
    "title = $x$ OR TRUE $x$",
    "title = 'a' 'b'",
    "title = 'a' /* ' */ OR TRUE",
    "title = 'a' -- '\n OR TRUE",
    "title = 'a' # x",
    "title = 'a' {{# x #}} OR TRUE",
    "{{{{ title }}}} = 'a'",
    "{{% if x %}} kib = 1 {{% endif %}}",
    "kib = @x",
    "kib = @@version",
    "kib = ?",
    "kib = $1",
    "kib = %s",
    "kib = 1 \\g",
    "kib :: INT[]  = 1",
    "kib::STRUCT<a INT> = 1",
    "CAST(kib AS DECIMAL(1, 1)) = 1",
    "kib -> 'x' = 1",
    "kib ->> '$.x' = 1",
    "made['by'] = 'me'",
    "tags[0] = 'x'",
    "[kib] = 1",
    "{{'a': 1}} = made",
    "kib COLLATE x = 1",
    "kib AT TIME ZONE 'UTC' = 1",
    "kib = 1 WINDOW w AS ()",
    "kib = 1 GROUP BY kib",
    "kib = 1 QUALIFY 1",
    "sum(kib) FILTER (WHERE free) = 1",
    "sum(DISTINCT kib) = 1",
    "x -> x + 1 = 1",
    "list_transform(tags, x -> x) = tags",
    "kib := 5",
    "LAMBDA x: x = 1",
    "kib = 1 INTO OUTFILE '{}'",
    "NEXT VALUE FOR x = 1",
    "PRIOR kib = 1",
    "CONNECT_BY_ROOT kib = 1",
    "IF(free, 1, 2) = 1",
    "TRY_CAST(kib AS INT) = 1",
    "JSON '[1]' = 1",
    "kib IS JSON",
    "kib BETWEEN SYMMETRIC 1 AND 2",
    "kib SIMILAR TO 'x'",
    "kib GLOB 'x'",
    "kib RLIKE 'x'",
    "tags @> tags",
    "kib & 1 = 1",
    "kib ^ 2 = 1",
    "kib << 1 = 2",
    "~kib = 1",
    "!free",
    "kib ?? 1 = 1",
    "kib LIKE ANY ('a')",
    '"max"(kib) = 1',
    '"read_csv"(kib) = 1',
    "x.y.z.read_csv(kib) = 1",
    "made.lower(kib) = 1",
    "*",
    "docs.* = 1",
    "COLUMNS(*) = 1",
    "kib = 1 AND",
    "AND kib = 1",
    "kib = = 1",
    "()",
    "(kib, free) = (1, 2)",
    "kib IN (1, (SELECT 1))",
    "kib IN ()",
    "kib IN kib",
    "kib BETWEEN 1",
    "kib IS",
    "kib IS 5",
    "CASE END",
    "CASE kib END = 1",
    "CASE WHEN free END",
    "CASE WHEN free THEN END",
    "CASE WHEN free THEN TRUE, FALSE END",
    "CASE WHEN (free THEN TRUE) END",
    "END",
    "DATE 'x' = day",
    "DATE '2024-02-30' = day",
    "INTERVAL '1 month' > INTERVAL '1 day'",
    "INTERVAL '1' = INTERVAL '1'",
    "when > TIMESTAMP '2024-01-01 00:00:00+01:00'",
    "kib = 1e999",
    "kib = " + "9" * 100,
    "kib = " + "9" * 5_000,
    "kib = 1_000",
    "kib = 0x1F",
    "kib = 1abc",
    "\0",
    "kib\0 = 1",
    "kib = '\ud800'",
    "\u202ekib = 1",
    "kib \u037e DROP TABLE x",
    "kib = \uff10",
]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[f"{n} {text[:30]!a}" for n, text in enumerate(ATTEMPTS)])
def test_an_attempt_at_more_is_refused(attempt: str, secret: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_predicate(attempt.format(secret), SCHEMA)
    assert "100" not in str(caught.value).replace(str(secret), "")
    assert caught.value.__cause__ is None


def test_a_quoted_name_or_string_is_only_that(secret: Path) -> None:
    frame = FRAME.with_columns(pl.lit(1).alias(f"SELECT * FROM read_csv('{secret}') --"))
    assert keys(f"\"SELECT * FROM read_csv('{secret}') --\" = 1", frame) == "abcde"
    assert keys("title = 'x'' OR TRUE OR title = '''") == ""
    assert keys("title = 'E''\\'' OR 1=1 --'") == ""
    assert keys('`quote"d` = 3') == "c"


WORDS_OF_SQL = """select from where union case when then else end cast as date time timestamp interval extract substring
escape distinct any all some exists values over if next prior limit offset order by group having with table now today
current primary row range first last left inner outer cross join on using natural lateral collate at zone filter within
desc asc replace insert update delete create drop set show use begin commit comment pivot unnest array map struct json
text int float double boolean decimal char binary trim position"""


@pytest.mark.parametrize("word", WORDS_OF_SQL.split())
def test_a_column_may_have_the_name_of_any_word_of_sql(word: str) -> None:
    frame = pl.DataFrame({"key": ["a", "b"], word: [1, 2], "made": [{word: 1}, {word: 2}]})
    assert keys(f'"{word}" = 2', frame) == "b"
    assert keys(f"made.{word} = 2 AND `{word}` IN (2, 3)", frame) == "b"
    if word not in ("select", "from"):
        assert keys(f"{word} = 2 AND NOT {word} IS NULL AND ({word} > 1)", frame) == "b"


PRECEDENCE = [
    ("kib = 0 OR free AND kib > 1", "kib = 0 OR (free AND kib > 1)"),
    ("NOT free AND free", "(NOT free) AND free"),
    ("NOT kib = 0", "NOT (kib = 0)"),
    ("NOT kib IS NULL", "NOT (kib IS NULL)"),
    ("NOT kib IN (0)", "NOT (kib IN (0))"),
    ("NOT kib BETWEEN 1 AND 2 AND free", "(NOT (kib BETWEEN 1 AND 2)) AND free"),
    ("NOT title LIKE 'a%' OR free", "(NOT (title LIKE 'a%')) OR free"),
    ("kib > 0 IS NULL", "(kib > 0) IS NULL"),
    ("kib + 1 > 2 IS TRUE", "((kib + 1) > 2) IS TRUE"),
    ("kib = 0 IS NOT DISTINCT FROM free", "(kib = 0) IS NOT DISTINCT FROM free"),
    ("kib IS DISTINCT FROM 0 AND free", "(kib IS DISTINCT FROM 0) AND free"),
    ("kib - 1 - 2 = 0", "((kib - 1) - 2) = 0"),
    ("kib + 2 * 3 = 0", "(kib + (2 * 3)) = 0"),
    ("kib / 2 * 3 = 0", "((kib / 2) * 3) = 0"),
    ("-kib + 1 = 0", "((-kib) + 1) = 0"),
    ("kib = -1 + 2", "kib = ((-1) + 2)"),
    ("-kib::text = '1'", "-(kib::text) = '1'"),
    ("title || 'a' = 'b'", "(title || 'a') = 'b'"),
    ("kib BETWEEN 1 + 1 AND 2 * 3 OR free", "(kib BETWEEN (1 + 1) AND (2 * 3)) OR free"),
    ("free = kib > 0", "(free = kib) > 0"),
]


@pytest.mark.parametrize(("text", "bracketed"), PRECEDENCE[:16] + PRECEDENCE[17:19], ids=lambda text: text)
def test_operators_bind_as_in_sql(text: str, bracketed: str) -> None:
    assert compile_predicate(text, SCHEMA).key == compile_predicate(bracketed, SCHEMA).key


def test_words_in_any_order_are_a_predicate_or_refused() -> None:
    words = [
        "kib",
        "=",
        "1",
        "AND",
        "NOT",
        "(",
        ")",
        "free",
        "IS",
        "NULL",
        "BETWEEN",
        ",",
        "CASE",
        "WHEN",
        "END",
        "-",
        ".",
    ]
    accepted = 0
    for order in some(itertools.product(words, repeat=3), 1_000):
        try:
            compile_predicate(" ".join(order), SCHEMA)
            accepted += 1
        except InvalidInput:
            continue
    assert accepted


WORDS_OF_PREDICATES = """kib free title tags ( ) = < AND OR NOT IN IS NULL 'x' 1 , - CASE WHEN THEN ELSE END BETWEEN
LIKE ESCAPE DATE CAST AS INT :: . ANY DISTINCT FROM SELECT :x lower * / || extract INTERVAL "kib" \0 é"""


@given(
    st.lists(
        st.sampled_from(WORDS_OF_PREDICATES.split()),
        max_size=14,
    )
    | st.text(max_size=40)
)
@settings(max_examples=rounds(80, 20_000))
def test_any_text_is_a_predicate_or_refused(words) -> None:
    text = words if isinstance(words, str) else " ".join(words)
    try:
        found = compile_predicate(text, SCHEMA).evaluate(FRAME)
    except InvalidInput:
        return
    assert found.shape == (FRAME.height,)


NESTED = ["(" * 32 + "free" + ")" * 32, "NOT " * 32 + "free", "abs(" * 31 + "kib" + ")" * 31 + " = 1"]
TOO_DEEP = [
    "(" * 33 + "free" + ")" * 33,
    "NOT " * 33 + "free",
    "- " * 33 + "kib = 1",
    "NOT free = " * 33 + "free",
    "kib BETWEEN NOT " * 40 + "free",
    "CASE WHEN free THEN " * 33 + "free" + " END" * 33,
    "kib" + " + 1" * 100 + " = 1",
    "kib = 1" + " IS NULL" * 100,
    "kib" + "::INT" * 100 + " = 1",
    "title" + " || 'a'" * 5_000 + " = 'x'",
    " OR ".join(["kib = 1"] * 2_000),
]


def test_what_is_nested_as_deep_as_may_be_works_far_down_the_stack() -> None:
    def down(frames: int) -> None:
        if frames:
            return down(frames - 1)
        for text in NESTED:
            compile_predicate(text, {"free": pl.Boolean(), "kib": pl.Int64()})
        for text in TOO_DEEP:
            with pytest.raises(InvalidInput):
                compile_predicate(text, SCHEMA)
        return None

    down(100)
    thread = threading.Thread(target=down, args=(0,))
    thread.start()
    thread.join()


def test_a_stack_that_is_full_already_is_an_error_at_most_and_not_a_crash() -> None:
    def down(frames: int) -> None:
        if frames:
            return down(frames - 1)
        try:
            compile_predicate("(" * 32 + "free = TRUE" + ")" * 32, {"free": pl.Boolean()})
        except InvalidInput as error:  # a compiled parser has room enough
            assert "nested too deeply" in str(error)  # noqa: PT017  # it may as well be none
        return None

    used = len(__import__("inspect").stack())
    down(sys.getrecursionlimit() - used - 200)


def test_the_nodes_that_may_come_are_the_nodes_that_are_read() -> None:
    wanted = """Add And Anonymous Between Boolean Cast Column DPipe Div Dot EQ Escape GT GTE ILike In Is LT LTE Like
    Literal Mod Mul NEQ Neg Not Null NullSafeEQ NullSafeNEQ Or Sub"""
    assert sorted(node.__name__ for node in _READERS) == sorted(wanted.split())
