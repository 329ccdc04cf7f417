"""The Python of docs/select.md runs, and what its comments say of the answers is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "select.md"
SAID = re.compile(r"^(?P<code>[^#\n]+?)  # (?:.*: )?(?P<answer>\[.*\]|\d+|None)(?:: .*)?$")


def test_the_page_on_select_says_what_is_so() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    compared = 0
    for block in blocks:
        for statement in ast.parse(block).body:
            lines = block.splitlines()[statement.lineno - 1 : statement.end_lineno]
            said = SAID.match(lines[-1]) if isinstance(statement, ast.Expr) else None
            if said is None:
                exec(compile(ast.Module([statement], []), "<select.md>", "exec"), names)  # noqa: S102  # our own text
                continue
            answer = eval(compile(ast.Expression(statement.value), "<select.md>", "eval"), names)  # noqa: S307
            assert answer == ast.literal_eval(said["answer"]), lines[-1]
            compared += 1
    assert compared == 8
    assert names["space"].select().facets("section").rows() == [("games", 3), ("web", 2), ("art", 1)]
