"""sqlglot's parser, fed with the tokens that a predicate may have."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token

from ..errors import InvalidInput

_DIALECT = Dialect.get_or_raise("postgres")  # whose operators bind as ours: x > 0 IS NOT TRUE is (x > 0) IS NOT TRUE


def parse_tokens(tokens: list[Token], text: str) -> Any:
    """Return the one node that these tokens are; InvalidInput if they are none, or more than one."""
    try:
        (parsed,) = _DIALECT.parser().parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        raise InvalidInput(_reason(error)) from None
    except RecursionError:
        raise InvalidInput("where is nested too deeply for the calls that are open already") from None
    if parsed is None:
        raise InvalidInput("where is not a SQL predicate: nothing can be read")
    return parsed


def _reason(error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "")[:40]
    said = str(first.get("description") or "")
    if said.startswith("Invalid expression"):
        return f"where has more than a predicate: {near!r} and on"
    said = "something is missing" if said.startswith("Required keyword") else said[:120]
    return f"where is not a SQL predicate: {said} at {near!r}"
