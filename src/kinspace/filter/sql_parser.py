"""sqlglot's parser with all taken from it that no predicate has."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.parser import IsPredicatePrecedence, Parser
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import InvalidInput


class _Parser(Parser):
    """sqlglot's, of which brackets, calls, operators and IN lists are left."""

    IS_PREDICATE_PRECEDENCE = IsPredicatePrecedence.LOW  # x > 0 IS NOT TRUE is (x > 0) IS NOT TRUE
    FUNCTIONS: ClassVar[Any] = {}
    FUNCTION_PARSERS: ClassVar[Any] = {}
    NO_PAREN_FUNCTIONS: ClassVar[Any] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[Any] = {}
    BITWISE: ClassVar[Any] = {}
    JSON_OPERATORS: ClassVar[Any] = {}
    LAMBDAS: ClassVar[Any] = {}
    QUERY_MODIFIER_PARSERS: ClassVar[Any] = {}
    EQUALITY: ClassVar[Any] = {kind: Parser.EQUALITY[kind] for kind in (TokenType.EQ, TokenType.NEQ)}
    TERM: ClassVar[Any] = {kind: Parser.TERM[kind] for kind in (TokenType.DASH, TokenType.PLUS)}
    FACTOR: ClassVar[Any] = {kind: Parser.FACTOR[kind] for kind in (TokenType.MOD, TokenType.SLASH, TokenType.STAR)}
    UNARY_PARSERS: ClassVar[Any] = {
        kind: Parser.UNARY_PARSERS[kind] for kind in (TokenType.NOT, TokenType.DASH, TokenType.PLUS)
    }
    COLUMN_OPERATORS: ClassVar[Any] = {
        kind: Parser.COLUMN_OPERATORS[kind] for kind in (TokenType.DOT, TokenType.DCOLON)
    }
    RANGE_PARSERS: ClassVar[Any] = {
        kind: Parser.RANGE_PARSERS[kind]
        for kind in (TokenType.BETWEEN, TokenType.ILIKE, TokenType.IN, TokenType.IS, TokenType.LIKE)
    }
    PRIMARY_PARSERS: ClassVar[Any] = {
        **{
            kind: Parser.PRIMARY_PARSERS[kind]
            for kind in (TokenType.STRING, TokenType.NUMBER, TokenType.NULL, TokenType.TRUE, TokenType.FALSE)
        },
        TokenType.PLACEHOLDER: lambda self, token: self.expression(exp.Placeholder(this=token.text)),
    }


def parse_tokens(tokens: list[Token], text: str) -> Any:
    """Return the one node that these tokens are; InvalidInput if they are none, or more than one."""
    try:
        (parsed,) = _Parser().parse_into(exp.Condition, tokens, text)
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
