"""PostgreSQL's SQL with pgvector's operators, as sqlglot parses it. sqlglot is loaded with this file, so load it late.

pgvector's operators bind as PostgreSQL has it for operators of one's own: tighter than comparisons, looser than
arithmetic. sqlglot knows ``<->`` as a factor and ``<=>`` as an equality, and not the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import Unavailable

SPAN = "span"  # in a node's meta: where its text begins and ends


class Distance(exp.Expression, exp.Binary):
    """The distance of a column of vectors from a query."""

    sign: ClassVar[str]
    metric: ClassVar[str]


class Euclidean(Distance):
    """True Euclidean distance."""

    sign, metric = "<->", "l2"


class Cosine(Distance):
    """1 − cos."""

    sign, metric = "<=>", "cosine"


class NegativeInnerProduct(Distance):
    """−dot."""

    sign, metric = "<#>", "ip"


class Hamming(Distance):
    """How many bits differ."""

    sign, metric = "<~>", "hamming"


class Jaccard(Distance):
    """1 − bits set in both / bits set in either."""

    sign, metric = "<%>", "jaccard"


class Taxicab(Distance):
    """The sum of absolute differences, which no space is measured by."""

    sign, metric = "<+>", "l1"


_KINDS: dict[TokenType, type[Distance]] = {  # tokens of operators that this dialect has no other use for
    TokenType.LR_ARROW: Euclidean,
    TokenType.NULLSAFE_EQ: Cosine,
    TokenType.LLRR_ARROW: NegativeInnerProduct,
    TokenType.CARET_AT: Hamming,
    TokenType.AT_QMARK: Jaccard,
    TokenType.HASH_DASH: Taxicab,
}
OPERATORS = {kind.metric: kind.sign for kind in _KINDS.values()}


def parse(text: str) -> list[exp.Expr | None]:
    """The statements of a text.

    A word that names a type is an ordinary name, but for ``DATE '…'`` and ``x::date``: else the parser tries to read
    brackets as types and then once more as calls, in time exponential in how deep they are.
    """
    dialect = Pgvector()
    tokens = dialect.tokenize(text)
    types = Pgvector.Parser.TYPE_TOKENS - {TokenType.NULL, TokenType.UNION}
    plain = [
        Token(TokenType.VAR, token.text, start=token.start, end=token.end)
        if token.token_type in types
        and not (at and tokens[at - 1].token_type == TokenType.DCOLON)
        and not (at + 1 < len(tokens) and tokens[at + 1].token_type == TokenType.STRING)
        else token
        for at, token in enumerate(tokens)
    ]
    try:
        parser = dialect.parser()
    except TypeError as error:
        raise Unavailable(
            "SQL needs sqlglot's parser in Python, which sqlglotc replaces by one that can't be extended: "
            "pip uninstall sqlglotc; pip install --force-reinstall sqlglot"
        ) from error
    return parser.parse(plain, text)


class Pgvector(Postgres):
    """The dialect."""

    NULL_ORDERING = "nulls_are_last"  # which is so unless the text says NULLS FIRST

    class Tokenizer(Postgres.Tokenizer):
        """Knows the operators."""

        KEYWORDS: ClassVar = {  # a "?" is a parameter, whatever comes after it
            **{
                text: kind
                for text, kind in Postgres.Tokenizer.KEYWORDS.items()
                if kind not in _KINDS and not text.startswith("?")
            },
            **{one.sign: kind for kind, one in _KINDS.items()},
        }

    class Parser(PostgresParser):
        """Gives the operators their place among the others, and expressions the place of their text."""

        EQUALITY: ClassVar = {kind: one for kind, one in PostgresParser.EQUALITY.items() if kind not in _KINDS}
        FACTOR: ClassVar = {kind: one for kind, one in PostgresParser.FACTOR.items() if kind not in _KINDS}
        RANGE_PARSERS: ClassVar = {k: one for k, one in PostgresParser.RANGE_PARSERS.items() if k not in _KINDS}
        COLUMN_OPERATORS: ClassVar = {k: one for k, one in PostgresParser.COLUMN_OPERATORS.items() if k not in _KINDS}
        BITWISE: ClassVar = {**PostgresParser.BITWISE, **_KINDS}
        PLACEHOLDER_PARSERS: ClassVar = {  # ":name" alone: placeholders.py writes the others so
            TokenType.COLON: PostgresParser.PLACEHOLDER_PARSERS[TokenType.COLON]
        }

        def _parse_disjunction(self) -> Any:
            return self._placed(super()._parse_disjunction)

        def _parse_equality(self, parse_is: bool = True) -> Any:
            parse = super()._parse_equality
            return self._placed(lambda: parse(parse_is))

        def _parse_bitwise(self) -> Any:
            return self._placed(super()._parse_bitwise)

        def _placed(self, parse: Callable[[], Any]) -> Any:
            first = self._index
            node = parse()
            if node is not None and self._index > first:
                node.meta[SPAN] = (self._tokens[first].start, self._prev.end + 1)
            return node
