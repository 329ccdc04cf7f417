"""A text as a statement: that it is one, and none that takes long to read."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import InvalidInput
from .clauses import Clauses
from .dialect import Pgvector, parse
from .placeholders import find_placeholders
from .statement import ELSEWHERE, TAKES, Statement

MAX_BYTES = 65_536  # of UTF-8
MAX_TOKENS = 10_000
MAX_NESTING = 32  # brackets, one in the other: the parser recurses more than a dozen calls for each


@lru_cache(256)
def read_statement(text: str, renamed: tuple[tuple[str, str], ...] = ()) -> Statement:
    """Return the statement that a text is; ``renamed`` are columns that mean others.

    Raises
    ------
    InvalidInput
        If it is no SELECT, or asks for what the builder does not do. The names of columns are looked at later.
    """
    _check_size(text)
    try:
        tokens = Pgvector().tokenize(text)
        _check_tokens(tokens)
        whole, placeholders = find_placeholders(text, tokens)
        trees = [one for one in parse(whole) if one is not None]
    except SqlglotError as error:
        raise InvalidInput(f"not a SQL statement: {_reason(error)}; {TAKES}") from None
    except RecursionError:
        raise InvalidInput("the statement is nested too deeply for the calls that are open already") from None
    if len(trees) != 1 or type(trees[0]) is not exp.Select:
        raise InvalidInput(f"{TAKES}; got {' and '.join(type(one).__name__.upper() for one in trees)}. {ELSEWHERE}")
    return Clauses(whole, trees[0], placeholders, dict(renamed)).statement()


def _check_size(text: str) -> None:
    try:
        size = len(text) if len(text) > MAX_BYTES else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the statement is not Unicode text: {error}") from None
    if size > MAX_BYTES:
        raise InvalidInput(f"the statement is longer than {MAX_BYTES:,} bytes; give lists as parameters: x in :values")


def _check_tokens(tokens: list[Token]) -> None:
    if not tokens or tokens[0].token_type != TokenType.SELECT:
        raise InvalidInput(f"{TAKES}; got {repr(tokens[0].text) if tokens else 'nothing':.40} at its beginning")
    if len(tokens) > MAX_TOKENS:
        raise InvalidInput(f"the statement has more than {MAX_TOKENS:,} words; give lists as parameters: x in :values")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens[:-1]):
        raise InvalidInput(f"{TAKES}; got several statements")
    depth = 0
    for token in tokens:
        depth += token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET)
        depth -= token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET)
        if depth > MAX_NESTING:
            raise InvalidInput(f"the statement is nested too deeply: more than {MAX_NESTING} brackets one in the other")


def _reason(error: SqlglotError) -> str:
    first = (getattr(error, "errors", None) or [{}])[0]
    near = str(first.get("highlight") or "")[:40]
    return f"{first.get('description') or error!s:.120}" + (f" at {near!r}" if near else "")
