"""docs/explain.md shows what its code prints: the stages, and what they tell, but for times."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"
TIME = re.compile(r"[0-9.]+ (ns|µs|ms|s)\b")
EXACT = {"rows", "row", "dead", "allowed", "hits", "segment"}  # the others may differ a little from machine to machine


def facts(printed: str) -> list[str]:
    """What a tree tells, in order, however its lines are broken."""
    lines = [line for line in printed.splitlines() if "(between the stages)" not in line]
    flat = re.sub(r"[│├└─\s]+", " ", TIME.sub("", "\n".join(lines)))
    return [fact.strip() for fact in re.split("[,:]", flat)]


def test_the_tree_on_the_page_is_what_its_code_prints(capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    code, tree = re.findall(r"^```(?:python)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[:2]
    names: dict[str, object] = {}
    exec(compile(code, "<explain.md>", "exec"), names)  # noqa: S102  # our own text, shown to be right
    printed = capsys.readouterr().out
    for mine, its in zip(facts(tree), facts(printed), strict=True):
        count, others = re.match(r"([0-9]*) *(.*)", mine).groups()  # type: ignore[union-attr]  # it matches anything
        if count and not EXACT & set(others.split()):
            number, theirs = re.match(r"([0-9]*) *(.*)", its).groups()  # type: ignore[union-attr]
            assert theirs == others
            assert int(number) == pytest.approx(int(count), rel=0.3, abs=3)
        else:
            assert mine == its


def test_every_fact_of_a_part_is_on_the_page() -> None:
    from kinspace.space.parts.traced import _FACTS, _WAYS

    text = PAGE.read_text(encoding="utf-8")
    for name in (*_FACTS.values(), *_WAYS.values()):
        assert name.replace("_", " ") in text
