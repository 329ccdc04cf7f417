from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from kinspace.demo import Docstring, docstrings, walk


@pytest.fixture(scope="module")
def found() -> dict[str, Docstring]:
    return {docstring.key: docstring for docstring in walk()}


def test_there_are_thousands_of_docstrings_of_every_kind(found: dict[str, Docstring]) -> None:
    assert len(found) > 3_000
    kinds = Counter(docstring.kind for docstring in found.values())
    assert set(kinds) == {"module", "class", "function", "method"}
    assert min(kinds.values()) > 100


@pytest.mark.parametrize(
    ("key", "kind", "signature"),
    [
        ("textwrap", "module", ""),
        ("textwrap.dedent", "function", "(text)"),
        ("fractions.Fraction", "class", "(numbers.Rational)"),
        ("configparser.RawConfigParser.has_section", "method", "(section)"),
        ("random.shuffle", "function", "(x)"),
        ("os.path.join", "function", None),
        ("pathlib.Path", "class", None),
        ("math.sqrt", "function", "(x, /)"),
        ("concurrent.futures.Future", "class", None),
        ("os.getcwd", "function", "()"),
    ],
)
def test_a_row_says_what_a_thing_is_and_how_it_is_called(
    found: dict[str, Docstring], key: str, kind: str, signature: str | None
) -> None:
    row = found[key]
    assert row.kind == kind
    assert f"{row.module}.{row.name}" == key or row.kind == "module"
    if signature is not None:
        assert row.signature == signature


def test_rows_are_whole(found: dict[str, Docstring]) -> None:
    for row in found.values():
        assert row.summary
        assert "\n" not in row.summary
        assert row.length == len(row.doc) > 0
        assert row.text.startswith(row.key)
        assert not row.name.startswith("_")


def test_every_module_named_can_be_a_module_of_the_standard_library(found: dict[str, Docstring]) -> None:
    assert {row.module.partition(".")[0] for row in found.values()} <= sys.stdlib_module_names
    assert not any(part in row.module.split(".") for row in found.values() for part in ("test", "idlelib"))


def test_walking_prints_nothing_warns_of_nothing_and_imports_neither_programs_nor_jokes() -> None:
    code = (
        "import sys; from kinspace.demo import walk; before = set(sys.modules); n = len(list(walk()))\n"
        "new = set(sys.modules) - before\n"
        "assert n > 3000 and not {'this', 'antigravity', 'tkinter', 'turtle', 'idlelib', 'test'} & new, new"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_docstrings_are_keys_texts_and_columns_of_one_length(
    found: dict[str, Docstring], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.demo.walk", lambda: iter(found.values()))
    keys, texts, columns = docstrings()
    assert len(keys) == len(set(keys)) == len(texts)
    assert list(columns) == ["module", "kind", "name", "signature", "summary", "length"]
    assert {len(values) for values in columns.values()} == {len(keys)}
