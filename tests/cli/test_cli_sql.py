"""kinspace sql."""

from __future__ import annotations

import kinspace as ks
from shell import Shell


def filled(shell: Shell) -> None:
    with ks.connect(shell.hub) as hub:
        docs = hub.create_space("docs", dims=2)
        docs.multiset([("a", [1, 0], {"title": "Alpha"}), ("b", [0, 1], {"title": "Beta"})])


def test_a_statement_is_answered_as_a_table(shell: Shell) -> None:
    filled(shell)
    told = shell.run("sql", "select id, title, _dist as far from docs order by emb <=> '[0, 1]'")
    assert told.index("Beta") < told.index("Alpha")
    assert "2 rows" in told


def test_parameters_are_json_or_text(shell: Shell) -> None:
    filled(shell)
    text = "select key, _dist from docs where title = :t order by vector <=> :q limit :k"
    told = shell.json("sql", text, "--param", "t=Beta", "-p", "q=[0,1]", "-p", "k=3", "--exact")
    assert told["rows"] == [{"key": "b", "_dist": 0.0}]


def test_what_is_wrong_with_a_statement_is_said(shell: Shell) -> None:
    filled(shell)
    shell.fails("sql", "drop table docs", kind="invalid-input", told="one SELECT")
    shell.fails("sql", "select key from docs", "--param", "q", kind="invalid-input", told="NAME=VALUE")
